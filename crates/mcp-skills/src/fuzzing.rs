//! The decoders of what servers bring, for fuzzing alone.

use serde_json::{Map, Value};

/// How the front matter of a file differs from the listed one, if it does.
pub fn difference(text: &str, listed: &Map<String, Value>) -> Option<String> {
    crate::frontmatter::difference(text, listed)
}
