use std::{
    pin::{Pin, pin},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use mcp_core::{Message, Request, Response, method};
use mcp_http::{
    HttpService,
    sse::Events,
    transport::{
        closed,
        messages::{Messages, encode, encode_request, message_data},
    },
};
use mcp_transport::{Envelope, Error, Gap, OneWay, handshake::NewSession};

use crate::{
    endpoint::PinnedBody,
    error::{from_http, no_response},
    headers::RequestHeaders,
    inner::Inner,
    reply::{self, PendingRequest, Reply},
    session::{Session, session_id},
    session_state::SessionState,
};

/// Timeout of the ping that checks whether the server has a session.
const PING_TIMEOUT: Duration = Duration::from_secs(10);

impl<S: HttpService> Inner<S> {
    /// Opens a new session to replace `lost`; `None` if that was only in doubt and is alive.
    ///
    /// One caller for a session does the work, and concurrent ones share the outcome. If its future is dropped, the
    /// next caller takes over.
    pub(crate) async fn reinitialize(
        self: &Arc<Self>,
        lost: &Arc<Session<S>>,
        state: SessionState,
    ) -> Result<Option<Arc<Session<S>>>, Error> {
        self.reinitialize_for(lost, state, false).await
    }

    /// The same for background work, so that no user is asked to log in.
    pub(crate) async fn reinitialize_in_background(
        self: &Arc<Self>,
        lost: &Arc<Session<S>>,
        state: SessionState,
    ) -> Result<Option<Arc<Session<S>>>, Error> {
        self.reinitialize_for(lost, state, true).await
    }

    async fn reinitialize_for(
        self: &Arc<Self>,
        lost: &Arc<Session<S>>,
        state: SessionState,
        is_background: bool,
    ) -> Result<Option<Arc<Session<S>>>, Error> {
        loop {
            let replace = || self.replace(lost, state, is_background);
            let replaced = self.sessions.replacing.run(replace).await;
            match replaced {
                // The outcome of a caller for which the session was only in doubt.
                Ok(None) if state == SessionState::Lost => {}
                replaced => return replaced,
            }
        }
    }

    async fn replace(
        self: &Arc<Self>,
        lost: &Arc<Session<S>>,
        state: SessionState,
        is_background: bool,
    ) -> Result<Option<Arc<Session<S>>>, Error> {
        match self.sessions.current() {
            Some(current) if Arc::ptr_eq(&current, lost) => {}
            Some(current) => return Ok(Some(current)),
            None => return Err(closed()),
        }
        if state != SessionState::Lost && self.is_alive(lost, is_background).await {
            return Ok(None);
        }
        lost.set_lost();
        let mut replacement = Replacement { inner: self, session: None, is_background };
        self.tasks.unless_closed(pin!(lost.handshake.replay(&mut replacement))).await?;
        let session = replacement.session.map(Arc::new).ok_or_else(closed)?;
        self.install(&session)?;
        tracing::info!("the server has lost the session: opened a new one");
        self.sessions.replaced.fetch_add(1, Ordering::Relaxed);
        self.in_flight.wake_all();
        self.inbound.gap(Gap::NewSession(None));
        if session.handshake.is_complete() {
            self.listen(&session).await;
        }
        Ok(Some(session))
    }

    /// Makes a session the current one, unless the transport was closed.
    pub(crate) fn install(&self, session: &Arc<Session<S>>) -> Result<(), Error> {
        match self.sessions.install(session, || !self.tasks.is_closed()) {
            true => {
                if let (true, Some(handle)) =
                    (session.is_replacement, &self.endpoint.session_handle)
                {
                    handle.replaced(session.id.as_ref());
                }
                Ok(())
            }
            false => Err(closed()),
        }
    }

    /// Opens a new session in the background if a ping shows that `doubted` is lost.
    pub(crate) fn check_in_background(self: &Arc<Self>, doubted: &Arc<Session<S>>) {
        let (inner, doubted) = (Arc::downgrade(self), Arc::clone(doubted));
        // Boxed, since the task may start another one of its kind.
        let task: Pin<Box<dyn Future<Output = ()> + Send>> = Box::pin(async move {
            let Some(inner) = inner.upgrade() else { return };
            if let Err(error) =
                inner.reinitialize_in_background(&doubted, SessionState::Doubtful).await
            {
                tracing::debug!(%error, "the server has lost the session");
            }
        });
        self.tasks.spawn(task);
    }

    /// Whether the server has the session: yes, unless it refuses a ping as well.
    async fn is_alive(self: &Arc<Self>, session: &Session<S>, is_background: bool) -> bool {
        static PINGS: AtomicU64 = AtomicU64::new(0);
        let id = format!("session-check-{}", PINGS.fetch_add(1, Ordering::Relaxed));
        let ping = Request::new(id, method::PING);
        let headers = session.headers().in_background_if(is_background);
        let pinging = async {
            let pending =
                PendingRequest { request: &ping, batches: false, skips_validation: false };
            let (body, id) = (encode_request(&ping), session.id.as_ref());
            let response = match self.post(&headers, id, body, pending).await? {
                Reply::Response(response) => response,
                Reply::Events(events, _) => self.first_response(method::PING, events).await?,
                Reply::Refused(refusal) => {
                    return Ok(SessionState::after_refusal(&refusal, &ping.id));
                }
                Reply::Batch(_) => return Ok(SessionState::Alive),
            };
            Ok(response
                .outcome
                .as_ref()
                .err()
                .map_or(SessionState::Alive, SessionState::after_error))
        };
        match tokio::time::timeout(PING_TIMEOUT, pinging).await {
            Ok(Ok(state)) => state == SessionState::Alive,
            // Any other failure of the ping proves nothing.
            Ok(Err::<_, Error>(_)) | Err(_) => true,
        }
    }

    /// The first response in an event stream.
    async fn first_response(
        self: &Arc<Self>,
        method: &'static str,
        mut events: Events<PinnedBody<S>>,
    ) -> Result<Response, Error> {
        let url = &self.endpoint.url;
        while let Some(event) = events.next().await {
            let mut event = event.map_err(|error| from_http(error, method, url))?;
            let Some(data) = message_data(&mut event) else { continue };
            if let Ok(Messages::One(Message::Response(response))) =
                Messages::parse_data(&data, false)
            {
                self.park(events);
                return Ok(response);
            }
        }
        Err(no_response(method, "the stream ended before the response"))
    }
}

/// A session being opened to replace a lost one.
struct Replacement<'a, S: HttpService> {
    inner: &'a Arc<Inner<S>>,
    session: Option<Session<S>>,
    is_background: bool,
}

