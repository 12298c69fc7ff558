use mcp_core::{Era, Implementation, ProtocolVersion, ServerCapabilities};
use mcp_transport::Binding;
use serde::{Deserialize, Serialize};

/// The result of a negotiation. Can be stored, to open the next session without probing.
///
/// A stored verdict on a legacy server should expire: the server may be upgraded to the modern era, and cannot report
/// it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct Verdict {
    /// The negotiated revision.
    pub protocol_version: ProtocolVersion,
    /// The binding of the connection.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub binding: Option<Binding>,
    /// The name and version that the server reports. Do not base decisions on it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub server_info: Option<Implementation>,
    /// The capabilities of the server.
    #[serde(default)]
    pub capabilities: ServerCapabilities,
    /// The server's instructions for models.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub instructions: Option<String>,
    /// Whether the legacy era is only assumed: over HTTP, `server/discover` failed like an outage (a status such as 500
    /// without JSON-RPC, a broken connection, silence), and `initialize` succeeded. The next session probes again.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub assumed: bool,
}

impl Verdict {
    /// A verdict with only the revision.
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

    /// Whether a session opened with this verdict sends the server a request first: for a legacy server, or one behind
    /// a pipe.
    pub fn is_checked_first(&self) -> bool {
        self.era() == Era::Legacy || self.binding == Some(Binding::Pipe)
    }

    /// The era of the revision.
    pub fn era(&self) -> Era {
        self.protocol_version.era()
    }
}
