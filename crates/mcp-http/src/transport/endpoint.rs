use std::borrow::Cow;
use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::{HeaderMap, HeaderName, HeaderValue, Uri, header};
use mcp_transport::{Address, Binding, Carrier, ConnectionInfo, Delivery, Error, ErrorKind};
use percent_encoding::percent_decode_str;
use url::Url;

use crate::url::{SafeUrl, host_and_port};

/// The URL of a server, and the headers of every request to it.
///
/// `Display` shows the URL without credentials and query, `Debug` also the names of the headers. Values are redacted,
/// since any of them may be a secret.
#[derive(Clone)]
pub struct Endpoint {
    url: Uri,
    /// The credentials in the URL.
    credentials: Option<HeaderValue>,
    headers: HeaderMap,
    /// The first header error.
    error: Option<Error>,
}

impl Endpoint {
    /// The server at a URL. Credentials in the URL become an `Authorization` header.
    ///
    /// # Errors
    ///
    /// [`Config`](ErrorKind::Config) if it is not an absolute `http` or `https` URL.
    pub fn parse(url: &str) -> Result<Self, Error> {
        let mut url = Url::parse(url.trim())
            .map_err(|error| invalid("the URL of the server is not valid").with_source(error))?;
        if !matches!(url.scheme(), "http" | "https") {
            let text = format!("a URL that begins with {:?}, not with http or https", url.scheme());
            return Err(invalid(text));
        }
        let credentials = basic_credentials(&url)?;
        // Removing the user from an http or https URL cannot fail.
        let _ = url.set_username("");
        let _ = url.set_password(None);
        let url = Uri::try_from(url.as_str())
            .map_err(|error| invalid("the URL of the server cannot be sent").with_source(error))?;
        Ok(Self { url, credentials, headers: HeaderMap::new(), error: None })
    }

    /// The URL of requests, without credentials and fragment.
    #[must_use]
    pub fn url(&self) -> &Uri {
        &self.url
    }

    /// The description of a connection over this carrier.
    #[must_use]
    pub fn info(&self, binding: Binding, carrier: Carrier) -> ConnectionInfo {
        let peer = self.address().filter(|_| carrier == Carrier::Tcp);
        ConnectionInfo::new(binding, self.to_string()).with_carrier(carrier).with_peer(peer)
    }

    /// The host and port, with the scheme's default port.
    fn address(&self) -> Option<Address> {
        let (host, port) = host_and_port(&self.url);
        (!host.is_empty()).then(|| Address::new(host, port))
    }

    /// Sets a header, replacing one of the same name. [`headers`](Self::headers) reports an invalid name or value.
    pub fn set_header<N, V>(&mut self, name: N, value: V)
    where
        N: TryInto<HeaderName>,
        V: TryInto<HeaderValue>,
    {
        match (name.try_into(), value.try_into()) {
            (Ok(name), Ok(value)) => {
                self.headers.insert(name, value);
            }
            (Ok(name), Err(_)) => self.fail(format!("the value of the header {name} is not valid")),
            (Err(_), _) => self.fail("the name of a header is not valid"),
        }
    }

    /// Sets headers, replacing those of the same names.
    pub fn set_headers(&mut self, headers: HeaderMap) {
        self.headers.extend(headers);
    }

    /// Sets `Authorization: Bearer` with `token`. [`headers`](Self::headers) reports an invalid token.
    pub fn set_bearer_token(&mut self, token: &str) {
        match HeaderValue::try_from(format!("Bearer {token}")) {
            Ok(value) => {
                self.headers.insert(header::AUTHORIZATION, value);
            }
            Err(_) => self.fail(format!("the bearer token {}", why_not_sent(token))),
        }
    }

    /// The headers of all requests, marked as sensitive: those that were set, and the credentials of the URL unless
    /// `Authorization` was set.
    ///
    /// # Errors
    ///
    /// [`Config`](ErrorKind::Config) if a header is not valid, or is set by the protocol (`owned`).
    pub fn headers(&self, owned: &[HeaderName]) -> Result<HeaderMap, Error> {
        if let Some(error) = &self.error {
            return Err(error.clone());
        }
        if let Some(name) = self.headers.keys().find(|name| owned.contains(name)) {
            let text =
                format!("the header {name} is set by the protocol and cannot be set otherwise");
            return Err(invalid(text));
        }
        let mut headers = self.headers.clone();
        if let Some(credentials) = &self.credentials
            && !headers.contains_key(header::AUTHORIZATION)
        {
            headers.insert(header::AUTHORIZATION, credentials.clone());
        }
        for value in headers.values_mut() {
            value.set_sensitive(true);
        }
        Ok(headers)
    }

    /// Checks that no setting authorizes requests, since `auth` does.
    ///
    /// # Errors
    ///
    /// [`Config`](ErrorKind::Config) if there is an `Authorization` header, or credentials in the URL.
    pub(super) fn check_unauthorized(&self) -> Result<(), Error> {
        match self.credentials.is_some() || self.headers.contains_key(header::AUTHORIZATION) {
            true => Err(invalid(
                "`auth` and an Authorization header, a bearer token or credentials in the URL are set: \
                 remove one of them",
            )),
            false => Ok(()),
        }
    }

    fn fail(&mut self, text: impl Into<Cow<'static, str>>) {
        self.error.get_or_insert_with(|| invalid(text));
    }
}

