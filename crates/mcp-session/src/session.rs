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
/// Calls run concurrently and do not wait for one another. Dropping the future of a call cancels it at the
/// server. The connection ends with [`close`](Session::close), or in the background when the last handle and
/// the last call are dropped.
#[derive(Clone)]
pub struct Session {
    /// As it was opened; see [`shared`](Session::shared).
    pub(crate) inner: Arc<Inner>,
    pub(crate) extensions: Extensions,
    /// The limit of this handle, where it has one.
    pub(crate) timeout: Option<Timeout>,
}

impl Session {
    /// The same session, with another limit for calls through this handle that set none.
    #[must_use]
    pub fn with_timeout(mut self, timeout: impl Into<Timeout>) -> Self {
        self.timeout = Some(timeout.into());
        self
    }

    /// The limit for calls through this handle that set none.
    pub fn default_timeout(&self) -> Timeout {
        self.timeout.unwrap_or(self.inner().timeout)
    }

    /// The name of the server in errors.
    pub fn name(&self) -> &str {
        &self.inner().server
    }

    /// The revision that is spoken.
    #[inline]
    pub fn protocol_version(&self) -> ProtocolVersion {
        self.inner().verdict.protocol_version
    }

    /// The era of the revision that is spoken.
    #[inline]
    pub fn era(&self) -> Era {
        self.inner().verdict.era()
    }

    /// Name and version of the server, as it says: not to be trusted for decisions.
    pub fn server_info(&self) -> Option<&Implementation> {
        self.inner().verdict.server_info.as_ref()
    }

    /// What the server offers.
    pub fn capabilities(&self) -> &ServerCapabilities {
        &self.inner().verdict.capabilities
    }

    /// The server's instructions for models.
    pub fn instructions(&self) -> Option<&str> {
        self.inner().verdict.instructions.as_deref()
    }

    /// The outcome of the negotiation, to open the next session without a probe: see
    /// [`prior_discover`](crate::SessionOptions::prior_discover).
    pub fn verdict(&self) -> &Verdict {
        &self.inner().verdict
    }

    /// The connection that the session was opened on.
    pub fn connection(&self) -> &ConnectionInfo {
        &self.inner().connection
    }

    /// The process that serves this session, where it is one of ours.
    pub fn pid(&self) -> Option<u32> {
        self.inner().connection.pid
    }

    /// The end of what the process has written to stderr, at most 8 KiB. `None` if it has written nothing, or the
    /// server is no process of ours.
    pub fn stderr_tail(&self) -> Option<String> {
        self.inner().transport.diagnostics().stderr_tail
    }

    /// Whether the session is known to be closed: by [`close`](Session::close), or because the connection
    /// ended.
    pub fn is_closed(&self) -> bool {
        self.inner().receiving.check();
        self.inner().closing.is_closed()
    }

    /// Waits until the session [is closed](Session::is_closed), and returns why: an error of kind
    /// [`Closed`](ErrorKind::Closed). Where each request has its own connection, as with HTTP, only
    /// [`close`](Session::close) closes it. Cancel safe.
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

    /// Closes the session and all that it owns, for every handle: connections, processes, the session at the
    /// server. Bounded by the transport's own limits. Calling it twice does no harm; dropping the future
    /// leaves the rest to the background.
    ///
    /// # Errors
    /// When something was left behind. The session is closed all the same.
    pub async fn close(&self) -> Result<(), Error> {
        self.inner().closing.close(self.error(ErrorKind::Closed, "the session was closed"));
        self.inner().server_requests.end();
        let closed = self.inner().transport.close().await;
        if !Arc::ptr_eq(&self.inner, self.shared()) {
            let _ = self.inner.transport.close().await;
        }
        closed.map_err(|error| self.transport_error(error))
    }

    /// The state of the session: of the one that took its place, where a kept verdict did not hold.
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

    /// A limit was reached. Some transports accept a request only with its answer, so it is not known how far
    /// the request got.
    pub(crate) fn late(&self, Reached(limit): Reached) -> Error {
        let error = self.error(ErrorKind::Timeout, format!("no answer within {limit:?}"));
        explained(error, &self.inner().transport)
    }

    /// The limits of a call that begins now, as far as this session enforces them. `explicit` is the limit of
    /// the call itself.
    pub(crate) fn deadline(&self, explicit: Option<Timeout>) -> Deadline<'_> {
        let mut limit = explicit.unwrap_or_else(|| self.default_timeout());
        if self.inner().connection.enforces_idle_limit {
            limit.idle = None;
        }
        self.inner().timers.deadline(limit)
    }

    /// Who limits the time that the server may be silent about a request of such a call.
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

    /// Does work until the session is closed.
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

    /// Whether HTTP repeats arguments of tools in headers, as the modern era does.
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
