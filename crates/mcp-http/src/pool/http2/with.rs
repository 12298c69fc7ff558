use std::fmt;
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use bytes::Bytes;
use h2::client::{Builder, Connection, SendRequest};
use h2::{Ping, PingPong};
use http::header::{CONNECTION, CONTENT_LENGTH, HeaderName, TE, TRANSFER_ENCODING, UPGRADE};
use http::{HeaderMap, HeaderValue, Method, Request, Response};
use tokio::runtime;
use tokio::task::AbortHandle;
use tokio::time::{Instant, Sleep, sleep};

use super::{Failed, OnChange, StreamBody};
use crate::body::Body;
use crate::classify::Doing;
use crate::error::Error;
use crate::io::{Conn, ConnState};

/// Ping interval of a connection with open streams.
const PING_INTERVAL: Duration = Duration::from_secs(60);
/// Timeout of such a ping.
const PING_TIMEOUT: Duration = Duration::from_secs(20);
/// Timeout of a ping that a request waits for.
const CHECK_TIMEOUT: Duration = Duration::from_secs(3);
/// Maximum number of streams used on a connection, even if the server allows more.
const MAX_STREAMS: usize = 128;
/// Flow-control window of a stream: the maximum of unread response data.
const STREAM_WINDOW: u32 = 512 << 10;
/// Flow-control window of a connection, large enough that unread responses stall no other.
const CONNECTION_WINDOW: u32 = MAX_STREAMS as u32 * STREAM_WINDOW;
/// Maximum size of a response head, as for HTTP/1.1.
const MAX_HEAD: u32 = 400 << 10;
/// Placeholder for the server's stream limit until its SETTINGS arrive.
const UNKNOWN: usize = 0x7fff_fff1;
/// Maximum number of cancelled streams remembered, for frames that arrive late.
const MAX_CANCELLED: usize = 4096;
const CANCELLED_MEMORY: Duration = Duration::from_secs(30);
/// Minimum body size for which a response may arrive before the server has read the whole request.
const LARGE_UPLOAD: usize = 64 << 10;

/// Connection-specific headers, which HTTP/2 forbids.
const CONNECTION_HEADERS: [HeaderName; 5] = [
    CONNECTION,
    HeaderName::from_static("keep-alive"),
    HeaderName::from_static("proxy-connection"),
    TRANSFER_ENCODING,
    UPGRADE,
];

/// An HTTP/2 connection. Dropping it closes it.
pub(crate) struct Http2 {
    sender: SendRequest<Bytes>,
    pub(in crate::pool) conn: Arc<ConnState>,
    pub(in crate::pool) state: Arc<State>,
    /// The runtime that drives the connection.
    pub(in crate::pool) runtime: runtime::Id,
    task: AbortHandle,
}

/// State shared by a connection and the task that drives it.
#[derive(Debug)]
pub(crate) struct State {
    /// The number of streams that the server allows.
    limit: AtomicUsize,
    /// The number of streams in use.
    pub(in crate::pool) streams: AtomicUsize,
    /// No more streams can be opened: the server closes the connection, or it has ended.
    is_over: AtomicBool,
    /// A ping is pending to check that the server responds.
    is_in_doubt: AtomicBool,
    wants_ping: AtomicBool,
    /// The server has answered the ping.
    is_checked: AtomicBool,
    waker: Mutex<Option<Waker>>,
}

impl State {
    /// The maximum number of concurrent streams.
    pub(in crate::pool) fn limit(&self) -> usize {
        match self.limit.load(Relaxed) {
            UNKNOWN => 1,
            limit => limit.min(MAX_STREAMS),
        }
    }

    /// Whether the server's stream limit is known.
    pub(in crate::pool) fn has_limit(&self) -> bool {
        self.limit.load(Relaxed) != UNKNOWN
    }

    pub(in crate::pool) fn is_over(&self) -> bool {
        self.is_over.load(Relaxed)
    }

    /// Whether a ping must be answered before use.
    pub(in crate::pool) fn is_in_doubt(&self) -> bool {
        self.is_in_doubt.load(Relaxed)
    }

