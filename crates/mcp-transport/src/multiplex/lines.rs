//! The driver of a pipe of newline-delimited JSON.

use std::{
    fmt,
    pin::{Pin, pin},
    sync::Arc,
    task::{Context, Poll, ready},
};

use mcp_core::Message;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite};

use super::{
    Multiplex, Queue,
    backpressure::Backpressure,
    grace::ReadGrace,
    outbox::Lines,
    output::{Output, Written},
    pipe::{Frame, Inner},
    pretty::PrettyPrinted,
};
use crate::{
    Error, ErrorKind, Inbound, Limits,
    framing::{Line, LineDecoder},
};

/// The size of the first reads, in bytes: what an idle connection retains. It is doubled by each read that fills its
/// space.
const MIN_READ_SIZE: usize = 2 << 10;
/// The largest size of one read, in bytes.
const MAX_READ_SIZE: usize = 64 << 10;
/// The number of reads in one poll, before the task yields.
const READS_PER_POLL: usize = 32;

/// Does the I/O of a [`Multiplex`] over byte streams: a future that resolves to the reason why the pipe
/// ended.
///
/// A more specific reason is set by [`Multiplex::fail`] before the driver is dropped. Dropping it ends every
/// open exchange. When the write half breaks, the driver reads for another 0.5 s, since responses may be on
/// their way. After a close, it reads until the peer closes its side, for at most 10 s. Needs tokio's timer.
#[must_use = "nothing is sent or received unless the driver is polled"]
pub struct LineDriver<R, W> {
    shared: Arc<Inner>,
    reader: R,
    output: Arc<Output<W>>,
    decoder: LineDecoder,
    read_size: usize,
    grace: ReadGrace,
    pretty: PrettyPrinted,
    /// The rest of a batch.
    batch: std::vec::IntoIter<Message>,
    backpressure: Backpressure,
    /// The end of the read half, before the bytes in front of it are delivered.
    end: Option<Error>,
    reason: Option<Error>,
}

impl Multiplex {
    /// Creates a transport that sends newline-delimited JSON over a pair of byte streams.
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
    /// Spec: [Custom
    /// transports](https://modelcontextprotocol.io/specification/2026-07-28/basic/transports#custom-transports)
    pub fn lines<R, W>(reader: R, writer: W, limits: Limits) -> (Self, Inbound, LineDriver<R, W>)
    where
        R: AsyncRead + Unpin,
        W: AsyncWrite + Unpin + Send + 'static,
    {
        let decoder = LineDecoder::new(limits.message);
        let output = Arc::new(Output::new(writer));
        let queue = Queue::Lines(Lines::default());
        // Elsewhere a write to a child process needs a runtime, which a sender may not be in.
        let for_senders = cfg!(unix).then(|| Arc::clone(&output) as _);
        let (multiplex, inbound) = Self::with_queue(queue, for_senders, limits);
        let driver = LineDriver {
            shared: Arc::clone(&multiplex.shared.0),
            reader,
            output,
            decoder,
            read_size: MIN_READ_SIZE,
            grace: ReadGrace::default(),
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
    /// Writes the queued messages, as far as the pipe accepts them.
    fn poll_write(&mut self, cx: &mut Context<'_>) {
        let Written { progressed, closing, end } = self.output.poll_write(cx, &self.shared.state);
        if closing {
            self.grace.closing();
        }
        let ended = end.is_ready();
        if let Poll::Ready(end) = end {
            if let Err(error) = end {
                self.grace.broken(error);
            }
            // Messages that the peer has already sent are still read, until it closes its side.
            self.shared.lock().write_ended = true;
        }
        if progressed || ended {
            self.shared.progress.notify_waiters();
        }
    }

    /// Reads and delivers messages. Resolves to the reason why the read half ended.
    fn poll_read(&mut self, cx: &mut Context<'_>) -> Poll<Error> {
        for _ in 0..READS_PER_POLL {
            ready!(self.poll_deliver(cx));
            if let Some(reason) = self.end.take() {
                return Poll::Ready(reason);
            }
            let buffer = self.decoder.buffer_mut();
            if buffer.capacity() - buffer.len() < self.read_size / 4 {
                buffer.reserve(self.read_size);
            }
            let space = buffer.capacity() - buffer.len();
            let read = pin!(self.reader.read_buf(buffer));
            self.end = match ready!(read.poll(cx)) {
                Ok(0) => Some(Error::new(ErrorKind::Closed, "the server closed the connection")),
                Ok(read) => {
                    if read == space {
                        self.read_size = MAX_READ_SIZE.min(2 * self.read_size);
                    }
                    None
                }
                Err(error) => {
                    Some(Error::new(ErrorKind::Closed, "the connection broke").with_source(error))
                }
            };
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    }

    /// Delivers the messages that have been read. Pauses for a reader with a backlog.
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

    /// The next line that has been read, or the rest after the last line end at the end of the pipe.
    fn next_frame(&mut self) -> Option<Frame> {
        let line = self.decoder.next_line();
        let is_rest = line.is_none() && self.end.is_some();
        let line = line.or_else(|| if is_rest { self.decoder.finish() } else { None });
        Some(match line? {
            // The request of a response that was cut off fails with the reason why the pipe ended.
            Line::Complete(rest) if is_rest && is_cut_off(&rest) => {
                self.shared.skipped.add(&rest);
                Frame::None
            }
            Line::Complete(frame) => self.shared.parse(frame, &mut self.pretty),
            Line::TooLong(line) => {
                self.shared.reject_too_long(&line);
                Frame::None
            }
        })
    }
}

#[cold]
fn is_cut_off(rest: &[u8]) -> bool {
    serde_json::from_slice::<serde::de::IgnoredAny>(rest).is_err_and(|error| error.is_eof())
}

impl<R: AsyncRead + Unpin, W: AsyncWrite + Unpin> Future for LineDriver<R, W> {
    type Output = Error;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Error> {
        let this = &mut *self;
        this.poll_write(cx);
        // An error response that is queued by reading wakes this driver.
        let read = this.poll_read(cx);
        let reason = match read {
            Poll::Ready(reason) => reason,
            Poll::Pending => ready!(this.grace.poll(cx)),
        };
        this.reason = Some(reason.clone());
        Poll::Ready(reason)
    }
}

impl<R, W> Drop for LineDriver<R, W> {
    fn drop(&mut self) {
        let reason = self.reason.take();
        self.output.close();
        self.shared.lock().write_ended = true;
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
