use std::{
    borrow::Cow,
    collections::VecDeque,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use bytes::Bytes;
use futures_core::Stream;
use mcp_core::{Excerpt, Message, RawJson, Response};
use mcp_http::{
    HttpService,
    sse::{Event, Events},
    transport::{
        SentSecrets, closed,
        messages::{Messages, SkippedEvents, error_data, message_data},
    },
};
use mcp_transport::{Delivery, Error, ErrorKind};

use crate::{
    endpoint::{HttpEndpoint, NoStream, PinnedBody},
    error::{ended_early, expired, from_http, no_response},
    open_request::{Ended, OpenRequest},
    reply::{mask, read_unvalidated},
    resume::Resumption,
    session_state::SessionState,
};

type Opening<S> = Pin<Box<dyn Future<Output = Result<Events<PinnedBody<S>>, NoStream>> + Send>>;

/// The messages for one request, read from its HTTP response in place: no task, no queue.
///
/// In the legacy era an interrupted stream with event ids is resumed.
pub(crate) struct ResponseStream<S: HttpService> {
    request: OpenRequest<S>,
    method: Cow<'static, str>,
    source: Source<S>,
    /// A message to be filtered, usually the only one.
    first: Option<Message>,
    /// The rest of a batch.
    rest: VecDeque<Message>,
    /// `None` in the modern era.
    resumption: Option<Resumption>,
    skipped: SkippedEvents,
    /// The secrets of the request.
    pub(crate) secrets: Option<SentSecrets>,
    /// Whether the caller validates the result.
    pub(crate) skips_validation: bool,
}

#[expect(clippy::large_enum_variant, reason = "reading is the usual state, and costs no box")]
enum Source<S: HttpService> {
    Reading(Events<PinnedBody<S>>),
    Resuming(Opening<S>),
    Over,
}

impl<S: HttpService> ResponseStream<S> {
    /// The messages of an event stream, which is resumed after an interruption if possible.
    pub(crate) fn of_events(
        request: OpenRequest<S>,
        method: Cow<'static, str>,
        events: Events<PinnedBody<S>>,
        resumption: Option<Resumption>,
    ) -> Self {
        let source = Source::Reading(events);
        Self::new(request, method, source, VecDeque::new(), resumption)
    }

    /// The messages of a JSON batch.
    pub(crate) fn of_batch(
        request: OpenRequest<S>,
        method: Cow<'static, str>,
        messages: Vec<Message>,
    ) -> Self {
        Self::new(request, method, Source::Over, messages.into(), None)
    }

    fn new(
        request: OpenRequest<S>,
        method: Cow<'static, str>,
        source: Source<S>,
        rest: VecDeque<Message>,
        resumption: Option<Resumption>,
    ) -> Self {
        let (skipped, secrets, skips_validation) = (SkippedEvents::default(), None, false);
        Self {
            request,
            method,
            source,
            first: None,
            rest,
            resumption,
            skipped,
            secrets,
            skips_validation,
        }
    }

    fn endpoint(&self) -> &Arc<HttpEndpoint<S>> {
        &self.request.inner.endpoint
    }

    /// Filters a message: returns it if it belongs to this request.
    fn filter(&mut self, message: Message) -> Option<Message> {
        let is_legacy = self.resumption.is_some();
        match message {
            Message::Response(response)
                if is_legacy
                    && response.id.as_ref().is_some_and(|id| !id.echoes(&self.request.id)) =>
            {
                // A legacy response may arrive on any stream.
                if !self.request.inner.in_flight.deliver(response) {
                    tracing::debug!("ignored a response that no request waits for");
                }
                None
            }
            Message::Request(request) if !is_legacy => {
                // Modern servers send no requests, and must not get a response.
                tracing::debug!(method = %request.method, "ignored a request of the server");
                None
            }
            message => Some(message),
        }
    }

    /// Reads the messages of an event. Those of the one before have been yielded.
    fn read(&mut self, mut event: Event) -> Result<(), Error> {
        let data = message_data(&mut event);
        if let Some(data) = error_data(&event) {
            self.skip(data);
        }
        let (batches, is_repeated) = match &mut self.resumption {
            Some(resumption) => (resumption.batches, resumption.follow(&event, data.is_some())),
            None => (false, false),
        };
        let Some(data) = data else { return Ok(()) };
        // Invalid UTF-8 is replaced before anybody decodes it.
        let skips_validation = self.skips_validation && std::str::from_utf8(&data).is_ok();
        let data = match read_unvalidated(data, skips_validation, self.secrets.as_ref()) {
            Ok(response) if response.id.as_ref() == Some(&self.request.id) => {
                self.first = Some(response.into());
                return Ok(());
            }
            // Its own caller may need it validated.
            Ok(other) => other.outcome.map(RawJson::into_frame).unwrap_or_default(),
            Err(data) => data,
        };
        match Messages::parse_data(&data, batches) {
            Ok(Messages::One(message))
                if is_repeated && !matches!(message, Message::Response(_)) =>
            {
                tracing::debug!("ignored an event that the server has sent before");
            }
            Ok(Messages::One(message)) => self.first = Some(message),
            Ok(Messages::Batch(messages)) => self.rest = messages.into(),
            // It is the response, or looks like it.
            Err(error) if error.id.as_ref().is_some_and(|id| id.echoes(&self.request.id)) => {
                return Err(self.unreadable(&data, error));
            }
            Err(_) => self.skip(&data),
        }
        Ok(())
    }

    /// An event that is not a message does not fail the request.
    fn skip(&mut self, data: &[u8]) {
        let masked = self.secrets.as_ref().and_then(|secrets| secrets.masked(data));
        let data = masked.as_ref().map_or(data, String::as_bytes);
        self.skipped.add(data);
        self.request.inner.skip(data);
    }

    /// The error of a stream that ended without a response.
    fn ended(&self, partial: Option<Bytes>) -> Error {
        let text = "the stream ended before the response";
        if let Some(partial) = partial {
            let partial = String::from_utf8_lossy(&partial);
            let text = format!("{text}, within an event: {}", Excerpt(&partial));
            return ended_early(&self.method, text);
        }
        match self.skipped.last() {
            Some(last) => no_response(
                &self.method,
                format!("{text}; skipped data that is not a message: {last}"),
            ),
            None => ended_early(&self.method, text),
        }
    }

    fn unreadable(&self, data: &Bytes, error: mcp_core::ParseError) -> Error {
        let masked = self.secrets.as_ref().and_then(|secrets| secrets.masked(data));
        let text = masked.map_or_else(|| String::from_utf8_lossy(data), Cow::Owned);
        let why = format!("an event of the response cannot be decoded: {}", Excerpt(&text));
        no_response(&self.method, why).with_source(error)
    }

    /// Resumes the stream after its end, with or without an error.
    fn interrupted(&mut self, cause: Option<mcp_http::Error>) -> Result<(), Error> {
        let is_final = cause.as_ref().is_some_and(|cause| {
            matches!(cause.kind(), mcp_http::ErrorKind::TooLarge | mcp_http::ErrorKind::Timeout(_))
        });
        let partial = match &self.source {
            Source::Reading(events) => events.partial_data(),
            _ => None,
        };
        if !is_final && self.resume() {
            return Ok(());
        }
        Err(match cause {
            Some(cause) => {
                let error = from_http(cause, &self.method, &self.endpoint().url);
                // The server had started to respond.
                let delivery = match error.kind() {
                    ErrorKind::TooLarge => Delivery::Answered,
                    _ => Delivery::Unknown,
                };
                error.with_delivery(delivery)
            }
            None => self.ended(partial),
        })
    }

    /// Starts to resume the stream. Returns whether that is possible.
    fn resume(&mut self) -> bool {
        let endpoint = Arc::clone(self.endpoint());
        let Some(resumption) = &mut self.resumption else { return false };
        let Some((last_id, delay)) = resumption.next() else { return false };
        let (headers, session) = (Arc::clone(&resumption.headers), resumption.session.clone());
        self.source = Source::Resuming(Box::pin(async move {
            tokio::time::sleep(delay).await;
            endpoint.open_stream(&headers, session.as_ref(), Some(&last_id)).await
        }));
        true
    }

    /// Handles a failed attempt to resume: tries again if that may help.
    fn not_resumed(&mut self, cause: NoStream) -> Result<(), Error> {
        if cause.is_transient() && self.resume() {
            return Ok(());
        }
        let text = "the stream ended before the response, and could not be resumed";
        let error = ended_early(&self.method, text);
        Err(match cause {
            NoStream::Failed(cause) => error.with_source(cause),
            NoStream::Refused(cause) => error.with_source(cause),
        })
    }

    /// Advances the source: ready when there may be a message.
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
                Poll::Ready(Err(cause)) => Poll::Ready(self.not_resumed(cause)),
                Poll::Pending => Poll::Pending,
            },
            Source::Over => {
                Poll::Ready(Err(no_response(&self.method, "the batch contains no response")))
            }
        }
    }

    /// Checks for a response that reports a lost session.
    fn check_session(&self, response: &Response) {
        if let (Some(session), Err(error)) = (&self.request.session, &response.outcome)
            && session.id.is_some()
            && SessionState::after_error(error) != SessionState::Alive
        {
            self.request.inner.check_in_background(session);
        }
    }

    /// Yields the terminal item.
    fn end(&mut self, item: Result<Message, Error>) -> Poll<Option<Result<Message, Error>>> {
        let may_be_at_work = matches!(&item, Err(error) if error.delivery() == Delivery::Unknown);
        if !may_be_at_work {
            self.request.finish();
        }
        if let Source::Reading(events) = std::mem::replace(&mut self.source, Source::Over)
            && item.is_ok()
        {
            self.request.inner.park(events);
        }
        Poll::Ready(Some(item))
    }
}

