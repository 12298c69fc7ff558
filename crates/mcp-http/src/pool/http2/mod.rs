//! HTTP/2 connections. Without the feature `http2`, types without values.

#[cfg(feature = "http2")]
mod stream_body;
#[cfg(feature = "http2")]
mod with;
#[cfg(not(feature = "http2"))]
mod without;

use crate::error::Error;

#[cfg(feature = "http2")]
pub(crate) use stream_body::StreamBody;
#[cfg(feature = "http2")]
pub(crate) use with::Http2;
#[cfg(not(feature = "http2"))]
pub(crate) use without::{Http2, StreamBody};

/// Called when streams become available or a connection ends.
pub(super) type OnChange = Box<dyn Fn() + Send + Sync>;

/// The failure of a request.
#[derive(Debug)]
pub(super) struct Failed {
    pub(super) error: Error,
    /// Whether another attempt may succeed: the server has certainly not processed the request, and the request is not
    /// the cause.
    pub(super) may_retry: bool,
}
