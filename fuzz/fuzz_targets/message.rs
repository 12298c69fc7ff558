//! The JSON-RPC envelope and its batches: a written message parses to the same message.
#![no_main]

use libfuzzer_sys::fuzz_target;
use mcp_core::{Excerpt, Message, MessageHint, parse_batch};

fuzz_target!(|data: &[u8]| {
    let (head, tail) = data.split_at(data.len() / 2);
    let _ = MessageHint::of(head, tail);
    assert!(Excerpt(&String::from_utf8_lossy(data)).to_string().chars().count() <= 501);

    match Message::parse(data.to_vec()) {
        Ok(message) => {
            let mut json = Vec::new();
            message.encode(&mut json);
            let again = Message::parse(json).expect("what was written is a message");
            assert_eq!(again, message);
            let mut compact = message.clone();
            compact.compact();
            assert_eq!(compact, message);
            assert!(message.payload_len() <= data.len());
        }
        Err(error) => assert!(error.to_string().len() <= 4096, "{error}"),
    }
    if let Ok(messages) = parse_batch(data.to_vec()) {
        assert!(!messages.is_empty());
    }
});
