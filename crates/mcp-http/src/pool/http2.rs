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

use super::stream_body::StreamBody;
use crate::body::Body;
use crate::io::{Conn, ConnState};

/// How often a connection with open streams is pinged.
const PING_INTERVAL: Duration = Duration::from_secs(60);
/// How long the answer to such a ping may take.
const PING_TIMEOUT: Duration = Duration::from_secs(20);
/// How long the answer to a ping may take that a request waits for.
const CHECK_TIMEOUT: Duration = Duration::from_secs(3);
/// How many streams of a connection are used at a time, whatever the server allows.
const MAX_STREAMS: usize = 128;
/// How much of a response is received that is not read.
const STREAM_WINDOW: u32 = 512 << 10;
/// The same of all responses on a connection: so much that those that are not read stall no other.
const CONNECTION_WINDOW: u32 = MAX_STREAMS as u32 * STREAM_WINDOW;
/// How large the head of a response may be: as large as one of HTTP/1.1.
const MAX_HEAD: u32 = 400 << 10;
/// Stands for the number of streams that the server allows until it says so.
const UNKNOWN: usize = 0x7fff_fff1;
/// How many cancelled streams are remembered, whose frames may still arrive, and for how long.
const MAX_CANCELLED: usize = 4096;
const CANCELLED_MEMORY: Duration = Duration::from_secs(30);
/// From this size of its body on, a request may be answered before the server had read it.
const LARGE_UPLOAD: usize = 64 << 10;

/// Headers of a connection, which HTTP/2 does not have.
const CONNECTION_HEADERS: [HeaderName; 5] = [
    CONNECTION,
    HeaderName::from_static("keep-alive"),
    HeaderName::from_static("proxy-connection"),
    TRANSFER_ENCODING,
    UPGRADE,
];

type OnChange = Box<dyn Fn() + Send + Sync>;

/// An HTTP/2 connection. It ends when it is dropped.
pub(crate) struct Http2 {
    sender: SendRequest<Bytes>,
    pub(super) conn: Arc<ConnState>,
    pub(super) state: Arc<State>,
    /// The runtime that drives it.
    pub(super) runtime: runtime::Id,
    task: AbortHandle,
}

/// What a connection and the task that drives it share.
#[derive(Debug)]
pub(crate) struct State {
    /// How many streams the server allows.
    limit: AtomicUsize,
    /// How many of them are taken.
    pub(super) streams: AtomicUsize,
    /// No more streams can be opened: the server closes the connection, or it is over.
    is_over: AtomicBool,
    /// A ping is to show whether the server is there.
    is_in_doubt: AtomicBool,
    wants_ping: AtomicBool,
    /// The server has answered it.
    is_checked: AtomicBool,
    waker: Mutex<Option<Waker>>,
}

/// Why a request was not answered.
#[derive(Debug)]
pub(crate) struct Failed {
    pub(crate) error: h2::Error,
    /// Certainly the server has not executed it.
    pub(crate) is_unsent: bool,
}

impl Failed {
    /// Whether another attempt may succeed: it is not the request that is at fault.
    pub(super) fn may_retry(&self) -> bool {
        let error = &self.error;
        self.is_unsent && (error.is_io() || error.is_go_away() || error.is_reset())
    }
}

impl State {
    /// How many streams may be taken at a time.
    pub(super) fn limit(&self) -> usize {
        match self.limit.load(Relaxed) {
            UNKNOWN => 1,
            limit => limit.min(MAX_STREAMS),
        }
    }

    /// Whether the server has said how many streams it allows.
    pub(super) fn has_limit(&self) -> bool {
        self.limit.load(Relaxed) != UNKNOWN
    }

    pub(super) fn is_over(&self) -> bool {
        self.is_over.load(Relaxed)
    }

    /// Whether a ping has to be answered first.
    pub(super) fn is_in_doubt(&self) -> bool {
        self.is_in_doubt.load(Relaxed)
    }

    /// Whether the server has just answered the ping, which counts once.
    pub(super) fn take_checked(&self) -> bool {
        self.is_checked.swap(false, Relaxed)
    }

    /// Pings the server. The connection is in doubt until it answers, and over if it does not.
    pub(super) fn check(&self) {
        self.is_in_doubt.store(true, Relaxed);
        self.wants_ping.store(true, Relaxed);
        let waker = self.waker.lock().unwrap_or_else(PoisonError::into_inner).take();
        waker.into_iter().for_each(Waker::wake);
    }
}

impl Http2 {
    /// Starts HTTP/2 on a connection, which is driven by the present runtime. `on_change` is called when it
    /// has more streams, or no more.
    pub(super) async fn open(
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
            // Late frames for what we cancelled long ago are no fault of the server.
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

    /// Sends a request. `is_open` is set when the server lets its stream be opened.
    pub(super) async fn send(
        &self,
        request: Request<Body>,
        is_open: &mut bool,
    ) -> Result<Response<StreamBody>, Failed> {
        let unsent = |error| Failed { error, is_unsent: true };
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
            // If it fails, the response says why.
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
                Err(Failed { error, is_unsent })
            }
        }
    }
}

/// Whether a server says that it has not executed a request: its stream is beyond the last one that the
/// server handles before it closes the connection, or it has too many.
fn is_refusal(error: &h2::Error) -> bool {
    error.is_remote() && (error.is_go_away() || error.reason() == Some(h2::Reason::REFUSED_STREAM))
}

/// Completes the headers of a request with a body of so many bytes.
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

/// Drives a connection, and pings the server.
struct Driver {
    connection: Connection<Conn, Bytes>,
    /// Knows when the server closes the connection.
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

    /// Ready when the connection is over.
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
