use mcp_core::{Era, Implementation, ProtocolVersion, ServerCapabilities};
use mcp_transport::Binding;
use serde::{Deserialize, Serialize};

/// The outcome of a negotiation: readable, and storable to open the next session without a probe.
///
/// A verdict on a legacy server should not be kept for ever: the server may learn the modern era, and has no
/// way to report it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct Verdict {
    /// The revision that is spoken.
    pub protocol_version: ProtocolVersion,
    /// The binding of the connection.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub binding: Option<Binding>,
    /// Name and version of the server, as it says: not to be trusted for decisions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub server_info: Option<Implementation>,
    /// What the server offers.
    #[serde(default)]
    pub capabilities: ServerCapabilities,
    /// The server's instructions for models.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub instructions: Option<String>,
    /// Whether the legacy era is only assumed: over HTTP, `server/discover` failed like an outage (a status such
    /// as 500 without JSON-RPC, a broken connection, silence), and `initialize` did not. The next session asks
    /// again.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub assumed: bool,
}

impl Verdict {
    /// A verdict with nothing but the revision.
    pub fn new(protocol_version: ProtocolVersion) -> Self {
        Self {
            protocol_version,
            binding: None,
            server_info: None,
            capabilities: ServerCapabilities::default(),
            instructions: None,
            assumed: false,
        }
    }

    /// Whether the server is asked first in a session that is opened with this verdict: one of the legacy era, or
    /// behind a pipe.
    pub fn is_checked_first(&self) -> bool {
        self.era() == Era::Legacy || self.binding == Some(Binding::Pipe)
    }

    /// The era of the revision.
    pub fn era(&self) -> Era {
        self.protocol_version.era()
    }
}
