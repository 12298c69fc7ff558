use std::mem;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, HeaderName, Request, Response, StatusCode};
use http_body::{Body as HttpBody, Frame, SizeHint};

use super::connections::{Pool, StreamSlot, expiry};
use super::http1::Http1;
use super::http2::{Failed, StreamBody};
use crate::body::Body;
use crate::classify::Doing;
use crate::error::Error;
use crate::io::ConnState;
use crate::proxy::{self, Route};

/// A connection leased for one request and its response.
#[derive(Debug)]
pub(crate) struct Lease(Kind);

#[derive(Debug)]
enum Kind {
    Http1 { pool: Arc<Pool>, http1: Http1, is_reused: bool },
    Http2 { slot: StreamSlot, is_open: bool },
}

/// A request without a response.
#[derive(Debug)]
pub(crate) struct Unanswered {
    pub(crate) error: Error,
    /// The request, if it may be sent on another connection.
    pub(crate) unsent: Option<Request<Body>>,
}

/// The body of a response as it arrives.
pub(crate) enum Incoming {
    Http1(hyper::body::Incoming),
    Http2(StreamBody),
}

impl Lease {
    pub(super) fn http1(pool: &Arc<Pool>, http1: Http1, is_reused: bool) -> Self {
        Self(Kind::Http1 { pool: pool.clone(), http1, is_reused })
    }

    pub(super) fn http2(slot: StreamSlot) -> Self {
        Self(Kind::Http2 { slot, is_open: false })
    }

    pub(crate) fn state(&self) -> &ConnState {
        match &self.0 {
            Kind::Http1 { http1, .. } => &http1.state,
            Kind::Http2 { slot, .. } => &slot.http2.conn,
        }
    }

    /// The error for a response that comes from the forwarding proxy and not from the server.
    pub(crate) fn refusal(&self, status: StatusCode) -> Option<Error> {
        let Kind::Http1 { pool, .. } = &self.0 else { return None };
        match &pool.target.route {
            Route::Forward(proxy) if status == StatusCode::PROXY_AUTHENTICATION_REQUIRED => {
                Some(proxy::failed(proxy.unauthorized()))
            }
            _ => None,
        }
    }

    pub(crate) fn is_h2(&self) -> bool {
        matches!(self.0, Kind::Http2 { .. })
    }

    /// Whether the request waits for its stream to be opened, so that nothing was sent.
    pub(crate) fn waits_for_stream(&self) -> bool {
        matches!(self.0, Kind::Http2 { is_open: false, .. })
    }

    /// Sends a request.
    ///
    /// Taken out of `request`, since a future reserves space for each argument twice.
    pub(crate) async fn send(
        &mut self,
        request: &mut Request<Body>,
    ) -> Result<Response<Incoming>, Unanswered> {
        match &mut self.0 {
            Kind::Http1 { pool, http1, is_reused } => {
                pool.target.prepare_http1(request);
                match http1.sender.try_send_request(mem::take(request)).await {
                    Ok(response) => {
                        http1.expiry = keep_alive(response.headers()).and_then(expiry);
                        Ok(response.map(Incoming::Http1))
                    }
                    Err(mut error) => {
                        let unsent = error.take_message();
                        let error = Error::from_hyper(error.into_error(), Doing::Headers);
                        let error = match pool.target.is_plain() {
                            true => error.with_tls_hint(&http1.state),
                            false => error,
                        };
                        let error = if unsent.is_some() { error.not_sent() } else { error };
                        Err(Unanswered { error, unsent: unsent.filter(|_| *is_reused) })
                    }
                }
            }
            Kind::Http2 { slot, is_open } => {
                slot.pool.target.prepare_http2(request);
                // Boxed, so that HTTP/1.1 requests reserve no space for it.
                let sending = Box::pin(slot.http2.send(request.clone(), is_open));
                match sending.await {
                    Ok(response) => Ok(response.map(Incoming::Http2)),
                    Err(Failed { error, may_retry }) => {
                        Err(Unanswered { error, unsent: may_retry.then(|| mem::take(request)) })
                    }
                }
            }
        }
    }

    /// Returns the connection to the pool. Called when the response was read to its end or abandoned.
    pub(crate) fn give_back(self) {
        if let Kind::Http1 { pool, http1, .. } = self.0 {
            pool.give_back(http1);
        }
    }
}

/// The server's idle timeout, if announced.
fn keep_alive(headers: &HeaderMap) -> Option<Duration> {
    const KEEP_ALIVE: HeaderName = HeaderName::from_static("keep-alive");
    let value = headers.get(KEEP_ALIVE)?.to_str().ok()?;
    let timeout = value.split(',').find_map(|item| {
        let (name, value) = item.split_once('=')?;
        name.trim().eq_ignore_ascii_case("timeout").then(|| value.trim().trim_matches('"'))
    })?;
    timeout.parse().ok().map(Duration::from_secs)
}

impl HttpBody for Incoming {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        match self.get_mut() {
            Self::Http1(body) => {
                Pin::new(body).poll_frame(cx).map_err(|error| Error::from_hyper(error, Doing::Body))
            }
            Self::Http2(body) => Pin::new(body).poll_frame(cx),
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Http1(body) => body.is_end_stream(),
            Self::Http2(body) => body.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Http1(body) => body.size_hint(),
            Self::Http2(body) => body.size_hint(),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use http::HeaderValue;

    use super::*;

    #[test]
    fn the_keep_alive_timeout_is_read() {
        for (value, seconds) in [
            ("timeout=5", Some(5)),
            ("max=100, Timeout = \"60\"", Some(60)),
            ("timeout=x", None),
            ("5", None),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert("keep-alive", HeaderValue::from_static(value));
            assert_eq!(keep_alive(&headers), seconds.map(Duration::from_secs), "{value}");
        }
    }
}
