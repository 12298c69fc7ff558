use std::error::Error as StdError;
use std::fmt;
use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::task::{Context, Poll};

use bytes::{Bytes, BytesMut};
use http_body::{Body as HttpBody, Frame, SizeHint};
use hyper::body::Incoming;

#[cfg(feature = "decompression")]
use crate::decompress::Decompress;
use crate::error::{Doing, Error};
use crate::pool::Lease;
use crate::timer::IdleTimer;

/// The body of a response, read as it comes in.
///
/// Between two of its parts the read time-out applies. Dropping it before its end tells the
/// server so: an HTTP/1.1 connection is closed (unless only the end was missing), an HTTP/2
/// stream reset. After an error it is over.
pub struct ResponseBody {
    received: Received,
    #[cfg(feature = "decompression")]
    decompress: Option<Box<Decompress>>,
}

/// A body as the server sends it.
pub(crate) struct Received {
    incoming: Option<Incoming>,
    lease: Option<Lease>,
    timer: IdleTimer,
    /// The connection is of no use for another request.
    is_spent: bool,
}

impl ResponseBody {
    pub(crate) fn new(incoming: Incoming, lease: Lease, timer: IdleTimer, is_spent: bool) -> Self {
        let mut received =
            Received { incoming: Some(incoming), lease: Some(lease), timer, is_spent };
        received.release_at_end();
        Self {
            received,
            #[cfg(feature = "decompression")]
            decompress: None,
        }
    }

    #[cfg(feature = "decompression")]
    pub(crate) fn decompressed_by(mut self, decompress: Box<Decompress>) -> Self {
        self.decompress = Some(decompress);
        self
    }

    /// All of the body. No copy is made if it comes in one piece.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future loses what was read and ends the response.
    ///
    /// # Errors
    ///
    /// [`TooLarge`](crate::ErrorKind::TooLarge) if it has more than `limit` bytes, and those of
    /// reading.
    pub async fn read_to_end(self, limit: usize) -> Result<Bytes, Error> {
        read_to_end(self, limit).await
    }
}

impl HttpBody for ResponseBody {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        let this = self.get_mut();
        #[cfg(feature = "decompression")]
        if let Some(decompress) = &mut this.decompress {
            return decompress.poll_frame(&mut this.received, cx);
        }
        Pin::new(&mut this.received).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        #[cfg(feature = "decompression")]
        if let Some(decompress) = &self.decompress {
            return decompress.is_over();
        }
        self.received.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        #[cfg(feature = "decompression")]
        if self.decompress.is_some() {
            return SizeHint::default();
        }
        self.received.size_hint()
    }
}

impl fmt::Debug for ResponseBody {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ResponseBody")
            .field("is_end", &self.is_end_stream())
            .finish_non_exhaustive()
    }
}

impl Received {
    fn release_at_end(&mut self) {
        if self.incoming.as_ref().is_some_and(HttpBody::is_end_stream) {
            self.release();
        }
    }

    /// Nothing more is to be read.
    fn release(&mut self) {
        self.incoming = None;
        if let Some(lease) = self.lease.take()
            && !self.is_spent
        {
            lease.give_back();
        }
    }

    /// Nothing more can be read.
    pub(crate) fn fail(&mut self) {
        self.is_spent = true;
        self.release();
    }
}

impl HttpBody for Received {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        let this = self.get_mut();
        let Some(incoming) = &mut this.incoming else {
            return Poll::Ready(None);
        };
        match Pin::new(incoming).poll_frame(cx) {
            Poll::Ready(Some(Ok(frame))) => {
                if let Some(gap) = this.timer.progress()
                    && let Some(lease) = &this.lease
                {
                    lease.state().quick_ack.on_gap(gap);
                }
                this.release_at_end();
                Poll::Ready(Some(Ok(frame)))
            }
            Poll::Ready(Some(Err(error))) => {
                this.fail();
                Poll::Ready(Some(Err(Error::from_hyper(error, Doing::Body))))
            }
            Poll::Ready(None) => {
                this.release();
                Poll::Ready(None)
            }
            Poll::Pending => this.timer.poll_pending(cx).map(|limit| {
                this.fail();
                Some(Err(Error::read_timeout(limit)))
            }),
        }
    }

    fn is_end_stream(&self) -> bool {
        self.incoming.as_ref().is_none_or(HttpBody::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        match &self.incoming {
            Some(incoming) => incoming.size_hint(),
            None => SizeHint::with_exact(0),
        }
    }
}

impl Drop for Received {
    fn drop(&mut self) {
        self.release();
    }
}

/// All of `body`, which may be that of any HTTP service. No copy is made if it comes in one
/// piece; trailers are dropped.
///
/// # Cancel safety
///
/// Dropping the future loses what was read and drops the body.
///
/// # Errors
///
/// [`TooLarge`](crate::ErrorKind::TooLarge) if it has more than `limit` bytes, and those of the
/// body (see [`Error::from_service`]).
pub async fn read_to_end<B>(body: B, limit: usize) -> Result<Bytes, Error>
where
    B: HttpBody<Data = Bytes>,
    B::Error: Into<Box<dyn StdError + Send + Sync>>,
{
    let mut body = pin!(body);
    let mut first = Bytes::new();
    let mut rest = BytesMut::new();
    while let Some(data) = next_data(body.as_mut()).await? {
        if data.len() > limit - first.len() - rest.len() {
            return Err(Error::too_large("the body of the response", limit));
        }
        if first.is_empty() && rest.is_empty() {
            first = data;
        } else {
            if !first.is_empty() {
                // As far as the size is known, but no more at once than what has come already.
                let hint = usize::try_from(body.size_hint().lower()).unwrap_or(usize::MAX);
                rest.reserve(first.len() + data.len() + hint.min(first.len() + data.len()));
                rest.extend_from_slice(&std::mem::take(&mut first));
            }
            rest.extend_from_slice(&data);
        }
    }
    Ok(if rest.is_empty() { first } else { rest.freeze() })
}

/// The next bytes of `body`, or `None` at its end.
pub(crate) async fn next_data<B>(mut body: Pin<&mut B>) -> Result<Option<Bytes>, Error>
where
    B: HttpBody<Data = Bytes>,
    B::Error: Into<Box<dyn StdError + Send + Sync>>,
{
    while !body.is_end_stream() {
        match poll_fn(|cx| body.as_mut().poll_frame(cx)).await {
            None => break,
            Some(Err(error)) => return Err(Error::from_service(error)),
            Some(Ok(frame)) => {
                if let Ok(data) = frame.into_data()
                    && !data.is_empty()
                {
                    return Ok(Some(data));
                }
            }
        }
    }
    Ok(None)
}
