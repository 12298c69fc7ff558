//! Values of a token store: what is read is written and read again as the same, with unknown members.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| mcp_auth::fuzzing::stored(text));
