//! The write half of a pipe of lines: written to by the driver, or by a sender that finds it idle.
//!
//! The driver holds the lock of the write half while it writes, and takes that of the state within. A sender
//! holds the lock of the state, and only tries that of the write half. So neither waits for the other in a
//! circle, and no sender waits for a write.

use std::{
    io,
    pin::Pin,
    sync::{PoisonError, TryLockError},
    task::{Context, Poll, Waker, ready},
};

use tokio::io::AsyncWrite;

use super::{
    outbox::{Lines, Queue, Sending},
    sync::Mutex,
};

/// The write half of a pipe of lines.
pub(super) struct Output<W>(Mutex<Half<W>>);

struct Half<W> {
    /// `None` after it is closed.
    writer: Option<W>,
    /// Lines taken from the queue.
    writing: Lines,
    flushed: bool,
}

/// An [`Output`] of any type, for senders.
pub(super) trait WriteNow: Send + Sync {
    /// Writes a line that is the only one in the queue, as far as the pipe accepts it without waiting. Returns
    /// whether nothing is left: otherwise the driver must be woken. A write that waits or fails is repeated by
    /// the driver, which then registers its waker or finds the error.
    fn write_now(&self, sending: &mut Sending) -> bool;
}

/// The outcome of [`Output::poll_write`].
pub(super) struct Written {
    /// Whether bytes were written.
    pub(super) progressed: bool,
    /// Whether the connection is being closed.
    pub(super) closing: bool,
    /// Ready when the write half has ended.
    pub(super) end: Poll<io::Result<()>>,
}

impl<W> Output<W> {
    pub(super) fn new(writer: W) -> Self {
        let writing = Lines::default();
        Self(Mutex::new(Half { writer: Some(writer), writing, flushed: true }))
    }

    /// Closes the write half immediately. Unwritten lines are lost.
    pub(super) fn close(&self) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).writer = None;
    }
}

impl<W: AsyncWrite + Unpin> Output<W> {
    /// Writes the queued lines, as far as the pipe accepts them, and registers the waker of the driver. Closes
    /// the write half when all of them are written and the connection is being closed.
    pub(super) fn poll_write<S: AsMut<Sending>>(
        &self,
        cx: &mut Context<'_>,
        state: &Mutex<S>,
    ) -> Written {
        let mut written = Written { progressed: false, closing: false, end: Poll::Pending };
        let mut half = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if half.writer.is_none() {
            return written;
        }
        loop {
            let (length, step) = half.write_lines(cx);
            written.progressed |= length > 0;
            let mut state = state.lock().unwrap_or_else(PoisonError::into_inner);
            let sending = state.as_mut();
            sending.outbox.written += length;
            if let Queue::Lines(lines) = &mut sending.outbox.queue {
                half.writing.refill(lines);
            }
            if matches!(step, Poll::Ready(Ok(()))) && !half.writing.is_empty() {
                continue;
            }
            // Registered under the same lock as new messages, so that none is missed.
            if !sending.driver.as_ref().is_some_and(|waker| waker.will_wake(cx.waker())) {
                sending.driver = Some(cx.waker().clone());
            }
            written.closing = sending.closing;
            drop(state);
            written.end = match step {
                Poll::Ready(Ok(())) => half.poll_idle(cx, written.closing),
                step => step,
            };
            break;
        }
        if written.end.is_ready() {
            half.writer = None;
        }
        written
    }
}

impl<W: AsyncWrite + Unpin + Send> WriteNow for Output<W> {
    fn write_now(&self, sending: &mut Sending) -> bool {
        let mut half = match self.0.try_lock() {
            Ok(half) => half,
            Err(TryLockError::Poisoned(half)) => half.into_inner(),
            // The driver is about to look at the queue, or has just done so.
            Err(TryLockError::WouldBlock) => return false,
        };
        let Queue::Lines(lines) = &mut sending.outbox.queue else { return false };
        let Some(writer) = &mut half.writer else { return false };
        // The waker is none, so that of the driver is not replaced by one of a task that may be gone.
        let cx = &mut Context::from_waker(Waker::noop());
        let Poll::Ready(Ok(length)) = Pin::new(writer).poll_write(cx, lines.front()) else {
            return false;
        };
        lines.advance(length);
        sending.outbox.written += length as u64;
        half.flushed &= length == 0;
        lines.is_empty() && matches!(half.poll_flush(cx), Poll::Ready(Ok(())))
    }
}

impl<W: AsyncWrite + Unpin> Half<W> {
    /// Writes the lines taken from the queue. Returns the number of bytes written, and whether those were
    /// all.
    fn write_lines(&mut self, cx: &mut Context<'_>) -> (u64, Poll<io::Result<()>>) {
        let mut written = 0;
        let Some(writer) = &mut self.writer else { return (written, Poll::Pending) };
        while !self.writing.is_empty() {
            match Pin::new(&mut *writer).poll_write(cx, self.writing.front()) {
                Poll::Ready(Ok(0)) => {
                    return (written, Poll::Ready(Err(io::ErrorKind::WriteZero.into())));
                }
                Poll::Ready(Ok(length)) => {
                    self.writing.advance(length);
                    self.flushed = false;
                    written += length as u64;
                }
                Poll::Ready(Err(error)) => return (written, Poll::Ready(Err(error))),
                Poll::Pending => return (written, Poll::Pending),
            }
        }
        (written, Poll::Ready(Ok(())))
    }

    fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if let Some(writer) = &mut self.writer
            && !self.flushed
        {
            ready!(Pin::new(writer).poll_flush(cx))?;
            self.flushed = true;
        }
        Poll::Ready(Ok(()))
    }

    /// Flushes the write half, and closes it if `closing`. Ready when it has ended.
    fn poll_idle(&mut self, cx: &mut Context<'_>, closing: bool) -> Poll<io::Result<()>> {
        ready!(self.poll_flush(cx))?;
        match &mut self.writer {
            Some(writer) if closing => Pin::new(writer).poll_shutdown(cx),
            _ => Poll::Pending,
        }
    }
}