impl<S: HttpService> NewSession for Replacement<'_, S> {
    async fn initialize(&mut self, request: Envelope<Request>) -> Result<Response, Error> {
        let (inner, method) = (self.inner, method::INITIALIZE);
        let headers = RequestHeaders::legacy(&request)?.in_background_if(self.is_background);
        let body = encode_request(&request.message);
        let response = inner.endpoint.post(method, &headers, None, body).await?;
        if response.status().is_success() {
            let id = session_id(response.headers())?;
            // From here on it is deleted if a later step fails.
            let mut session = inner.session(id, request.clone());
            session.is_replacement = true;
            self.session = Some(session);
        }
        let pending =
            PendingRequest { request: &request.message, batches: false, skips_validation: false };
        match reply::read(&inner.endpoint, pending, response).await? {
            Reply::Response(response) => Ok(response),
            Reply::Events(events, _) => inner.first_response(method, events).await,
            Reply::Refused(refusal) => refusal.into_response(pending),
            Reply::Batch(_) => Err(no_response(method, "the response is a batch")),
        }
    }

    async fn initialized(&mut self, notification: Envelope<OneWay>) -> Result<(), Error> {
        let Some(session) = &self.session else { return Err(closed()) };
        session.handshake.complete(&notification);
        let method = notification.message.label().to_owned();
        let body = encode(&notification.message.into());
        self.inner
            .post_one_way(
                &method,
                &session.headers().in_background_if(self.is_background),
                session.id.as_ref(),
                body,
            )
            .await?
            .map_err(|refused| refused.into_transport_error(&method))
    }
}
