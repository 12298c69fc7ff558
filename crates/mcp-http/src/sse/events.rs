use std::error::Error as StdError;
use std::future::poll_fn;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use futures_core::Stream;
use http_body::Body;
use mcp_core::{Message, parse_batch};
use tokio::task::coop::poll_proceed;

use super::decoder::{Decoder, Event};
use crate::error::Error;
use crate::timer::IdleTimer;

/// The events of a response body.
///
/// The stream ends with the body, or after its first error. An event without its final blank line is yielded if its
/// data is a complete JSON-RPC message and nothing more follows: at the end of the body, or after a second of silence.
/// Any other incomplete event at the end of the body is dropped; [`partial_data`](Self::partial_data) returns its data.
/// Dropping the stream drops the body, which cancels the request. Yields to other tasks regularly, even if the body is
/// always ready.
#[derive(Debug)]
pub struct Events<B> {
    body: Option<B>,
    decoder: Decoder,
    /// Limits silence within an event.
    silence: Option<Box<IdleTimer>>,
    /// Whether the event was found to be an incomplete message after a silence.
    is_partial: bool,
}

/// How long to wait for the end of an event whose data is already a complete message.
const SILENCE: Duration = Duration::from_secs(1);

impl<B> Events<B> {
    /// The events of `body`.
    pub fn new(body: B) -> Self {
        Self::decoded(body, Decoder::new())
    }

    /// The events of `body`, with a limit of `limit` bytes for each line and the data of each event.
    pub fn with_limit(body: B, limit: usize) -> Self {
        Self::decoded(body, Decoder::with_limit(limit))
    }

    fn decoded(body: B, decoder: Decoder) -> Self {
        Self { body: Some(body), decoder, silence: None, is_partial: false }
    }

    /// Whether part of an event has been received. If true after the end of the stream, the server aborted within an
    /// event.
    #[must_use]
    pub fn is_mid_event(&self) -> bool {
        self.decoder.is_mid_event()
    }

    /// The data of the incomplete event, which is lost at the end of the stream.
    #[must_use]
    pub fn partial_data(&self) -> Option<Bytes> {
        self.decoder.partial_data()
    }

    /// The incomplete event, if its data is a complete message.
    fn whole_message(&mut self) -> Option<Event> {
        let data = self.decoder.partial_data().filter(|data| !data.is_empty())?;
        let is_whole = Message::parse(data.clone()).is_ok() || parse_batch(data).is_ok();
        is_whole.then(|| self.decoder.finish()).flatten()
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
    /// Cancel safe: dropping the future loses nothing.
    ///
    /// # Errors
    ///
    /// [`TooLarge`](crate::ErrorKind::TooLarge) if a limit is exceeded, and errors of the body (see
    /// [`Error::from_service`]). The stream has then ended.
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
            let Poll::Ready(frame) = Pin::new(body).poll_frame(cx) else {
                if self.is_partial || !self.decoder.may_be_whole() {
                    return Poll::Pending;
                }
                let new = || Box::new(IdleTimer::new(Some(SILENCE)));
                ready!(self.silence.get_or_insert_with(new).poll_pending(cx));
                self.is_partial = true;
                return match self.whole_message() {
                    Some(event) => {
                        coop.made_progress();
                        Poll::Ready(Some(Ok(event)))
                    }
                    None => Poll::Pending,
                };
            };
            match frame {
                Some(Ok(frame)) => {
                    coop.made_progress();
                    if let Some(silence) = &mut self.silence {
                        silence.progress();
                    }
                    self.is_partial = false;
                    if let Ok(data) = frame.into_data() {
                        self.decoder.push(data);
                    }
                }
                Some(Err(error)) => {
                    self.body = None;
                    return Poll::Ready(Some(Err(Error::from_service(error))));
                }
                None => {
                    self.body = None;
                    if let Some(event) = self.whole_message() {
                        return Poll::Ready(Some(Ok(event)));
                    }
                }
            }
        }
    }
}
