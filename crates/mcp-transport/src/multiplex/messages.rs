//! The driver of a pair of message channels.

use std::{
    fmt,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};

use futures_core::Stream;
use futures_sink::Sink;
use mcp_core::Message;

use super::{
    Multiplex, Queue, backpressure::Backpressure, grace::ReadGrace, outbox::weight, pipe::Inner,
};
use crate::{Error, ErrorKind, Inbound, Limits};

/// Does the I/O of a [`Multiplex`] over a `Sink` and a `Stream` of messages: a future that resolves to the
/// reason why they ended.
///
/// Dropping it ends every open exchange. After the end of the sink it still reads, as a
/// [`LineDriver`](super::LineDriver) does after the end of its write half. Needs tokio's timer.
#[must_use = "nothing is sent or received unless the driver is polled"]
pub struct MessageDriver<Si, St> {
    shared: Arc<Inner>,
    /// `None` after it is closed.
    sink: Option<Si>,
    stream: St,
    grace: ReadGrace,
    backpressure: Backpressure,
    reason: Option<Error>,
}

/// The number of messages received in one poll, before the task yields.
const MESSAGES_PER_POLL: usize = 256;

impl Multiplex {
    /// Creates a transport over a `Sink` and a `Stream` of messages, such as two channels or a WebSocket.
    pub fn messages<Si, St, E>(
        sink: Si,
        stream: St,
        limits: Limits,
    ) -> (Self, Inbound, MessageDriver<Si, St>)
    where
        Si: Sink<Message> + Unpin,
        St: Stream<Item = Result<Message, E>> + Unpin,
        E: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        let (multiplex, inbound) =
            Self::with_queue(Queue::Messages(Default::default()), None, limits);
        let driver = MessageDriver {
            shared: Arc::clone(&multiplex.shared.0),
            sink: Some(sink),
            stream,
            grace: ReadGrace::default(),
            backpressure: Backpressure::default(),
            reason: None,
        };
        (multiplex, inbound, driver)
    }
}

impl<Si, St> MessageDriver<Si, St>
where
    Si: Sink<Message, Error: Into<Box<dyn std::error::Error + Send + Sync>>> + Unpin,
{
    fn poll_write(&mut self, cx: &mut Context<'_>) {
        let Some(sink) = &mut self.sink else { return };
        let mut sink = Pin::new(sink);
        let mut progressed = false;
        let end = loop {
            let room = sink.as_mut().poll_ready(cx);
            let mut state = self.shared.lock();
            let next = match (&room, &mut state.sending.outbox.queue) {
                (Poll::Ready(Ok(())), Queue::Messages(messages)) => messages.pop_front(),
                _ => None,
            };
            if let Some(message) = next {
                // A message counts as written as soon as the sink has accepted it.
                state.sending.outbox.written += weight(&message);
                drop(state);
                progressed = true;
                match sink.as_mut().start_send(message) {
                    Ok(()) => continue,
                    Err(error) => break Poll::Ready(Err(error)),
                }
            }
            state.sending.driver = Some(cx.waker().clone());
            let closing = state.sending.closing;
            drop(state);
            if closing {
                self.grace.closing();
            }
            break match room {
                Poll::Ready(Ok(())) if closing => sink.as_mut().poll_close(cx),
                Poll::Ready(Ok(())) => match sink.as_mut().poll_flush(cx) {
                    Poll::Ready(Ok(())) => Poll::Pending,
                    flushed => flushed,
                },
                room => room,
            };
        };
        let ended = end.is_ready();
        if let Poll::Ready(end) = end {
            if let Err(error) = end {
                self.grace.broken(error);
            }
            self.sink = None;
            self.shared.lock().write_ended = true;
        }
        if progressed || ended {
            self.shared.progress.notify_waiters();
        }
    }
}

impl<Si, St, E> MessageDriver<Si, St>
where
    St: Stream<Item = Result<Message, E>> + Unpin,
    E: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    fn poll_read(&mut self, cx: &mut Context<'_>) -> Poll<Error> {
        for _ in 0..MESSAGES_PER_POLL {
            ready!(self.backpressure.poll(&self.shared, cx));
            match ready!(Pin::new(&mut self.stream).poll_next(cx)) {
                Some(Ok(message)) => self.backpressure.set(self.shared.deliver(message)),
                Some(Err(error)) => {
                    let reason = Error::new(ErrorKind::Closed, "the connection broke");
                    return Poll::Ready(reason.with_source(error));
                }
                None => {
                    let reason = "the server closed the connection";
                    return Poll::Ready(Error::new(ErrorKind::Closed, reason));
                }
            }
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    }
}

impl<Si, St, E> Future for MessageDriver<Si, St>
where
    Si: Sink<Message, Error: Into<Box<dyn std::error::Error + Send + Sync>>> + Unpin,
    St: Stream<Item = Result<Message, E>> + Unpin,
    E: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    type Output = Error;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Error> {
        let this = &mut *self;
        this.poll_write(cx);
        let read = this.poll_read(cx);
        // Reading may have queued an error response.
        this.poll_write(cx);
        let reason = match read {
            Poll::Ready(reason) => reason,
            Poll::Pending => ready!(this.grace.poll(cx)),
        };
        this.reason = Some(reason.clone());
        Poll::Ready(reason)
    }
}

impl<Si, St> Drop for MessageDriver<Si, St> {
    fn drop(&mut self) {
        let reason = self.reason.take();
        self.shared.lock().write_ended = true;
        self.shared.end(
            &reason.unwrap_or_else(|| Error::new(ErrorKind::Closed, "the connection was dropped")),
        );
    }
}

impl<Si, St> fmt::Debug for MessageDriver<Si, St> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MessageDriver").field("reason", &self.reason).finish_non_exhaustive()
    }
}

#[cfg(test)]
#[path = "messages_tests.rs"]
mod tests;
