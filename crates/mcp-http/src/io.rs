use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU32, AtomicU64, Ordering::Relaxed};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::delegate_io::delegate_io;
use crate::error::WriteStalled;
use crate::socket::Socket;
use crate::timer::IdleTimer;

/// A connection to a server.
#[derive(Debug)]
pub(crate) enum Conn {
    Plain(Stream),
    #[cfg(feature = "_tls")]
    Tls(Box<tokio_rustls::client::TlsStream<Stream>>),
}

/// Connection state shared by its requests.
#[derive(Debug)]
pub(crate) struct ConnState {
    write_blocked: AtomicBool,
    /// The number of bytes written.
    written: AtomicU64,
    first_read: AtomicU8,
    /// Shared by all connections to the server.
    pub(crate) quick_ack: Arc<QuickAck>,
}

impl ConnState {
    pub(crate) fn new(quick_ack: Arc<QuickAck>) -> Self {
        Self {
            write_blocked: AtomicBool::new(false),
            written: AtomicU64::new(0),
            first_read: AtomicU8::new(FirstRead::Nothing as u8),
            quick_ack,
        }
    }

    /// The start of the data received from the server.
    pub(crate) fn first_read(&self) -> FirstRead {
        match self.first_read.load(Relaxed) {
            0 => FirstRead::Nothing,
            1 => FirstRead::Other,
            _ => FirstRead::Tls,
        }
    }

    /// The number of bytes written so far.
    #[cfg(feature = "http2")]
    pub(crate) fn written(&self) -> u64 {
        self.written.load(Relaxed)
    }

    /// Whether bytes of the request wait for the server to read.
    pub(crate) fn is_write_blocked(&self) -> bool {
        self.write_blocked.load(Relaxed)
    }
}

/// The start of the data received from a server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum FirstRead {
    /// No data yet.
    Nothing,
    Other,
    /// A TLS alert.
    Tls,
}

impl FirstRead {
    fn of(bytes: &[u8]) -> Self {
        match bytes {
            [] => Self::Nothing,
            // The record type and the major version.
            [0x15, 0x03, ..] => Self::Tls,
            _ => Self::Other,
        }
    }
}

/// Decides for which responses TCP acknowledgements are sent at once (`TCP_QUICKACK`).
///
/// A server with Nagle's algorithm holds back a second small segment (such as the first event after the headers) until
/// the first is acknowledged, and the system delays acknowledgements by some 40 ms. Disabling the delay costs a system
/// call for each read, so it is done only after a pause of about that length, and for a number of responses that
/// doubles each time.
#[derive(Debug, Default)]
pub(crate) struct QuickAck {
    left: AtomicU32,
    granted: AtomicU32,
}

impl QuickAck {
    const MIN_GRANT: u32 = 64;
    const MAX_GRANT: u32 = 8192;
    const SUSPECT: std::ops::Range<Duration> =
        Duration::from_millis(30)..Duration::from_millis(300);

    fn is_armed(&self) -> bool {
        self.left.load(Relaxed) > 0
    }

    /// A response starts.
    pub(crate) fn on_response(&self) {
        let left = self.left.load(Relaxed);
        if left > 0 {
            self.left.store(left - 1, Relaxed);
        }
    }

    /// A response paused for `gap`. If the cause was a busy server and not a delayed acknowledgement, the cost is small
    /// on a connection that is slow anyway.
    pub(crate) fn on_gap(&self, gap: Duration) {
        if Self::SUSPECT.contains(&gap) && !self.is_armed() {
            let grant = self.granted.load(Relaxed).saturating_mul(2);
            let grant = grant.clamp(Self::MIN_GRANT, Self::MAX_GRANT);
            self.granted.store(grant, Relaxed);
            self.left.store(grant, Relaxed);
        }
    }
}

/// A socket with a write timeout.
#[derive(Debug)]
pub(crate) struct Stream {
    socket: Socket,
    state: Arc<ConnState>,
    blocked: bool,
    failed: bool,
    has_read: bool,
    write_timer: IdleTimer,
}

impl Stream {
    pub(crate) fn new(socket: Socket, state: Arc<ConnState>, write_timeout: Duration) -> Self {
        Self {
            socket,
            state,
            blocked: false,
            failed: false,
            has_read: false,
            write_timer: IdleTimer::new(Some(write_timeout)),
        }
    }

    fn write(
        &mut self,
        cx: &mut Context<'_>,
        len: usize,
        write: impl FnOnce(Pin<&mut Socket>, &mut Context<'_>) -> Poll<io::Result<usize>>,
    ) -> Poll<io::Result<usize>> {
        if !self.failed {
            match write(Pin::new(&mut self.socket), cx) {
                Poll::Ready(Ok(written)) => {
                    self.write_timer.progress();
                    self.state.written.fetch_add(written as u64, Relaxed);
                    self.set_blocked(written < len);
                    return Poll::Ready(Ok(written));
                }
                // The server closed before it read the whole request. It may still have sent a response, such as 413,
                // so the read side determines the outcome, which sees the end of the connection too.
                Poll::Ready(Err(error)) if is_broken(&error) => self.failed = true,
                Poll::Ready(Err(error)) => return Poll::Ready(Err(error)),
                Poll::Pending => {}
            }
        }
        self.set_blocked(true);
        let limit = ready!(self.write_timer.poll_pending(cx));
        Poll::Ready(Err(io::Error::new(io::ErrorKind::TimedOut, WriteStalled(limit))))
    }

    fn set_blocked(&mut self, blocked: bool) {
        if self.blocked != blocked {
            self.blocked = blocked;
            self.state.write_blocked.store(blocked, Relaxed);
        }
    }
}

fn is_broken(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::BrokenPipe | io::ErrorKind::ConnectionReset)
}

impl AsyncRead for Stream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        ready!(Pin::new(&mut self.socket).poll_read(cx, buf))?;
        if !self.has_read {
            self.has_read = true;
            let first = FirstRead::of(&buf.filled()[before..]);
            self.state.first_read.store(first as u8, Relaxed);
        }
        if self.state.quick_ack.is_armed() {
            self.socket.acknowledge();
        }
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Stream {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.write(cx, buf.len(), |socket, cx| socket.poll_write(cx, buf))
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let len = bufs.iter().map(|buf| buf.len()).sum();
        self.write(cx, len, |socket, cx| socket.poll_write_vectored(cx, bufs))
    }

    fn is_write_vectored(&self) -> bool {
        self.socket.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.socket).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.socket).poll_shutdown(cx)
    }
}

delegate_io!(Conn {
    Plain,
    #[cfg(feature = "_tls")]
    Tls
});

#[cfg(test)]
mod tests {
    use super::*;

    const DELAYED: Duration = Duration::from_millis(42);

    #[test]
    fn quick_ack_waits_for_a_suspect_pause() {
        let quick_ack = QuickAck::default();
        for gap in [0, 1, 29, 300, 5000] {
            quick_ack.on_gap(Duration::from_millis(gap));
            assert!(!quick_ack.is_armed(), "{gap} ms");
        }
        quick_ack.on_gap(DELAYED);
        assert!(quick_ack.is_armed());
    }

    #[test]
    fn quick_ack_ends_and_is_granted_for_longer() {
        let quick_ack = QuickAck::default();
        let mut last = 0;
        for _ in 0..20 {
            quick_ack.on_gap(DELAYED);
            let mut granted = 0;
            while quick_ack.is_armed() {
                quick_ack.on_response();
                granted += 1;
            }
            assert!(granted > last || granted == QuickAck::MAX_GRANT);
            last = granted;
        }
        assert_eq!(last, QuickAck::MAX_GRANT);
    }
}
