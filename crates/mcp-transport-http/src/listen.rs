use std::{
    pin::Pin,
    sync::{Arc, Weak, atomic::Ordering},
    time::Duration,
};

use mcp_core::ProtocolVersion;
use mcp_http::{
    HttpService, SharedAuthorize,
    sse::{Event, Events},
    transport::messages::{Messages, error_data, message_data},
};
use mcp_transport::{Error, Gap, util::Retries};
use tokio::{sync::oneshot, time::Instant};

use crate::{
    endpoint::{HttpEndpoint, NoStream, PinnedBody},
    error::from_http,
    headers::RequestHeaders,
    inner::Inner,
    resume::EventPosition,
    session::Session,
    session_state::SessionState,
};

/// How long to wait for the head of the stream before other requests continue.
const HEAD_TIMEOUT: Duration = Duration::from_secs(1);

impl<S: HttpService> Inner<S> {
    /// Opens the standalone GET stream, and waits briefly until it is open, so that messages caused by the next request
    /// are not missed. A failure is logged.
    ///
    /// Spec: 2025-11-25 basic/transports#listening-for-messages-from-the-server
    pub(crate) async fn listen(self: &Arc<Self>, session: &Arc<Session<S>>) {
        if !self.endpoint.server_stream {
            return;
        }
        let opened = self.start_listener(session, false);
        // An error means that the listener has ended.
        let _ = tokio::time::timeout(HEAD_TIMEOUT, opened).await;
    }

    /// Opens the stream without waiting.
    pub(crate) fn listen_in_background(self: &Arc<Self>, session: &Arc<Session<S>>) {
        if self.endpoint.server_stream && !session.has_listener() {
            drop(self.start_listener(session, false));
        }
    }

    /// Reopens the stream if the runtime that read it has ended. Missed messages are reported as a gap.
    pub(crate) fn listen_again(self: &Arc<Self>, session: &Arc<Session<S>>) {
        if session.lost_listener.swap(false, Ordering::Relaxed) {
            drop(self.start_listener(session, true));
        }
    }

    fn start_listener(
        self: &Arc<Self>,
        session: &Arc<Session<S>>,
        was_open: bool,
    ) -> oneshot::Receiver<()> {
        let (opening, opened) = oneshot::channel();
        let listener = Listener {
            endpoint: Arc::clone(&self.endpoint),
            inner: Arc::downgrade(self),
            headers: session.headers().long_lived().in_background(),
            session: Arc::clone(session),
            position: EventPosition::after(session.resumed_after.clone()),
            retries: Retries::new(self.endpoint.backoff.with_attempts(None)),
            was_open,
            broken: None,
            has_ended: false,
        };
        // Boxed, since the task may start another one of its kind.
        let task: Pin<Box<dyn Future<Output = ()> + Send>> = Box::pin(listener.run(opening));
        session.set_listener(self.tasks.spawn(task));
        opened
    }
}

struct Listener<S: HttpService> {
    endpoint: Arc<HttpEndpoint<S>>,
    inner: Weak<Inner<S>>,
    session: Arc<Session<S>>,
    headers: RequestHeaders,
    position: EventPosition,
    /// Counts consecutive streams that ended early.
    retries: Retries,
    was_open: bool,
    /// The reason why the previous stream ended.
    broken: Option<Error>,
    has_ended: bool,
}

impl<S: HttpService> Drop for Listener<S> {
    fn drop(&mut self) {
        if !self.has_ended {
            self.session.lost_listener.store(true, Ordering::Relaxed);
        }
    }
}

impl<S: HttpService> Listener<S> {
    async fn run(mut self, opening: oneshot::Sender<()>) {
        self.read_all(opening).await;
        self.has_ended = true;
    }

