//! Schemas of peers: compiling and validating terminate, and validation is deterministic.
#![no_main]

use libfuzzer_sys::fuzz_target;
use mcp_schema::{Schema, ValidationError};
use serde_json::Value;

fuzz_target!(|data: &[u8]| {
    let Some(middle) = data.iter().position(|byte| *byte == b'\n') else { return };
    let Ok(schema) = serde_json::from_slice::<Value>(&data[..middle]) else { return };
    let Ok(value) = serde_json::from_slice::<Value>(&data[middle..]) else { return };
    let Ok(schema) = Schema::compile(&schema) else { return };
    let first = schema.validate(&value, 10_000);
    assert_eq!(schema.validate(&value, 10_000), first);
    if let Err(ValidationError::Invalid(why)) = first {
        assert!(!why.is_empty());
    }
});
