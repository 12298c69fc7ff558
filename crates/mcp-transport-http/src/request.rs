use std::sync::Arc;

use bytes::Bytes;
use http::HeaderValue;
use mcp_core::{ProtocolVersion, Request, method};
use mcp_http::{
    HttpService,
    transport::{closed, messages::encode_request},
};
use mcp_transport::{Delivery, Envelope, Error, Exchange};

use crate::{
    error::{expired, not_reinitialized},
    headers::RequestHeaders,
    inner::Inner,
    open_request::{Ended, OpenRequest},
    reinitialize::SessionState,
    reply::{self, PendingRequest, Reply},
    response_stream::ResponseStream,
    resume::Resumption,
    session::{Session, session_id},
};

/// The reply to a request, and how to resume it if it is a stream of the legacy era.
type Replied<S> = (Reply<S>, Option<Resumption>);

impl<S: HttpService> Inner<S> {
    pub(crate) async fn request_modern(
        self: &Arc<Self>,
        envelope: Envelope<Request>,
        version: ProtocolVersion,
    ) -> Result<Exchange, Error> {
        let request = &envelope.message;
        let (method, params) = (request.method.clone(), request.params.as_ref());
        let headers = RequestHeaders::modern(version, method, params, &envelope)?;
        let open = OpenRequest::new(self, &request.id, None)?;
        let pending = PendingRequest { request, batches: false };
        let posting = async {
            self.reclaim();
            self.post(&headers, None, encode_request(request), pending).await
        };
        let replied = open.race(posting).await;
        let replied = replied.map(|reply| Ok((reply?, None)));
        exchange(open, pending, replied)
    }

    pub(crate) async fn request_legacy(
        self: &Arc<Self>,
        envelope: Envelope<Request>,
    ) -> Result<Exchange, Error> {
        let request = &envelope.message;
        let headers = Arc::new(RequestHeaders::legacy(&envelope)?);
        let is_initialize = request.method == method::INITIALIZE;
        let cancel = (!is_initialize).then(|| Arc::clone(&headers));
        let open = OpenRequest::new(self, &request.id, cancel)?;
        let batches = envelope.version == Some(ProtocolVersion::V2025_03_26);
        let pending = PendingRequest { request, batches };
        let posting = async {
            self.reclaim();
            let body = encode_request(request);
            let (reply, session) = if is_initialize {
                self.post_initialize(&headers, body, pending, envelope.clone()).await?
            } else {
                self.post_in_session(&headers, body, pending).await?
            };
            if let (true, Some(id)) = (self.endpoint.record_session_id, &session) {
                record_session_id(id);
            }
            let (headers, backoff) = (Arc::clone(&headers), self.endpoint.backoff);
            Ok((reply, Some(Resumption::new(headers, session, batches, backoff))))
        };
        let replied = open.race(posting).await;
        exchange(open, pending, replied)
    }

    async fn post(
        &self,
        headers: &RequestHeaders,
        session: Option<&HeaderValue>,
        body: Bytes,
        pending: PendingRequest<'_>,
    ) -> Result<Reply<S>, Error> {
        let method = &pending.request.method;
        let response = self.endpoint.post(method, headers, session, body).await?;
        reply::read(&self.endpoint, pending, response).await
    }

    /// Sends `initialize`: its response alone names the session.
    async fn post_initialize(
        &self,
        headers: &RequestHeaders,
        body: Bytes,
        pending: PendingRequest<'_>,
        envelope: Envelope<Request>,
    ) -> Result<(Reply<S>, Option<HeaderValue>), Error> {
        let response = self.endpoint.post(method::INITIALIZE, headers, None, body).await?;
        let mut id = None;
        if response.status().is_success() {
            id = session_id(response.headers())?;
            self.install(&Arc::new(self.session(id.clone(), envelope)))?;
        }
        Ok((reply::read(&self.endpoint, pending, response).await?, id))
    }

    /// Sends a request in the session, or in a new one where the server has lost it.
    async fn post_in_session(
        self: &Arc<Self>,
        headers: &RequestHeaders,
        body: Bytes,
        pending: PendingRequest<'_>,
    ) -> Result<(Reply<S>, Option<HeaderValue>), Error> {
        let session = self.sessions.current();
        let id = session.as_ref().and_then(|session| session.id.clone());
        let reply = self.post(headers, id.as_ref(), body.clone(), pending).await?;
        let (Some(session), Some(_)) = (session, &id) else { return Ok((reply, id)) };
        let Reply::Refused(refusal) = reply else { return Ok((reply, id)) };
        match SessionState::after_refusal(&refusal, &pending.request.id) {
            SessionState::Alive => Ok((Reply::Refused(refusal), id)),
            state => {
                let retrying = self.post_in_new_session(headers, body, pending, &session, state);
                let replied = Box::pin(retrying).await?;
                Ok(replied.unwrap_or((Reply::Refused(refusal), id)))
            }
        }
    }

    /// Sends a request again, in a session in place of `lost`; `None` if that is alive.
    async fn post_in_new_session(
        self: &Arc<Self>,
        headers: &RequestHeaders,
        body: Bytes,
        pending: PendingRequest<'_>,
        lost: &Arc<Session<S>>,
        state: SessionState,
    ) -> Result<Option<(Reply<S>, Option<HeaderValue>)>, Error> {
        let method = &pending.request.method;
        let replaced = self.reinitialize(lost, state).await;
        let Some(session) = replaced.map_err(|reason| not_reinitialized(method, reason))? else {
            return Ok(None);
        };
        let id = session.id.clone();
        match self.post(headers, id.as_ref(), body, pending).await? {
            Reply::Refused(refusal)
                if SessionState::after_refusal(&refusal, &pending.request.id)
                    == SessionState::Lost =>
            {
                Err(expired(method).with_source(refusal.into_status_error()))
            }
            reply => Ok(Some((reply, id))),
        }
    }
}

/// Records on the span of the layer above which session served its request.
fn record_session_id(id: &HeaderValue) {
    let span = tracing::Span::current();
    if let Ok(id) = id.to_str() {
        // A span without such a field ignores it.
        span.record("mcp.session.id", id);
    }
}

/// Turns the reply to a request into an exchange.
fn exchange<S: HttpService>(
    mut open: OpenRequest<S>,
    pending: PendingRequest<'_>,
    replied: Result<Result<Replied<S>, Error>, Ended>,
) -> Result<Exchange, Error> {
    let (id, method) = (pending.request.id.clone(), &pending.request.method);
    let response = match replied {
        Ok(Ok((Reply::Events(events), resumption))) => {
            let stream = ResponseStream::of_events(open, method.clone(), events, resumption);
            return Ok(Exchange::from_stream(id, stream));
        }
        Ok(Ok((Reply::Batch(messages), _))) => {
            let stream = ResponseStream::of_batch(open, method.clone(), messages);
            return Ok(Exchange::from_stream(id, stream));
        }
        Ok(Ok((Reply::Response(response), _))) => Ok(response),
        Ok(Ok((Reply::Refused(refusal), _))) => refusal.into_response(pending),
        Ok(Err(error)) => Err(error),
        Err(Ended::Answered(response)) => Ok(response),
        Err(Ended::Closed) => Err(closed()),
    };
    // Where the server may be at work, the request is cancelled as it is dropped.
    let may_be_at_work = matches!(&response, Err(error) if error.delivery() == Delivery::Unknown);
    if !may_be_at_work {
        open.finish();
    }
    Ok(Exchange::answered(id, response?))
}
