//! `Mcp-Param-*`: from a tool's schema and arguments to headers, and back to the same values.
#![no_main]

use base64::{Engine, engine::general_purpose::STANDARD};
use http::HeaderMap;
use libfuzzer_sys::fuzz_target;
use serde_json::{Map, Value};

fuzz_target!(|data: &[u8]| {
    let Some(middle) = data.iter().position(|byte| *byte == b'\n') else { return };
    let Ok(schema) = serde_json::from_slice::<Map<String, Value>>(&data[..middle]) else { return };
    let Ok(arguments) = serde_json::from_slice::<Map<String, Value>>(&data[middle..]) else {
        return;
    };
    let Some(params) = mcp_session::fuzzing::param_headers(&schema, &arguments) else { return };
    let headers: HeaderMap = mcp_transport_http::fuzzing::param_headers(params.clone())
        .expect("what an annotation names is the name of a header");
    assert_eq!(headers.len(), params.len(), "no name is there twice");
    for (name, value) in params {
        let header = &headers[format!("mcp-param-{name}")];
        let header = header.to_str().expect("it is ASCII");
        let encoded = header.strip_prefix("=?base64?").and_then(|it| it.strip_suffix("?="));
        let read = match encoded {
            Some(encoded) => {
                let bytes = STANDARD.decode(encoded).expect("it is Base64");
                String::from_utf8(bytes).expect("it is UTF-8")
            }
            None => header.to_owned(),
        };
        assert_eq!(read, value);
    }
});
