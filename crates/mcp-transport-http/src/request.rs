use std::{pin::pin, sync::Arc};

use bytes::Bytes;
use http::HeaderValue;
use mcp_core::{ProtocolVersion, Request, Response, method};
use mcp_http::{
    HttpService,
    transport::{closed, messages::encode_request},
};
use mcp_transport::{Delivery, Envelope, Error, ErrorKind, Exchange};

use crate::{
    error::{expired, not_reinitialized},
    headers::RequestHeaders,
    inner::Inner,
    open_request::{Ended, OpenRequest},
    reply::{self, PendingRequest, Reply},
    response_stream::ResponseStream,
    resume::Resumption,
    saved_session::{SavedSession, Saving},
    session::{Session, session_id},
    session_state::{SessionState, reports_loss},
};

/// The reply to a request, and for a legacy stream its resumption state and session.
struct Replied<S: HttpService> {
    reply: Reply<S>,
    resumption: Option<Resumption>,
    session: Option<Arc<Session<S>>>,
}

/// The reply to a legacy request, and its session.
type InSession<S> = (Reply<S>, Option<Arc<Session<S>>>);

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
        let skips_validation = envelope.skips_validation;
        let pending = PendingRequest { request, batches: false, skips_validation };
        let posting = async {
            self.reclaim();
            self.post(&headers, None, encode_request(request), pending).await
        };
        let replied = open.race(pin!(posting)).await;
        let replied = replied
            .map(|reply| reply.map(|reply| Replied { reply, resumption: None, session: None }));
        exchange(open, pending, replied)
    }

    pub(crate) async fn request_legacy(
        self: &Arc<Self>,
        envelope: Envelope<Request>,
    ) -> Result<Exchange, Error> {
        let request = &envelope.message;
        let headers = Arc::new(RequestHeaders::legacy(&envelope)?);
        let is_initialize = request.method == method::INITIALIZE;
        if is_initialize && let Some(saved) = self.endpoint.take_resumed() {
            return self.continued(&saved, &envelope);
        }
        let cancel = (!is_initialize).then(|| Arc::clone(&headers));
        let open = OpenRequest::new(self, &request.id, cancel)?;
        let batches = envelope.version == Some(ProtocolVersion::V2025_03_26);
        let skips_validation = envelope.skips_validation && !is_initialize;
        let pending = PendingRequest { request, batches, skips_validation };
        let posting = async {
            self.reclaim();
            let body = encode_request(request);
            let (reply, session) = if is_initialize {
                self.post_initialize(&headers, body, pending, envelope.clone()).await?
            } else {
                self.post_in_session(&headers, body, pending).await?
            };
            let id = session.as_ref().and_then(|session| session.id.clone());
            if let (true, Some(id)) = (self.endpoint.record_session_id, &id) {
                record_session_id(id);
            }
            let (headers, backoff) = (Arc::clone(&headers), self.endpoint.backoff);
            let resumption = Some(Resumption::new(headers, id, batches, backoff));
            Ok(Replied { reply, resumption, session })
        };
        let replied = open.race(pin!(posting)).await;
        let exchange = exchange(open, pending, replied)?;
        let handle = self.endpoint.session_handle.clone().filter(|_| is_initialize);
        let Some(handle) = handle else { return Ok(exchange) };
        let session = self.sessions.current().and_then(|session| session.id.clone());
        Ok(Exchange::from_stream(request.id.clone(), Saving { exchange, handle, session }))
    }

    /// Responds to `initialize` with the saved result of the resumed session.
    fn continued(
        &self,
        saved: &SavedSession,
        envelope: &Envelope<Request>,
    ) -> Result<Exchange, Error> {
        let unusable = |text: &'static str| {
            let error = Error::new(ErrorKind::Config, text).with_method(method::INITIALIZE);
            error.with_delivery(Delivery::NotSent)
        };
        let id = saved.id_header();
        let id = id.ok_or_else(|| unusable("the id of the saved session is not valid"))?;
        let result = saved.initialize_result().map_err(|error| {
            unusable("the result of the saved session is not valid").with_source(error)
        })?;
        let mut session = self.session(Some(id), envelope.clone());
        (session.is_resumed, session.resumed_after) = (true, saved.position());
        self.install(&Arc::new(session))?;
        if let Some(handle) = &self.endpoint.session_handle {
            handle.set(Some(saved.clone()));
        }
        let id = envelope.message.id.clone();
        Ok(Exchange::answered(id.clone(), Response::result(id, result)))
    }

    pub(crate) async fn post(
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

    /// Sends `initialize`, whose response has the session id.
    async fn post_initialize(
        &self,
        headers: &RequestHeaders,
        body: Bytes,
        pending: PendingRequest<'_>,
        envelope: Envelope<Request>,
    ) -> Result<InSession<S>, Error> {
        let response = self.endpoint.post(method::INITIALIZE, headers, None, body).await?;
        let mut session = None;
        if response.status().is_success() {
            let id = session_id(response.headers())?;
            let opened = Arc::new(self.session(id, envelope));
            self.install(&opened)?;
            session = Some(opened);
        }
        Ok((reply::read(&self.endpoint, pending, response).await?, session))
    }

    /// Sends a request in the session, or in a new one if the server has lost it.
    async fn post_in_session(
        self: &Arc<Self>,
        headers: &RequestHeaders,
        body: Bytes,
        pending: PendingRequest<'_>,
    ) -> Result<InSession<S>, Error> {
        let session = self.sessions.current();
        if let Some(session) = &session {
            self.listen_again(session);
        }
        let id = session.as_ref().and_then(|session| session.id.as_ref());
        let reply = self.post(headers, id, body.clone(), pending).await?;
        let state = match &reply {
            Reply::Refused(refusal) => SessionState::after_refusal(refusal, &pending.request.id),
            Reply::Response(Response { outcome: Err(error), .. }) => {
                SessionState::after_error(error)
            }
            _ => SessionState::Alive,
        };
        match &session {
            Some(lost) if id.is_some() && state != SessionState::Alive => {
                // Boxed like all rare cases, which would enlarge every future.
                let lost = Lost { session: lost, state, reply };
                Box::pin(self.post_in_new_session(headers, body, pending, lost)).await
            }
            _ => Ok((reply, session)),
        }
    }

    /// Sends a request again in a session that replaces a lost one. If the session is alive, or the server may have
    /// processed the request, the original reply is returned.
    async fn post_in_new_session(
        self: &Arc<Self>,
        headers: &RequestHeaders,
        body: Bytes,
        pending: PendingRequest<'_>,
        lost: Lost<'_, S>,
    ) -> Result<InSession<S>, Error> {
        let method = &pending.request.method;
        let replaced = self.reinitialize(lost.session, lost.state).await;
        let session = match replaced {
            Ok(Some(session)) if lost.state != SessionState::Suspect => session,
            Ok(_) => return Ok((lost.reply, Some(Arc::clone(lost.session)))),
            Err(reason) if reason.is_closed() || lost.is_reported() => {
                return Err(not_reinitialized(method, reason));
            }
            Err(error) => {
                tracing::debug!(%error, "a session that may be lost could not be replaced");
                return Ok((lost.reply, Some(Arc::clone(lost.session))));
            }
        };
        match self.post(headers, session.id.as_ref(), body, pending).await? {
            Reply::Refused(refusal)
                if SessionState::after_refusal(&refusal, &pending.request.id)
                    == SessionState::Lost =>
            {
                Err(expired(method).with_source(refusal.into_status_error()))
            }
            reply => Ok((reply, Some(session))),
        }
    }
}

