use std::{
    collections::VecDeque,
    error::Error as StdError,
    pin::Pin,
    sync::{Weak, atomic::Ordering},
    task::{Context, Poll},
};

use bytes::Bytes;
use futures_core::Stream;
use http::Uri;
use http_body::Body;
use mcp_core::{Message, ParseError, ParseErrorKind, parse_batch};
use mcp_http::{
    SafeUrl,
    sse::{Event, Events},
};
use mcp_transport::{Delivery, Error, ErrorKind};

use crate::{
    error::ended,
    link::Link,
    silence::{Pulse, Silence},
};

/// The messages on the stream of the server, up to the error that tells why there are no more.
pub(crate) struct Incoming<B> {
    link: Weak<Link>,
    events: Events<B>,
    silence: Silence,
    uri: Uri,
    /// The rest of a batch.
    queue: VecDeque<Message>,
}

impl<B> Incoming<B> {
    pub(crate) fn new(link: Weak<Link>, events: Events<B>, pulse: Pulse, uri: &Uri) -> Self {
        let (silence, uri) = (Silence::new(pulse), uri.clone());
        Self { link, events, silence, uri, queue: VecDeque::new() }
    }

    fn read(&mut self, event: Event) {
        let is_message = event.event.as_deref().is_none_or(|kind| matches!(kind, "" | "message"));
        let Some(frame) = event.data.filter(|data| is_message && !data.is_empty()) else { return };
        match Message::parse(frame.clone()) {
            Ok(message) => self.queue.push_back(message),
            Err(ParseError { kind: ParseErrorKind::Batch, .. }) if self.batches() => {
                match parse_batch(frame.clone()) {
                    Ok(messages) => self.queue.extend(messages),
                    Err(error) => self.unreadable(&frame, error),
                }
            }
            Err(error) => self.unreadable(&frame, error),
        }
    }

    fn batches(&self) -> bool {
        self.link.upgrade().is_some_and(|link| link.batches.load(Ordering::Relaxed))
    }

    /// Fails the request that the event seems to answer; nobody else is concerned.
    fn unreadable(&self, frame: &Bytes, error: ParseError) {
        let id = error.id.clone();
        let text = format!("an event of the server cannot be read: {}", excerpt(frame));
        tracing::debug!(%error, "{text}");
        if let (Some(id), Some(link)) = (id, self.link.upgrade()) {
            let error = Error::new(ErrorKind::Protocol, text).with_source(error);
            link.multiplex.fail_request(&id, error.with_delivery(Delivery::Answered));
        }
    }

    /// Why the stream ended.
    fn broken(&self, cause: mcp_http::Error) -> Error {
        let error = cause.into_transport_error("GET", &self.uri);
        match error.kind() {
            ErrorKind::Interrupted => ended().with_source(error),
            _ => error,
        }
    }

    fn poll_silence(&mut self, cx: &mut Context<'_>) -> Poll<Error> {
        // Without a link there is nobody left.
        let Some(link) = self.link.upgrade() else { return Poll::Ready(ended()) };
        self.silence.poll(&link.patience, cx).map(|limit| {
            let text = format!("{} sent nothing for {limit:?}", SafeUrl(&self.uri));
            Error::new(ErrorKind::Timeout, text)
        })
    }
}

impl<B> Stream for Incoming<B>
where
    B: Body<Data = Bytes> + Unpin,
    B::Error: Into<Box<dyn StdError + Send + Sync>>,
{
    type Item = Result<Message, Error>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        loop {
            if let Some(message) = self.queue.pop_front() {
                return Poll::Ready(Some(Ok(message)));
            }
            let error = match Pin::new(&mut self.events).poll_next(cx) {
                Poll::Ready(Some(Ok(event))) => {
                    self.read(event);
                    continue;
                }
                Poll::Ready(Some(Err(cause))) => self.broken(cause),
                Poll::Ready(None) => ended(),
                Poll::Pending => match self.poll_silence(cx) {
                    Poll::Ready(error) => error,
                    Poll::Pending => return Poll::Pending,
                },
            };
            return Poll::Ready(Some(Err(error)));
        }
    }
}

/// The beginning of a frame, for people.
fn excerpt(frame: &[u8]) -> String {
    const SHOWN: usize = 80;
    let text = String::from_utf8_lossy(&frame[..frame.len().min(SHOWN)]);
    let dots = if frame.len() > SHOWN { "…" } else { "" };
    format!("{text:?}{dots}")
}
