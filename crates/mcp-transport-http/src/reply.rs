use std::{borrow::Cow, time::Duration};

use bytes::Bytes;
use http::{Response as HttpResponse, StatusCode, Uri, response::Parts};
use mcp_core::{ErrorObject, Message, Request, RequestId, Response};
use mcp_http::{
    HttpService, StatusError,
    sse::Events,
    transport::{SentSecrets, is_event_stream_type, media_type, messages::Messages, read_to_end},
};
use mcp_transport::Error;

use crate::{
    endpoint::{HttpEndpoint, PinnedBody},
    error::{from_http, no_response},
};

/// Timeout of reading the body of a refusal.
const REFUSAL_TIMEOUT: Duration = Duration::from_secs(5);
/// Maximum bytes of it read to find a JSON-RPC error.
const REFUSAL_LIMIT: usize = 1 << 20;

/// The request that an HTTP response is for.
#[derive(Clone, Copy)]
pub(crate) struct PendingRequest<'a> {
    pub(crate) request: &'a Request,
    /// Whether the response may be in a batch.
    pub(crate) batches: bool,
    /// Whether the caller [validates](mcp_transport::Envelope::skips_validation) the result.
    pub(crate) skips_validation: bool,
}

/// The HTTP response to a request.
pub(crate) enum Reply<S: HttpService> {
    /// The JSON-RPC response.
    Response(Response),
    /// A batch of messages, the response among them.
    Batch(Vec<Message>),
    /// A stream of messages, and the secrets of the request.
    Events(Events<PinnedBody<S>>, Option<SentSecrets>),
    /// An error status.
    Refused(Refusal),
}

/// An error status, whose body may still be a response.
pub(crate) struct Refusal {
    error: StatusError,
    response: Option<Response>,
}

impl Refusal {
    pub(crate) fn status(&self) -> StatusCode {
        self.error.status()
    }

    /// Whether the body names the request, which shows that the server has read it.
    pub(crate) fn names(&self, id: &RequestId) -> bool {
        self.response.as_ref().is_some_and(|response| response.id.as_ref() == Some(id))
    }

    pub(crate) fn error_object(&self) -> Option<&ErrorObject> {
        self.response.as_ref().and_then(|response| response.outcome.as_ref().err())
    }

    pub(crate) fn status_error(&self) -> &StatusError {
        &self.error
    }

    pub(crate) fn into_status_error(self) -> StatusError {
        self.error
    }

    /// The response, or an error if there is none.
    ///
    /// A JSON-RPC error is a response with any status. Its id may be absent or invalid if the request failed before its
    /// id was read. Exceptions: 401 always means that credentials are required, and so does 403 unless the body names
    /// the request.
    ///
    /// Spec: basic/transports/streamable-http#protocol-version-header
    pub(crate) fn into_response(self, pending: PendingRequest<'_>) -> Result<Response, Error> {
        let is_response = match self.status() {
            StatusCode::UNAUTHORIZED => false,
            StatusCode::FORBIDDEN => self.names(&pending.request.id),
            _ => true,
        };
        match self.response {
            Some(mut response) if is_response => {
                response.id = Some(pending.request.id.clone());
                Ok(response)
            }
            _ => Err(self.error.into_transport_error(&pending.request.method)),
        }
    }
}