/// A session that is or may be lost, and the reply that indicates it.
struct Lost<'a, S: HttpService> {
    session: &'a Arc<Session<S>>,
    state: SessionState,
    reply: Reply<S>,
}

impl<S: HttpService> Lost<'_, S> {
    /// Whether the status of the reply only reports the loss.
    fn is_reported(&self) -> bool {
        match &self.reply {
            Reply::Refused(refusal) => reports_loss(refusal.status()),
            _ => true,
        }
    }
}

/// Records the session id on the span of the layer above.
fn record_session_id(id: &HeaderValue) {
    let span = tracing::Span::current();
    if let Ok(id) = id.to_str() {
        // A span without such a field ignores it.
        span.record("mcp.session.id", id);
    }
}

/// Converts the reply to a request into an exchange.
fn exchange<S: HttpService>(
    mut open: OpenRequest<S>,
    pending: PendingRequest<'_>,
    replied: Result<Result<Replied<S>, Error>, Ended>,
) -> Result<Exchange, Error> {
    let (id, method) = (pending.request.id.clone(), &pending.request.method);
    let replied = replied.map(|replied| {
        replied.map(|Replied { reply, resumption, session }| {
            open.session = session;
            (reply, resumption)
        })
    });
    let response = match replied {
        Ok(Ok((Reply::Events(events, secrets), resumption))) => {
            let mut stream = ResponseStream::of_events(open, method.clone(), events, resumption);
            (stream.secrets, stream.skips_validation) = (secrets, pending.skips_validation);
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
        Err(Ended::SessionLost) => Err(expired(method).with_delivery(Delivery::Unknown)),
    };
    // If the server may be working on the request, dropping it cancels it.
    let may_be_at_work = matches!(&response, Err(error) if error.delivery() == Delivery::Unknown);
    if !may_be_at_work {
        open.finish();
    }
    Ok(Exchange::answered(id, response?))
}
