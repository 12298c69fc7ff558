//! Metadata of servers and of authorization servers.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|body: &[u8]| mcp_auth::fuzzing::metadata(body));
