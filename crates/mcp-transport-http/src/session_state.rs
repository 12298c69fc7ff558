use http::{StatusCode, header};
use mcp_core::{ErrorObject, RequestId, error_code};
use mcp_http::StatusError;

use crate::reply::Refusal;

/// What the response to a message means for the session that the message named.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum SessionState {
    /// Nothing.
    Alive,
    /// It may be lost, and the server has not executed the message: a ping shows.
    Doubtful,
    /// It may be lost, and the server may have executed the message.
    Suspect,
    /// It is lost.
    Lost,
}

impl SessionState {
    /// After a refusal of a message without an id.
    ///
    /// 404 means that the session is lost. Servers send other statuses too, and every one of them can mean
    /// something else, so they raise a doubt at the most. A challenge asks for other credentials, whatever
    /// became of the session.
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

    /// After a refusal of the request with this id. An error that names the request and calls its method
    /// unknown may be a response to it.
    pub(crate) fn after_refusal(refusal: &Refusal, id: &RequestId) -> Self {
        let is_unknown_method =
            refusal.error_object().is_some_and(|error| error.code == error_code::METHOD_NOT_FOUND);
        match Self::after_status(refusal.status_error()) {
            Self::Lost if is_unknown_method && refusal.names(id) => Self::Doubtful,
            state => state,
        }
    }

    /// After a response. Some servers report the loss by an ordinary error.
    pub(crate) fn after_error(error: &ErrorObject) -> Self {
        let may_mean_loss = matches!(error.code, -32099..=-32000 | error_code::INVALID_REQUEST);
        match may_mean_loss && names_session(&error.message) {
            true => Self::Doubtful,
            false => Self::Alive,
        }
    }
}

/// Whether a status that raised a doubt has no meaning of its own beside it.
pub(crate) fn reports_loss(status: StatusCode) -> bool {
    matches!(status, StatusCode::NOT_FOUND | StatusCode::BAD_REQUEST | StatusCode::GONE)
}

/// Whether a text of the server is about a session or its opening.
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
    fn what_a_status_means_for_the_session() {
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
    fn what_an_error_means_for_the_session() {
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
