use std::{
    borrow::Cow,
    collections::VecDeque,
    error::Error as StdError,
    pin::Pin,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll},
};

use bytes::Bytes;
use futures_core::Stream;
use http::Uri;
use http_body::Body;
use mcp_core::{Excerpt, Message, ParseError, RequestId};
use mcp_http::{
    sse::{Event, Events},
    transport::{
        SafeUrl, SentSecrets,
        messages::{Messages, SkippedEvents, error_data, message_data},
    },
};
use mcp_transport::{Delivery, Error, ErrorKind};

use crate::{
    error::{ended, ended_after},
    idle::{IdleLimits, IdleTimer, LastReceived},
};

/// State of a session that affects its stream.
#[derive(Debug)]
pub(crate) struct StreamTerms {
    pub(crate) idle_limits: Arc<IdleLimits>,
    /// Whether the revision has batches.
    pub(crate) batches: AtomicBool,
    /// Events that are not messages.
    pub(crate) skipped: Mutex<SkippedEvents>,
    /// The secrets of its requests, which an error may repeat.
    pub(crate) secrets: Option<SentSecrets>,
}

impl StreamTerms {
    pub(crate) fn skipped(&self) -> MutexGuard<'_, SkippedEvents> {
        self.skipped.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

type OnUnreadable = Box<dyn Fn(&RequestId, Error) + Send>;

/// The messages on the server stream. Its last item is an error, the reason why it ended.
pub(crate) struct MessageStream<B> {
    events: Events<B>,
    idle_timer: IdleTimer,
    terms: Arc<StreamTerms>,
    url: Uri,
    /// The rest of a batch.
    queue: VecDeque<Message>,
    /// Fails a request whose response cannot be decoded.
    on_unreadable: OnUnreadable,
}

impl<B> MessageStream<B> {
    pub(crate) fn new(
        events: Events<B>,
        last_received: LastReceived,
        terms: Arc<StreamTerms>,
        url: &Uri,
        on_unreadable: impl Fn(&RequestId, Error) + Send + 'static,
    ) -> Self {
        Self {
            events,
            idle_timer: IdleTimer::new(last_received),
            terms,
            url: url.clone(),
            queue: VecDeque::new(),
            on_unreadable: Box::new(on_unreadable),
        }
    }

    fn read(&mut self, mut event: Event) {
        let data = message_data(&mut event);
        if let Some(data) = error_data(&event) {
            self.skip(data);
        }
        let Some(data) = data else { return };
        match Messages::parse_data(&data, self.terms.batches.load(Ordering::Relaxed)) {
            Ok(Messages::One(message)) => self.queue.push_back(message),
            Ok(Messages::Batch(messages)) => self.queue.extend(messages),
            Err(error) => self.unreadable(&data, error),
        }
    }

    fn skip(&self, data: &[u8]) {
        self.terms.skipped().add(self.masked(data).as_bytes());
    }

    fn masked<'a>(&self, data: &'a [u8]) -> Cow<'a, str> {
        let masked = self.terms.secrets.as_ref().and_then(|secrets| secrets.masked(data));
        masked.map_or_else(|| String::from_utf8_lossy(data), Cow::Owned)
    }

    /// The next received message.
    fn pop(&mut self) -> Option<Message> {
        let mut message = self.queue.pop_front()?;
        if let (Message::Response(response), Some(secrets)) = (&mut message, &self.terms.secrets)
            && let Err(error) = &mut response.outcome
        {
            secrets.mask(&mut error.message);
        }
        Some(message)
    }

    /// The error of a stream that ended normally.
    fn ended(&self) -> Error {
        match self.events.partial_data() {
            Some(partial) => ended_after(&self.masked(&partial)),
            None => match self.terms.skipped().last() {
                Some(last) => ended_after(last),
                None => ended(),
            },
        }
    }

    /// Fails only the request that the event seems to answer.
    fn unreadable(&self, data: &Bytes, error: ParseError) {
        let excerpt = self.masked(data);
        let text = format!("an event of the server cannot be read: {}", Excerpt(&excerpt));
        tracing::debug!(%error, "{text}");
        if error.id.is_none() {
            self.skip(data);
        }
        if let Some(id) = error.id.clone() {
            let error = Error::new(ErrorKind::Protocol, text).with_source(error);
            (self.on_unreadable)(&id, error.with_delivery(Delivery::Answered));
        }
    }

    /// The error of an interrupted stream.
    fn broken(&self, cause: mcp_http::Error) -> Error {
        let error = cause.into_transport_error("GET", &self.url);
        match error.kind() {
            ErrorKind::Interrupted => ended().with_source(error),
            _ => error,
        }
    }

    fn poll_idle(&mut self, cx: &mut Context<'_>) -> Poll<Error> {
        self.idle_timer.poll(&self.terms.idle_limits, cx).map(|limit| {
            Error::new(ErrorKind::Timeout, format!("sent nothing for {limit:?}"))
                .with_target(SafeUrl(&self.url).to_string())
        })
    }
}

impl<B> Stream for MessageStream<B>
where
    B: Body<Data = Bytes> + Unpin,
    B::Error: Into<Box<dyn StdError + Send + Sync>>,
{
    type Item = Result<Message, Error>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        loop {
            if let Some(message) = self.pop() {
                return Poll::Ready(Some(Ok(message)));
            }
            let error = match Pin::new(&mut self.events).poll_next(cx) {
                Poll::Ready(Some(Ok(event))) => {
                    self.read(event);
                    continue;
                }
                Poll::Ready(Some(Err(cause))) => self.broken(cause),
                Poll::Ready(None) => self.ended(),
                Poll::Pending => match self.poll_idle(cx) {
                    Poll::Ready(error) => error,
                    Poll::Pending => return Poll::Pending,
                },
            };
            return Poll::Ready(Some(Err(error)));
        }
    }
}
