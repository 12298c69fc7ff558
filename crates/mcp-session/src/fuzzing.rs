//! Decoders of untrusted data, for fuzzing only.

use serde_json::{Map, Value};

use crate::param_headers::{annotations, headers};

/// The arguments mirrored in headers, by the schema of a tool. `None` if the schema or the arguments are invalid.
pub fn param_headers(
    schema: &Map<String, Value>,
    arguments: &Map<String, Value>,
) -> Option<Vec<(String, String)>> {
    headers(&annotations(schema).ok()?, arguments).ok()
}
