use std::fmt;

use base64::{Engine, engine::general_purpose::STANDARD};
use http::{HeaderValue, Uri};
use mcp_http::SafeUrl;
use mcp_transport::{Delivery, Error, ErrorKind};
use url::Url;

/// Where the server is: parsed once. Credentials in the URL become a header, as every client does it.
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
        let bare = url.set_username("").and_then(|()| url.set_password(None));
        bare.map_err(|()| invalid("the URL of the server has no host"))?;
        url.set_fragment(None);
        let uri = Uri::try_from(url.as_str())
            .map_err(|error| invalid("the URL of the server cannot be sent").with_source(error))?;
        Ok(Self { uri, authorization })
    }
}

fn invalid(text: impl Into<std::borrow::Cow<'static, str>>) -> Error {
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
            Endpoint::parse(" HTTPS://us%65r:p%40ss@Host:8443/mcp?key=hidden#x ").unwrap();
        assert_eq!(endpoint.uri, "https://host:8443/mcp?key=hidden");
        assert_eq!(endpoint.to_string(), "https://host:8443/mcp");
        let authorization = endpoint.authorization.unwrap();
        assert_eq!(authorization, format!("Basic {}", STANDARD.encode("user:p@ss")));
        assert!(authorization.is_sensitive());
        assert!(Endpoint::parse("http://localhost:1/").unwrap().authorization.is_none());
    }

    #[test]
    fn what_is_no_url_is_refused_without_repeating_it() {
        for text in ["", "mcp", "host:80/mcp", "ftp://h/", "http://", "/path", "http://u:hidden@/"]
        {
            let Err(error) = Endpoint::parse(text) else { panic!("{text}") };
            assert_eq!(error.kind(), ErrorKind::Config, "{text}");
            assert!(!format!("{error:?}").contains("hidden"));
        }
    }
}