    async fn read_all(&mut self, opening: oneshot::Sender<()>) {
        let mut opening = Some(opening);
        loop {
            let session = self.session.id.as_ref();
            let last_id = self.position.last_id.as_ref();
            // Created before the request, so that no change is missed.
            let changed = self.endpoint.auth.as_ref().map(SharedAuthorize::changed);
            // Boxed, since the task is idle in `read` for most of its life.
            let opening_stream = self.endpoint.open_stream(&self.headers, session, last_id);
            match Box::pin(opening_stream).await {
                Ok(events) => {
                    // Dropping it lets requests continue, unless they have stopped waiting.
                    let is_late = opening.take().is_some_and(|opening| opening.is_closed());
                    let is_another = std::mem::replace(&mut self.was_open, true);
                    // A resumed stream redelivers missed messages.
                    if (is_late || is_another || self.retries.attempts() > 0) && last_id.is_none() {
                        self.report_gap();
                    }
                    let since = Instant::now();
                    if self.read(events).await.is_none() {
                        return;
                    }
                    // A stream that ends at once counts as a failure, otherwise it would be reopened without delay
                    // forever.
                    let attempts = self.retries.attempts();
                    if since.elapsed() > self.endpoint.backoff.delay(attempts, self.position.retry)
                    {
                        self.retries.progressed();
                    }
                }
                Err(refused) if refused.is_unauthorized() && changed.is_some() => {
                    tracing::debug!("the server stream waits for authorization");
                    // Requests do not wait for the login.
                    drop(opening.take());
                    if let Some(changed) = changed {
                        changed.await;
                    }
                    continue;
                }
                Err(refused) if refused.is_transient() => {}
                Err(refused) => {
                    if !Box::pin(self.may_succeed_later(refused)).await {
                        return;
                    }
                }
            }
            let Some(delay) = self.retries.next_delay(self.position.retry) else { return };
            tracing::debug!(?delay, "reconnecting the server stream");
            tokio::time::sleep(delay).await;
        }
    }

    /// Delivers the messages of the stream until it ends; `None` if the transport was dropped.
    async fn read(&mut self, mut events: Events<PinnedBody<S>>) -> Option<()> {
        loop {
            match events.next().await {
                Some(Ok(event)) => self.deliver(event).await?,
                Some(Err(error)) => {
                    tracing::debug!(%error, "the server stream was interrupted");
                    if error.kind() == mcp_http::ErrorKind::TooLarge {
                        // Otherwise the same event would be redelivered forever.
                        self.position.last_id = None;
                    }
                    self.broken = Some(from_http(error, "GET", &self.endpoint.url));
                    return Some(());
                }
                None => return Some(()),
            }
        }
    }

    async fn deliver(&mut self, mut event: Event) -> Option<()> {
        let is_moved = self.position.follow(&event);
        if let (true, Some(handle)) = (is_moved, &self.endpoint.session_handle) {
            handle.moved(self.session.id.as_ref(), self.position.last_id.as_ref());
        }
        let inner = self.inner.upgrade()?;
        let data = message_data(&mut event);
        if let Some(data) = error_data(&event) {
            inner.skip(data);
        }
        let Some(data) = data else { return Some(()) };
        let batches = self.session.handshake.version() == Some(ProtocolVersion::V2025_03_26);
        match Messages::parse_data(&data, batches) {
            Ok(messages) => messages.for_each(|message| inner.receive(message)),
            Err(error) => {
                tracing::debug!(%error, "skipped an event that is not a message");
                inner.skip(&data);
            }
        }
        inner.inbound.ready().await;
        Some(())
    }

    /// Reports that messages may be missing.
    fn report_gap(&mut self) {
        if let Some(inner) = self.inner.upgrade() {
            inner.inbound.gap(Gap::Interrupted(self.broken.take()));
        }
    }

    /// Handles a refusal of the stream, which servers may do. If the stream was open before, the session may be lost,
    /// the last event id may be unknown, or the server may not have noticed the disconnect.
    async fn may_succeed_later(&mut self, refused: NoStream) -> bool {
        let NoStream::Refused(refused) = refused else { return self.was_open };
        let state = match SessionState::after_status(&refused) {
            state if self.was_open => state,
            // A server without such streams may respond to GET with anything.
            SessionState::Lost if !self.session.is_replacement => SessionState::Doubtful,
            _ => return false,
        };
        if state != SessionState::Alive && self.session.id.is_some() {
            let Some(inner) = self.inner.upgrade() else { return false };
            match inner.reinitialize_in_background(&self.session, state).await {
                Ok(None) if !self.was_open => return false,
                Ok(None) => {}
                // The new session has its own listener.
                Ok(Some(_)) => return false,
                Err(error) => {
                    tracing::debug!(%error, "the server has lost the session");
                    return self.was_open;
                }
            }
        }
        if !self.was_open {
            return false;
        }
        let is_final = matches!(refused.status().as_u16(), 401 | 403 | 405);
        if self.position.last_id.take().is_none() && is_final {
            self.broken = Some(refused.into_transport_error("GET"));
            self.report_gap();
            return false;
        }
        true
    }
}
