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
    /// What it connects to, for people: a command or a URL without credentials. Empty for one that cannot
    /// be tried.
    pub target: String,
    /// The process of the server, while it runs and is a child of this one.
    pub pid: Option<u32>,
    /// The revision of the session, or of the last one.
    pub protocol_version: Option<ProtocolVersion>,
    /// The name and version that the server gave last.
    pub server_info: Option<Implementation>,
    /// Why it is not connected, or why one of its lists could not be read; `None` once it is connected
    /// again, or the list was read.
    pub last_error: Option<Error>,
    /// How often it was opened again, after it had ended or by
    /// [`Group::restart`](crate::Group::restart).
    pub restarts: u32,
}

/// What a server of a group is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum ServerState {
    /// Not connected, since no client has needed it yet, or the group was closed.
    Idle,
    /// Being opened; calls wait for it.
    Connecting,
    /// Being opened, and waiting for a user, such as one who logs in. The group does not wait for it: its tools
    /// appear once it is open.
    Authorizing,
    /// Open.
    Ready,
    /// It has ended, or could not be opened, and is retried; calls fail until then.
    Waiting {
        /// The time until the next attempt.
        retry_in: Duration,
    },
    /// It cannot be opened, and is not retried until [`Group::restart`](crate::Group::restart), or until a
    /// client connects to the group.
    Failed,
}
