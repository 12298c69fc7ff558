//! The driver of a pipe of newline-delimited JSON.

use std::{
    fmt, io,
    pin::{Pin, pin},
    sync::Arc,
    task::{Context, Poll, ready},
};

use mcp_core::Message;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite};

use super::{
    Frame, Multiplex, Queue, Shared, backpressure::Backpressure, linger::Linger, outbox::Lines,
    pretty::PrettyPrinted,
};
use crate::{
    Error, ErrorKind, Inbound, Limits,
    framing::{Line, LineDecoder},
};

/// Bytes that are asked for in one read.
const READ: usize = 64 << 10;
/// Reads in one poll, before others get their turn.
const READS: usize = 32;

/// Does the I/O of a [`Multiplex`] over bytes: a future that resolves to the reason why the pipe ended.
///
/// Whoever knows a better reason gives it to [`Multiplex::fail`] before the driver is dropped; dropping
/// it ends everything that is still open. Once the writing half has broken it goes on reading for half a
/// second, since answers may be on their way, and after a close until the peer ends too, for ten seconds
/// at the most. Needs tokio's timer.
#[must_use = "nothing is sent or received unless the driver is polled"]
pub struct LineDriver<R, W> {
    shared: Arc<Shared>,
    reader: R,
    /// `None` once it is closed.
    writer: Option<W>,
    decoder: LineDecoder,
    writing: Lines,
    flushed: bool,
    linger: Linger,
    pretty: PrettyPrinted,
    /// The rest of a batch.
    batch: std::vec::IntoIter<Message>,
    backpressure: Backpressure,
    /// Why there is no more to read.
    end: Option<Error>,
    reason: Option<Error>,
}

impl Multiplex {
    /// Speaks newline-delimited JSON over a pair of byte streams.
    ///
    /// ```
    /// # use mcp_transport::{Limits, multiplex::Multiplex};
    /// # async fn connect() -> std::io::Result<()> {
    /// let (reader, writer) = tokio::io::split(tokio::io::duplex(1024).0);
    /// let (transport, inbound, driver) = Multiplex::lines(reader, writer, Limits::default());
    /// tokio::spawn(driver);
    /// # Ok(()) }
    /// ```
    ///
    /// Spec: basic/transports#custom-transports
    pub fn lines<R, W>(reader: R, writer: W, limits: Limits) -> (Self, Inbound, LineDriver<R, W>)
    where
        R: AsyncRead + Unpin,
        W: AsyncWrite + Unpin,
    {
        let decoder = LineDecoder::new(limits.message);
        let (multiplex, inbound) = Self::with_queue(Queue::Lines(Lines::default()), limits);
        let driver = LineDriver {
            shared: Arc::clone(&multiplex.shared.0),
            reader,
            writer: Some(writer),
            decoder,
            writing: Lines::default(),
            flushed: true,
            linger: Linger::default(),
            pretty: PrettyPrinted::default(),
            batch: Vec::new().into_iter(),
            backpressure: Backpressure::default(),
            end: None,
            reason: None,
        };
        (multiplex, inbound, driver)
    }
}

impl<R: AsyncRead + Unpin, W: AsyncWrite + Unpin> LineDriver<R, W> {
    /// Writes what is queued, as far as the pipe takes it.
    fn poll_write(&mut self, cx: &mut Context<'_>) {
        if self.writer.is_none() {
            return;
        }
        let mut moved = false;
        let end = loop {
            let (taken, step) = self.write_taken(cx);
            moved |= taken > 0;
            let mut state = self.shared.lock();
            state.outbox.written += taken;
            if let Queue::Lines(lines) = &mut state.outbox.queue {
                self.writing.refill(lines);
            }
            if matches!(step, Poll::Ready(Ok(()))) && !self.writing.is_empty() {
                continue;
            }
            // Registered under the lock that a new message is queued under.
            if !state.driver.as_ref().is_some_and(|waker| waker.will_wake(cx.waker())) {
                state.driver = Some(cx.waker().clone());
            }
            let closing = state.closing;
            drop(state);
            if closing {
                self.linger.closing();
            }
            break match step {
                Poll::Ready(Ok(())) => self.poll_idle(cx, closing),
                step => step,
            };
        };
        let over = end.is_ready();
        if let Poll::Ready(end) = end {
            if let Err(error) = end {
                self.linger.broken(error);
            }
            // What the peer has already sent is still read; its end tells the rest.
            self.writer = None;
            self.shared.lock().write_over = true;
        }
        if moved || over {
            self.shared.progress.notify_waiters();
        }
    }

