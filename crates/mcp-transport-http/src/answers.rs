use std::{
    borrow::Cow,
    collections::VecDeque,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use bytes::Bytes;
use futures_core::Stream;
use http::HeaderValue;
use mcp_core::Message;
use mcp_http::{
    HttpService,
    sse::{Event, Events},
};
use mcp_transport::{Backoff, Delivery, Error, ErrorKind, Retries};

use crate::{
    error::{closed, ended_early, from_http, no_answer},
    flights::{Ended, Flight},
    head::Head,
    messages::{Messages, excerpt, message_data, parse},
    wire::{SseBody, Unopened, Wire},
};

type Opening<S> = Pin<Box<dyn Future<Output = Result<Events<SseBody<S>>, Unopened>> + Send>>;

/// The messages that answer one request, read off its HTTP response in place: no task, no queue.
///
/// In the legacy era a stream that breaks off is resumed where it had ids.
pub(crate) struct Answers<S: HttpService> {
    flight: Flight<S>,
    method: Cow<'static, str>,
    source: Source<S>,
    /// The rest of a batch.
    queue: VecDeque<Message>,
    legacy: Option<Cursor>,
}

enum Source<S: HttpService> {
    Reading(Events<SseBody<S>>),
    Resuming(Opening<S>),
    Over,
}

/// How far the stream of a legacy request was read, and how to go on with it.
pub(crate) struct Cursor {
    pub(crate) head: Arc<Head>,
    pub(crate) session: Option<HeaderValue>,
    pub(crate) batches: bool,
    position: Position,
    retries: Retries,
}

impl Cursor {
    pub(crate) fn new(
        head: Arc<Head>,
        session: Option<HeaderValue>,
        batches: bool,
        backoff: Backoff,
    ) -> Self {
        let (position, retries) = (Position::default(), Retries::new(backoff));
        Self { head, session, batches, position, retries }
    }
}

/// The longest wait that a server can ask for.
const LONGEST_RETRY: Duration = Duration::from_secs(3600);

/// Where a stream of events can be resumed.
///
/// Spec: 2025-11-25 basic/transports#resumability-and-redelivery
#[derive(Default)]
pub(crate) struct Position {
    /// The id of the last event, each stream's own.
    pub(crate) last_id: Option<HeaderValue>,
    /// How long to wait before.
    pub(crate) retry: Option<Duration>,
}

impl Position {
    /// Takes note of an event; whether it moved the position.
    pub(crate) fn note(&mut self, event: &Event) -> bool {
        self.retry = event.retry.map(|retry| retry.min(LONGEST_RETRY)).or(self.retry);
        let Some(id) = &event.id else { return false };
        let id = Some(id.as_bytes())
            .filter(|id| !id.is_empty())
            .and_then(|id| HeaderValue::from_bytes(id).ok());
        let moved = id.is_some() && id != self.last_id;
        self.last_id = id;
        moved
    }
}

impl<S: HttpService> Answers<S> {
    /// Off a stream of events. With `legacy` it is resumed when it breaks off.
    pub(crate) fn streamed(
        flight: Flight<S>,
        method: Cow<'static, str>,
        events: Events<SseBody<S>>,
        legacy: Option<Cursor>,
    ) -> Self {
        let source = Source::Reading(events);
        Self { flight, method, source, queue: VecDeque::new(), legacy }
    }

    /// Off a batch that came as JSON.
    pub(crate) fn of_batch(
        flight: Flight<S>,
        method: Cow<'static, str>,
        messages: Vec<Message>,
    ) -> Self {
        let (source, queue) = (Source::Over, messages.into());
        Self { flight, method, source, queue, legacy: None }
    }

    fn wire(&self) -> &Arc<Wire<S>> {
        &self.flight.shared.wire
    }

    /// Lets a message through that belongs to this request.
    fn pass(&mut self, message: Message) -> Option<Message> {
        match message {
            Message::Response(response) => {
                let is_foreign = response.id.as_ref().is_some_and(|id| *id != self.flight.id);
                if is_foreign && self.legacy.is_some() {
                    // A response may come on any stream; one that nobody waits for fails this request.
                    let unclaimed = self.flight.shared.flights.deliver(response).err()?;
                    return Some(Message::Response(unclaimed));
                }
                Some(Message::Response(response))
            }
            Message::Request(request) if self.legacy.is_none() => {
                // Servers of the modern era never ask, and no answer may be sent.
                tracing::debug!(method = %request.method, "ignored a request of the server");
                None
            }
            message => Some(message),
        }
    }

    fn read(&mut self, mut event: Event) -> Result<(), Error> {
        let mut batches = false;
        let data = message_data(&mut event);
        if let Some(legacy) = &mut self.legacy {
            batches = legacy.batches;
            if legacy.position.note(&event) || data.is_some() {
                legacy.retries.progressed();
            }
        }
        let Some(data) = data else { return Ok(()) };
        match parse(&data, batches) {
            Ok(Messages::One(message)) => self.queue.push_back(message),
            Ok(Messages::Many(messages)) => self.queue.extend(messages),
            Err(error) => return Err(self.unreadable(&data, error)),
        }
        Ok(())
    }

    fn unreadable(&self, data: &Bytes, error: mcp_core::ParseError) -> Error {
        let why = format!("an event of the answer cannot be read: {}", excerpt(data));
        no_answer(&self.method, &why).with_source(error)
    }

    /// The stream broke off, with `cause` or in order: resumes it, or tells why not.
    fn interrupted(&mut self, cause: Option<mcp_http::Error>) -> Result<(), Error> {
        let is_final = cause.as_ref().is_some_and(|cause| {
            matches!(cause.kind(), mcp_http::ErrorKind::TooLarge | mcp_http::ErrorKind::Timeout(_))
        });
        if !is_final && self.resume() {
            return Ok(());
        }
        Err(match cause {
            Some(cause) => {
                let error = from_http(cause, &self.method, &self.wire().url);
                // The server had begun to answer.
                let delivery = match error.kind() {
                    ErrorKind::TooLarge => Delivery::Answered,
                    _ => Delivery::Unknown,
                };
                error.with_delivery(delivery)
            }
            None => ended_early(&self.method, ""),
        })
    }

    /// Begins to resume the stream, if that is possible.
    fn resume(&mut self) -> bool {
        let wire = Arc::clone(self.wire());
        let Some(legacy) = &mut self.legacy else { return false };
        let Some(last_id) = legacy.position.last_id.clone() else { return false };
        let Some(delay) = legacy.retries.next_delay(legacy.position.retry) else { return false };
        let (head, session) = (Arc::clone(&legacy.head), legacy.session.clone());
        self.source = Source::Resuming(Box::pin(async move {
            tokio::time::sleep(delay).await;
            wire.open_stream(&head, session.as_ref(), Some(&last_id)).await
        }));
        true
    }

    /// The stream could not be opened again: tries once more, or tells why not.
    fn unopened(&mut self, cause: Unopened) -> Result<(), Error> {
        if cause.is_transient() && self.resume() {
            return Ok(());
        }
        let error = ended_early(&self.method, " and could not be resumed");
        Err(match cause {
            Unopened::Failed(cause) => error.with_source(cause),
            Unopened::Refused(cause) => error.with_source(cause),
        })
    }

    /// The next step of the source: `Some` when there is something new to look at.
    fn advance(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        match &mut self.source {
            Source::Reading(events) => match Pin::new(events).poll_next(cx) {
                Poll::Ready(Some(Ok(event))) => Poll::Ready(self.read(event)),
                Poll::Ready(Some(Err(cause))) => Poll::Ready(self.interrupted(Some(cause))),
                Poll::Ready(None) => Poll::Ready(self.interrupted(None)),
                Poll::Pending => Poll::Pending,
            },
            Source::Resuming(opening) => match opening.as_mut().poll(cx) {
                Poll::Ready(Ok(events)) => {
                    self.source = Source::Reading(events);
                    Poll::Ready(Ok(()))
                }
                Poll::Ready(Err(cause)) => Poll::Ready(self.unopened(cause)),
                Poll::Pending => Poll::Pending,
            },
            Source::Over => Poll::Ready(Err(no_answer(&self.method, "the batch holds no answer"))),
        }
    }

    /// The terminal item.
    fn end(&mut self, item: Result<Message, Error>) -> Poll<Option<Result<Message, Error>>> {
        let gave_up = matches!(&item, Err(error) if error.delivery() == Delivery::Unknown);
        if !gave_up {
            self.flight.finish();
        }
        if let Source::Reading(events) = std::mem::replace(&mut self.source, Source::Over)
            && item.is_ok()
        {
            self.flight.shared.park(events);
        }
        Poll::Ready(Some(item))
    }
}

impl<S: HttpService> Stream for Answers<S> {
    type Item = Result<Message, Error>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = self.get_mut();
        loop {
            if this.flight.shared.flights.is_closed() {
                return this.end(Err(closed()));
            }
            while let Some(message) = this.queue.pop_front() {
                match this.pass(message) {
                    Some(message @ Message::Response(_)) => return this.end(Ok(message)),
                    Some(message) => return Poll::Ready(Some(Ok(message))),
                    None => {}
                }
            }
            match this.advance(cx) {
                Poll::Ready(Ok(())) => {}
                Poll::Ready(Err(error)) => return this.end(Err(error)),
                Poll::Pending => match this.flight.poll_ended(cx) {
                    Poll::Ready(Ended::Answered(response)) => {
                        return this.end(Ok(Message::Response(response)));
                    }
                    Poll::Ready(Ended::Closed) => return this.end(Err(closed())),
                    Poll::Pending => return Poll::Pending,
                },
            }
        }
    }
}
