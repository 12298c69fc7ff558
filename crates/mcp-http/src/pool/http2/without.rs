use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::{Request, Response};
use http_body::{Frame, SizeHint};
use tokio::runtime;

use super::{Failed, OnChange};
use crate::body::Body;
use crate::error::{Error, ErrorKind};
use crate::io::{Conn, ConnState};

/// Placeholder for builds without HTTP/2.
#[derive(Debug)]
pub(crate) struct Http2 {
    pub(in crate::pool) conn: Arc<ConnState>,
    pub(in crate::pool) state: State,
    pub(in crate::pool) runtime: runtime::Id,
}

#[derive(Debug)]
pub(crate) struct State {
    pub(in crate::pool) streams: AtomicUsize,
    never: Infallible,
}

impl State {
    pub(in crate::pool) fn limit(&self) -> usize {
        match self.never {}
    }

    pub(in crate::pool) fn has_limit(&self) -> bool {
        match self.never {}
    }

    pub(in crate::pool) fn is_over(&self) -> bool {
        match self.never {}
    }

    pub(in crate::pool) fn is_in_doubt(&self) -> bool {
        match self.never {}
    }

    pub(in crate::pool) fn take_checked(&self) -> bool {
        match self.never {}
    }

    pub(in crate::pool) fn check(&self) {
        match self.never {}
    }
}

impl Http2 {
    /// Fails. No server chooses HTTP/2, which is not offered.
    pub(in crate::pool) async fn open(
        _: Conn,
        _: Arc<ConnState>,
        _: OnChange,
    ) -> Result<Self, Error> {
        Err(Error::new(ErrorKind::Protocol, "HTTP/2 requires the feature `http2` of mcp-http"))
    }

    pub(in crate::pool) async fn send(
        &self,
        _: Request<Body>,
        _: &mut bool,
    ) -> Result<Response<StreamBody>, Failed> {
        match self.state.never {}
    }
}

/// Placeholder for builds without HTTP/2.
pub(crate) enum StreamBody {}

impl http_body::Body for StreamBody {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        match *self {}
    }

    fn is_end_stream(&self) -> bool {
        match *self {}
    }

    fn size_hint(&self) -> SizeHint {
        match *self {}
    }
}
