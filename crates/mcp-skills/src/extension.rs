use mcp_session::extension::Extension;
use serde::Deserialize;

use crate::ID;

/// Declares to servers that this client knows skills. It has nothing else to do: skills are asked for by
/// [`Skills`](crate::Skills).
#[derive(Debug, Clone, Copy, Default)]
#[non_exhaustive]
pub struct SkillsExtension;

impl SkillsExtension {
    /// The extension, to be given to [`SessionOptions::extensions`](mcp_session::SessionOptions::extensions).
    pub fn new() -> Self {
        Self
    }
}

impl Extension for SkillsExtension {
    fn id(&self) -> &str {
        ID
    }
}

/// What a server that has skills says of them.
///
/// Spec: ext-skills skills#capability-negotiation
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
#[non_exhaustive]
pub struct Settings {
    /// Whether it answers `resources/directory/read`, which this crate does not ask for.
    pub directory_read: bool,
}
