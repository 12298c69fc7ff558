//! Finding out which revision a server speaks, and opening a session in it.

mod open;
mod table;

use mcp_core::{Era, Implementation, ProtocolVersion, ServerCapabilities};
use mcp_transport::Binding;
use serde::{Deserialize, Serialize};

pub(crate) use open::{Opened, open};

/// Which era is spoken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Mode {
    /// The newest revision that the server speaks: it is asked with `server/discover`, and a server
    /// that does not understand is opened with `initialize`.
    #[default]
    Auto,
    /// `initialize` at once, for servers that do not bear a question before it.
    Legacy,
    /// This revision and no other.
    Pinned(ProtocolVersion),
}

/// What was found out about a server: readable, and storable to open the next session without asking.
///
/// A verdict on a server of the legacy era should not be kept for ever: the server may learn the modern
/// one, and would not tell.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct Verdict {
    /// The revision that is spoken.
    pub protocol_version: ProtocolVersion,
    /// The binding that it was found on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub binding: Option<Binding>,
    /// Who the server says it is; not to be trusted for decisions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub server_info: Option<Implementation>,
    /// What the server offers.
    #[serde(default)]
    pub capabilities: ServerCapabilities,
    /// What the server tells models about its use.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub instructions: Option<String>,
}

impl Verdict {
    /// A verdict that knows the revision alone.
    pub fn new(protocol_version: ProtocolVersion) -> Self {
        Self {
            protocol_version,
            binding: None,
            server_info: None,
            capabilities: ServerCapabilities::default(),
            instructions: None,
        }
    }

    /// The era of the revision.
    pub fn era(&self) -> Era {
        self.protocol_version.era()
    }
}
