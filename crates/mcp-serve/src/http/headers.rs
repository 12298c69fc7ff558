//! Validation of request headers.

use http::{
    HeaderMap, HeaderName, Response, StatusCode,
    header::{ACCEPT, AsHeaderName, CONTENT_TYPE},
};

use super::{answer, body::Body};

pub(super) const PROTOCOL_VERSION: HeaderName = HeaderName::from_static("mcp-protocol-version");
pub(super) const METHOD: HeaderName = HeaderName::from_static("mcp-method");
pub(super) const NAME: HeaderName = HeaderName::from_static("mcp-name");
pub(super) const SESSION_ID: HeaderName = HeaderName::from_static("mcp-session-id");
pub(super) const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");

/// Refuses a POST whose body is not JSON, or whose client does not accept both response types.
///
/// Spec: basic/transports/streamable-http#sending-messages-to-the-server
pub(super) fn refuse_media_types(headers: &HeaderMap) -> Option<Response<Body>> {
    if let Some(refused) = refuse_content_type(headers) {
        return Some(refused);
    }
    // What clients send.
    if headers.get(ACCEPT).is_some_and(|it| it == "application/json, text/event-stream") {
        return None;
    }
    let accepts = |kind| header(headers, ACCEPT).is_none_or(|accept| accepts(accept, kind));
    if !(accepts("application/json") && accepts("text/event-stream")) {
        let text = "the client must accept application/json and text/event-stream";
        return Some(answer::refusal(StatusCode::NOT_ACCEPTABLE, text));
    }
    None
}

/// Refuses a POST whose body is not JSON.
pub(super) fn refuse_content_type(headers: &HeaderMap) -> Option<Response<Body>> {
    if headers.get(CONTENT_TYPE).is_some_and(|it| it == "application/json") {
        return None;
    }
    header(headers, CONTENT_TYPE).filter(|it| !is_json(it)).map(|_| {
        let text = "the content type must be application/json";
        answer::refusal(StatusCode::UNSUPPORTED_MEDIA_TYPE, text)
    })
}

fn is_json(content_type: &str) -> bool {
    let media_type = content_type.split(';').next().unwrap_or_default().trim();
    media_type.eq_ignore_ascii_case("application/json")
}

/// Whether a value of `Accept` includes a media type.
pub(super) fn accepts(accept: &str, media_type: &str) -> bool {
    let (kind, _) = media_type.split_once('/').unwrap_or((media_type, ""));
    accept.split(',').any(|range| {
        let range = range.split(';').next().unwrap_or_default().trim();
        range == "*/*"
            || range.eq_ignore_ascii_case(media_type)
            || range.strip_suffix("/*").is_some_and(|it| it.eq_ignore_ascii_case(kind))
    })
}

/// The value of a header, if it is valid text.
pub(super) fn header(headers: &HeaderMap, name: impl AsHeaderName) -> Option<&str> {
    Some(headers.get(name)?.to_str().ok()?.trim())
}
