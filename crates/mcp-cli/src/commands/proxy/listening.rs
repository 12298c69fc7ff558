//! The options of the listener.

use std::{path::PathBuf, time::Duration};

use crate::target::parse_duration;

/// How HTTP is served.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "HTTP")]
pub(super) struct Listening {
    /// Serve Streamable HTTP at this address: PORT, or ADDRESS:PORT; port 0 is any free one
    #[arg(long, value_name = "ADDRESS", value_parser = parse_address)]
    pub(super) listen: Option<String>,
    /// Serve HTTP+SSE of revision 2024-11-05 too, at /sse
    #[arg(long, requires = "listen")]
    pub(super) serve_sse: bool,
    /// Serve https, with the certificates in this PEM file, that of this server first
    #[arg(long, value_name = "FILE", requires_all = ["listen", "tls_key"])]
    pub(super) tls_cert: Option<PathBuf>,
    /// The private key of the certificate, in PEM
    #[arg(long, value_name = "FILE", requires = "tls_cert")]
    pub(super) tls_key: Option<PathBuf>,
    /// Serve only requests with the bearer token in this variable; it is not passed on
    #[arg(long, value_name = "VARIABLE", requires = "listen")]
    pub(super) token_env: Option<String>,
    /// Serve other machines without a token
    #[arg(long, requires = "listen", conflicts_with = "token_env")]
    pub(super) no_auth: bool,
    /// Serve requests to this host, in addition to those to this machine
    #[arg(long = "allow-host", value_name = "HOST", requires = "listen")]
    pub(super) allow_hosts: Vec<String>,
    /// Serve pages of this origin, such as https://example.com
    #[arg(long = "allow-origin", value_name = "ORIGIN", requires = "listen")]
    pub(super) allow_origins: Vec<String>,
    /// How many sessions may be open; each has its own connection or process at the server
    #[arg(long, value_name = "NUMBER", default_value_t = 1000, requires = "listen")]
    pub(super) max_sessions: usize,
    /// How long a session is kept after its last request
    #[arg(long, value_name = "TIME", default_value = "30m", value_parser = parse_duration, requires = "listen")]
    pub(super) idle: Duration,
}

/// The address and port of `PORT`, `:PORT` or `ADDRESS:PORT`.
fn parse_address(text: &str) -> Result<String, &'static str> {
    let (address, port) = text.rsplit_once(':').unwrap_or(("", text));
    let is_bracketed = address.starts_with('[') && address.ends_with(']');
    if port.parse::<u16>().is_err() || (address.contains(':') && !is_bracketed) {
        return Err("expected PORT or ADDRESS:PORT, such as 8000, 0.0.0.0:8000 or [::1]:8000");
    }
    let address = if address.is_empty() { "127.0.0.1" } else { address };
    Ok(format!("{address}:{port}"))
}

#[cfg(test)]
mod tests {
    use super::parse_address;

    #[test]
    fn a_port_is_on_this_machine() {
        for (text, address) in [
            ("8000", "127.0.0.1:8000"),
            (":0", "127.0.0.1:0"),
            ("0.0.0.0:80", "0.0.0.0:80"),
            ("localhost:80", "localhost:80"),
            ("[::1]:80", "[::1]:80"),
        ] {
            assert_eq!(parse_address(text).as_deref(), Ok(address), "{text}");
        }
        for text in ["", "abc", "localhost", "localhost:", "::1", "80800", "1.2.3.4:x"] {
            let refused = parse_address(text);
            assert!(refused.is_err_and(|it| it.contains("PORT or ADDRESS:PORT")), "{text}");
        }
    }
}
