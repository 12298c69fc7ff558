//! What becomes of the child's stderr. It is always read, or the child would block on it.

use std::{
    collections::VecDeque,
    fmt,
    fs::OpenOptions,
    future::poll_fn,
    io,
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

/// Where the stderr of a server goes. In each case it is read without delay, and its last 8 KiB are
/// kept for [`ExitError`](crate::ExitError).
///
/// Spec: basic/transports/stdio
#[derive(Clone, Default)]
#[non_exhaustive]
pub enum Stderr {
    /// To the stderr of this process. When that does not take it fast enough, some is left out, and a
    /// line says how much.
    #[default]
    Inherit,
    /// Nowhere.
    Null,
    /// To the end of this file, which is created where it is missing. When the disk is too slow, some is
    /// left out, and a line says how much.
    Append(PathBuf),
    /// To this function, a line at a time without its end; see [`Stderr::lines`].
    Lines(Arc<dyn Fn(&str) + Send + Sync>),
}

impl Stderr {
    /// Calls `line` for each line, without its end.
    ///
    /// Bytes that are not UTF-8 are replaced, and lines over 8 KiB come in pieces. The function runs on
    /// the runtime and must not block; after a panic it is not called again.
    pub fn lines(line: impl Fn(&str) + Send + Sync + 'static) -> Self {
        Self::Lines(Arc::new(line))
    }

    /// Opens what has to be opened.
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

/// How much of the end is kept, and how long a line may be, in bytes.
const KEPT: usize = 8 << 10;
/// How much may wait for a writer, in bytes.
const WAITING: usize = 64 << 10;

/// The end of what was written so far.
#[derive(Clone, Default)]
pub(crate) struct Tail(Arc<Mutex<VecDeque<u8>>>);

impl Tail {
    pub(crate) fn text(&self) -> String {
        let mut bytes = self.lock();
        // The cut may have gone through a character.
        let is_inside = |byte: &u8| byte & 0b1100_0000 == 0b1000_0000;
        let cut = match bytes.len() {
            KEPT => bytes.iter().take(3).take_while(|byte| is_inside(byte)).count(),
            _ => 0,
        };
        String::from_utf8_lossy(&bytes.make_contiguous()[cut..]).into_owned()
    }

    fn push(&self, bytes: &[u8]) {
        let mut kept = self.lock();
        kept.extend(&bytes[bytes.len().saturating_sub(KEPT)..]);
        let excess = kept.len().saturating_sub(KEPT);
        kept.drain(..excess);
    }

    fn lock(&self) -> MutexGuard<'_, VecDeque<u8>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Where the bytes go.
pub(crate) enum Sink {
    Null,
    Writer { writer: Box<dyn AsyncWrite + Send + Unpin>, waiting: Vec<u8>, left_out: usize },
    Lines { call: Arc<dyn Fn(&str) + Send + Sync>, line: Vec<u8> },
}

/// Reads `stderr` to its end.
pub(crate) async fn drain(mut stderr: ChildStderr, mut sink: Sink, tail: Tail) {
    let mut buffer = vec![0; KEPT];
    loop {
        let read = poll_fn(|cx| {
            sink.poll_write(cx);
            let mut buffer = ReadBuf::new(&mut buffer);
            ready!(Pin::new(&mut stderr).poll_read(cx, &mut buffer))?;
            Poll::Ready(io::Result::Ok(buffer.filled().len()))
        });
        match read.await {
            Ok(length @ 1..) => {
                tail.push(&buffer[..length]);
                sink.take(&buffer[..length]);
            }
            Ok(0) | Err(_) => break,
        }
    }
    poll_fn(|cx| sink.poll_end(cx)).await;
}

impl Sink {
    fn writer(writer: impl AsyncWrite + Send + Unpin + 'static) -> Self {
        Self::Writer { writer: Box::new(writer), waiting: Vec::new(), left_out: 0 }
    }

    /// Takes bytes, without waiting for whoever they are for.
    fn take(&mut self, bytes: &[u8]) {
        match self {
            Self::Null => {}
            Self::Writer { waiting, left_out, .. } => {
                if waiting.len() + bytes.len() > WAITING {
                    *left_out += bytes.len();
                    return;
                }
                tell_left_out(waiting, left_out);
                waiting.extend_from_slice(bytes);
            }
            Self::Lines { call, line } => {
                let called = bytes.split_inclusive(|byte| *byte == b'\n').try_for_each(|piece| {
                    line.extend_from_slice(piece);
                    match line.ends_with(b"\n") || line.len() >= KEPT {
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

    /// Writes as much of what waits as is taken now.
    fn poll_write(&mut self, cx: &mut Context<'_>) {
        let Self::Writer { writer, waiting, left_out } = self else {
            return;
        };
        while !waiting.is_empty() {
            match Pin::new(&mut *writer).poll_write(cx, waiting) {
                Poll::Ready(Ok(length @ 1..)) => {
                    waiting.drain(..length);
                    if waiting.is_empty() {
                        tell_left_out(waiting, left_out);
                    }
                }
                Poll::Ready(_) => return *self = Self::Null,
                Poll::Pending => return,
            }
        }
    }

    /// Writes everything that waits.
    fn poll_end(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        self.poll_write(cx);
        match self {
            Self::Writer { waiting, .. } if !waiting.is_empty() => Poll::Pending,
            Self::Writer { writer, .. } => Pin::new(writer).poll_flush(cx).map(|_| ()),
            Self::Lines { call, line } if !line.is_empty() => {
                let _ = call_with(&**call, line);
                Poll::Ready(())
            }
            Self::Lines { .. } | Self::Null => Poll::Ready(()),
        }
    }
}

fn tell_left_out(waiting: &mut Vec<u8>, left_out: &mut usize) {
    let length = std::mem::take(left_out);
    if length > 0 {
        waiting.extend_from_slice(format!("\n[{length} bytes left out]\n").as_bytes());
    }
}

/// Hands a line over and empties it.
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
    fn keeps_the_last_bytes_and_whole_characters() {
        let tail = Tail::default();
        tail.push(b"first\n");
        assert_eq!(tail.text(), "first\n");
        for _ in 0..KEPT {
            tail.push("ü".as_bytes());
        }
        tail.push(b"!");
        let text = tail.text();
        assert_eq!(text.len(), KEPT - 1);
        assert!(text.starts_with('ü') && text.ends_with("ü!"), "{text}");
        tail.push(&[b'x'; 3 * KEPT]);
        assert_eq!(tail.text(), "x".repeat(KEPT));
    }

    #[test]
    fn lines_come_whole_in_pieces_when_long_and_replaced_when_broken() {
        let seen = Arc::new(Mutex::new(Vec::new()));
        let into = Arc::clone(&seen);
        let mut sink =
            Stderr::lines(move |line| into.lock().unwrap().push(line.to_owned())).open().unwrap();
        for piece in ["  one\r\n\nt", "wo\n"] {
            sink.take(piece.as_bytes());
        }
        sink.take(b"\xff\n");
        sink.take(&[b'y'; KEPT + 1]);
        assert!(sink.poll_end(&mut Context::from_waker(std::task::Waker::noop())).is_ready());
        let long = "y".repeat(KEPT + 1);
        assert_eq!(*seen.lock().unwrap(), ["  one", "", "two", "\u{fffd}", &long]);
    }

    #[test]
    fn a_line_that_never_ends_is_cut() {
        let seen = Arc::new(Mutex::new(Vec::new()));
        let into = Arc::clone(&seen);
        let mut sink =
            Stderr::lines(move |line| into.lock().unwrap().push(line.len())).open().unwrap();
        for _ in 0..5 {
            sink.take(&[b'z'; KEPT / 2]);
        }
        assert_eq!(*seen.lock().unwrap(), [KEPT, KEPT]);
    }

    #[test]
    fn a_function_that_panics_is_not_called_again() {
        let calls = Arc::new(Mutex::new(0));
        let into = Arc::clone(&calls);
        let mut sink = Stderr::lines(move |_| {
            *into.lock().unwrap_or_else(PoisonError::into_inner) += 1;
            panic!("a mistake of the caller");
        })
        .open()
        .unwrap();
        sink.take(b"a\nb\n");
        sink.take(b"c\n");
        assert_eq!(*calls.lock().unwrap_or_else(PoisonError::into_inner), 1);
    }

    /// Takes nothing at first, then everything.
    struct Slow(Arc<Mutex<(bool, Vec<u8>)>>);

    impl AsyncWrite for Slow {
        fn poll_write(
            self: Pin<&mut Self>,
            _: &mut Context<'_>,
            bytes: &[u8],
        ) -> Poll<io::Result<usize>> {
            let (open, taken) = &mut *self.0.lock().unwrap();
            match open {
                true => {
                    taken.extend_from_slice(bytes);
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
    fn a_writer_that_stalls_loses_text_and_is_told_how_much() {
        let slow = Arc::new(Mutex::new((false, Vec::new())));
        let mut sink = Sink::writer(Slow(Arc::clone(&slow)));
        let cx = &mut Context::from_waker(std::task::Waker::noop());
        for _ in 0..2 * WAITING / KEPT {
            sink.take(&[b'a'; KEPT]);
            sink.poll_write(cx);
        }
        assert!(sink.poll_end(cx).is_pending());
        slow.lock().unwrap().0 = true;
        assert!(sink.poll_end(cx).is_ready());
        let taken = slow.lock().unwrap().1.clone();
        let expected = format!("{}\n[{WAITING} bytes left out]\n", "a".repeat(WAITING));
        assert_eq!(String::from_utf8(taken).unwrap(), expected);
    }
}
