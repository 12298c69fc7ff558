use std::{borrow::Cow, fmt};

use base64::{Engine, engine::general_purpose::STANDARD};
use http::{HeaderValue, Uri};
use mcp_http::SafeUrl;
use mcp_transport::{Delivery, Error, ErrorKind};
use url::Url;

/// Where the stream is opened: parsed once. Credentials in the URL become a header, as every client
/// does it.
#[derive(Clone)]
pub(crate) struct Endpoint {
    pub(crate) uri: Uri,
    pub(crate) authorization: Option<HeaderValue>,
}

impl Endpoint {
    pub(crate) fn parse(text: &str) -> Result<Self, Error> {
        let mut url = Url::parse(text.trim())
            .map_err(|error| invalid("the URL of the server cannot be read").with_source(error))?;
        if !matches!(url.scheme(), "http" | "https") {
            let text = format!("a URL that begins with {:?}, not with http or https", url.scheme());
            return Err(invalid(text));
        }
        let authorization = basic_credentials(&url)?;
        strip(&mut url);
        let uri = Uri::try_from(url.as_str())
            .map_err(|error| invalid("the URL of the server cannot be sent").with_source(error))?;
        Ok(Self { uri, authorization })
    }
}

/// Where messages are POSTed to: what an `endpoint` event says on a stream of the URL `stream`.
///
/// It has to be of the same origin, or a server could have credentials and messages sent to anybody.
///
/// Spec: 2024-11-05 basic/transports#http-with-sse
pub(crate) fn post_endpoint(stream: &Uri, data: &[u8]) -> Result<Uri, Error> {
    let unusable = || {
        let text = "GET: the endpoint event of the server holds no URL";
        Error::new(ErrorKind::Protocol, text)
    };
    let base = Url::parse(&stream.to_string()).map_err(|error| unusable().with_source(error))?;
    let text = std::str::from_utf8(data).map_err(|error| unusable().with_source(error))?.trim();
    if text.is_empty() {
        return Err(unusable());
    }
    let mut url = base.join(text).map_err(|error| unusable().with_source(error))?;
    if url.origin() != base.origin() {
        let theirs = url.origin().ascii_serialization();
        let text = format!(
            "GET: the endpoint event of {} points to another origin, {theirs}",
            SafeUrl(stream)
        );
        return Err(Error::new(ErrorKind::Protocol, text));
    }
    strip(&mut url);
    Uri::try_from(url.as_str()).map_err(|error| unusable().with_source(error))
}

/// Leaves what is sent in a request.
fn strip(url: &mut Url) {
    // A URL with a host, as those with http and https are, can be without a user.
    let _ = url.set_username("");
    let _ = url.set_password(None);
    url.set_fragment(None);
}

fn invalid(text: impl Into<Cow<'static, str>>) -> Error {
    Error::new(ErrorKind::Config, text).with_delivery(Delivery::NotSent)
}

fn basic_credentials(url: &Url) -> Result<Option<HeaderValue>, Error> {
    if url.username().is_empty() && url.password().is_none() {
        return Ok(None);
    }
    let mut plain = percent_decoded(url.username());
    plain.push(b':');
    plain.extend(percent_decoded(url.password().unwrap_or_default()));
    let mut value = HeaderValue::try_from(format!("Basic {}", STANDARD.encode(plain)))
        .map_err(|_| invalid("the credentials in the URL cannot be sent"))?;
    value.set_sensitive(true);
    Ok(Some(value))
}

fn percent_decoded(text: &str) -> Vec<u8> {
    let mut bytes = text.as_bytes().iter();
    let mut out = Vec::with_capacity(text.len());
    while let Some(&byte) = bytes.next() {
        let escaped = (byte == b'%')
            .then(|| bytes.as_slice().get(..2))
            .flatten()
            .and_then(|digits| std::str::from_utf8(digits).ok())
            .and_then(|digits| u8::from_str_radix(digits, 16).ok());
        match escaped {
            Some(escaped) => {
                out.push(escaped);
                bytes.nth(1);
            }
            None => out.push(byte),
        }
    }
    out
}

/// Without a query, which may hold secrets.
impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        SafeUrl(&self.uri).fmt(f)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    #[test]
    fn urls_are_read_once_and_shown_without_secrets() {
        let endpoint =
            Endpoint::parse(" HTTPS://us%65r:p%40ss@Host:8443/sse?key=hidden#x ").unwrap();
        assert_eq!(endpoint.uri, "https://host:8443/sse?key=hidden");
        assert_eq!(endpoint.to_string(), "https://host:8443/sse");
        let authorization = endpoint.authorization.unwrap();
        assert_eq!(authorization, format!("Basic {}", STANDARD.encode("user:p@ss")));
        assert!(authorization.is_sensitive());
        assert!(Endpoint::parse("http://localhost:1/").unwrap().authorization.is_none());
        for text in ["", "sse", "host:80/sse", "ftp://h/", "http://", "http://u:hidden@/"] {
            let Err(error) = Endpoint::parse(text) else { panic!("{text}") };
            assert_eq!(error.kind(), ErrorKind::Config, "{text}");
            assert!(!format!("{error:?}").contains("hidden"));
        }
    }

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
            assert_eq!(post_endpoint(&stream, data.as_bytes()).unwrap(), expected, "{data:?}");
        }
    }

    #[test]
    fn an_endpoint_elsewhere_is_refused() {
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
            let error = post_endpoint(&stream, data.as_bytes()).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Protocol, "{data}");
            let text = error.to_string();
            assert!(text.contains("another origin") && !text.contains("key"), "{data}: {text}");
        }
        for data in [&b""[..], b" ", b"http://", b"/\xff"] {
            let error = post_endpoint(&stream, data).unwrap_err();
            assert!(error.to_string().contains("no URL"), "{data:?}: {error}");
        }
    }
}