/// Reads an HTTP response: a JSON body completely, of an event stream only the head.
pub(crate) async fn read<S: HttpService>(
    endpoint: &HttpEndpoint<S>,
    pending: PendingRequest<'_>,
    mut response: HttpResponse<S::ResponseBody>,
) -> Result<Reply<S>, Error> {
    let status = response.status();
    if !status.is_success() {
        // Boxed like all rare cases, which would enlarge every future.
        return Ok(Reply::Refused(Box::pin(read_refusal(endpoint, response)).await));
    }
    let kind = media_type(response.headers());
    if kind.is_some_and(is_event_stream_type) {
        let secrets = SentSecrets::take(&mut response);
        return Ok(Reply::Events(endpoint.events(response.into_body()), secrets));
    }
    let fail = |why: Cow<'static, str>, error: StatusError| {
        no_response(&pending.request.method, why).with_source(error)
    };
    let may_be_json = kind.is_none_or(is_json);
    if status == StatusCode::ACCEPTED || !may_be_json {
        let why = match status {
            StatusCode::ACCEPTED => "the server accepted the request without a response",
            _ => "the response is neither JSON nor a stream of events",
        };
        return Err(fail(why.into(), Box::pin(StatusError::read(response, &endpoint.url)).await));
    }
    let url = endpoint.url_of(&response).clone();
    let secrets = SentSecrets::take(&mut response);
    let (head, body) = response.into_parts();
    let body = read_to_end(body, endpoint.message_limit)
        .await
        .map_err(|error| from_http(error, &pending.request.method, &url))?;
    let body = match read_unvalidated(body, pending.skips_validation, secrets.as_ref()) {
        Ok(response) => return Ok(Reply::Response(response)),
        Err(body) => body,
    };
    let why = match Messages::parse(&body, pending.batches) {
        Ok(Messages::One(Message::Response(mut response))) => {
            mask(&mut response, secrets.as_ref());
            return Ok(Reply::Response(response));
        }
        Ok(Messages::Batch(messages)) => return Ok(Reply::Batch(messages)),
        Ok(Messages::One(_)) => "the body is a message, but not a response".into(),
        Err(_) if body.is_empty() => "the body is empty".into(),
        Err(error) => Cow::Owned(format!("the response is {error}")),
    };
    Err(fail(why, StatusError::of(&head, &url, &body, secrets.as_ref())))
}

/// Reads a response whose result its caller validates. Returns the frame to be parsed if it is none, or if the caller
/// must validate nothing, or must not show it since it may repeat a secret.
pub(crate) fn read_unvalidated(
    frame: Bytes,
    skips_validation: bool,
    secrets: Option<&SentSecrets>,
) -> Result<Response, Bytes> {
    match skips_validation && !secrets.is_some_and(|it| it.may_occur_in(&frame)) {
        true => Response::read_unvalidated(frame),
        false => Err(frame),
    }
}

fn is_json(media_type: &str) -> bool {
    media_type.eq_ignore_ascii_case("application/json")
}

async fn read_refusal<S: HttpService>(
    endpoint: &HttpEndpoint<S>,
    mut response: HttpResponse<S::ResponseBody>,
) -> Refusal {
    if !media_type(response.headers()).is_some_and(is_json) {
        let error = StatusError::read(response, &endpoint.url).await;
        return Refusal { error, response: None };
    }
    let url = endpoint.url_of(&response).clone();
    let secrets = SentSecrets::take(&mut response);
    let (head, body) = response.into_parts();
    let limit = REFUSAL_LIMIT.min(endpoint.message_limit);
    let body = match tokio::time::timeout(REFUSAL_TIMEOUT, read_to_end(body, limit)).await {
        Ok(Ok(body)) => body,
        _ => Bytes::new(),
    };
    refusal(&head, &url, &body, secrets.as_ref())
}

/// Redacts secrets of the request that an error repeats.
pub(crate) fn mask(response: &mut Response, secrets: Option<&SentSecrets>) {
    if let (Err(error), Some(secrets)) = (&mut response.outcome, secrets) {
        secrets.mask(&mut error.message);
    }
}

fn refusal(head: &Parts, url: &Uri, body: &Bytes, secrets: Option<&SentSecrets>) -> Refusal {
    let response = match Messages::parse(body, false) {
        Ok(Messages::One(Message::Response(mut response))) if response.outcome.is_err() => {
            mask(&mut response, secrets);
            Some(response)
        }
        _ => None,
    };
    Refusal { error: StatusError::of(head, url, body, secrets), response }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use mcp_transport::ErrorKind;

    use super::*;

    #[test]
    fn a_refusal_with_a_json_rpc_error_is_a_response() {
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
            let pending =
                PendingRequest { request: &request, batches: false, skips_validation: false };
            let (mut head, ()) = HttpResponse::new(()).into_parts();
            head.status = StatusCode::from_u16(status).unwrap();
            let url = Uri::from_static("http://h/");
            let refusal = refusal(&head, &url, &Bytes::from_static(body.as_bytes()), None);
            assert_eq!(refusal.names(&id), body.contains("\"id\":7") && body.contains("error"));
            match (refusal.into_response(pending), expected) {
                (Ok(response), Ok(code)) => {
                    assert_eq!(response.id, Some(id));
                    assert_eq!(response.outcome.unwrap_err().code, code);
                }
                (Err(error), Err(kind)) => assert_eq!(error.kind(), kind, "{status} {body}"),
                (response, _) => panic!("{status} {body}: {response:?}"),
            }
        }
    }
}
