//! The front matter of skills: verification terminates, an error quotes only keys, and a file that matches its listing
//! does not match another one.
#![no_main]

use libfuzzer_sys::fuzz_target;
use mcp_skills::fuzzing::difference;
use serde_json::{Map, Value};

fuzz_target!(|data: &[u8]| {
    let Some(middle) = data.iter().position(|byte| *byte == b'\n') else { return };
    let Ok(mut listed) = serde_json::from_slice::<Map<String, Value>>(&data[..middle]) else {
        return;
    };
    let Ok(text) = std::str::from_utf8(&data[middle + 1..]) else { return };
    match difference(text, &listed) {
        // A key with the longest escapes, and the text around it.
        Some(why) => assert!(why.len() < 600, "{why}"),
        None => {
            let value = listed.insert("another".to_owned(), Value::Null);
            assert!(value == Some(Value::Null) || difference(text, &listed).is_some());
        }
    }
});