/// Without the query, which may contain secrets.
impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        SafeUrl(&self.url).fmt(f)
    }
}

impl fmt::Debug for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Endpoint")
            .field("url", &SafeUrl(&self.url))
            .field("headers", &self.headers.keys().collect::<Vec<_>>())
            .finish_non_exhaustive()
    }
}

/// The reason why a value is not valid in a header.
fn why_not_sent(value: &str) -> &'static str {
    match value.find(['\r', '\n']) {
        Some(at) if value[at..].trim_matches(['\r', '\n']).is_empty() => {
            "ends with a line break, as a file often does: trim it"
        }
        Some(_) => "has a line break in it",
        None => "has a character in it that a header cannot have",
    }
}

fn invalid(text: impl Into<Cow<'static, str>>) -> Error {
    Error::new(ErrorKind::Config, text).with_delivery(Delivery::NotSent)
}

fn basic_credentials(url: &Url) -> Result<Option<HeaderValue>, Error> {
    if url.username().is_empty() && url.password().is_none() {
        return Ok(None);
    }
    let mut plain: Vec<u8> = percent_decode_str(url.username()).collect();
    plain.push(b':');
    plain.extend(percent_decode_str(url.password().unwrap_or_default()));
    HeaderValue::try_from(format!("Basic {}", STANDARD.encode(plain)))
        .map(Some)
        .map_err(|_| invalid("the credentials in the URL cannot be sent"))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    #[test]
    fn urls_are_parsed_and_shown_without_secrets() {
        let endpoint =
            Endpoint::parse(" HTTPS://us%65r:p%40ss@Host:8443/mcp?key=hidden#x ").unwrap();
        assert_eq!(endpoint.url(), "https://host:8443/mcp?key=hidden");
        assert_eq!(endpoint.to_string(), "https://host:8443/mcp");
        assert_eq!(endpoint.address(), Some(Address::new("host", 8443)));
        for (url, host, port) in [("http://u:p@h/", "h", 80), ("https://[::1]/", "::1", 443)] {
            let address = Endpoint::parse(url).unwrap().address();
            assert_eq!(address, Some(Address::new(host, port)));
        }
        let authorization = endpoint.headers(&[]).unwrap().remove("authorization").unwrap();
        assert_eq!(authorization, format!("Basic {}", STANDARD.encode("user:p@ss")));
        assert!(authorization.is_sensitive());
        let endpoint = Endpoint::parse("http://100%:%+1@h/").unwrap();
        let authorization = endpoint.headers(&[]).unwrap().remove("authorization").unwrap();
        assert_eq!(authorization, format!("Basic {}", STANDARD.encode("100%:%+1")));
        let bare = Endpoint::parse("http://localhost:1/").unwrap();
        assert!(bare.headers(&[]).unwrap().is_empty());
    }

    #[test]
    fn invalid_urls_are_not_repeated_in_errors() {
        for text in ["", "mcp", "host:80/mcp", "ftp://h/", "http://", "/path", "http://u:hidden@/"]
        {
            let Err(error) = Endpoint::parse(text) else { panic!("{text}") };
            assert_eq!(error.kind(), ErrorKind::Config, "{text}");
            assert_eq!(error.delivery(), Delivery::NotSent, "{text}");
            assert!(!format!("{error:?}").contains("hidden"));
        }
    }

    #[test]
    fn headers_are_sensitive_and_a_token_overrides_url_credentials() {
        let mut endpoint = Endpoint::parse("http://user:hidden@host/").unwrap();
        endpoint.set_header("x-tenant", "hidden");
        endpoint.set_headers(HeaderMap::from_iter([(
            header::COOKIE,
            HeaderValue::from_static("hidden"),
        )]));
        endpoint.set_bearer_token("hidden");
        let headers = endpoint.headers(&[header::ACCEPT]).unwrap();
        assert_eq!(headers.len(), 3);
        assert_eq!(headers["authorization"], "Bearer hidden");
        assert!(headers.values().all(HeaderValue::is_sensitive));
        let shown = format!("{endpoint:?} {endpoint} {headers:?}");
        assert!(shown.contains("x-tenant") && !shown.contains("hidden"), "{shown}");
    }

    #[test]
    fn the_first_error_in_the_headers_is_reported() {
        type Set = fn(&mut Endpoint);
        let wrong: [(Set, &str); 4] = [
            (|it| it.set_header("accept", "text/html"), "accept"),
            (|it| it.set_header("a b", "x"), "name of a header"),
            (|it| it.set_header("x-a", "line\nbreak"), "x-a"),
            (|it| it.set_bearer_token("line\nbreak"), "token"),
        ];
        for (set, says) in wrong {
            let mut endpoint = Endpoint::parse("http://host/").unwrap();
            set(&mut endpoint);
            let error = endpoint.headers(&[header::ACCEPT]).unwrap_err();
            assert_eq!((error.kind(), error.delivery()), (ErrorKind::Config, Delivery::NotSent));
            assert!(error.to_string().contains(says), "{error}");
        }
        let mut endpoint = Endpoint::parse("http://host/").unwrap();
        wrong.iter().for_each(|(set, _)| set(&mut endpoint));
        let error = endpoint.headers(&[header::ACCEPT]).unwrap_err();
        assert!(error.to_string().contains("name of a header"), "{error}");
    }
}