impl<S: HttpService> Stream for ResponseStream<S> {
    type Item = Result<Message, Error>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = self.get_mut();
        loop {
            if this.request.inner.tasks.is_closed() {
                return this.end(Err(closed()));
            }
            while let Some(message) = this.first.take().or_else(|| this.rest.pop_front()) {
                match this.filter(message) {
                    Some(Message::Response(mut response)) => {
                        mask(&mut response, this.secrets.as_ref());
                        this.check_session(&response);
                        return this.end(Ok(Message::Response(response)));
                    }
                    Some(message) => return Poll::Ready(Some(Ok(message))),
                    None => {}
                }
            }
            match this.advance(cx) {
                Poll::Ready(Ok(())) => {}
                Poll::Ready(Err(error)) => return this.end(Err(error)),
                Poll::Pending => match this.request.poll_ended(cx) {
                    Poll::Ready(Ended::Answered(response)) => {
                        return this.end(Ok(Message::Response(response)));
                    }
                    Poll::Ready(Ended::Closed) => return this.end(Err(closed())),
                    Poll::Ready(Ended::SessionLost) => {
                        // There is nothing to cancel in the new session.
                        this.request.finish();
                        let lost = expired(&this.method).with_delivery(Delivery::Unknown);
                        return this.end(Err(lost));
                    }
                    Poll::Pending => return Poll::Pending,
                },
            }
        }
    }
}
