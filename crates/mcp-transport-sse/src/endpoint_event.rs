use http::Uri;
use mcp_transport::{Error, ErrorKind};
use url::Url;

use crate::error::not_opened;

/// The URL for POSTs: the data of the `endpoint` event on the stream at `stream`.
///
/// The `prefix` is added to its path, unless the path starts with it. It must have the same origin, otherwise a server
/// could redirect credentials and messages anywhere.
///
/// Spec: 2024-11-05 basic/transports#http-with-sse
pub(crate) fn post_url(stream: &Uri, data: &[u8], prefix: Option<&str>) -> Result<Uri, Error> {
    let unusable =
        || not_opened(stream, ErrorKind::Protocol, "the endpoint event of the server is not a URL");
    let base = Url::parse(&stream.to_string()).map_err(|error| unusable().with_source(error))?;
    let text = std::str::from_utf8(data).map_err(|error| unusable().with_source(error))?.trim();
    if text.is_empty() {
        return Err(unusable());
    }
    let mut url = base.join(text).map_err(|error| unusable().with_source(error))?;
    if url.origin() != base.origin() {
        let theirs = url.origin().ascii_serialization();
        let text = format!("the endpoint event of the server points to another origin, {theirs}");
        return Err(not_opened(stream, ErrorKind::Protocol, text));
    }
    if let Some(prefix) = prefix {
        let rest = url.path().strip_prefix(prefix);
        if !rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/')) {
            url.set_path(&format!("{prefix}{}", url.path()));
        }
    }
    // Removing the user from an http or https URL cannot fail.
    let _ = url.set_username("");
    let _ = url.set_password(None);
    Uri::try_from(url.as_str()).map_err(|error| unusable().with_source(error))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    #[test]
    fn the_endpoint_event_is_resolved_against_the_stream() {
        let stream = Uri::from_static("https://host/a/sse?key=1");
        for (data, expected) in [
            ("/messages?sessionId=7", "https://host/messages?sessionId=7"),
            ("messages/7", "https://host/a/messages/7"),
            ("?sessionId=7", "https://host/a/sse?sessionId=7"),
            ("https://host:443/m", "https://host/m"),
            ("HTTPS://HOST/m", "https://host/m"),
            (" /m \n", "https://host/m"),
            ("https://user:pw@host/m#part", "https://host/m"),
        ] {
            assert_eq!(post_url(&stream, data.as_bytes(), None).unwrap(), expected, "{data:?}");
        }
    }

    #[test]
    fn an_unknown_prefix_is_added() {
        let stream = Uri::from_static("https://host/app/sse");
        for (data, expected) in [
            ("/messages?sessionId=7", "https://host/app/messages?sessionId=7"),
            ("messages/7", "https://host/app/messages/7"),
            ("/app", "https://host/app"),
            ("/application", "https://host/app/application"),
        ] {
            assert_eq!(post_url(&stream, data.as_bytes(), Some("/app")).unwrap(), expected);
        }
    }

    #[test]
    fn an_endpoint_of_another_origin_is_refused() {
        let stream = Uri::from_static("https://host/sse?key=hidden");
        for data in [
            "https://evil.example/m?key=theirs",
            "//evil.example/m",
            "http://host/m",
            "https://host:8443/m",
            "https://host.evil.example/m",
            "file:///m",
            "javascript:x",
            "\\\\evil.example\\m",
        ] {
            let error = post_url(&stream, data.as_bytes(), None).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Protocol, "{data}");
            let text = error.to_string();
            assert!(text.contains("another origin") && !text.contains("key"), "{data}: {text}");
        }
        for data in [&b""[..], b" ", b"http://", b"/\xff"] {
            let error = post_url(&stream, data, None).unwrap_err();
            assert!(error.to_string().contains("not a URL"), "{data:?}: {error}");
        }
    }
}
