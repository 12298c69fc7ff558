use std::{
    pin::pin,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use http::StatusCode;
use mcp_core::{Message, Request, RequestId, Response, error_code, method};
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
    reply::{self, PendingRequest, Refusal, Reply},
    session::{Session, session_id},
};

/// How long the server has to answer the ping that shows whether it has a session.
const PING_TIMEOUT: Duration = Duration::from_secs(10);

/// What the refusal of a message means for the session that it named.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum SessionState {
    /// Nothing.
    Alive,
    /// It may be lost: a ping shows.
    Doubtful,
    /// It is lost.
    Lost,
}

impl SessionState {
    /// 404 means that the session is lost, and some servers send 400 instead.
    ///
    /// 404 with an error that names the request and calls its method unknown is a response. 400 is an
    /// ordinary error for most servers, so it raises a doubt at the most, and none where the body names the
    /// request. In either case the server has not executed the message.
    ///
    /// Spec: 2025-11-25 basic/transports#session-management
    pub(crate) fn after(status: StatusCode, names_request: bool, code: Option<i64>) -> Self {
        match status {
            StatusCode::NOT_FOUND
                if names_request && code == Some(error_code::METHOD_NOT_FOUND) =>
            {
                Self::Alive
            }
            StatusCode::NOT_FOUND => Self::Lost,
            StatusCode::BAD_REQUEST if !names_request => Self::Doubtful,
            _ => Self::Alive,
        }
    }

    pub(crate) fn after_refusal(refusal: &Refusal, id: &RequestId) -> Self {
        let code = refusal.error_object().map(|error| error.code);
        Self::after(refusal.status(), refusal.names(id), code)
    }
}

impl<S: HttpService> Inner<S> {
    /// Opens a new session in place of `lost`; `None` if that was only doubted and is alive.
    ///
    /// Of all callers for the same session one does it, and the others share the outcome. Dropping the
    /// future leaves it to the next one.
    pub(crate) async fn reinitialize(
        self: &Arc<Self>,
        lost: &Arc<Session<S>>,
        state: SessionState,
    ) -> Result<Option<Arc<Session<S>>>, Error> {
        loop {
            let replaced = self.sessions.replacing.run(|| self.replace(lost, state)).await;
            match replaced {
                // The outcome of a caller who only doubted it.
                Ok(None) if state == SessionState::Lost => {}
                replaced => return replaced,
            }
        }
    }

    async fn replace(
        self: &Arc<Self>,
        lost: &Arc<Session<S>>,
        state: SessionState,
    ) -> Result<Option<Arc<Session<S>>>, Error> {
        match self.sessions.current() {
            Some(current) if Arc::ptr_eq(&current, lost) => {}
            Some(current) => return Ok(Some(current)),
            None => return Err(closed()),
        }
        if state == SessionState::Doubtful && self.is_alive(lost).await {
            return Ok(None);
        }
        lost.set_lost();
        let mut replacement = Replacement { inner: self, session: None };
        self.tasks.unless_closed(pin!(lost.handshake.replay(&mut replacement))).await?;
        let session = replacement.session.map(Arc::new).ok_or_else(closed)?;
        self.install(&session)?;
        tracing::info!("the server has lost the session: opened a new one");
        self.sessions.replaced.fetch_add(1, Ordering::Relaxed);
        self.inbound.gap(Gap::NewSession(None));
        if session.handshake.is_complete() {
            self.listen(&session).await;
        }
        Ok(Some(session))
    }

    /// Makes a session the current one, unless the transport was closed meanwhile.
    pub(crate) fn install(&self, session: &Arc<Session<S>>) -> Result<(), Error> {
        match self.sessions.install(session, || !self.tasks.is_closed()) {
            true => Ok(()),
            false => Err(closed()),
        }
    }

    /// Whether the server has the session: it has unless it refuses a ping in the same way.
    async fn is_alive(self: &Arc<Self>, session: &Session<S>) -> bool {
        static PINGS: AtomicU64 = AtomicU64::new(0);
        let id = format!("session-check-{}", PINGS.fetch_add(1, Ordering::Relaxed));
        let ping = encode_request(&Request::new(id, method::PING));
        let headers = session.headers();
        let pinging = self.post_one_way(method::PING, &headers, session.id.as_ref(), ping);
        match tokio::time::timeout(PING_TIMEOUT, pinging).await {
            Ok(Ok(Err(refused))) => !matches!(refused.status().as_u16(), 400 | 404),
            // A ping that fails in another way shows nothing.
            Ok(Ok(Ok(())) | Err(_)) | Err(_) => true,
        }
    }

    /// The first response on a stream of events.
    async fn first_response(
        self: &Arc<Self>,
        mut events: Events<PinnedBody<S>>,
    ) -> Result<Response, Error> {
        let url = &self.endpoint.url;
        while let Some(event) = events.next().await {
            let mut event = event.map_err(|error| from_http(error, method::INITIALIZE, url))?;
            let Some(data) = message_data(&mut event) else { continue };
            if let Ok(Messages::One(Message::Response(response))) = Messages::parse(&data, false) {
                self.park(events);
                return Ok(response);
            }
        }
        Err(no_response(method::INITIALIZE, "the stream ended before the response"))
    }
}

/// A session that is being opened in place of a lost one.
struct Replacement<'a, S: HttpService> {
    inner: &'a Arc<Inner<S>>,
    session: Option<Session<S>>,
}

impl<S: HttpService> NewSession for Replacement<'_, S> {
    async fn initialize(&mut self, request: Envelope<Request>) -> Result<Response, Error> {
        let (inner, method) = (self.inner, method::INITIALIZE);
        let headers = RequestHeaders::legacy(&request)?;
        let body = encode_request(&request.message);
        let response = inner.endpoint.post(method, &headers, None, body).await?;
        if response.status().is_success() {
            let id = session_id(response.headers())?;
            // From here on it is deleted if the rest fails.
            self.session = Some(inner.session(id, request.clone()));
        }
        let pending = PendingRequest { request: &request.message, batches: false };
        match reply::read(&inner.endpoint, pending, response).await? {
            Reply::Response(response) => Ok(response),
            Reply::Events(events) => inner.first_response(events).await,
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
            .post_one_way(&method, &session.headers(), session.id.as_ref(), body)
            .await?
            .map_err(|refused| refused.into_transport_error(&method))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_status_means_for_the_session() {
        use SessionState::{Alive, Doubtful, Lost};
        for (status, names, code, expected) in [
            (404, false, None, Lost),
            (404, false, Some(-32001), Lost),
            (404, true, Some(-32001), Lost),
            (404, false, Some(-32601), Lost),
            (404, true, Some(-32601), Alive),
            (400, false, Some(-32000), Doubtful),
            (400, false, None, Doubtful),
            (400, true, Some(-32000), Alive),
            (401, false, None, Alive),
            (405, false, None, Alive),
            (500, false, Some(-32000), Alive),
        ] {
            let status = StatusCode::from_u16(status).expect("a status");
            let state = SessionState::after(status, names, code);
            assert!(state == expected, "{status} {names} {code:?}");
        }
    }
}
