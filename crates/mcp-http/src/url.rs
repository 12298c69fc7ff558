use std::fmt;

use http::Uri;
use http::uri::Scheme;
use mcp_core::Excerpt;

/// Displays a URL without credentials and query.
#[derive(Clone, Copy)]
pub struct SafeUrl<'a>(pub &'a Uri);

impl SafeUrl<'_> {
    /// Scheme, host and port.
    pub(crate) fn origin(self) -> String {
        let scheme = self.0.scheme().unwrap_or(&Scheme::HTTP);
        let host = self.0.host().unwrap_or_default();
        match self.0.port() {
            Some(port) => format!("{scheme}://{host}:{port}"),
            None => format!("{scheme}://{host}"),
        }
    }
}

impl fmt::Display for SafeUrl<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.host().is_some() {
            f.write_str(&self.origin())?;
        }
        Excerpt(self.0.path()).fmt(f)
    }
}

impl fmt::Debug for SafeUrl<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// The host of `server`, without the brackets of an IPv6 address, and its port.
pub(crate) fn host_and_port(server: &Uri) -> (&str, u16) {
    let host = server.host().unwrap_or_default();
    let default = if server.scheme() == Some(&Scheme::HTTPS) { 443 } else { 80 };
    (host.trim_start_matches('[').trim_end_matches(']'), server.port_u16().unwrap_or(default))
}
