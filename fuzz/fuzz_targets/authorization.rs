//! What authorization servers, browsers and files of tokens bring.
#![no_main]

use libfuzzer_sys::fuzz_target;
use mcp_auth::{Redirect, fuzzing};

fuzz_target!(|input: (u16, &[u8])| {
    let (status, bytes) = input;
    fuzzing::metadata(bytes);
    fuzzing::token_answer(status, bytes);
    if let Ok(text) = std::str::from_utf8(bytes) {
        fuzzing::stored(text);
        if let Ok(redirect) = Redirect::parse(text) {
            assert!(!format!("{redirect:?}").is_empty());
        }
    }
});
