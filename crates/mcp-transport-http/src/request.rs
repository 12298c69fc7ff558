use std::sync::Arc;

use http::HeaderValue;
use mcp_core::{ProtocolVersion, Request, method};
use mcp_http::HttpService;
use mcp_transport::{Delivery, Envelope, Error, Exchange};

use crate::{
    answers::{Answers, Cursor},
    error::{closed, expired},
    flights::{Ended, Flight},
    head::Head,
    renew::Verdict,
    reply::{self, Question, Reply},
    session::{Session, session_id},
    shared::{Shared, encoded_request},
};

/// What came back for a request, and how to resume it if it is a stream of the legacy era.
type Replied<S> = (Reply<S>, Option<Cursor>);

impl<S: HttpService> Shared<S> {
    pub(crate) async fn request_modern(
        self: &Arc<Self>,
        envelope: Envelope<Request>,
        version: ProtocolVersion,
    ) -> Result<Exchange, Error> {
        let request = &envelope.message;
        let (method, params) = (request.method.clone(), request.params.as_ref());
        let head = Head::modern(version, method, params, &envelope)?;
        let flight = Flight::open(self, &request.id, None)?;
        let question = Question { request, batches: false };
        let asking = async {
            self.reclaim();
            self.ask(&head, None, encoded_request(request), question).await
        };
        let replied = flight.race(asking).await;
        let replied = replied.map(|reply| Ok((reply?, None)));
        exchange(flight, question, replied)
    }

    pub(crate) async fn request_legacy(
        self: &Arc<Self>,
        envelope: Envelope<Request>,
    ) -> Result<Exchange, Error> {
        let request = &envelope.message;
        let head = Arc::new(Head::legacy(&envelope)?);
        let begins = request.method == method::INITIALIZE;
        let cancel = (!begins).then(|| Arc::clone(&head));
        let flight = Flight::open(self, &request.id, cancel)?;
        let batches = envelope.version == Some(ProtocolVersion::V2025_03_26);
        let question = Question { request, batches };
        let asking = async {
            self.reclaim();
            let body = encoded_request(request);
            let (reply, session) = if begins {
                self.ask_to_begin(&head, body, question, envelope.clone()).await?
            } else {
                self.ask_in_session(&head, body, question).await?
            };
            if let (true, Some(id)) = (self.wire.record_session_id, &session) {
                record_session_id(id);
            }
            Ok((reply, Some(Cursor::new(Arc::clone(&head), session, batches, self.wire.backoff))))
        };
        let replied = flight.race(asking).await;
        exchange(flight, question, replied)
    }

    async fn ask(
        &self,
        head: &Head,
        session: Option<&HeaderValue>,
        body: bytes::Bytes,
        question: Question<'_>,
    ) -> Result<Reply<S>, Error> {
        let response = self.wire.post(&question.request.method, head, session, body).await?;
        reply::read(&self.wire, question, response).await
    }

    /// Sends `initialize`: its answer alone names the session.
    async fn ask_to_begin(
        &self,
        head: &Head,
        body: bytes::Bytes,
        question: Question<'_>,
        envelope: Envelope<Request>,
    ) -> Result<(Reply<S>, Option<HeaderValue>), Error> {
        let response = self.wire.post(&question.request.method, head, None, body).await?;
        let mut id = None;
        if response.status().is_success() {
            id = session_id(response.headers())?;
            self.sessions.replace(Some(Arc::new(Session::new(id.clone(), envelope))));
        }
        Ok((reply::read(&self.wire, question, response).await?, id))
    }

    /// Sends a request in the session, or in a new one where that was forgotten.
    async fn ask_in_session(
        self: &Arc<Self>,
        head: &Head,
        body: bytes::Bytes,
        question: Question<'_>,
    ) -> Result<(Reply<S>, Option<HeaderValue>), Error> {
        let session = self.sessions.current();
        let id = session.as_ref().and_then(|session| session.id.clone());
        let reply = self.ask(head, id.as_ref(), body.clone(), question).await?;
        let (Some(session), Some(_)) = (session, &id) else { return Ok((reply, id)) };
        let Reply::Refused(refusal) = reply else { return Ok((reply, id)) };
        match Verdict::of(&refusal, &question.request.id) {
            Verdict::Alive => Ok((Reply::Refused(refusal), id)),
            verdict => {
                let again = self.ask_anew(head, body, question, &session, verdict);
                let replied = Box::pin(again).await?;
                Ok(replied.unwrap_or((Reply::Refused(refusal), id)))
            }
        }
    }

    /// Sends a request once more, in a session that takes the place of `lost`; `None` if that lives.
    async fn ask_anew(
        self: &Arc<Self>,
        head: &Head,
        body: bytes::Bytes,
        question: Question<'_>,
        lost: &Arc<Session>,
        verdict: Verdict,
    ) -> Result<Option<(Reply<S>, Option<HeaderValue>)>, Error> {
        let renewed = self.renew(lost, verdict).await;
        let Some(session) =
            renewed.map_err(|error| expired(&question.request.method).with_source(error))?
        else {
            return Ok(None);
        };
        let id = session.id.clone();
        match self.ask(head, id.as_ref(), body, question).await? {
            Reply::Refused(refusal)
                if Verdict::of(&refusal, &question.request.id) == Verdict::Lost =>
            {
                Err(expired(&question.request.method).with_source(refusal.into_status_error()))
            }
            reply => Ok(Some((reply, id))),
        }
    }
}

/// Tells the span of the layer above which session served its request.
fn record_session_id(id: &HeaderValue) {
    let span = tracing::Span::current();
    if let Ok(id) = id.to_str() {
        // A span without such a field takes no notice.
        span.record("mcp.session.id", id);
    }
}

/// Makes an exchange of what came back for a request.
fn exchange<S: HttpService>(
    mut flight: Flight<S>,
    question: Question<'_>,
    replied: Result<Result<Replied<S>, Error>, Ended>,
) -> Result<Exchange, Error> {
    let (id, method) = (question.request.id.clone(), &question.request.method);
    let answer = match replied {
        Ok(Ok((Reply::Events(events), legacy))) => {
            let answers = Answers::streamed(flight, method.clone(), events, legacy);
            return Ok(Exchange::from_stream(id, answers));
        }
        Ok(Ok((Reply::Batch(messages), _))) => {
            let answers = Answers::of_batch(flight, method.clone(), messages);
            return Ok(Exchange::from_stream(id, answers));
        }
        Ok(Ok((Reply::Answer(answer), _))) => Ok(answer),
        Ok(Ok((Reply::Refused(refusal), _))) => refusal.into_answer(question),
        Ok(Err(error)) => Err(error),
        Err(Ended::Answered(answer)) => Ok(answer),
        Err(Ended::Closed) => Err(closed()),
    };
    // What may still be worked on is cancelled as the flight is dropped.
    let gave_up = matches!(&answer, Err(error) if error.delivery() == Delivery::Unknown);
    if !gave_up {
        flight.finish();
    }
    Ok(Exchange::answered(id, answer?))
}