    /// Whether the server has just answered a ping. Resets the flag.
    pub(in crate::pool) fn take_checked(&self) -> bool {
        self.is_checked.swap(false, Relaxed)
    }

    /// Pings the server. The connection is in doubt until the response, and closed if there is none.
    pub(in crate::pool) fn check(&self) {
        self.is_in_doubt.store(true, Relaxed);
        self.wants_ping.store(true, Relaxed);
        let waker = self.waker.lock().unwrap_or_else(PoisonError::into_inner).take();
        waker.into_iter().for_each(Waker::wake);
    }
}

impl Http2 {
    /// Starts HTTP/2 on a connection, driven by the current runtime. `on_change` is called when streams become
    /// available or the connection ends.
    pub(in crate::pool) async fn open(
        io: Conn,
        conn: Arc<ConnState>,
        on_change: OnChange,
    ) -> Result<Self, h2::Error> {
        let mut builder = Builder::new();
        builder
            .enable_push(false)
            .initial_max_send_streams(UNKNOWN)
            .initial_window_size(STREAM_WINDOW)
            .initial_connection_window_size(CONNECTION_WINDOW)
            .max_header_list_size(MAX_HEAD)
            .max_concurrent_reset_streams(MAX_CANCELLED)
            .reset_stream_duration(CANCELLED_MEMORY)
            // Late frames for cancelled streams are not a fault of the server.
            .max_local_error_reset_streams(None);
        let (sender, mut connection) = builder.handshake(io).await?;
        let pings = connection.ping_pong();
        let state = Arc::new(State {
            limit: AtomicUsize::new(UNKNOWN),
            streams: AtomicUsize::new(0),
            is_over: AtomicBool::new(false),
            is_in_doubt: AtomicBool::new(false),
            wants_ping: AtomicBool::new(false),
            is_checked: AtomicBool::new(false),
            waker: Mutex::new(None),
        });
        let driver = Driver {
            connection,
            probe: sender.clone(),
            pings,
            is_pong_due: false,
            sleep: Box::pin(sleep(PING_INTERVAL)),
            state: state.clone(),
            on_change,
        };
        let task = tokio::spawn(driver).abort_handle();
        let runtime = runtime::Handle::current().id();
        Ok(Self { sender, conn, state, runtime, task })
    }

    /// Sends a request. `is_open` is set when the server allows its stream to be opened.
    pub(in crate::pool) async fn send(
        &self,
        request: Request<Body>,
        is_open: &mut bool,
    ) -> Result<Response<StreamBody>, Failed> {
        let unsent = |error| failed(error, true);
        let mut sender = self.sender.clone();
        poll_fn(|cx| sender.poll_ready(cx)).await.map_err(unsent)?;
        let (mut head, body) = request.into_parts();
        let body = body.into_bytes();
        complete(&head.method, &mut head.headers, body.len());
        let may_be_early = body.len() >= LARGE_UPLOAD;
        let written = self.conn.written();
        let request = Request::from_parts(head, ());
        let (mut response, mut upload) =
            sender.send_request(request, body.is_empty()).map_err(unsent)?;
        if !body.is_empty() {
            // If sending fails, the response has the reason.
            let _ = upload.send_data(body, true);
        }
        let response = poll_fn(|cx| {
            *is_open = *is_open || sender.poll_ready(cx).is_ready();
            Pin::new(&mut response).poll(cx)
        });
        match response.await {
            Ok(response) => Ok(StreamBody::respond(response, upload, may_be_early)),
            Err(error) => {
                let is_unsent = !*is_open || is_refusal(&error) || self.conn.written() == written;
                Err(failed(error, is_unsent))
            }
        }
    }
}

/// The failure of a request. `is_unsent`: the server has certainly not processed it.
fn failed(error: h2::Error, is_unsent: bool) -> Failed {
    let may_retry = is_unsent && (error.is_io() || error.is_go_away() || error.is_reset());
    let error = Error::from_h2(error, Doing::Headers);
    Failed { error: if is_unsent { error.not_sent() } else { error }, may_retry }
}

