//! The challenges in `WWW-Authenticate`: any text is read to its end, and what was read is part of it.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    for challenge in mcp_http::challenge::parse(text) {
        assert!(!challenge.scheme.is_empty() && text.contains(&challenge.scheme));
        for (name, value) in &challenge.params {
            assert!(!name.is_empty() && value.len() <= text.len());
        }
    }
    mcp_auth::fuzzing::challenge(text.as_bytes());
});
