//! JSON-RPC batches: each message of a batch also parses alone, and a written batch parses to the same messages.
#![no_main]

use libfuzzer_sys::fuzz_target;
use mcp_core::{Message, parse_batch};

fuzz_target!(|data: &[u8]| {
    let messages = match parse_batch(data.to_vec()) {
        Ok(messages) => messages,
        Err(error) => return assert!(error.to_string().len() <= 4096, "{error}"),
    };
    assert!(!messages.is_empty());
    let mut batch = vec![b'['];
    for (number, message) in messages.iter().enumerate() {
        let mut json = Vec::new();
        message.encode(&mut json);
        assert_eq!(&Message::parse(json.clone()).expect("a message of a batch is one"), message);
        if number > 0 {
            batch.push(b',');
        }
        batch.extend(json);
    }
    batch.push(b']');
    assert_eq!(parse_batch(batch).expect("what was written is a batch"), messages);
});
