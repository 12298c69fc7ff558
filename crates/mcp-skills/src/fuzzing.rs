//! Decoders of untrusted data, for fuzzing only.

use serde_json::{Map, Value};

/// The difference between the front matter of a file and the listed one, if any.
pub fn difference(text: &str, listed: &Map<String, Value>) -> Option<String> {
    crate::frontmatter::difference(text, listed)
}
