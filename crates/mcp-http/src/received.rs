use std::pin::Pin;
use std::task::{Context, Poll};

use crate::error::Error;
use crate::pool::{Incoming, Lease};
use crate::timer::IdleTimer;
use bytes::Bytes;
use http_body::{Body as HttpBody, Frame, SizeHint};

/// The body of a response as received, and its connection.
pub(crate) struct Received {
    incoming: Option<Incoming>,
    lease: Option<Lease>,
    timer: IdleTimer,
    /// Whether the connection cannot serve another request.
    is_spent: bool,
}

impl Received {
    pub(crate) fn new(incoming: Incoming, lease: Lease, timer: IdleTimer, is_spent: bool) -> Self {
        let mut received = Self { incoming: Some(incoming), lease: Some(lease), timer, is_spent };
        received.release_at_end();
        received
    }

    fn release_at_end(&mut self) {
        if self.incoming.as_ref().is_some_and(HttpBody::is_end_stream) {
            self.release();
        }
    }

    /// Returns the connection to the pool: nothing more is read.
    fn release(&mut self) {
        self.incoming = None;
        if let Some(lease) = self.lease.take()
            && !self.is_spent
        {
            lease.give_back();
        }
    }

    /// Closes the connection: nothing more can be read.
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
                Poll::Ready(Some(Err(error)))
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
