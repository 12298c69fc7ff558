use bytes::Bytes;
use http::{Response as HttpResponse, StatusCode, Uri};
use http_body::Body;
use mcp_core::{Message, RequestId, Response};
use mcp_http::{
    HttpService, StatusError,
    sse::Events,
    transport::{
        SentSecrets, final_url, is_event_stream, media_type,
        messages::{Messages, message_data},
        read_to_end,
    },
};

use crate::endpoint::read_end;

/// Maximum length of a text that only acknowledges a message.
const MAX_ACKNOWLEDGEMENT: usize = 64;

/// The content of an accepted POST response.
pub(crate) enum Accepted {
    /// Nothing: the response arrives on the stream.
    Nothing,
    /// The response, which should have been sent on the stream.
    Response(Response),
    /// Something else, such as a login page.
    Other(StatusError),
}

impl Accepted {
    /// Reads the body of an HTTP response to the request with this id.
    pub(crate) async fn read<S: HttpService>(
        mut response: HttpResponse<S::ResponseBody>,
        to: &Uri,
        id: &RequestId,
        limit: usize,
    ) -> Self {
        let is_text = media_type(response.headers())
            .is_none_or(|kind| !kind.eq_ignore_ascii_case("application/json"));
        let is_accepted =
            matches!(response.status(), StatusCode::ACCEPTED | StatusCode::NO_CONTENT) && is_text;
        if response.body().is_end_stream() {
            return Self::Nothing;
        }
        if is_event_stream(response.headers()) {
            return Self::read_events(
                Events::with_limit(Box::pin(response.into_body()), limit),
                id,
            )
            .await;
        }
        if is_accepted {
            // The text is ignored, unless it is the response.
            let body = read_end(response.into_body()).await.unwrap_or_default();
            return match Self::parse(&body, id) {
                Some(Self::Response(response)) => Self::Response(response),
                _ => Self::Nothing,
            };
        }
        let url = final_url(&response, to).clone();
        let secrets = SentSecrets::take(&mut response);
        let (head, body) = response.into_parts();
        // An incomplete body is useless, and the request was accepted.
        let Ok(body) = read_to_end(body, limit).await else { return Self::Nothing };
        match Self::parse(&body, id) {
            Some(accepted) => accepted.masked(secrets.as_ref()),
            None => Self::Other(StatusError::of(&head, &url, &body, secrets.as_ref())),
        }
    }

    async fn read_events<B>(mut events: Events<B>, id: &RequestId) -> Self
    where
        B: Body<Data = Bytes> + Unpin,
        B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        while let Some(Ok(mut event)) = events.next().await {
            let accepted = message_data(&mut event).and_then(|data| Self::parse(&data, id));
            if let Some(Self::Response(response)) = accepted {
                return Self::Response(response);
            }
        }
        Self::Nothing
    }

    fn masked(mut self, secrets: Option<&SentSecrets>) -> Self {
        if let (Self::Response(Response { outcome: Err(error), .. }), Some(secrets)) =
            (&mut self, secrets)
        {
            secrets.mask(&mut error.message);
        }
        self
    }

    /// `None` if it is neither JSON-RPC nor a short acknowledgement.
    fn parse(body: &Bytes, id: &RequestId) -> Option<Self> {
        let messages = match Messages::parse(body, true) {
            Ok(Messages::One(message)) => vec![message],
            Ok(Messages::Batch(messages)) => messages,
            Err(_) => return is_acknowledgement(body).then_some(Self::Nothing),
        };
        let response = messages.into_iter().find_map(|message| match message {
            // An error may be about a request whose id the server could not read.
            Message::Response(response)
                if response.id.as_ref().map_or(response.outcome.is_err(), |own| own.echoes(id)) =>
            {
                Some(response)
            }
            _ => None,
        });
        let Some(mut response) = response else { return Some(Self::Nothing) };
        response.id = Some(id.clone());
        Some(Self::Response(response))
    }
}

fn is_acknowledgement(body: &[u8]) -> bool {
    let text = body.trim_ascii();
    let text = String::from_utf8_lossy(&text[..text.len().min(MAX_ACKNOWLEDGEMENT + 1)]);
    let text = text.to_ascii_lowercase();
    text.len() <= MAX_ACKNOWLEDGEMENT && !text.starts_with('<') && !text.contains("error")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_is_a_response_an_acknowledgement_or_something_else() {
        let error = r#""error":{"code":1,"message":"m"}"#;
        for (body, expected) in [
            (r#"{"jsonrpc":"2.0","id":7,"result":1}"#.to_owned(), "response"),
            (r#"{"jsonrpc":"2.0","id":"7","result":1}"#.to_owned(), "response"),
            (r#"[{"jsonrpc":"2.0","id":7,"result":1}]"#.to_owned(), "response"),
            (format!(r#"{{"jsonrpc":"2.0","id":7,{error}}}"#), "response"),
            (format!(r#"{{"jsonrpc":"2.0","id":null,{error}}}"#), "response"),
            (r#"{"jsonrpc":"2.0","id":8,"result":1}"#.to_owned(), "nothing"),
            (r#"{"jsonrpc":"2.0","method":"n"}"#.to_owned(), "nothing"),
            ("Accepted".to_owned(), "nothing"),
            (r#"{"status":"ok"}"#.to_owned(), "nothing"),
            (r#"{"error":"who are you"}"#.to_owned(), "other"),
            ("<html>Log in".to_owned(), "other"),
            ("x".repeat(65), "other"),
        ] {
            let kind = match Accepted::parse(&body.clone().into(), &7.into()) {
                Some(Accepted::Response(response)) => {
                    assert_eq!(response.id, Some(7.into()));
                    "response"
                }
                Some(Accepted::Nothing) => "nothing",
                Some(Accepted::Other(_)) | None => "other",
            };
            assert_eq!(kind, expected, "{body}");
        }
    }
}
