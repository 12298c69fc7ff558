use mcp_core::ProtocolVersion;

/// The era in which a session is opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum EraPolicy {
    /// The newest revision supported by the server: probes with `server/discover`, and uses `initialize` if the server
    /// does not support that.
    #[default]
    Auto,
    /// `initialize` at once, for servers that fail if they are probed first.
    Legacy,
    /// Only this revision.
    Pinned(ProtocolVersion),
}
