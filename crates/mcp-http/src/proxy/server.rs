use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::{HeaderValue, Uri};
use percent_encoding::percent_decode_str;
use url::Url;

use crate::error::{Error, ErrorKind};

/// A proxy: its kind, address and credentials. `Display` redacts the credentials.
pub(crate) struct ProxyServer {
    kind: Kind,
    /// `host:port`, an IPv6 address in brackets.
    address: String,
    /// For the connector.
    uri: Uri,
    credentials: Option<(Vec<u8>, Vec<u8>)>,
    authorization: Option<HeaderValue>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Http,
    Socks5 { looks_up_names: bool },
}

impl ProxyServer {
    pub(crate) fn parse(url: &str) -> Result<Self, Error> {
        let invalid = |why: String| Error::new(ErrorKind::InvalidUrl, why).not_sent();
        let text = url.trim();
        let url = match text.contains("://") {
            true => Url::parse(text),
            false => Url::parse(&format!("http://{text}")),
        };
        let url = url.map_err(|error| {
            invalid("the URL of the proxy is not valid".to_owned()).with_source(error)
        })?;
        let (kind, default_port) = match url.scheme() {
            "http" => (Kind::Http, 80),
            "socks5" => (Kind::Socks5 { looks_up_names: false }, 1080),
            "socks5h" => (Kind::Socks5 { looks_up_names: true }, 1080),
            other => {
                let why = format!("a proxy is http, socks5 or socks5h, and not {other}");
                return Err(invalid(why));
            }
        };
        let host = url.host_str().filter(|host| !host.is_empty());
        let host = host.ok_or_else(|| invalid("the URL of the proxy has no host".to_owned()))?;
        let address = format!("{host}:{}", url.port().unwrap_or(default_port));
        let uri =
            format!("http://{address}/").parse().map_err(|error: http::uri::InvalidUri| {
                invalid("the host of the proxy is not valid".to_owned()).with_source(error)
            })?;
        let has_credentials = !url.username().is_empty() || url.password().is_some();
        let credentials = has_credentials.then(|| {
            let decoded = |text| percent_decode_str(text).collect::<Vec<u8>>();
            (decoded(url.username()), decoded(url.password().unwrap_or_default()))
        });
        if let (Kind::Socks5 { .. }, Some((user, password))) = (kind, &credentials)
            && (user.len() > 255 || password.len() > 255)
        {
            let why = "the credentials for a SOCKS5 proxy have at most 255 bytes each";
            return Err(invalid(why.to_owned()));
        }
        let authorization = credentials.as_ref().map(basic);
        Ok(Self { kind, address, uri, credentials, authorization })
    }

    pub(crate) fn kind(&self) -> Kind {
        self.kind
    }

    pub(crate) fn uri(&self) -> &Uri {
        &self.uri
    }

    pub(crate) fn credentials(&self) -> Option<&(Vec<u8>, Vec<u8>)> {
        self.credentials.as_ref()
    }

    /// The value of `Proxy-Authorization`.
    pub(crate) fn authorization(&self) -> Option<&HeaderValue> {
        self.authorization.as_ref()
    }

    /// The error text for a proxy that refuses the client.
    pub(crate) fn unauthorized(&self) -> String {
        match self.credentials {
            Some(_) => format!("the proxy {self} refuses the configured credentials"),
            None => format!("the proxy {self} requires credentials"),
        }
    }
}

fn basic((user, password): &(Vec<u8>, Vec<u8>)) -> HeaderValue {
    let plain = [user, &b":"[..], password].concat();
    let value = format!("Basic {}", STANDARD.encode(plain));
    let mut value = HeaderValue::try_from(value).expect("base64 is fit for a header");
    value.set_sensitive(true);
    value
}

impl fmt::Display for ProxyServer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = match self.kind {
            Kind::Http => "http",
            Kind::Socks5 { looks_up_names: false } => "socks5",
            Kind::Socks5 { looks_up_names: true } => "socks5h",
        };
        write!(f, "{scheme}://{}", self.address)
    }
}

impl fmt::Debug for ProxyServer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