/// Whether the server states that it has not processed a request: the stream is beyond the last one of a GOAWAY, or was
/// refused.
fn is_refusal(error: &h2::Error) -> bool {
    error.is_remote() && (error.is_go_away() || error.reason() == Some(h2::Reason::REFUSED_STREAM))
}

/// Completes the headers of a request with a body of `len` bytes.
fn complete(method: &Method, headers: &mut HeaderMap, len: usize) {
    for name in &CONNECTION_HEADERS {
        headers.remove(name);
    }
    if headers.get(TE).is_some_and(|value| value != "trailers") {
        headers.remove(TE);
    }
    let has_body = len > 0 || matches!(*method, Method::POST | Method::PUT | Method::PATCH);
    if has_body && !headers.contains_key(CONTENT_LENGTH) {
        headers.insert(CONTENT_LENGTH, HeaderValue::from(len));
    }
}

impl Drop for Http2 {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl fmt::Debug for Http2 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Http2").field("state", &self.state).finish_non_exhaustive()
    }
}

/// Drives a connection and pings the server.
struct Driver {
    connection: Connection<Conn, Bytes>,
    /// Detects when the server closes the connection.
    probe: SendRequest<Bytes>,
    pings: Option<PingPong>,
    is_pong_due: bool,
    sleep: Pin<Box<Sleep>>,
    state: Arc<State>,
    on_change: OnChange,
}

impl Driver {
    fn ping(&mut self, limit: Duration) {
        if let Some(pings) = &mut self.pings
            && pings.send_ping(Ping::opaque()).is_ok()
        {
            self.is_pong_due = true;
            self.sleep.as_mut().reset(Instant::now() + limit);
        }
    }

    fn poll_pong(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        match &mut self.pings {
            Some(pings) if self.is_pong_due => pings.poll_pong(cx).map(|_| ()),
            _ => Poll::Pending,
        }
    }

    /// Ready when the connection is closed.
    fn poll_connection(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        loop {
            if self.state.wants_ping.swap(false, Relaxed) {
                self.ping(CHECK_TIMEOUT);
            }
            if let Poll::Ready(ended) = Pin::new(&mut self.connection).poll(cx) {
                if let Err(error) = ended {
                    tracing::debug!(%error, "HTTP/2 connection ended");
                }
                return Poll::Ready(());
            }
            if self.poll_pong(cx).is_ready() {
                self.is_pong_due = false;
                if self.state.is_in_doubt.swap(false, Relaxed) {
                    self.state.is_checked.store(true, Relaxed);
                }
                self.sleep.as_mut().reset(Instant::now() + PING_INTERVAL);
                (self.on_change)();
            }
            if self.sleep.as_mut().poll(cx).is_pending() {
                return Poll::Pending;
            }
            if self.is_pong_due {
                tracing::debug!("HTTP/2 connection ended: no answer to a ping");
                return Poll::Ready(());
            }
            self.sleep.as_mut().reset(Instant::now() + PING_INTERVAL);
            if self.state.streams.load(Relaxed) > 0 {
                self.ping(PING_TIMEOUT);
            }
        }
    }
}

impl Future for Driver {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        {
            let mut waker = self.state.waker.lock().unwrap_or_else(PoisonError::into_inner);
            match &mut *waker {
                Some(waker) => waker.clone_from(cx.waker()),
                none => *none = Some(cx.waker().clone()),
            }
        }
        if self.poll_connection(cx).is_ready() {
            return Poll::Ready(());
        }
        let limit = self.connection.max_concurrent_send_streams();
        let has_changed = self.state.limit.swap(limit, Relaxed) != limit;
        let is_closing = matches!(self.probe.poll_ready(cx), Poll::Ready(Err(_)));
        let ends = is_closing && !self.state.is_over.swap(true, Relaxed);
        if has_changed || ends {
            (self.on_change)();
        }
        Poll::Pending
    }
}

impl Drop for Driver {
    fn drop(&mut self) {
        self.state.is_over.store(true, Relaxed);
        (self.on_change)();
    }
}
