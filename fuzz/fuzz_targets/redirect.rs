//! The redirect URL of a login: its values are never shown, and a complete URL equals its query.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| mcp_auth::fuzzing::redirect(text));
