use std::error::Error as StdError;
use std::future::poll_fn;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use futures_core::Stream;
use http_body::Body;
use tokio::task::coop::poll_proceed;

use super::decoder::{Decoder, Event};
use crate::error::Error;

/// The events of a body.
///
/// The stream ends with the body, or after its first error. An event that is not complete when the body
/// ends is dropped; [`is_mid_event`](Self::is_mid_event) reports whether there was one. Dropping the
/// stream drops the body, which cancels the request. It yields to other tasks now and then, also when the
/// body is always ready.
#[derive(Debug)]
pub struct Events<B> {
    body: Option<B>,
    decoder: Decoder,
}

impl<B> Events<B> {
    /// The events of `body`.
    pub fn new(body: B) -> Self {
        Self { body: Some(body), decoder: Decoder::new() }
    }

    /// The events of `body`, of which a line, or the data of an event, may have `limit` bytes.
    pub fn with_limit(body: B, limit: usize) -> Self {
        Self { body: Some(body), decoder: Decoder::with_limit(limit) }
    }

    /// Whether part of an event has been received. If so after the end of the stream, the server broke off
    /// in the middle of it.
    #[must_use]
    pub fn is_mid_event(&self) -> bool {
        self.decoder.is_mid_event()
    }
}

impl<B> Events<B>
where
    B: Body<Data = Bytes> + Unpin,
    B::Error: Into<Box<dyn StdError + Send + Sync>>,
{
    /// The next event, or `None` at the end.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future loses nothing.
    ///
    /// # Errors
    ///
    /// [`TooLarge`](crate::ErrorKind::TooLarge) when something is over the limit, and those of
    /// the body (see [`Error::from_service`]). The stream is over then.
    pub async fn next(&mut self) -> Option<Result<Event, Error>> {
        poll_fn(|cx| Pin::new(&mut *self).poll_next(cx)).await
    }
}

impl<B> Stream for Events<B>
where
    B: Body<Data = Bytes> + Unpin,
    B::Error: Into<Box<dyn StdError + Send + Sync>>,
{
    type Item = Result<Event, Error>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        loop {
            let coop = ready!(poll_proceed(cx));
            match self.decoder.next_event() {
                Ok(None) => {}
                Ok(Some(event)) => {
                    coop.made_progress();
                    return Poll::Ready(Some(Ok(event)));
                }
                Err(error) => {
                    self.body = None;
                    return Poll::Ready(Some(Err(error)));
                }
            }
            let Some(body) = &mut self.body else {
                return Poll::Ready(None);
            };
            match ready!(Pin::new(body).poll_frame(cx)) {
                Some(Ok(frame)) => {
                    coop.made_progress();
                    if let Ok(data) = frame.into_data() {
                        self.decoder.push(data);
                    }
                }
                Some(Err(error)) => {
                    self.body = None;
                    return Poll::Ready(Some(Err(Error::from_service(error))));
                }
                None => self.body = None,
            }
        }
    }
}
