//! Failures of requests to authorization servers.

use std::time::Duration;

use http::StatusCode;

use crate::error::{Error, ErrorKind};

/// The error of a response that says that the server is unavailable.
pub(super) fn unavailable(place: &str, status: StatusCode) -> Error {
    Error::new(ErrorKind::Unavailable, format!("{place} responds with {status}"))
}

/// Waits for a response until `limit`.
pub(super) async fn within<T>(
    limit: Duration,
    place: &str,
    work: impl Future<Output = Result<T, mcp_http::Error>>,
) -> Result<T, Error> {
    match tokio::time::timeout(limit, work).await {
        Ok(done) => done.map_err(|error| failed(place, error)),
        Err(_) => {
            let message = format!("{place} did not respond within {limit:?}");
            Err(Error::new(ErrorKind::Unavailable, message))
        }
    }
}

fn failed(place: &str, error: mcp_http::Error) -> Error {
    use mcp_http::{ConnectStep, ErrorKind as Http};
    let kind = match error.kind() {
        Http::Redirect | Http::Connect(ConnectStep::Forbidden) => ErrorKind::Untrusted,
        Http::TooLarge | Http::Protocol | Http::Body => ErrorKind::Protocol,
        Http::InvalidUrl | Http::TlsUnavailable => ErrorKind::Config,
        _ => ErrorKind::Unavailable,
    };
    Error::new(kind, format!("the request to {place} failed")).with_source(error)
}
