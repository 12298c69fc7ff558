//! Which URLs an authorization may send requests to.

use std::net::IpAddr;

use mcp_http::AddressKind;
use url::{Host, Url};

use crate::error::{Error, ErrorKind};

/// Address class of the server that an authorization is for.
#[derive(Clone, Debug)]
pub(crate) struct Policy {
    /// Where the server's addresses are valid.
    pub(crate) kind: AddressKind,
}

impl Policy {
    /// Resolves the host of `url`, unless it is an IP address.
    pub(crate) async fn of(url: &Url) -> Self {
        let kind = match url.host() {
            Some(Host::Ipv4(address)) => AddressKind::of(address.into()),
            Some(Host::Ipv6(address)) => AddressKind::of(address.into()),
            Some(Host::Domain(name)) if is_loopback_name(name) => AddressKind::Loopback,
            Some(Host::Domain(name)) => {
                let port = url.port_or_known_default().unwrap_or(443);
                // A name that cannot be resolved here may be resolved by a proxy.
                let found = tokio::net::lookup_host((name, port)).await;
                let kinds = found.into_iter().flatten().map(|it| AddressKind::of(it.ip()));
                kinds.max().unwrap_or(AddressKind::Public)
            }
            None => AddressKind::Public,
        };
        Self { kind }
    }

    /// Whether the server is on this machine.
    fn is_local(&self) -> bool {
        self.kind == AddressKind::Loopback
    }

    /// Checks the URL of a request or login page: `https`, or plain `http` if both hosts are this machine.
    pub(crate) fn check(&self, url: &str, what: &str) -> Result<Url, Error> {
        let parsed = Url::parse(url).map_err(|error| {
            let message = format!("the {what} of the authorization server is not a URL");
            Error::new(ErrorKind::Untrusted, message).with_source(error)
        })?;
        let is_safe = match parsed.scheme() {
            "https" => true,
            "http" => self.is_local() && is_loopback(&parsed),
            _ => false,
        };
        if !is_safe {
            let message = format!("refused the {what} {}: not https", shown(&parsed));
            return Err(Error::new(ErrorKind::Untrusted, message));
        }
        Ok(parsed)
    }
}

/// Whether the text of a URL names this machine.
pub(crate) fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Ipv4(address)) => IpAddr::from(address).is_loopback(),
        Some(Host::Ipv6(address)) => IpAddr::from(address).is_loopback(),
        Some(Host::Domain(name)) => is_loopback_name(name),
        None => false,
    }
}

fn is_loopback_name(name: &str) -> bool {
    let name = name.strip_suffix('.').unwrap_or(name);
    name.eq_ignore_ascii_case("localhost") || name.to_ascii_lowercase().ends_with(".localhost")
}

/// The URL without parts that may be secret: user, query and fragment.
pub(crate) fn shown(url: &Url) -> String {
    let mut url = url.clone();
    let _ = url.set_username("");
    let _ = url.set_password(None);
    url.set_query(None);
    url.set_fragment(None);
    url.into()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use super::*;

    #[tokio::test]
    async fn plain_http_is_for_loopback_only() {
        for (server, url, is_allowed) in [
            ("http://127.0.0.1:1/mcp", "http://localhost:2/token", true),
            ("http://localhost:1/mcp", "http://[::1]:2/token", true),
            ("http://localhost:1/mcp", "https://example.com/token", true),
            ("http://localhost:1/mcp", "http://example.com/token", false),
            ("http://localhost:1/mcp", "http://10.0.0.1/token", false),
            ("http://10.0.0.1:1/mcp", "http://127.0.0.1/token", false),
            ("http://10.0.0.1:1/mcp", "http://10.0.0.1/token", false),
            ("https://8.8.8.8/mcp", "http://127.0.0.1/token", false),
            ("https://8.8.8.8/mcp", "file:///etc/passwd", false),
            ("https://8.8.8.8/mcp", "javascript:alert(1)", false),
            ("https://8.8.8.8/mcp", "not a URL", false),
        ] {
            let policy = Policy::of(&Url::parse(server).unwrap()).await;
            let checked = policy.check(url, "token endpoint");
            assert_eq!(checked.is_ok(), is_allowed, "{server} {url}");
            if let Err(error) = checked {
                assert_eq!(error.kind(), ErrorKind::Untrusted);
            }
        }
    }
}