    /// Writes what was taken from the queue; how much of it the pipe took, and whether that was all.
    fn write_taken(&mut self, cx: &mut Context<'_>) -> (u64, Poll<io::Result<()>>) {
        let mut taken = 0;
        let Some(writer) = &mut self.writer else { return (taken, Poll::Pending) };
        while !self.writing.is_empty() {
            match Pin::new(&mut *writer).poll_write(cx, self.writing.front()) {
                Poll::Ready(Ok(0)) => {
                    return (taken, Poll::Ready(Err(io::ErrorKind::WriteZero.into())));
                }
                Poll::Ready(Ok(length)) => {
                    self.writing.advance(length);
                    self.flushed = false;
                    taken += length as u64;
                }
                Poll::Ready(Err(error)) => return (taken, Poll::Ready(Err(error))),
                Poll::Pending => return (taken, Poll::Pending),
            }
        }
        (taken, Poll::Ready(Ok(())))
    }

    /// Flushes, and closes the writing half when that is wanted. Ready when the half is over.
    fn poll_idle(&mut self, cx: &mut Context<'_>, closing: bool) -> Poll<io::Result<()>> {
        let Some(writer) = &mut self.writer else { return Poll::Pending };
        let mut writer = Pin::new(writer);
        if !self.flushed {
            ready!(writer.as_mut().poll_flush(cx))?;
            self.flushed = true;
        }
        match closing {
            true => writer.poll_shutdown(cx),
            false => Poll::Pending,
        }
    }

    /// Reads what has arrived; the reason when there is no more.
    fn poll_read(&mut self, cx: &mut Context<'_>) -> Poll<Error> {
        for _ in 0..READS {
            ready!(self.poll_deliver(cx));
            if let Some(reason) = self.end.take() {
                return Poll::Ready(reason);
            }
            let buffer = self.decoder.buffer_mut();
            if buffer.capacity() - buffer.len() < READ / 4 {
                buffer.reserve(READ);
            }
            let read = pin!(self.reader.read_buf(buffer));
            self.end = match ready!(read.poll(cx)) {
                Ok(0) => Some(Error::new(ErrorKind::Closed, "the server closed the connection")),
                Ok(_) => None,
                Err(error) => {
                    Some(Error::new(ErrorKind::Closed, "the connection broke").with_source(error))
                }
            };
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    }

    /// Delivers what has been read, unless a reader should be given time first.
    fn poll_deliver(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        loop {
            ready!(self.backpressure.poll(&self.shared, cx));
            let message = match self.batch.next() {
                Some(message) => message,
                None => match self.next_frame() {
                    Some(Frame::One(message)) => message,
                    Some(Frame::Batch(messages)) => {
                        self.batch = messages.into_iter();
                        continue;
                    }
                    Some(Frame::None) => continue,
                    None => return Poll::Ready(()),
                },
            };
            self.backpressure.set(self.shared.deliver(message));
        }
    }

    /// The next line that has been read; at the end of the pipe, what stands after the last one.
    fn next_frame(&mut self) -> Option<Frame> {
        let line = self.decoder.next_line();
        let line = line.or_else(|| self.end.as_ref().and_then(|_| self.decoder.finish()));
        Some(match line? {
            Line::Complete(frame) => self.shared.parse(frame, &mut self.pretty),
            Line::TooLong(line) => {
                self.shared.reject_too_long(&line);
                Frame::None
            }
        })
    }
}

impl<R: AsyncRead + Unpin, W: AsyncWrite + Unpin> Future for LineDriver<R, W> {
    type Output = Error;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Error> {
        let this = &mut *self;
        this.poll_write(cx);
        let read = this.poll_read(cx);
        // What was read may have queued a refusal.
        this.poll_write(cx);
        let reason = match read {
            Poll::Ready(reason) => reason,
            Poll::Pending => ready!(this.linger.poll(cx)),
        };
        this.reason = Some(reason.clone());
        Poll::Ready(reason)
    }
}

impl<R, W> Drop for LineDriver<R, W> {
    fn drop(&mut self) {
        let reason = self.reason.take();
        self.shared.lock().write_over = true;
        self.shared.end(
            &reason.unwrap_or_else(|| Error::new(ErrorKind::Closed, "the connection was dropped")),
        );
    }
}

impl<R, W> fmt::Debug for LineDriver<R, W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LineDriver").field("reason", &self.reason).finish_non_exhaustive()
    }
}

#[cfg(test)]
#[path = "lines_tests.rs"]
mod tests;
