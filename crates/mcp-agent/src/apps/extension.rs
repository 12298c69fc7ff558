use mcp_session::extension::{Extension, SettingsContext};
use serde_json::{Map, Value};

/// The name under which the extension is declared.
pub const ID: &str = "io.modelcontextprotocol/ui";

/// The MIME type of pages.
pub const MIME_TYPE: &str = "text/html;profile=mcp-app";

/// Declares to servers that this client displays apps in HTML. Servers can list other tools for such
/// clients.
///
/// Spec: ext-apps 2026-01-26#client-server-capability-negotiation
#[derive(Debug, Clone, Copy, Default)]
#[non_exhaustive]
pub struct AppsExtension;

impl AppsExtension {
    /// The extension, to be given to
    /// [`SessionOptions::extensions`](mcp_session::SessionOptions::extensions).
    pub fn new() -> Self {
        Self
    }
}

impl Extension for AppsExtension {
    fn id(&self) -> &str {
        ID
    }

    fn settings(&self, _: &SettingsContext<'_>) -> Map<String, Value> {
        Map::from_iter([("mimeTypes".to_owned(), vec![MIME_TYPE].into())])
    }
}
