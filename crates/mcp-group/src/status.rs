use std::{sync::Arc, time::Duration};

use mcp_core::{Implementation, ProtocolVersion};
use mcp_session::Error;

/// How one server of a group is doing; from [`Group::status`](crate::Group::status).
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct ServerStatus {
    /// Its name in the group.
    pub name: Arc<str>,
    /// What it is doing.
    pub state: ServerState,
    /// What it is, for people: a command or a URL without credentials. Empty for one that could not
    /// even be understood.
    pub target: String,
    /// The process that serves it, where it runs and is one of ours.
    pub pid: Option<u32>,
    /// The revision that is spoken, or was spoken last.
    pub protocol_version: Option<ProtocolVersion>,
    /// Who it says it is, or said last.
    pub server_info: Option<Implementation>,
    /// What went wrong last, also when all is well again.
    pub last_error: Option<Error>,
    /// How often it has been opened again, after it ended or by
    /// [`Group::restart`](crate::Group::restart).
    pub restarts: u32,
}

/// What a server of a group is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum ServerState {
    /// Not connected: nobody has needed it yet, or the group was closed.
    Idle,
    /// Being opened; calls wait for it.
    Connecting,
    /// Open.
    Ready,
    /// It ended, or could not be opened, and is tried again by itself; calls fail until then.
    Waiting {
        /// When.
        retry_in: Duration,
    },
    /// It cannot be opened, and nothing tries again but [`Group::restart`](crate::Group::restart) or a
    /// client that connects to the group.
    Failed,
}
