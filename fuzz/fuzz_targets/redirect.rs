//! The address that a login ends at: no value of it is shown, and a whole URL means the same as its query.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| mcp_auth::fuzzing::redirect(text));
