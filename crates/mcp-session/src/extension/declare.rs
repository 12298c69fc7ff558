use std::sync::Arc;

use mcp_core::ClientCapabilities;
use serde_json::Value;

use super::hook::{Extension, SettingsContext};
use crate::SessionOptions;

/// The capabilities that the handlers and extensions of a session declare, merged with those set by the application.
pub(crate) fn declared(
    options: &SessionOptions,
    context: &SettingsContext<'_>,
) -> ClientCapabilities {
    let mut declared = options.handlers.declared(&options.capabilities);
    for extension in &options.extensions {
        let all = declared.extensions.get_or_insert_default();
        if !all.contains_key(extension.id()) {
            all.insert(extension.id().to_owned(), Value::Object(extension.settings(context)));
        }
    }
    declared
}

/// A name used by two extensions.
pub(crate) fn twice(extensions: &[Arc<dyn Extension>]) -> Option<&str> {
    let mut ids = extensions.iter().map(|it| it.id()).enumerate();
    let is_known = |at: usize, id: &str| extensions[..at].iter().any(|it| it.id() == id);
    ids.find(|(at, id)| is_known(*at, id)).map(|(_, id)| id)
}

/// An invalid extension id. A valid one is a prefix of labels separated by dots, and a name.
///
/// Spec: basic/versioning#extension-negotiation, basic/index#_meta
pub(crate) fn malformed(extensions: &[Arc<dyn Extension>]) -> Option<&str> {
    extensions.iter().map(|it| it.id()).find(|id| !is_id(id))
}

fn is_id(id: &str) -> bool {
    let is_word = |text: &str, first: fn(&u8) -> bool, inner: &[u8]| {
        let bytes = text.as_bytes();
        let is_inner = |byte: &u8| byte.is_ascii_alphanumeric() || inner.contains(byte);
        bytes.first().is_some_and(first)
            && bytes.last().is_some_and(u8::is_ascii_alphanumeric)
            && bytes.iter().all(is_inner)
    };
    id.split_once('/').is_some_and(|(prefix, name)| {
        prefix.split('.').all(|label| is_word(label, u8::is_ascii_alphabetic, b"-"))
            && is_word(name, u8::is_ascii_alphanumeric, b"-_.")
    })
}

#[cfg(test)]
mod tests {
    use super::is_id;

    #[test]
    fn ids_have_a_prefix_and_a_name() {
        for id in ["com.example/x", "io.modelcontextprotocol/tasks", "a/b", "x-y.z1/a_b-c.d9"] {
            assert!(is_id(id), "{id}");
        }
        for id in [
            "",
            "tasks",
            "/x",
            "com.example/",
            "com..x/y",
            "1com/x",
            "com-/x",
            "-com/x",
            "c om/x",
            "com/x/y",
            "com/_x",
            "com/x.",
            "com/ü",
            ".com/x",
        ] {
            assert!(!is_id(id), "{id}");
        }
    }
}
