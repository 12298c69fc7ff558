//! The decoders of what servers bring, for fuzzing alone.

use serde_json::{Map, Value};

use crate::param_headers::{annotations, headers};

/// The arguments that headers repeat, by the schema of a tool. `None` if it or the arguments are wrong.
pub fn param_headers(
    schema: &Map<String, Value>,
    arguments: &Map<String, Value>,
) -> Option<Vec<(String, String)>> {
    headers(&annotations(schema).ok()?, arguments).ok()
}
