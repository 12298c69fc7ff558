use std::{borrow::Cow, fmt, future::poll_fn, pin::pin, sync::Arc, task::Poll};

use mcp_core::{Era, Implementation, Notification, ProtocolVersion, ServerCapabilities};
use mcp_transport::{Binding, ConnectionInfo, Delivery, IdleLimit, Transport};

use crate::{
    CallInfo, Error, ErrorKind, Timeout, Verdict,
    cache::SessionCache,
    deadline::{Deadline, Reached},
    diagnostics::explained,
    extension::{Extensions, ForeignResult},
    inner::Inner,
    reopening::Reopening,
};

/// An open session with one server: a cheap, cloneable handle with the methods of the protocol.
///
/// Calls run concurrently and independently. Dropping the future of a call cancels it at the server. The connection is
/// closed by [`close`](Session::close), or in the background when the last handle and the last call are dropped.
#[derive(Clone)]
pub struct Session {
    /// The initial state; see [`shared`](Session::shared).
    pub(crate) inner: Arc<Inner>,
    pub(crate) extensions: Extensions,
    /// The timeout of this handle, if set.
    pub(crate) timeout: Option<Timeout>,
}

impl Session {
    /// The same session, with another timeout for calls through this handle that set none.
    #[must_use]
    pub fn with_timeout(mut self, timeout: impl Into<Timeout>) -> Self {
        self.timeout = Some(timeout.into());
        self
    }

    /// The timeout of calls through this handle that set none.
    pub fn default_timeout(&self) -> Timeout {
        self.timeout.unwrap_or(self.inner().timeout)
    }

    /// The name of the server in errors.
    pub fn name(&self) -> &str {
        &self.inner().server
    }

    /// The protocol revision.
    #[inline]
    pub fn protocol_version(&self) -> ProtocolVersion {
        self.inner().verdict.protocol_version
    }

    /// The protocol era.
    #[inline]
    pub fn era(&self) -> Era {
        self.inner().verdict.era()
    }

    /// The name and version that the server reports. Do not base decisions on it.
    pub fn server_info(&self) -> Option<&Implementation> {
        self.inner().verdict.server_info.as_ref()
    }

    /// The capabilities of the server.
    pub fn capabilities(&self) -> &ServerCapabilities {
        &self.inner().verdict.capabilities
    }

    /// The server's instructions for models.
    pub fn instructions(&self) -> Option<&str> {
        self.inner().verdict.instructions.as_deref()
    }

    /// The negotiation result, to open the next session without probing: see
    /// [`prior_discover`](crate::SessionOptions::prior_discover).
    pub fn verdict(&self) -> &Verdict {
        &self.inner().verdict
    }

    /// The connection on which the session was opened.
    pub fn connection(&self) -> &ConnectionInfo {
        &self.inner().connection
    }

    /// The process id of the server, if this client started it.
    pub fn pid(&self) -> Option<u32> {
        self.inner().connection.pid
    }

    /// The end of the server's stderr, at most 8 KiB. `None` if it is empty, or the server is not a process started by
    /// this client.
    pub fn stderr_tail(&self) -> Option<String> {
        self.inner().transport.diagnostics().stderr_tail
    }

    /// Whether the session is known to be closed: by [`close`](Session::close), or because the connection has ended.
    pub fn is_closed(&self) -> bool {
        self.inner().receiving.check();
        self.inner().closing.is_closed()
    }

    /// Waits until the session [is closed](Session::is_closed), and returns the reason: an error of kind
    /// [`Closed`](ErrorKind::Closed). With a connection for each request, as with HTTP, only [`close`](Session::close)
    /// closes it. Cancel safe.
    pub async fn closed(&self) -> Error {
        loop {
            let inner = self.shared();
            inner.receiving.resume();
            let reason = inner.closing.closed().await;
            if Arc::ptr_eq(inner, self.shared()) {
                return reason;
            }
        }
    }

    /// Closes the session for all handles, with its connections, processes, and the session at the server. Bounded by
    /// the time limits of the transport. May be called twice. If the future is dropped, closing continues in the
    /// background.
    ///
    /// # Errors
    /// A resource was not released. The session is closed nevertheless.
    pub async fn close(&self) -> Result<(), Error> {
        self.inner().closing.close(self.error(ErrorKind::Closed, "the session was closed"));
        self.inner().server_requests.end();
        let closed = self.inner().transport.close().await;
        if !Arc::ptr_eq(&self.inner, self.shared()) {
            let _ = self.inner.transport.close().await;
        }
        closed.map_err(|error| self.transport_error(error))
    }

