use http::{StatusCode, Uri, header};
use mcp_transport::{Delivery, Error as TransportError, ErrorKind as TransportKind};

use crate::error::{ConnectStep, Error, ErrorKind, Wait};
use crate::status::StatusError;
use crate::url::SafeUrl;

/// Hint if the response does not look like that of an MCP server.
const NO_SERVER: &str = "is the URL right, and does the server run there?";

/// Hint for servers that validate the `Host` or `Origin` of a request.
const OTHER_HOST: &str = "reach the server by a host that it allows, or allow this one there";

const LATER: &str = "try again later";

/// Hint if the authorization of a request failed, so that there is one.
const AUTHORIZATION: &str = "change the settings of the authorization, or log in again";

impl Error {
    /// Converts the failure of the message of `method`, sent to `url`, into a transport error with this error as its
    /// source.
    ///
    /// An interrupted or timed-out message may have been processed, so its delivery is [`Unknown`](Delivery::Unknown)
    /// unless [`is_not_sent`](Self::is_not_sent). The same holds for [`TooLarge`](ErrorKind::TooLarge), since only the
    /// caller knows whether that was the response.
    #[must_use]
    pub fn into_transport_error(self, method: &str, url: &Uri) -> TransportError {
        let (kind, text) = match self.kind() {
            ErrorKind::InvalidUrl | ErrorKind::TlsUnavailable => {
                (TransportKind::Config, "no request can be sent to this URL")
            }
            ErrorKind::Connect(_) => (TransportKind::Connect, "cannot be reached"),
            ErrorKind::Hook => (TransportKind::Other, "the header hook failed"),
            ErrorKind::Unauthorized => {
                (TransportKind::Unauthorized, "the request is not authorized")
            }
            ErrorKind::Unavailable => {
                (TransportKind::Unavailable, "the request cannot be authorized at the moment")
            }
            ErrorKind::Timeout(Wait::Hook) => (TransportKind::Timeout, "the header hook failed"),
            ErrorKind::Timeout(Wait::Connect) => {
                (TransportKind::Timeout, "cannot be reached in time")
            }
            ErrorKind::Timeout(_) => (TransportKind::Timeout, "did not respond in time"),
            ErrorKind::Redirect => (TransportKind::Redirect, "redirects to another location"),
            ErrorKind::TooLarge => (TransportKind::TooLarge, "sent a message that is too large"),
            ErrorKind::Closed | ErrorKind::Reset | ErrorKind::Body => {
                (TransportKind::Interrupted, "broke off before the response was complete")
            }
            ErrorKind::Protocol => (TransportKind::Protocol, "does not speak HTTP"),
            _ => (TransportKind::Other, "the request failed"),
        };
        let delivery = match kind {
            _ if self.is_not_sent() => Delivery::NotSent,
            TransportKind::Config => Delivery::NotSent,
            // The server processed nothing: it refused the request, if it was sent at all.
            TransportKind::Redirect | TransportKind::Unauthorized | TransportKind::Unavailable => {
                Delivery::Answered
            }
            _ => Delivery::Unknown,
        };
        let is_nowhere = matches!(
            self.kind(),
            ErrorKind::Connect(
                ConnectStep::Dns
                    | ConnectStep::Refused
                    | ConnectStep::Unreachable
                    | ConnectStep::Other
            ) | ErrorKind::Timeout(Wait::Connect)
        );
        let error = TransportError::new(kind, text)
            .with_target(SafeUrl(url).to_string())
            .with_method(method.to_owned())
            .with_delivery(delivery)
            .with_source(self.without_server());
        match kind {
            _ if is_nowhere => error.with_hint(NO_SERVER),
            TransportKind::Unauthorized => error.with_hint(AUTHORIZATION),
            _ => error,
        }
    }
}

