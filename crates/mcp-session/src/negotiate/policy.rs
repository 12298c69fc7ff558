use mcp_core::ProtocolVersion;

/// Which era a session is opened in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum EraPolicy {
    /// The newest revision that the server speaks: it is probed with `server/discover`, and a server that
    /// does not understand that is opened with `initialize`.
    #[default]
    Auto,
    /// `initialize` at once, for servers that fail if they are probed before it.
    Legacy,
    /// This revision and no other.
    Pinned(ProtocolVersion),
}
