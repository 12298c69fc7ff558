use std::{sync::Arc, time::Duration};

use mcp_core::{Implementation, ProtocolVersion};
use mcp_session::Error;

/// The status of a server in a group, returned by [`Group::status`](crate::Group::status).
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct ServerStatus {
    /// The name in the group.
    pub name: Arc<str>,
    /// The connection state.
    pub state: ServerState,
    /// The target, for humans: a command, or a URL without credentials. Empty for a server that cannot be started.
    pub target: String,
    /// The process id, while the server runs as a child process.
    pub pid: Option<u32>,
    /// The protocol revision of the current or last session.
    pub protocol_version: Option<ProtocolVersion>,
    /// The name and version that the server last reported.
    pub server_info: Option<Implementation>,
    /// The reason why it is not connected, or why one of its lists could not be read; `None` after the next success.
    pub last_error: Option<Error>,
    /// The number of reconnects, automatic or by [`Group::restart`](crate::Group::restart).
    pub restarts: u32,
}

/// The connection state of a server in a group.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum ServerState {
    /// Not connected: no client has needed it yet, or the group was closed.
    Idle,
    /// Being opened; calls wait.
    Connecting,
    /// Being opened, waiting for a user, for example to log in. The group does not wait for it: its tools appear once
    /// it is open.
    Authorizing,
    /// Open.
    Ready,
    /// Ended or not opened, and being retried; calls fail until then.
    Waiting {
        /// The time until the next attempt.
        retry_in: Duration,
    },
    /// Not opened, and not retried until [`Group::restart`](crate::Group::restart) is called or a client connects to
    /// the group.
    Failed,
}