impl StatusError {
    /// Converts the refusal of the message of `method` into a transport error with this error as its source.
    #[must_use]
    pub fn into_transport_error(self, method: &str) -> TransportError {
        let kind = match self.status().as_u16() {
            401 | 403 => TransportKind::Unauthorized,
            408 | 429 => TransportKind::Unavailable,
            400..=499 => TransportKind::Rejected,
            _ => TransportKind::Unavailable,
        };
        let hint = self.hint();
        let error = TransportError::new(kind, "the server refused the request")
            .with_target(self.url().to_owned())
            .with_method(method.to_owned())
            .with_delivery(Delivery::Answered)
            .with_source(self.without_url());
        hint.into_iter().fold(error, TransportError::with_hint)
    }

    /// A hint based on the status and the body.
    pub(crate) fn hint(&self) -> Option<&'static str> {
        match self.status() {
            StatusCode::REQUEST_TIMEOUT
            | StatusCode::TOO_MANY_REQUESTS
            | StatusCode::SERVICE_UNAVAILABLE
            | StatusCode::GATEWAY_TIMEOUT => Some(LATER),
            StatusCode::MISDIRECTED_REQUEST => Some(OTHER_HOST),
            StatusCode::BAD_REQUEST | StatusCode::FORBIDDEN
                if !self.headers().contains_key(header::WWW_AUTHENTICATE) =>
            {
                let body = self.body().to_ascii_lowercase();
                let mut words = body.split(|char: char| !char.is_ascii_alphanumeric());
                let names_host =
                    words.any(|word| matches!(word, "host" | "hosts" | "origin" | "origins"));
                names_host.then_some(OTHER_HOST)
            }
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use http::{HeaderMap, StatusCode};

    use super::*;
    use crate::error::ConnectStep;

    #[test]
    fn failures_become_transport_errors() {
        use Delivery::{Answered, NotSent, Unknown};
        let url = Uri::from_static("https://host/mcp?key=hidden");
        for (kind, expected, delivery) in [
            (ErrorKind::InvalidUrl, TransportKind::Config, NotSent),
            (ErrorKind::TlsUnavailable, TransportKind::Config, NotSent),
            (ErrorKind::Connect(ConnectStep::Refused), TransportKind::Connect, Unknown),
            (ErrorKind::Timeout(Wait::Read), TransportKind::Timeout, Unknown),
            (ErrorKind::Timeout(Wait::Connect), TransportKind::Timeout, Unknown),
            (ErrorKind::Timeout(Wait::Hook), TransportKind::Timeout, Unknown),
            (ErrorKind::Hook, TransportKind::Other, Unknown),
            (ErrorKind::Redirect, TransportKind::Redirect, Answered),
            (ErrorKind::Unauthorized, TransportKind::Unauthorized, Answered),
            (ErrorKind::Unavailable, TransportKind::Unavailable, Answered),
            (ErrorKind::TooLarge, TransportKind::TooLarge, Unknown),
            (ErrorKind::Closed, TransportKind::Interrupted, Unknown),
            (ErrorKind::Reset, TransportKind::Interrupted, Unknown),
            (ErrorKind::Body, TransportKind::Interrupted, Unknown),
            (ErrorKind::Protocol, TransportKind::Protocol, Unknown),
            (ErrorKind::Other, TransportKind::Other, Unknown),
        ] {
            let error = Error::new(kind, "cause").into_transport_error("ping", &url);
            assert_eq!((error.kind(), error.delivery()), (expected, delivery), "{kind:?}");
            assert_eq!(error.find::<Error>().unwrap().kind(), kind);
            let text = error.to_string();
            assert!(text.starts_with("https://host/mcp: ping: "), "{text}");
            assert!(!format!("{error:?}").contains("hidden"));
            let hint = match kind {
                ErrorKind::Connect(ConnectStep::Refused) | ErrorKind::Timeout(Wait::Connect) => {
                    Some(NO_SERVER)
                }
                // Not the hint to set an authorization: it is set.
                ErrorKind::Unauthorized => Some(AUTHORIZATION),
                _ => None,
            };
            assert_eq!(error.hint(), hint, "{kind:?}");
            let unsent = Error::new(kind, "cause").not_sent().into_transport_error("ping", &url);
            assert_eq!((unsent.kind(), unsent.delivery()), (expected, NotSent), "{kind:?}");
        }
    }

    #[test]
    fn the_url_is_named_once() {
        let url = Uri::from_static("http://host:1/mcp");
        let kind = ErrorKind::Connect(ConnectStep::Refused);
        let refused = || Error::connecting(kind, "cannot connect", &url, "").amended("hint");
        let wait = ErrorKind::Timeout(Wait::Connect);
        let late = || Error::connecting(wait, "no connection", &url, " within 5s");
        let status = || StatusError::new(StatusCode::NOT_FOUND, HeaderMap::new(), &url, b"what?");
        assert_eq!(refused().to_string(), "cannot connect to http://host:1; hint");
        assert_eq!(late().to_string(), "no connection to http://host:1 within 5s");
        assert_eq!(status().to_string(), "HTTP 404 Not Found from http://host:1/mcp: what?");
        for (error, cause) in [
            (refused().into_transport_error("ping", &url), "cannot connect; hint"),
            (late().into_transport_error("ping", &url), "no connection within 5s"),
            (status().into_transport_error("ping"), "HTTP 404 Not Found: what?"),
        ] {
            assert!(error.to_string().starts_with("http://host:1/mcp: ping: "), "{error}");
            assert_eq!(std::error::Error::source(&error).unwrap().to_string(), cause);
        }
    }

    #[test]
    fn statuses_become_transport_errors() {
        for (status, expected) in [
            (400, TransportKind::Rejected),
            (401, TransportKind::Unauthorized),
            (403, TransportKind::Unauthorized),
            (404, TransportKind::Rejected),
            (408, TransportKind::Unavailable),
            (429, TransportKind::Unavailable),
            (302, TransportKind::Unavailable),
            (500, TransportKind::Unavailable),
        ] {
            let status = StatusCode::from_u16(status).unwrap();
            let url = Uri::from_static("http://h/");
            let refused = StatusError::new(status, HeaderMap::new(), &url, b"");
            let error = refused.into_transport_error("ping");
            assert_eq!((error.kind(), error.delivery()), (expected, Delivery::Answered));
            assert_eq!(error.to_string(), "http://h/: ping: the server refused the request");
            assert_eq!(error.find::<StatusError>().unwrap().status(), status);
        }
    }

    #[test]
    fn hints_depend_on_status_and_body() {
        for (status, body, expected) in [
            (403, "Invalid Host header: expected api.example.com", Some(OTHER_HOST)),
            (403, "Forbidden: origin not allowed", Some(OTHER_HOST)),
            (400, "{\"error\":\"Missing Host\"}", Some(OTHER_HOST)),
            (421, "", Some(OTHER_HOST)),
            (403, "this ghost has no access", None),
            (401, "Invalid Host", None),
            (404, "no such host", None),
            (429, "", Some(LATER)),
            (503, "", Some(LATER)),
            (500, "", None),
        ] {
            let status = StatusCode::from_u16(status).unwrap();
            let url = Uri::from_static("http://h/");
            let refused = StatusError::new(status, HeaderMap::new(), &url, body.as_bytes());
            assert_eq!(refused.into_transport_error("ping").hint(), expected, "{status} {body}");
        }
        let challenge = [(header::WWW_AUTHENTICATE, http::HeaderValue::from_static("Bearer"))];
        let url = Uri::from_static("http://h/");
        let headers = HeaderMap::from_iter(challenge);
        let refused = StatusError::new(StatusCode::FORBIDDEN, headers, &url, b"wrong host");
        assert_eq!(refused.into_transport_error("ping").hint(), None);
    }
}
