//! The stderr of the child process. It is always read, since the child would block on a full pipe.

use std::{
    collections::VecDeque,
    fmt,
    fs::OpenOptions,
    future::poll_fn,
    io,
    mem::MaybeUninit,
    panic::{AssertUnwindSafe, catch_unwind},
    path::PathBuf,
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll, ready},
};

use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    process::ChildStderr,
};

/// The destination of a server's stderr.
///
/// In each case it is read without delay, and its last 8 KiB are stored for
/// [`ExitError`](crate::ExitError). Default: [`Inherit`](Self::Inherit).
///
/// Spec: [stdio](https://modelcontextprotocol.io/specification/2026-07-28/basic/transports/stdio)
#[doc(alias = "logging")]
#[derive(Clone, Default)]
#[non_exhaustive]
pub enum Stderr {
    /// The stderr of this process. If more than 64 KiB are queued, output is dropped, and a line reports the
    /// number of dropped bytes.
    #[default]
    Inherit,
    /// Discards the output.
    Null,
    /// Appends to this file, which is created if it does not exist. If more than 64 KiB are queued, output is
    /// dropped, and a line reports the number of dropped bytes.
    Append(PathBuf),
    /// Calls this function for each line, without the line end; see [`Stderr::lines`].
    Lines(Arc<dyn Fn(&str) + Send + Sync>),
}

impl Stderr {
    /// Calls `line` for each line, without the line end.
    ///
    /// Bytes that are not UTF-8 are replaced, and lines over 8 KiB are split. The function runs on the
    /// runtime and must not block. After a panic it is not called again.
    pub fn lines(line: impl Fn(&str) + Send + Sync + 'static) -> Self {
        Self::Lines(Arc::new(line))
    }

    /// Opens the destination.
    pub(crate) fn open(&self) -> io::Result<Sink> {
        Ok(match self {
            Self::Inherit => Sink::writer(tokio::io::stderr()),
            Self::Null => Sink::Null,
            Self::Append(path) => {
                let file = OpenOptions::new().append(true).create(true).open(path)?;
                Sink::writer(tokio::fs::File::from_std(file))
            }
            Self::Lines(call) => Sink::Lines { call: Arc::clone(call), line: Vec::new() },
        })
    }
}

impl fmt::Debug for Stderr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Inherit => f.write_str("Inherit"),
            Self::Null => f.write_str("Null"),
            Self::Append(path) => f.debug_tuple("Append").field(path).finish(),
            Self::Lines(_) => f.write_str("Lines"),
        }
    }
}

/// The size of the stored tail in bytes.
const TAIL_LENGTH: usize = 8 << 10;
/// The longest line passed to a function, in bytes. A longer one is split.
const MAX_LINE: usize = 8 << 10;
/// The maximum number of bytes queued for a writer.
const MAX_QUEUED: usize = 64 << 10;

/// The last [`TAIL_LENGTH`] bytes of the output.
#[derive(Clone, Default)]
pub(crate) struct Tail(Arc<Mutex<VecDeque<u8>>>);

impl Tail {
    pub(crate) fn text(&self) -> String {
        let mut bytes = self.lock();
        // The tail may start inside a character.
        let is_continuation = |byte: &u8| byte & 0b1100_0000 == 0b1000_0000;
        let cut = match bytes.len() {
            TAIL_LENGTH => bytes.iter().take(3).take_while(|byte| is_continuation(byte)).count(),
            _ => 0,
        };
        String::from_utf8_lossy(&bytes.make_contiguous()[cut..]).into_owned()
    }

    fn push(&self, bytes: &[u8]) {
        let mut tail = self.lock();
        tail.extend(&bytes[bytes.len().saturating_sub(TAIL_LENGTH)..]);
        let excess = tail.len().saturating_sub(TAIL_LENGTH);
        tail.drain(..excess);
    }

