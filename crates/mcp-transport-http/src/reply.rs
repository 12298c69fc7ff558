use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, Response, StatusCode};
use mcp_core::{ErrorObject, Message, Request, RequestId, Response as Answer};
use mcp_http::{HttpService, StatusError, is_event_stream, media_type, read_to_end, sse::Events};
use mcp_transport::Error;

use crate::{
    error::{from_http, no_answer},
    messages::{Messages, parse},
    wire::{SseBody, Wire, is_json},
};

/// How long the body of a refusal is waited for, and how much of it is read in search of an answer.
const REFUSAL_DEADLINE: Duration = Duration::from_secs(5);
const REFUSAL_LIMIT: usize = 1 << 20;

/// The question that an HTTP response answers.
#[derive(Clone, Copy)]
pub(crate) struct Question<'a> {
    pub(crate) request: &'a Request,
    /// Whether the answer may be a batch.
    pub(crate) batches: bool,
}

/// What the server said to a request.
pub(crate) enum Reply<S: HttpService> {
    /// The answer.
    Answer(Answer),
    /// A batch of messages, the answer among them.
    Batch(Vec<Message>),
    /// A stream of messages.
    Events(Events<SseBody<S>>),
    /// The status says that it failed.
    Refused(Refusal),
}

/// A failure by its status, which may be an answer all the same.
pub(crate) struct Refusal {
    error: StatusError,
    answer: Option<Answer>,
}

impl Refusal {
    pub(crate) fn status(&self) -> StatusCode {
        self.error.status()
    }

    /// Whether the body names the request, so that the server has looked into it.
    pub(crate) fn names(&self, id: &RequestId) -> bool {
        self.answer.as_ref().is_some_and(|answer| answer.id.as_ref() == Some(id))
    }

    pub(crate) fn error_object(&self) -> Option<&ErrorObject> {
        self.answer.as_ref().and_then(|answer| answer.outcome.as_ref().err())
    }

    pub(crate) fn into_status_error(self) -> StatusError {
        self.error
    }

    /// The answer, or an error where it is none.
    ///
    /// A JSON-RPC error is an answer, whatever the status. It may carry no id or one of the server's
    /// making, as the request came to grief before its id was read. The exceptions: 401 is always a
    /// matter of credentials, and so is 403 unless the body names the request.
    ///
    /// Spec: basic/transports/streamable-http#protocol-version-header
    pub(crate) fn into_answer(self, question: Question<'_>) -> Result<Answer, Error> {
        let is_answer = match self.status() {
            StatusCode::UNAUTHORIZED => false,
            StatusCode::FORBIDDEN => self.names(&question.request.id),
            _ => true,
        };
        match self.answer {
            Some(mut answer) if is_answer => {
                answer.id = Some(question.request.id.clone());
                Ok(answer)
            }
            _ => Err(self.error.into_transport_error(&question.request.method)),
        }
    }
}

/// Reads what the server said: a body of JSON to its end, of a stream of events only the head.
pub(crate) async fn read<S: HttpService>(
    wire: &Wire<S>,
    question: Question<'_>,
    response: Response<S::ResponseBody>,
) -> Result<Reply<S>, Error> {
    let status = response.status();
    if !status.is_success() {
        // Boxed like all that is rare, as it would make every future larger.
        return Ok(Reply::Refused(Box::pin(read_refusal(wire, response)).await));
    }
    if is_event_stream(response.headers()) {
        return Ok(Reply::Events(wire.events(response.into_body())));
    }
    let uri = wire.uri_of(&response).clone();
    let fail =
        |why: &str, error: StatusError| no_answer(&question.request.method, why).with_source(error);
    let may_be_json = is_json(response.headers()) || media_type(response.headers()).is_none();
    if status == StatusCode::ACCEPTED || !may_be_json {
        let why = match status {
            StatusCode::ACCEPTED => "the server accepted the request without an answer",
            _ => "the answer is neither JSON nor a stream of events",
        };
        return Err(fail(why, Box::pin(StatusError::read(response, &uri)).await));
    }
    let (head, body) = response.into_parts();
    let body = read_to_end(body, wire.message_limit)
        .await
        .map_err(|error| from_http(error, &question.request.method, &uri))?;
    let why = match parse(&body, question.batches) {
        Ok(Messages::One(Message::Response(answer))) => return Ok(Reply::Answer(answer)),
        Ok(Messages::Many(messages)) => return Ok(Reply::Batch(messages)),
        Ok(Messages::One(_)) => "the body of the answer is a message, but no response".into(),
        Err(_) if body.is_empty() => "the body of the answer is empty".into(),
        Err(error) => format!("the answer is {error}"),
    };
    Err(fail(&why, StatusError::new(head.status, head.headers, &uri, &body)))
}

