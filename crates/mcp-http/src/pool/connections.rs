use std::collections::VecDeque;
use std::mem;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use tokio::runtime::{self, Handle};
use tokio::sync::oneshot;
use tokio::task::AbortHandle;
use tokio::time::{Instant, sleep, sleep_until};

use super::http1::Http1;
use super::http2::Http2;
use super::target::Target;
use crate::connect::Connector;
use crate::error::{ConnectStep, Error, ErrorKind};
use crate::io::QuickAck;
use crate::settings::Settings;

/// Maximum number of HTTP/2 connections to a server.
const MAX_SHARED: usize = 16;
/// Idle time after which a connection is pinged before it is reused.
const REST: Duration = Duration::from_secs(10);
/// Pause before another connection is opened after a failed attempt.
const CONNECT_PAUSE: Duration = Duration::from_secs(1);
/// How long before its announced expiry a connection is no longer reused; at most half of its lifetime.
const EXPIRY_MARGIN: Duration = Duration::from_secs(1);

/// All connections to one server.
///
/// HTTP/1.1: one for each request, kept for a while when idle. HTTP/2: as many as the requests need streams, up to a
/// limit. Requests without a connection wait in a queue; one connect attempt serves all of them. A connection is used
/// only in the runtime that drives it.
///
/// Not the pool of `hyper-util`'s legacy client, which costs 40 % more instructions per request than a bare connection,
/// does not show whether a request was still being sent when its response started, and shares no state between a
/// connection and its responses.
#[derive(Debug)]
pub(crate) struct Pool {
    pub(super) target: Arc<Target>,
    connector: Arc<Connector>,
    quick_ack: Arc<QuickAck>,
    max_idle: usize,
    idle_timeout: Duration,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// Idle HTTP/1.1 connections, the most recently used last.
    idle: VecDeque<Idle>,
    shared: Vec<Shared>,
    waiting: VecDeque<Waiter>,
    attempts: Vec<Attempt>,
    protocol: Option<Protocol>,
    /// Task that closes idle connections.
    sweeper: Option<AbortHandle>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Protocol {
    Http1,
    Http2,
}

#[derive(Debug)]
struct Idle {
    http1: Http1,
    since: Instant,
}

#[derive(Debug)]
struct Shared {
    http2: Arc<Http2>,
    /// When its last stream ended.
    since: Instant,
}

/// A request that waits for a connection.
#[derive(Debug)]
struct Waiter {
    runtime: Handle,
    outcome: oneshot::Sender<Outcome>,
}

/// The outcome for waiting requests.
#[derive(Debug)]
pub(super) enum Outcome {
    /// An HTTP/2 stream.
    Stream(StreamSlot),
    /// An HTTP/1.1 connection.
    Connection(Http1),
    /// The server uses HTTP/1.1: each request needs a separate connection.
    Http1,
    Failed(Error),
}

/// A connect attempt.
#[derive(Debug)]
struct Attempt {
    runtime: runtime::Id,
    task: AbortHandle,
}

#[derive(Debug)]
pub(super) enum Opened {
    Http1(Http1),
    Http2(Http2),
}

/// A stream of an HTTP/2 connection. Dropping it releases it to another request.
#[derive(Debug)]
pub(crate) struct StreamSlot {
    pub(super) pool: Arc<Pool>,
    pub(super) http2: Arc<Http2>,
}

impl Drop for StreamSlot {
    fn drop(&mut self) {
        self.pool.release(&self.http2);
    }
}

impl Drop for State {
    fn drop(&mut self) {
        self.sweeper.iter().for_each(AbortHandle::abort);
        self.attempts.iter().for_each(|attempt| attempt.task.abort());
    }
}

impl Pool {
    pub(super) fn new(target: Target, connector: Arc<Connector>, settings: &Settings) -> Self {
        Self {
            target: Arc::new(target),
            connector,
            quick_ack: Arc::default(),
            max_idle: settings.max_idle_per_host,
            idle_timeout: settings.pool_idle_timeout,
            state: Mutex::default(),
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether each request needs a separate connection.
    pub(super) fn is_http1(&self) -> bool {
        !self.target.may_agree() || self.lock().protocol == Some(Protocol::Http1)
    }

    /// An idle HTTP/1.1 connection.
    pub(super) fn take_idle(&self, runtime: runtime::Id) -> Option<Http1> {
        let mut expired = VecDeque::new();
        let mut state = self.lock();
        let newest = state.idle.iter().rposition(|idle| idle.http1.runtime == runtime)?;
        let Idle { http1, since } = state.idle.remove(newest)?;
        if since.elapsed() > self.idle_timeout {
            // The others are older.
            expired.append(&mut state.idle);
            return None;
        }
        match http1.expiry {
            Some(expiry) if expiry <= Instant::now() => None,
            _ => Some(http1),
        }
    }

    /// A stream, unless other requests wait for one.
    pub(super) fn take_stream(self: &Arc<Self>, runtime: runtime::Id) -> Option<StreamSlot> {
        let mut state = self.lock();
        if state.shared.is_empty() || state.waiting.iter().any(|it| it.runtime.id() == runtime) {
            return None;
        }
        state.stream(runtime).map(|http2| StreamSlot { pool: self.clone(), http2 })
    }

    /// Waits for a connection.
    pub(super) fn wait(self: &Arc<Self>, runtime: Handle) -> oneshot::Receiver<Outcome> {
        let (outcome, waiting) = oneshot::channel();
        let mut state = self.lock();
        state.waiting.push_back(Waiter { runtime, outcome });
        self.serve(state);
        waiting
    }

    /// Serves waiting requests, and opens a connection if needed.
    fn serve(self: &Arc<Self>, mut state: MutexGuard<'_, State>) {
        let mut served = Vec::new();
        let over = state.remove_over();
        for runtime in state.waiting_runtimes() {
            while let Some(waiter) = state.first_waiter(runtime.id()) {
                let Some(http2) = state.stream(runtime.id()) else { break };
                let slot = StreamSlot { pool: self.clone(), http2 };
                let waiter = state.waiting.remove(waiter).expect("it was found there");
                served.push((waiter.outcome, Outcome::Stream(slot)));
            }
            let waits = state.first_waiter(runtime.id()).is_some();
            if waits && state.may_connect(runtime.id()) {
                let attempt = self.start_attempt(&runtime);
                state.attempts.push(attempt);
            }
        }
        drop(state);
        // Dropping an unwanted slot takes the lock.
        for (waiter, outcome) in served {
            let _ = waiter.send(outcome);
        }
        drop(over);
    }

    /// Re-evaluates the waiting requests after a change.
    fn refresh(self: &Arc<Self>) {
        let mut state = self.lock();
        let over = state.remove_over();
        match state.waiting.is_empty() {
            true => drop(state),
            false => self.serve(state),
        }
        drop(over);
    }

    fn release(self: &Arc<Self>, http2: &Arc<Http2>) {
        let mut state = self.lock();
        let left = http2.state.streams.fetch_sub(1, Relaxed) - 1;
        if left == 0
            && let Some(shared) = state.shared.iter_mut().find(|it| Arc::ptr_eq(&it.http2, http2))
        {
            shared.since = Instant::now();
            self.start_sweeper(&mut state);
        }
        if !state.waiting.is_empty() {
            self.serve(state);
        }
    }

    fn start_attempt(self: &Arc<Self>, runtime: &Handle) -> Attempt {
        let guard = AttemptGuard { pool: Arc::downgrade(self), runtime: runtime.id() };
        let opening = self.open();
        let task = runtime.spawn(async move {
            let opened = opening.await;
            let AttemptGuard { pool, runtime } = &guard;
            let has_connections =
                || pool.upgrade().is_some_and(|pool| pool.lock().has_connections(*runtime));
            if let Err(error) = &opened
                && has_connections()
            {
                // Waiting requests may get a stream of another connection.
                tracing::debug!(%error, "no further HTTP/2 connection");
                sleep(CONNECT_PAUSE).await;
            }
            if let Some(pool) = pool.upgrade() {
                pool.attempted(*runtime, opened);
            }
        });
        Attempt { runtime: runtime.id(), task: task.abort_handle() }
    }

    /// Opens a connection in the current runtime, within the time limit.
    pub(super) fn open(
        self: &Arc<Self>,
    ) -> impl Future<Output = Result<Opened, Error>> + Send + use<> {
        let (connector, target) = (self.connector.clone(), self.target.clone());
        let (quick_ack, pool) = (self.quick_ack.clone(), Arc::downgrade(self));
        async move {
            let opening = async {
                let connected = connector.connect(&target.uri, &target.route, quick_ack).await?;
                if !connected.is_h2 {
                    let opened = Http1::open(connected.io, connected.state).await;
                    return opened.map(Opened::Http1).map_err(broken);
                }
                let on_change = Box::new(move || {
                    if let Some(pool) = Weak::upgrade(&pool) {
                        pool.refresh();
                    }
                });
                let opened = Http2::open(connected.io, connected.state, on_change).await;
                opened.map(Opened::Http2).map_err(broken)
            };
            connector.within_timeout(&target.uri, &target.route, opening).await
        }
    }

    /// Handles the end of a connect attempt, whose outcome all waiting requests share.
    fn attempted(self: &Arc<Self>, runtime: runtime::Id, opened: Result<Opened, Error>) {
        let mut state = self.lock();
        state.attempts.retain(|attempt| attempt.runtime != runtime);
        match opened {
            Ok(Opened::Http2(http2)) => {
                state.add(http2);
                self.start_sweeper(&mut state);
                self.serve(state);
            }
            Ok(Opened::Http1(http1)) => {
                state.protocol = Some(Protocol::Http1);
                let waiting = mem::take(&mut state.waiting);
                drop(state);
                let mut connection = Some(http1);
                for waiter in waiting {
                    let own = match waiter.runtime.id() == runtime && !waiter.outcome.is_closed() {
                        true => connection.take(),
                        false => None,
                    };
                    let _ = waiter.outcome.send(own.map_or(Outcome::Http1, Outcome::Connection));
                }
                if let Some(http1) = connection {
                    self.give_back(http1);
                }
            }
            Err(error) => {
                if state.has_connections(runtime) {
                    return self.serve(state);
                }
                let all = mem::take(&mut state.waiting);
                let (failed, others): (Vec<_>, Vec<_>) =
                    all.into_iter().partition(|waiter| waiter.runtime.id() == runtime);
                state.waiting.extend(others);
                drop(state);
                for waiter in failed {
                    let _ = waiter.outcome.send(Outcome::Failed(error.clone()));
                }
            }
        }
    }

    /// Adds a connection that a request opened for itself and that negotiated HTTP/2.
    pub(super) fn add(self: &Arc<Self>, http2: Http2) {
        let mut state = self.lock();
        state.add(http2);
        self.start_sweeper(&mut state);
        self.serve(state);
    }

    /// Returns an HTTP/1.1 connection to the pool. Called when the response was read to its end or abandoned: in the
    /// latter case the connection is only reused if no more than the end of the body was missing.
    pub(super) fn give_back(self: &Arc<Self>, http1: Http1) {
        let idle = Idle { http1, since: Instant::now() };
        let surplus = {
            let mut state = self.lock();
            state.idle.push_back(idle);
            let surplus =
                (state.idle.len() > self.max_idle).then(|| state.idle.pop_front()).flatten();
            self.start_sweeper(&mut state);
            surplus
        };
        drop(surplus);
    }

    /// Closes the idle connections.
    pub(super) fn close_unused(&self) {
        let mut state = self.lock();
        let idle = mem::take(&mut state.idle);
        let (unused, used): (Vec<_>, Vec<_>) =
            mem::take(&mut state.shared).into_iter().partition(Shared::is_unused);
        state.shared = used;
        drop(state);
        drop((idle, unused));
    }

    /// Closes the connections that were idle for too long. Returns when to check again, if any remain.
    fn close_expired(&self) -> Option<Instant> {
        let mut expired = Vec::new();
        let mut state = self.lock();
        let now = Instant::now();
        // A time too far in the future means never.
        let end = |since: Instant| since.checked_add(self.idle_timeout);
        while let Some(oldest) = state.idle.front()
            && end(oldest.since).is_some_and(|end| end <= now)
        {
            expired.extend(state.idle.pop_front());
        }
        let (over, kept): (Vec<_>, Vec<_>) =
            mem::take(&mut state.shared).into_iter().partition(|shared| {
                shared.is_unused() && end(shared.since).is_some_and(|end| end <= now)
            });
        state.shared = kept;
        let oldest = state.idle.front().map(|idle| idle.since);
        let unused = state.shared.iter().filter(|shared| shared.is_unused());
        let next = unused.map(|shared| shared.since).chain(oldest).min().and_then(end);
        if next.is_none() {
            state.sweeper = None;
        }
        drop(state);
        drop((expired, over));
        next
    }

    /// Starts a task that closes idle connections and ends when there are none. Without a runtime, expired connections
    /// are closed by the next request.
    fn start_sweeper(self: &Arc<Self>, state: &mut State) {
        let runs = state.sweeper.as_ref().is_some_and(|sweeper| !sweeper.is_finished());
        if runs || (state.idle.is_empty() && state.shared.is_empty()) {
            return;
        }
        let Ok(runtime) = Handle::try_current() else { return };
        let pool = Arc::downgrade(self);
        let sweeper = runtime.spawn(async move {
            let next = || Weak::upgrade(&pool)?.close_expired();
            while let Some(next) = next() {
                sleep_until(next).await;
            }
        });
        state.sweeper = Some(sweeper.abort_handle());
    }
}

impl State {
    /// A stream of a connection in a runtime.
    fn stream(&mut self, runtime: runtime::Id) -> Option<Arc<Http2>> {
        for shared in self.shared.iter().filter(|shared| shared.http2.runtime == runtime) {
            let state = &shared.http2.state;
            let taken = state.streams.load(Relaxed);
            if state.is_over() || state.is_in_doubt() || taken >= state.limit() {
                continue;
            }
            if taken == 0 && shared.since.elapsed() > REST && !state.take_checked() {
                state.check();
                continue;
            }
            state.streams.store(taken + 1, Relaxed);
            return Some(shared.http2.clone());
        }
        None
    }

    /// Whether to open another connection in a runtime without a free stream.
    fn may_connect(&self, runtime: runtime::Id) -> bool {
        let is_connecting = self.attempts.iter().any(|attempt| attempt.runtime == runtime);
        let own = || self.shared.iter().filter(|shared| shared.http2.runtime == runtime);
        // It will soon be known whether one of them has a free stream.
        let is_open = own().any(|shared| {
            let state = &shared.http2.state;
            state.is_in_doubt() || !state.has_limit()
        });
        let count = own().count();
        // If the server currently allows no streams, more connections do not help.
        let allows_none = count > 1 && own().any(|shared| shared.http2.state.limit() == 0);
        !(is_connecting || is_open || allows_none) && count < MAX_SHARED
    }

    /// Whether there are HTTP/2 connections in a runtime.
    fn has_connections(&self, runtime: runtime::Id) -> bool {
        let mut own = self.shared.iter().filter(|shared| shared.http2.runtime == runtime);
        own.any(|shared| !shared.http2.state.is_over())
    }

    /// The runtimes of waiting requests, usually one.
    fn waiting_runtimes(&self) -> Vec<Handle> {
        let mut runtimes: Vec<Handle> = Vec::new();
        for waiter in &self.waiting {
            if runtimes.iter().all(|runtime| runtime.id() != waiter.runtime.id()) {
                runtimes.push(waiter.runtime.clone());
            }
        }
        runtimes
    }

    /// The position of the request that has waited longest in a runtime. Removes cancelled waiters.
    fn first_waiter(&mut self, runtime: runtime::Id) -> Option<usize> {
        loop {
            let first = self.waiting.iter().position(|waiter| waiter.runtime.id() == runtime)?;
            if !self.waiting[first].outcome.is_closed() {
                return Some(first);
            }
            self.waiting.remove(first);
        }
    }

    fn add(&mut self, http2: Http2) {
        self.protocol = Some(Protocol::Http2);
        self.shared.push(Shared { http2: Arc::new(http2), since: Instant::now() });
    }

    /// Removes the connections that accept no more streams, to be dropped outside the lock.
    fn remove_over(&mut self) -> Vec<Shared> {
        let (over, usable): (Vec<_>, Vec<_>) =
            mem::take(&mut self.shared).into_iter().partition(|it| it.http2.state.is_over());
        self.shared = usable;
        over
    }
}

impl Shared {
    fn is_unused(&self) -> bool {
        self.http2.state.streams.load(Relaxed) == 0
    }
}

/// Ends an attempt when its runtime shuts down.
struct AttemptGuard {
    pool: Weak<Pool>,
    runtime: runtime::Id,
}

impl Drop for AttemptGuard {
    fn drop(&mut self) {
        let Some(pool) = self.pool.upgrade() else { return };
        let is_open = pool.lock().attempts.iter().any(|attempt| attempt.runtime == self.runtime);
        if is_open {
            let text = "the runtime that opened the connection has ended";
            let error = Error::new(ErrorKind::Connect(ConnectStep::Other), text).not_sent();
            pool.attempted(self.runtime, Err(error));
        }
    }
}

fn broken(error: impl std::error::Error + Send + Sync + 'static) -> Error {
    Error::new(ErrorKind::Connect(ConnectStep::Other), "the connection was closed at once")
        .with_source(error)
}

/// When to stop reusing a connection, given the server's announced keep-alive timeout.
pub(super) fn expiry(keep_alive: Duration) -> Option<Instant> {
    Instant::now().checked_add(keep_alive - EXPIRY_MARGIN.min(keep_alive / 2))
}
