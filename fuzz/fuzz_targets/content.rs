//! Protocol types: a written value parses to the same value, without loss.
#![no_main]

use libfuzzer_sys::fuzz_target;
use mcp_core as mcp;
use serde::{Serialize, de::DeserializeOwned};

fuzz_target!(|data: &[u8]| {
    round_trip::<mcp::CallToolResult>(data);
    round_trip::<mcp::ContentBlock>(data);
    round_trip::<mcp::Tool>(data);
    round_trip::<mcp::ReadResourceResult>(data);
    round_trip::<mcp::GetPromptResult>(data);
    round_trip::<mcp::InitializeResult>(data);
    round_trip::<mcp::DiscoverResult>(data);
    round_trip::<mcp::CreateMessageRequestParams>(data);
    round_trip::<mcp::ElicitRequestFormParams>(data);
});

fn round_trip<T: Serialize + DeserializeOwned>(data: &[u8]) {
    let Ok(value) = serde_json::from_slice::<T>(data) else { return };
    let written = serde_json::to_value(&value).expect("what was read can be written");
    let again: T = serde_json::from_value(written.clone()).expect("what was written can be read");
    assert_eq!(serde_json::to_value(&again).expect("it is the same"), written);
}
