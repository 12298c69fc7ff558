use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use http::StatusCode;
use mcp_core::{Message, Request, RequestId, Response};
use mcp_http::{HttpService, sse::Events};
use mcp_transport::{Error, ErrorKind, Gap};
use serde::Deserialize;

use crate::{
    error::{from_http, no_answer},
    head::Head,
    messages::{Messages, message_data, parse},
    reply::{self, Question, Refusal, Reply},
    session::{Session, session_id},
    shared::{Shared, encoded, encoded_request},
    wire::SseBody,
};

/// How long beginning a new session may take.
const DEADLINE: Duration = Duration::from_secs(30);
const METHOD_NOT_FOUND: i64 = -32601;

/// What the refusal of a message that named a session says about that session.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// Nothing.
    Alive,
    /// It may be gone: the server has to be asked.
    Doubtful,
    /// It is gone.
    Lost,
}

/// Judges by the status: 404 means a lost session, and some servers say 400 instead.
///
/// 404 with an error that names the request and calls its method unknown is an answer. 400 is an ordinary
/// error for most servers, so it raises no more than a doubt, and none where the body names the request.
/// In either case the server has not executed the message.
///
/// Spec: 2025-11-25 basic/transports#session-management
pub(crate) fn verdict(status: StatusCode, names_request: bool, code: Option<i64>) -> Verdict {
    match status {
        StatusCode::NOT_FOUND if names_request && code == Some(METHOD_NOT_FOUND) => Verdict::Alive,
        StatusCode::NOT_FOUND => Verdict::Lost,
        StatusCode::BAD_REQUEST if !names_request => Verdict::Doubtful,
        _ => Verdict::Alive,
    }
}

impl Verdict {
    pub(crate) fn of(refusal: &Refusal, id: &RequestId) -> Self {
        let code = refusal.error_object().map(|error| error.code);
        verdict(refusal.status(), refusal.names(id), code)
    }
}

impl<S: HttpService> Shared<S> {
    /// Begins a new session in place of `lost`; `None` if that was only doubted and turns out to live.
    ///
    /// Of all who come for the same session one does it, and the others share the outcome. Dropping the
    /// future leaves it to the next one.
    pub(crate) async fn renew(
        self: &Arc<Self>,
        lost: &Arc<Session>,
        verdict: Verdict,
    ) -> Result<Option<Arc<Session>>, Error> {
        let failures = self.sessions.failures();
        let mut last = self.sessions.renewing.lock().await;
        match self.sessions.current() {
            Some(current) if Arc::ptr_eq(&current, lost) => {}
            Some(current) => return Ok(Some(current)),
            None => return Err(crate::error::closed()),
        }
        if let Some(error) = &*last
            && self.sessions.failures() > failures
        {
            return Err(error.clone());
        }
        let renewing = async {
            if verdict == Verdict::Doubtful && self.is_alive(lost).await {
                return Ok(None);
            }
            self.begin_anew(lost).await.map(Some)
        };
        let renewed = match tokio::time::timeout(DEADLINE, renewing).await {
            Ok(renewed) => renewed,
            Err(_) => {
                let text = format!("initialize: no new session within {DEADLINE:?}");
                Err(Error::new(ErrorKind::Timeout, text))
            }
        };
        match &renewed {
            Ok(None) => {}
            Ok(Some(session)) => {
                tracing::info!("the server has forgotten the session: a new one was begun");
                self.sessions.replace(Some(Arc::clone(session)));
                self.sessions.renewals.fetch_add(1, Ordering::Relaxed);
                self.inbound.gap(Gap::NewSession(None));
                if session.initialized().is_some() {
                    self.listen_soon(session).await;
                }
            }
            Err(error) => {
                *last = Some(error.clone());
                self.sessions.failures.fetch_add(1, Ordering::Release);
            }
        }
        renewed
    }

    /// Whether the server knows the session: it does unless it refuses a ping in the same way.
    async fn is_alive(self: &Arc<Self>, session: &Session) -> bool {
        static PINGS: AtomicU64 = AtomicU64::new(0);
        let id = format!("session-check-{}", PINGS.fetch_add(1, Ordering::Relaxed));
        let ping = encoded_request(&Request::new(id, "ping"));
        let pinged = self.post_one_way("ping", &session.head(), session.id.as_ref(), ping).await;
        match pinged {
            Ok(Err(refused)) => !matches!(refused.status().as_u16(), 400 | 404),
            // Where the ping fails in another way nothing is known, and nothing given up.
            Ok(Ok(())) | Err(_) => true,
        }
    }

    /// Repeats the handshake of a session that is gone.
    async fn begin_anew(self: &Arc<Self>, lost: &Session) -> Result<Arc<Session>, Error> {
        let method = "initialize";
        let request = &lost.initialize.message;
        let head = Head::legacy(&lost.initialize)?;
        let response = self.wire.post(method, &head, None, encoded_request(request)).await?;
        let id = session_id(response.headers())?;
        let question = Question { request, batches: false };
        let answer = match reply::read(&self.wire, question, response).await? {
            Reply::Answer(answer) => answer,
            Reply::Events(events) => self.answer_among(events).await?,
            Reply::Refused(refusal) => refusal.into_answer(question)?,
            Reply::Batch(_) => return Err(no_answer(method, "the answer is a batch")),
        };
        let result = answer.outcome.map_err(|error| {
            no_answer(method, "the server refuses a new session").with_source(error)
        })?;
        let session = Session::new(id, lost.initialize.clone());
        if let Some(initialized) = lost.initialized() {
            #[derive(Deserialize)]
            #[serde(rename_all = "camelCase")]
            struct Result {
                protocol_version: String,
            }
            let negotiated = initialized.version.map(|version| version.as_str());
            let offered = result.decode::<Result>().ok().map(|result| result.protocol_version);
            if negotiated.is_some() && negotiated != offered.as_deref() {
                return Err(no_answer(method, "the server has changed the protocol version"));
            }
            session.complete(initialized);
            let method = initialized.message.label();
            let body = encoded(&initialized.message.clone().into());
            self.post_one_way(method, &session.head(), session.id.as_ref(), body)
                .await?
                .map_err(|refused| refused.into_transport_error(method))?;
        }
        Ok(Arc::new(session))
    }

    /// The first response on a stream of events.
    async fn answer_among(
        self: &Arc<Self>,
        mut events: Events<SseBody<S>>,
    ) -> Result<Response, Error> {
        while let Some(event) = events.next().await {
            let mut event =
                event.map_err(|error| from_http(error, "initialize", &self.wire.url))?;
            let Some(data) = message_data(&mut event) else { continue };
            if let Ok(Messages::One(Message::Response(response))) = parse(&data, false) {
                self.park(events);
                return Ok(response);
            }
        }
        Err(no_answer("initialize", "the stream ended before the answer"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_status_says_about_the_session() {
        use Verdict::{Alive, Doubtful, Lost};
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
            assert!(verdict(status, names, code) == expected, "{status} {names} {code:?}");
        }
    }
}
