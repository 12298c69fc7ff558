use std::sync::Arc;

use mcp_core::ClientCapabilities;
use serde_json::Value;

use super::hook::{Extension, SettingsContext};
use crate::SessionOptions;

/// The capabilities that the handlers and extensions of a session declare. Those that the application states
/// itself are kept.
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

/// The name that two extensions have.
pub(crate) fn twice(extensions: &[Arc<dyn Extension>]) -> Option<&str> {
    let mut ids = extensions.iter().map(|it| it.id()).enumerate();
    let is_known = |at: usize, id: &str| extensions[..at].iter().any(|it| it.id() == id);
    ids.find(|(at, id)| is_known(*at, id)).map(|(_, id)| id)
}
