use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use h2::{Reason, RecvStream, SendStream};
use http::header::CONTENT_LENGTH;
use http::{HeaderMap, Response};
use http_body::{Body, Frame, SizeHint};

use crate::classify::Doing;
use crate::error::Error;

/// The body of an HTTP/2 response.
pub(crate) struct StreamBody {
    received: RecvStream,
    /// The unsent rest of the request, which ends with the response.
    upload: SendStream<Bytes>,
    /// The number of bytes still expected, if known.
    left: Option<u64>,
    /// Whether the request is so large that the server may have responded before reading all of it.
    may_be_early: bool,
    has_ended: bool,
}

impl StreamBody {
    pub(super) fn respond(
        response: Response<RecvStream>,
        upload: SendStream<Bytes>,
        may_be_early: bool,
    ) -> Response<Self> {
        let (head, received) = response.into_parts();
        let has_ended = received.is_end_stream();
        let left = content_length(&head.headers);
        let body = Self { received, upload, left, may_be_early, has_ended };
        Response::from_parts(head, body)
    }

    /// Whether a stream reset without an error was complete. Servers use this to stop an upload that they do not need.
    fn is_complete(&self) -> bool {
        self.left.map_or(self.may_be_early, |left| left == 0)
    }
}

fn content_length(headers: &HeaderMap) -> Option<u64> {
    headers.get(CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

impl Body for StreamBody {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        let this = &mut *self;
        if this.has_ended {
            return Poll::Ready(None);
        }
        let failed = match ready!(this.received.poll_data(cx)) {
            Some(Ok(data)) => {
                // Reading frees window capacity. An error would also be reported by the stream.
                let _ = this.received.flow_control().release_capacity(data.len());
                this.left = this.left.map(|left| left.saturating_sub(data.len() as u64));
                this.has_ended = this.received.is_end_stream();
                return Poll::Ready(Some(Ok(Frame::data(data))));
            }
            Some(Err(error)) => error,
            None => match ready!(this.received.poll_trailers(cx)) {
                Ok(trailers) => {
                    this.has_ended = true;
                    return Poll::Ready(trailers.map(|trailers| Ok(Frame::trailers(trailers))));
                }
                Err(error) => error,
            },
        };
        this.has_ended = true;
        let is_asked = failed.is_remote() && failed.reason() == Some(Reason::NO_ERROR);
        match failed.is_reset() && is_asked && this.is_complete() {
            true => Poll::Ready(None),
            false => Poll::Ready(Some(Err(Error::from_h2(failed, Doing::Body)))),
        }
    }

    fn is_end_stream(&self) -> bool {
        self.has_ended || self.received.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        match self.left {
            Some(left) => SizeHint::with_exact(left),
            None => SizeHint::default(),
        }
    }
}

impl Drop for StreamBody {
    fn drop(&mut self) {
        // If both sides have ended, nothing is sent; otherwise the rest of the request is cancelled.
        let reason = match self.is_end_stream() {
            true => Reason::NO_ERROR,
            false => Reason::CANCEL,
        };
        self.upload.send_reset(reason);
    }
}
