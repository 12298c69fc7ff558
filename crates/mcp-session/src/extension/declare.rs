use mcp_core::ClientCapabilities;
use serde_json::Value;

use super::hook::SettingsContext;
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
