//! The driver of a pair of message channels.

use std::{
    fmt,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use futures_core::Stream;
use futures_sink::Sink;
use mcp_core::Message;

use super::{Multiplex, Queue, Shared};
use crate::{Error, ErrorKind, Inbound, Limits};

/// Does the I/O of a [`Multiplex`] over a `Sink` and a `Stream` of messages: a future that resolves to
/// the reason why they ended. Dropping it ends everything that is still open.
#[must_use = "nothing is sent or received unless the driver is polled"]
pub struct MessageDriver<Si, St> {
    shared: Arc<Shared>,
    /// `None` once it is closed.
    sink: Option<Si>,
    stream: St,
    reason: Option<Error>,
}

impl Multiplex {
    /// Speaks over a `Sink` and a `Stream` of messages, such as two channels or a web socket.
    pub fn messages<Si, St, E>(
        sink: Si,
        stream: St,
        limits: Limits,
    ) -> (Self, Inbound, MessageDriver<Si, St>)
    where
        Si: Sink<Message> + Unpin,
        St: Stream<Item = Result<Message, E>> + Unpin,
    {
        let (multiplex, inbound) = Self::with_queue(Queue::Messages(Default::default()), limits);
        let shared = Arc::clone(&multiplex.shared);
        (multiplex, inbound, MessageDriver { shared, sink: Some(sink), stream, reason: None })
    }
}

impl<Si: Sink<Message> + Unpin, St> MessageDriver<Si, St> {
    fn poll_write(&mut self, cx: &mut Context<'_>) {
        let Some(sink) = &mut self.sink else { return };
        let mut sink = Pin::new(sink);
        let mut written = 0;
        let over = loop {
            match sink.as_mut().poll_ready(cx) {
                Poll::Ready(Ok(())) => {}
                Poll::Ready(Err(_)) => break true,
                Poll::Pending => break false,
            }
            let next = {
                let mut state = self.shared.lock();
                let next = match &mut state.outbox.queue {
                    Queue::Messages(messages) => messages.pop_front(),
                    Queue::Lines(_) => None,
                };
                if next.is_none() {
                    state.driver = Some(cx.waker().clone());
                }
                next.ok_or(state.closing)
            };
            match next {
                Ok(message) => {
                    if sink.as_mut().start_send(message).is_err() {
                        break true;
                    }
                    written += 1;
                }
                Err(true) => break sink.as_mut().poll_close(cx).is_ready(),
                Err(false) => match sink.as_mut().poll_flush(cx) {
                    Poll::Ready(Err(_)) => break true,
                    _ => break false,
                },
            }
        };
        if written > 0 || over {
            let mut state = self.shared.lock();
            state.outbox.written += written;
            state.write_over |= over;
            drop(state);
            self.shared.progress.notify_waiters();
        }
        if over {
            self.sink = None;
        }
    }
}

impl<Si, St, E> Future for MessageDriver<Si, St>
where
    Si: Sink<Message> + Unpin,
    St: Stream<Item = Result<Message, E>> + Unpin,
    E: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    type Output = Error;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Error> {
        let this = &mut *self;
        this.poll_write(cx);
        let reason = loop {
            match Pin::new(&mut this.stream).poll_next(cx) {
                Poll::Ready(Some(Ok(message))) => this.shared.deliver(message),
                Poll::Ready(Some(Err(error))) => {
                    break Error::new(ErrorKind::Closed, "the connection broke").with_source(error);
                }
                Poll::Ready(None) => {
                    break Error::new(ErrorKind::Closed, "the server closed the connection");
                }
                Poll::Pending => {
                    this.poll_write(cx);
                    return Poll::Pending;
                }
            }
        };
        this.reason = Some(reason.clone());
        Poll::Ready(reason)
    }
}

impl<Si, St> Drop for MessageDriver<Si, St> {
    fn drop(&mut self) {
        let reason = self.reason.take();
        self.shared.lock().write_over = true;
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
