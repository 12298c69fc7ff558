use http::{HeaderMap, header};

/// The media type of a body, without parameters, as received. Compare it case-insensitively.
#[must_use]
pub fn media_type(headers: &HeaderMap) -> Option<&str> {
    let value = headers.get(header::CONTENT_TYPE)?.to_str().ok()?;
    let end = memchr::memchr(b';', value.as_bytes()).unwrap_or(value.len());
    Some(value[..end].trim_ascii())
}

/// Whether a body is `text/event-stream`, for [`Events`](crate::sse::Events).
#[must_use]
pub fn is_event_stream(headers: &HeaderMap) -> bool {
    media_type(headers).is_some_and(is_event_stream_type)
}

/// Whether a [media type](media_type) is `text/event-stream`.
#[must_use]
pub fn is_event_stream_type(media_type: &str) -> bool {
    media_type.eq_ignore_ascii_case("text/event-stream")
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    #[test]
    fn media_types_are_read_without_parameters() {
        for (value, kind, is_events) in [
            ("text/event-stream", Some("text/event-stream"), true),
            ("Text/Event-Stream ; charset=utf-8", Some("Text/Event-Stream"), true),
            ("application/json;x=text/event-stream", Some("application/json"), false),
            ("text/event-stream2", Some("text/event-stream2"), false),
            ("", Some(""), false),
            ("t\u{e4}xt", None, false),
        ] {
            let mut headers = HeaderMap::new();
            let value = HeaderValue::from_bytes(value.as_bytes()).expect("a value");
            headers.insert(header::CONTENT_TYPE, value);
            assert_eq!(media_type(&headers), kind);
            assert_eq!(is_event_stream(&headers), is_events, "{kind:?}");
        }
        assert_eq!(media_type(&HeaderMap::new()), None);
    }
}
