use std::sync::{
    Arc,
    atomic::{AtomicBool, AtomicI64, Ordering},
};

use mcp_transport::{ConnectionInfo, Hold, SharedTransport};
use tokio::time::Instant;

use crate::{
    Timeout, Verdict, call::ListedNames, closing::Closing, deadline::Timers,
    handlers::ProgressHandler, logging::LogLevel, notifications::Notifications, output::Outputs,
    param_headers::ParamTable, params::CommonMeta, reopening::Reopening, resumable::Resumable,
    server_requests::ServerRequests, task_tools::TaskTools, trace::Tracing,
};

/// The state that all handles of a session share.
pub(crate) struct Inner {
    pub(crate) transport: SharedTransport,
    pub(crate) connection: ConnectionInfo,
    /// When connecting, or the connection, last waited for a person.
    pub(crate) hold: Option<Hold>,
    /// The name of the server in errors.
    pub(crate) server: Arc<str>,
    pub(crate) verdict: Verdict,
    /// Whether the verdict was kept from an earlier session, and nothing has confirmed it yet.
    pub(crate) is_unconfirmed: AtomicBool,
    pub(crate) meta: CommonMeta,
    pub(crate) next_id: AtomicI64,
    pub(crate) timers: Timers,
    /// The limit of calls that set none, through handles that set none.
    pub(crate) timeout: Timeout,
    pub(crate) max_rounds: u32,
    pub(crate) on_progress: Option<ProgressHandler>,
    pub(crate) notifications: Notifications,
    pub(crate) param_table: ParamTable,
    pub(crate) outputs: Outputs,
    pub(crate) listed: ListedNames,
    pub(crate) task_tools: TaskTools,
    pub(crate) log_level: LogLevel,
    pub(crate) server_requests: Arc<ServerRequests>,
    pub(crate) closing: Arc<Closing>,
    pub(crate) tracing: Arc<Tracing>,
    /// The task that reads what belongs to no call.
    pub(crate) receiving: Resumable,
    /// How to open the session again, where the verdict was kept from an earlier one.
    pub(crate) reopening: Option<Box<Reopening<Self>>>,
}

impl Inner {
    pub(crate) fn next_id(&self) -> i64 {
        self.next_id.fetch_add(1, Ordering::Relaxed)
    }

    pub(crate) fn is_unconfirmed(&self) -> bool {
        self.is_unconfirmed.load(Ordering::Relaxed)
    }

    pub(crate) fn confirmed(&self) {
        self.is_unconfirmed.store(false, Ordering::Relaxed);
    }

    /// When the server last waited for a person.
    pub(crate) fn held_until(&self) -> Option<Instant> {
        let of_connection = self.hold.as_ref().and_then(Hold::held_until);
        of_connection.max(self.server_requests.hold().held_until())
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        self.server_requests.end();
    }
}