    fn lock(&self) -> MutexGuard<'_, VecDeque<u8>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// An opened destination.
pub(crate) enum Sink {
    Null,
    Writer { writer: Box<dyn AsyncWrite + Send + Unpin>, queued: Vec<u8>, dropped: usize },
    Lines { call: Arc<dyn Fn(&str) + Send + Sync>, line: Vec<u8> },
}

/// Reads `stderr` to its end.
pub(crate) async fn drain(mut stderr: ChildStderr, mut sink: Sink, tail: Tail) {
    loop {
        let read = poll_fn(|cx| {
            sink.poll_write(cx);
            // On the stack, so that a silent server retains no memory for it.
            let mut space = [MaybeUninit::uninit(); TAIL_LENGTH];
            let mut buffer = ReadBuf::uninit(&mut space);
            ready!(Pin::new(&mut stderr).poll_read(cx, &mut buffer))?;
            tail.push(buffer.filled());
            sink.push(buffer.filled());
            Poll::Ready(io::Result::Ok(buffer.filled().len()))
        });
        if let Ok(0) | Err(_) = read.await {
            break;
        }
    }
    poll_fn(|cx| sink.poll_end(cx)).await;
}

impl Sink {
    fn writer(writer: impl AsyncWrite + Send + Unpin + 'static) -> Self {
        Self::Writer { writer: Box::new(writer), queued: Vec::new(), dropped: 0 }
    }

    /// Queues bytes, or drops them if the queue is full.
    fn push(&mut self, bytes: &[u8]) {
        match self {
            Self::Null => {}
            Self::Writer { queued, dropped, .. } => {
                if queued.len() + bytes.len() > MAX_QUEUED {
                    *dropped += bytes.len();
                    return;
                }
                report_dropped(queued, dropped);
                queued.extend_from_slice(bytes);
            }
            Self::Lines { call, line } => {
                let called = bytes.split_inclusive(|byte| *byte == b'\n').try_for_each(|piece| {
                    line.extend_from_slice(piece);
                    match line.ends_with(b"\n") || line.len() >= MAX_LINE {
                        true => call_with(&**call, line),
                        false => Ok(()),
                    }
                });
                if called.is_err() {
                    *self = Self::Null;
                }
            }
        }
    }

    /// Writes queued bytes, as far as the writer accepts them.
    fn poll_write(&mut self, cx: &mut Context<'_>) {
        let Self::Writer { writer, queued, dropped } = self else {
            return;
        };
        while !queued.is_empty() {
            match Pin::new(&mut *writer).poll_write(cx, queued) {
                Poll::Ready(Ok(length @ 1..)) => {
                    queued.drain(..length);
                    if queued.is_empty() {
                        report_dropped(queued, dropped);
                    }
                }
                Poll::Ready(_) => return *self = Self::Null,
                Poll::Pending => return,
            }
        }
    }