    /// The state of the session, or of its replacement if an earlier verdict was outdated.
    #[inline]
    pub(crate) fn shared(&self) -> &Arc<Inner> {
        let reopening = self.inner.reopening.as_deref();
        reopening.and_then(Reopening::successor).unwrap_or(&self.inner)
    }

    #[inline]
    pub(crate) fn inner(&self) -> &Inner {
        self.shared()
    }

    pub(crate) fn error(&self, kind: ErrorKind, message: impl Into<Cow<'static, str>>) -> Error {
        Error::new(kind, Arc::clone(&self.inner().server), message)
    }

    pub(crate) fn transport_error(&self, error: mcp_transport::Error) -> Error {
        // The caller may look next whether the session is closed, before the task that reads has been told.
        if error.is_closed() {
            self.inner().check_connection();
        }
        Error::from_transport(Arc::clone(&self.inner().server), error)
    }

    pub(crate) fn unsendable(
        &self,
        error: impl Into<Box<dyn std::error::Error + Send + Sync>>,
    ) -> Error {
        self.error(ErrorKind::Arguments, "the parameters cannot be sent")
            .with_delivery(Delivery::NotSent)
            .with_source(error)
    }

    /// The error of an elapsed timeout. Some transports accept a request only with its response, so the delivery is
    /// unknown.
    pub(crate) fn late(&self, Reached(limit): Reached) -> Error {
        let error = self.error(ErrorKind::Timeout, format!("no answer within {limit:?}"));
        explained(error, &self.inner().transport)
    }

    /// The timeouts of a call that starts now, as far as this session enforces them. `explicit` is the timeout of the
    /// call itself.
    pub(crate) fn deadline(&self, explicit: Option<Timeout>) -> Deadline {
        let mut limit = explicit.unwrap_or_else(|| self.default_timeout());
        if self.inner().connection.enforces_idle_limit {
            limit.idle = None;
        }
        self.inner().timers.deadline(limit)
    }

    /// Who enforces the idle timeout of such a call.
    #[inline]
    pub(crate) fn idle_limit(&self, explicit: Option<Timeout>) -> IdleLimit {
        if !self.inner().connection.enforces_idle_limit {
            return IdleLimit::Caller;
        }
        match explicit.or(self.timeout) {
            None => IdleLimit::Transport,
            Some(Timeout { idle: Some(idle), .. }) => IdleLimit::After(idle),
            Some(Timeout { idle: None, .. }) => IdleLimit::Caller,
        }
    }

    /// Runs work until the session is closed.
    pub(crate) async fn until_closed<T>(&self, work: impl Future<Output = T>) -> Result<T, Error> {
        let (mut work, mut closed) = (pin!(work), pin!(self.closed()));
        poll_fn(|cx| match work.as_mut().poll(cx) {
            Poll::Ready(done) => Poll::Ready(Ok(done)),
            Poll::Pending => {
                let closed = closed.as_mut().poll(cx);
                closed.map(|reason| Err(reason.with_delivery(Delivery::Unknown)))
            }
        })
        .await
    }

    /// Whether HTTP mirrors tool arguments in headers, as in the modern era.
    #[inline]
    pub(crate) fn sends_headers(&self) -> bool {
        self.connection().binding == Binding::StreamableHttp && self.era() == Era::Modern
    }

    #[inline]
    pub(crate) fn cache(&self) -> Option<&Arc<SessionCache>> {
        self.inner().notifications.cache.as_ref()
    }

    /// Fans out a notification that arrived while the server worked on a call.
    pub(crate) fn dispatch(
        &self,
        notification: &Notification,
        call: impl FnOnce() -> Option<CallInfo>,
    ) {
        let extensions = |notification: &Notification| {
            self.extensions.on_notification(&self.inner().server, notification);
        };
        self.inner().notifications.dispatch(notification, extensions, call);
    }
}

impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Session")
            .field("name", &self.inner().server)
            .field("protocol_version", &self.inner().verdict.protocol_version)
            .finish_non_exhaustive()
    }
}

impl ForeignResult {
    /// The session of the call.
    pub fn session(&self) -> Session {
        Session {
            inner: Arc::clone(&self.inner),
            extensions: self.extensions.clone(),
            timeout: self.handle_timeout,
        }
    }
}
