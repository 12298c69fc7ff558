use http::{StatusCode, header};
use mcp_core::{ErrorObject, RequestId, error_code};
use mcp_http::StatusError;

use crate::reply::Refusal;

/// The state of a session, inferred from the response to one of its messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum SessionState {
    /// Alive, as far as known.
    Alive,
    /// Possibly lost, and the server has not processed the message: to be checked with a ping.
    Doubtful,
    /// Possibly lost, and the server may have processed the message.
    Suspect,
    /// Lost.
    Lost,
}

impl SessionState {
    /// The state after a message without an id was refused.
    ///
    /// 404 means that the session is lost. Servers send other statuses too, each of which can mean something else, so
    /// they only raise doubt. A challenge requires other credentials, independent of the session.
    ///
    /// Spec: 2025-11-25 basic/transports#session-management
    pub(crate) fn after_status(refused: &StatusError) -> Self {
        let names_session = names_session(refused.body());
        match refused.status() {
            StatusCode::NOT_FOUND => Self::Lost,
            StatusCode::BAD_REQUEST | StatusCode::GONE => Self::Doubtful,
            _ if names_session => Self::Doubtful,
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN
                if !refused.headers().contains_key(header::WWW_AUTHENTICATE) =>
            {
                Self::Doubtful
            }
            StatusCode::INTERNAL_SERVER_ERROR => Self::Suspect,
            _ => Self::Alive,
        }
    }

    /// The state after the request with this id was refused. An error that names the request and rejects its method may
    /// be a response to it.
    pub(crate) fn after_refusal(refusal: &Refusal, id: &RequestId) -> Self {
        let is_unknown_method =
            refusal.error_object().is_some_and(|error| error.code == error_code::METHOD_NOT_FOUND);
        match Self::after_status(refusal.status_error()) {
            Self::Lost if is_unknown_method && refusal.names(id) => Self::Doubtful,
            state => state,
        }
    }

    /// The state after a response. Some servers report the loss with an ordinary error.
    pub(crate) fn after_error(error: &ErrorObject) -> Self {
        let may_mean_loss = matches!(error.code, -32099..=-32000 | error_code::INVALID_REQUEST);
        match may_mean_loss && names_session(&error.message) {
            true => Self::Doubtful,
            false => Self::Alive,
        }
    }
}

/// Whether a status that raised doubt has no other meaning.
pub(crate) fn reports_loss(status: StatusCode) -> bool {
    matches!(status, StatusCode::NOT_FOUND | StatusCode::BAD_REQUEST | StatusCode::GONE)
}

/// Whether a text of the server mentions a session or its initialization.
fn names_session(text: &str) -> bool {
    let text = text.to_ascii_lowercase();
    ["session", "initializ", "initialis"].iter().any(|word| text.contains(word))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use http::{HeaderMap, HeaderValue, Uri};

    use super::{SessionState::*, *};

    fn refused(status: u16, body: &str, challenge: bool) -> StatusError {
        let mut headers = HeaderMap::new();
        if challenge {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        let status = StatusCode::from_u16(status).unwrap();
        StatusError::new(status, headers, &Uri::from_static("http://h/"), body.as_bytes())
    }

    #[test]
    fn a_status_determines_the_session_state() {
        for (status, body, challenge, expected) in [
            (404, "", false, Lost),
            (404, "not found", true, Lost),
            (400, "", false, Doubtful),
            (400, "Bad Request: Server not initialized", false, Doubtful),
            (410, "", false, Doubtful),
            (401, "Session not found", false, Doubtful),
            (401, "Session not found", true, Doubtful),
            (401, "", false, Doubtful),
            (401, "", true, Alive),
            (403, "no", false, Doubtful),
            (403, "insufficient scope", true, Alive),
            (500, "", false, Suspect),
            (500, "Unknown SESSION", false, Doubtful),
            (422, "expired session", false, Doubtful),
            (503, "no such session", false, Doubtful),
            (405, "", false, Alive),
            (408, "", false, Alive),
            (429, "slow down", false, Alive),
            (502, "Bad Gateway", false, Alive),
            (503, "", false, Alive),
        ] {
            let state = SessionState::after_status(&refused(status, body, challenge));
            assert_eq!(state, expected, "{status} {body} {challenge}");
        }
    }

    #[test]
    fn an_error_determines_the_session_state() {
        for (code, message, expected) in [
            (-32000, "Session not found", Doubtful),
            (-32001, "Invalid session ID", Doubtful),
            (-32002, "Server not initialized", Doubtful),
            (-32005, "the session has expired", Doubtful),
            (-32600, "Missing session ID", Doubtful),
            (-32002, "Resource not found", Alive),
            (-32602, "unknown session of the browser", Alive),
            (-32603, "session", Alive),
            (1, "session", Alive),
        ] {
            let state = SessionState::after_error(&ErrorObject::new(code, message));
            assert_eq!(state, expected, "{code} {message}");
        }
    }
}