    /// Writes all queued bytes.
    fn poll_end(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        self.poll_write(cx);
        match self {
            Self::Writer { queued, .. } if !queued.is_empty() => Poll::Pending,
            Self::Writer { writer, .. } => Pin::new(writer).poll_flush(cx).map(|_| ()),
            Self::Lines { call, line } if !line.is_empty() => {
                let _ = call_with(&**call, line);
                Poll::Ready(())
            }
            Self::Lines { .. } | Self::Null => Poll::Ready(()),
        }
    }
}

fn report_dropped(queued: &mut Vec<u8>, dropped: &mut usize) {
    let length = std::mem::take(dropped);
    if length > 0 {
        queued.extend_from_slice(format!("\n[{length} bytes dropped]\n").as_bytes());
    }
}

/// Calls the function with a line, and clears it.
fn call_with(call: &(dyn Fn(&str) + Send + Sync), line: &mut Vec<u8>) -> std::thread::Result<()> {
    let text = line.strip_suffix(b"\n").unwrap_or(line);
    let text = String::from_utf8_lossy(text.strip_suffix(b"\r").unwrap_or(text));
    let called = catch_unwind(AssertUnwindSafe(|| call(&text)));
    line.clear();
    called
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    #[test]
    fn the_tail_has_the_last_bytes_and_whole_characters() {
        let tail = Tail::default();
        tail.push(b"first\n");
        assert_eq!(tail.text(), "first\n");
        for _ in 0..TAIL_LENGTH {
            tail.push("ü".as_bytes());
        }
        tail.push(b"!");
        let text = tail.text();
        assert_eq!(text.len(), TAIL_LENGTH - 1);
        assert!(text.starts_with('ü') && text.ends_with("ü!"), "{text}");
        tail.push(&[b'x'; 3 * TAIL_LENGTH]);
        assert_eq!(tail.text(), "x".repeat(TAIL_LENGTH));
    }

    #[test]
    fn long_lines_are_split_and_invalid_bytes_replaced() {
        let seen = Arc::new(Mutex::new(Vec::new()));
        let into = Arc::clone(&seen);
        let mut sink =
            Stderr::lines(move |line| into.lock().unwrap().push(line.to_owned())).open().unwrap();
        for piece in ["  one\r\n\nt", "wo\n"] {
            sink.push(piece.as_bytes());
        }
        sink.push(b"\xff\n");
        sink.push(&[b'y'; TAIL_LENGTH + 1]);
        assert!(sink.poll_end(&mut Context::from_waker(std::task::Waker::noop())).is_ready());
        let long = "y".repeat(TAIL_LENGTH + 1);
        assert_eq!(*seen.lock().unwrap(), ["  one", "", "two", "\u{fffd}", &long]);
    }

    #[test]
    fn a_line_without_an_end_is_split() {
        let seen = Arc::new(Mutex::new(Vec::new()));
        let into = Arc::clone(&seen);
        let mut sink =
            Stderr::lines(move |line| into.lock().unwrap().push(line.len())).open().unwrap();
        for _ in 0..5 {
            sink.push(&[b'z'; TAIL_LENGTH / 2]);
        }
        assert_eq!(*seen.lock().unwrap(), [TAIL_LENGTH, TAIL_LENGTH]);
    }

    #[test]
    fn a_function_that_panics_is_not_called_again() {
        let calls = Arc::new(Mutex::new(0));
        let into = Arc::clone(&calls);
        let mut sink = Stderr::lines(move |_| {
            *into.lock().unwrap_or_else(PoisonError::into_inner) += 1;
            panic!("in the function of the caller");
        })
        .open()
        .unwrap();
        sink.push(b"a\nb\n");
        sink.push(b"c\n");
        assert_eq!(*calls.lock().unwrap_or_else(PoisonError::into_inner), 1);
    }

    /// A writer that accepts nothing until it is opened.
    struct Slow(Arc<Mutex<(bool, Vec<u8>)>>);

    impl AsyncWrite for Slow {
        fn poll_write(
            self: Pin<&mut Self>,
            _: &mut Context<'_>,
            bytes: &[u8],
        ) -> Poll<io::Result<usize>> {
            let (open, written) = &mut *self.0.lock().unwrap();
            match open {
                true => {
                    written.extend_from_slice(bytes);
                    Poll::Ready(Ok(bytes.len()))
                }
                false => Poll::Pending,
            }
        }

        fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            Poll::Ready(Ok(()))
        }

        fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            Poll::Ready(Ok(()))
        }
    }

    #[test]
    fn output_for_a_stalled_writer_is_dropped_and_counted() {
        let slow = Arc::new(Mutex::new((false, Vec::new())));
        let mut sink = Sink::writer(Slow(Arc::clone(&slow)));
        let cx = &mut Context::from_waker(std::task::Waker::noop());
        for _ in 0..2 * MAX_QUEUED / TAIL_LENGTH {
            sink.push(&[b'a'; TAIL_LENGTH]);
            sink.poll_write(cx);
        }
        assert!(sink.poll_end(cx).is_pending());
        slow.lock().unwrap().0 = true;
        assert!(sink.poll_end(cx).is_ready());
        let written = slow.lock().unwrap().1.clone();
        let expected = format!("{}\n[{MAX_QUEUED} bytes dropped]\n", "a".repeat(MAX_QUEUED));
        assert_eq!(String::from_utf8(written).unwrap(), expected);
    }
}
