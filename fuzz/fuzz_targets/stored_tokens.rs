//! Values of a token store: a written value parses to the same value, with unknown members.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| mcp_auth::fuzzing::stored(text));
