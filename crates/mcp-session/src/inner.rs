use std::{
    pin::pin,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicI64, Ordering},
    },
    task::{Context, Poll, Waker},
};

use mcp_transport::{ConnectionInfo, Hold, SharedTransport, Transport as _};
use tokio::time::Instant;

use crate::{
    Timeout, Verdict, call::ListedNames, closing::Closing, deadline::Timers,
    handlers::ProgressHandler, logging::LogLevel, notifications::Notifications, output::Outputs,
    param_headers::ParamTable, params::CommonMeta, reopening::Reopening, resumable::Resumable,
    server_requests::ServerRequests, task_tools::TaskTools, trace::Tracing,
};

/// State shared by all handles of a session.
pub(crate) struct Inner {
    pub(crate) transport: SharedTransport,
    pub(crate) connection: ConnectionInfo,
    /// Waits for a user during connecting or by the connection.
    pub(crate) hold: Option<Hold>,
    /// The name of the server in errors.
    pub(crate) server: Arc<str>,
    pub(crate) verdict: Verdict,
    /// Whether the verdict is from an earlier session and not confirmed yet.
    pub(crate) is_unconfirmed: AtomicBool,
    pub(crate) meta: CommonMeta,
    pub(crate) next_id: AtomicI64,
    pub(crate) timers: Arc<Timers>,
    /// Timeout of calls for which neither the call nor the handle sets one.
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
    /// The task that reads messages outside calls.
    pub(crate) receiving: Resumable,
    /// How to reopen the session, if its verdict is from an earlier one.
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

    /// Closes the session if its connection has ended.
    pub(crate) fn check_connection(&self) {
        let closed = pin!(self.transport.closed());
        if let Poll::Ready(reason) = closed.poll(&mut Context::from_waker(Waker::noop())) {
            self.closing.over(&self.server, Some(reason));
            self.server_requests.end();
        }
    }

    /// The end of the last wait for a user.
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
