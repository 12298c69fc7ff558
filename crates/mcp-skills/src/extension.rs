use mcp_session::extension::Extension;
use serde::Deserialize;

use crate::ID;

/// Declares the extension to servers. Required by [`Skills`](crate::Skills).
#[derive(Debug, Clone, Copy, Default)]
#[non_exhaustive]
pub struct SkillsExtension;

impl SkillsExtension {
    /// Creates the extension for [`SessionOptions::extensions`](mcp_session::SessionOptions::extensions).
    pub fn new() -> Self {
        Self
    }
}

impl Extension for SkillsExtension {
    fn id(&self) -> &str {
        ID
    }
}

/// The extension settings declared by a server.
///
/// Spec: ext-skills skills#capability-negotiation
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
#[non_exhaustive]
pub struct Settings {
    /// Whether the server supports `resources/directory/read`: see [`read_directory`](crate::Skills::read_directory).
    pub directory_read: bool,
}