async fn read_refusal<S: HttpService>(
    wire: &Wire<S>,
    response: Response<S::ResponseBody>,
) -> Refusal {
    let uri = wire.uri_of(&response).clone();
    if !is_json(response.headers()) {
        return Refusal { error: StatusError::read(response, &uri).await, answer: None };
    }
    let (head, body) = response.into_parts();
    let limit = REFUSAL_LIMIT.min(wire.message_limit);
    let body = match tokio::time::timeout(REFUSAL_DEADLINE, read_to_end(body, limit)).await {
        Ok(Ok(body)) => body,
        _ => Bytes::new(),
    };
    refusal(head.status, head.headers, &uri, &body)
}

fn refusal(status: StatusCode, headers: HeaderMap, uri: &http::Uri, body: &Bytes) -> Refusal {
    let answer = match parse(body, false) {
        Ok(Messages::One(Message::Response(answer))) if answer.outcome.is_err() => Some(answer),
        _ => None,
    };
    Refusal { error: StatusError::new(status, headers, uri, body), answer }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use http::Uri;
    use mcp_transport::ErrorKind;

    use super::*;

    #[test]
    fn a_refusal_is_an_answer_where_it_holds_one() {
        let own = r#"{"jsonrpc":"2.0","id":7,"error":{"code":-32601,"message":"m"}}"#;
        let null = r#"{"jsonrpc":"2.0","id":null,"error":{"code":-32022,"message":"m"}}"#;
        let made_up = r#"{"jsonrpc":"2.0","id":"server-error","error":{"code":-1,"message":"m"}}"#;
        let result = r#"{"jsonrpc":"2.0","id":7,"result":{}}"#;
        let oauth = r#"{"error":"invalid_token"}"#;
        for (status, body, expected) in [
            (404, own, Ok(-32601)),
            (400, null, Ok(-32022)),
            (400, made_up, Ok(-1)),
            (500, null, Ok(-32022)),
            (403, own, Ok(-32601)),
            (403, null, Err(ErrorKind::Unauthorized)),
            (401, own, Err(ErrorKind::Unauthorized)),
            (401, oauth, Err(ErrorKind::Unauthorized)),
            (500, result, Err(ErrorKind::Unavailable)),
            (400, oauth, Err(ErrorKind::Rejected)),
            (400, "", Err(ErrorKind::Rejected)),
            (429, "", Err(ErrorKind::Unavailable)),
        ] {
            let request = Request::new(7, "m");
            let id = request.id.clone();
            let question = Question { request: &request, batches: false };
            let status = StatusCode::from_u16(status).unwrap();
            let uri = Uri::from_static("http://h/");
            let refusal =
                refusal(status, HeaderMap::new(), &uri, &Bytes::from_static(body.as_bytes()));
            assert_eq!(refusal.names(&id), body.contains("\"id\":7") && body.contains("error"));
            match (refusal.into_answer(question), expected) {
                (Ok(answer), Ok(code)) => {
                    assert_eq!(answer.id, Some(id));
                    assert_eq!(answer.outcome.unwrap_err().code, code);
                }
                (Err(error), Err(kind)) => assert_eq!(error.kind(), kind, "{status} {body}"),
                (answer, _) => panic!("{status} {body}: {answer:?}"),
            }
        }
    }
}
