//! Sessions of the legacy era.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use bytes::Bytes;
use futures_util::{StreamExt, future::join_all};
use mcp_core::{Message, ProtocolVersion, RequestId};
use mcp_transport::{Inbound, InboundItem, Serve};
use tokio::{
    task::{AbortHandle, JoinSet},
    time::{Instant, interval, timeout},
};

use super::{
    event_log::{EventLog, Reader},
    session_table::{SharedTable, Unavailable},
};
use crate::work::Work;

/// How long the events of a stream without a reader are stored.
const RESUME_WINDOW: Duration = Duration::from_secs(60);
/// Maximum age of a session since its last request, while a client reads one of its streams.
const MAX_STREAM_AGE: Duration = Duration::from_secs(24 * 60 * 60);
/// The interval of checks for expired sessions and streams.
const SWEEP_INTERVAL: Duration = Duration::from_secs(15);
/// How often the record of a session is renewed in its time to live.
const RENEWALS: u32 = 4;
/// How long requests may take to fail after their server has ended.
const FAILURE_TIMEOUT: Duration = Duration::from_secs(10);
/// The number of the stream for messages outside exchanges.
const SERVER_STREAM: u64 = 0;

/// All sessions of a server.
pub(crate) struct Sessions<S>(Arc<Mutex<Table<S>>>);

struct Table<S> {
    open: HashMap<Arc<str>, Arc<Session<S>>>,
    /// Whether the task that closes expired sessions is running.
    is_swept: bool,
}

impl<S> Clone for Sessions<S> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<S: Serve> Sessions<S> {
    pub(crate) fn new() -> Self {
        Self(Arc::new(Mutex::new(Table { open: HashMap::new(), is_swept: false })))
    }

    fn table(&self) -> MutexGuard<'_, Table<S>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn len(&self) -> usize {
        self.table().open.len()
    }

    pub(crate) fn get(&self, id: &str) -> Option<Arc<Session<S>>> {
        let session = self.table().open.get(id).cloned()?;
        session.state().used = Instant::now();
        Some(session)
    }

    pub(crate) fn remove(&self, id: &str) -> Option<Arc<Session<S>>> {
        self.table().open.remove(id)
    }

    /// Adds a session, unless there is one with its id, and returns the one in the table. `idle` is its idle timeout,
    /// and `inbound` has the messages of its server outside exchanges. `shared` has the sessions of all replicas.
    pub(crate) fn insert(
        &self,
        session: Arc<Session<S>>,
        idle: Duration,
        inbound: Inbound,
        shared: Option<&SharedTable>,
    ) -> Arc<Session<S>> {
        let mut table = self.table();
        if let Some(existing) = table.open.get(&session.id) {
            return Arc::clone(existing);
        }
        if !inbound.is_none() {
            let log = EventLog::new(SERVER_STREAM);
            session.state().streams.insert(SERVER_STREAM, log.clone());
            let (id, of) = (Arc::clone(&session.id), Arc::downgrade(&self.0));
            let shared = shared.cloned();
            session.tasks().spawn(async move {
                if write_inbound(inbound, log).await.is_err() {
                    server_ended(&id, &of, shared);
                }
            });
        }
        table.open.insert(Arc::clone(&session.id), Arc::clone(&session));
        if !std::mem::replace(&mut table.is_swept, true) {
            tokio::spawn(sweep(Arc::downgrade(&self.0), idle, shared.cloned()));
        }
        session
    }

    /// Closes all sessions.
    pub(crate) async fn close(&self) {
        let open: Vec<_> = self.table().open.drain().map(|(_, session)| session).collect();
        join_all(open.iter().map(|session| session.close())).await;
    }
}

/// Closes expired sessions. Ends when there are no sessions.
async fn sweep<S: Serve>(
    table: std::sync::Weak<Mutex<Table<S>>>,
    idle: Duration,
    shared: Option<SharedTable>,
) {
    let mut ticks = interval(SWEEP_INTERVAL.min(idle.max(Duration::from_millis(10))));
    let mut renewed = Instant::now();
    loop {
        ticks.tick().await;
        if let Some(shared) = &shared
            && renewed.elapsed() >= idle / RENEWALS
        {
            renewed = Instant::now();
            let Some(table) = table.upgrade() else { return };
            renew(&Sessions(table), idle, shared).await;
        }
        let Some(table) = table.upgrade() else { return };
        let mut unused = Vec::new();
        {
            let mut table = table.lock().unwrap_or_else(PoisonError::into_inner);
            table.open.retain(|_, session| {
                let keeps = !session.is_unused(idle);
                if !keeps {
                    unused.push(Arc::clone(session));
                }
                keeps
            });
            table.is_swept = !table.open.is_empty();
            if unused.is_empty() && !table.is_swept {
                return;
            }
            table.is_swept = true;
        }
        // In separate tasks, so that a server that closes slowly does not delay the others.
        for session in unused {
            tokio::spawn(async move { session.close().await });
        }
    }
}

/// Renews the records of all open sessions, and closes those that were ended at another replica.
async fn renew<S: Serve>(sessions: &Sessions<S>, idle: Duration, shared: &SharedTable) {
    let open: Vec<_> = sessions.table().open.values().map(Arc::clone).collect();
    for session in open {
        let Some(record) = session.record.clone() else { continue };
        match shared.get(&session.id).await {
            Ok(Some(_)) => _ = shared.put(&session.id, record, idle).await,
            Ok(None) => {
                if sessions.remove(&session.id).is_some() {
                    tokio::spawn(async move { session.close().await });
                }
            }
            // The next renewal may succeed before the records expire.
            Err(Unavailable) => return,
        }
    }
}

/// Removes a session whose server has ended, so that its client opens a new one. Requests in flight have a limited time
/// to report why they failed.
fn server_ended<S: Serve>(
    id: &Arc<str>,
    table: &std::sync::Weak<Mutex<Table<S>>>,
    shared: Option<SharedTable>,
) {
    let removed = table.upgrade().and_then(|table| Sessions(table).remove(id));
    if let Some(session) = removed {
        tokio::spawn(async move {
            if let Some(shared) = shared {
                // If this fails, the record expires.
                let _ = shared.remove(&session.id).await;
            }
            let mut tasks = std::mem::take(&mut *session.tasks());
            let failed = async { while tasks.join_next().await.is_some() {} };
            let _ = timeout(FAILURE_TIMEOUT, failed).await;
            session.close().await;
        });
    }
}

/// The session of one client of the legacy era.
pub(crate) struct Session<S> {
    pub(crate) id: Arc<str>,
    pub(crate) server: Arc<S>,
    pub(crate) version: Option<ProtocolVersion>,
    /// Its record in the table of all replicas, if there is one.
    record: Option<Bytes>,
    state: Arc<Mutex<State>>,
    /// Aborted when the session is dropped.
    tasks: Mutex<JoinSet<()>>,
}

struct State {
    used: Instant,
    streams: HashMap<u64, EventLog>,
    next_stream: u64,
    in_flight: HashMap<RequestId, AbortHandle>,
}

impl<S: Serve> Session<S> {
    pub(crate) fn new(
        id: Arc<str>,
        server: Arc<S>,
        version: Option<ProtocolVersion>,
        record: Option<Bytes>,
    ) -> Self {
        let state = State {
            used: Instant::now(),
            streams: HashMap::new(),
            next_stream: SERVER_STREAM + 1,
            in_flight: HashMap::new(),
        };
        let state = Arc::new(Mutex::new(state));
        Self { id, server, version, record, state, tasks: Mutex::default() }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn tasks(&self) -> MutexGuard<'_, JoinSet<()>> {
        self.tasks.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn is_in_flight(&self, id: &RequestId) -> bool {
        self.state().in_flight.contains_key(id)
    }

    /// Runs a request to its end, whether or not the client reads its stream. Returns the stream.
    pub(crate) fn stream(&self, first: Option<Message>, work: Work, is_primed: bool) -> Reader {
        let mut state = self.state();
        let number = state.next_stream;
        state.next_stream += 1;
        let log = EventLog::new(number);
        if is_primed {
            log.prime();
        }
        let reader = log.read(None);
        state.streams.insert(number, log.clone());
        let id = work.id().clone();
        let guard = Carried { id: id.clone(), log, state: Arc::clone(&self.state) };
        let mut tasks = self.tasks();
        while tasks.try_join_next().is_some() {}
        let task = tasks.spawn(carry(first, work, guard));
        state.in_flight.insert(id, task);
        reader
    }

    /// Cancels a request.
    pub(crate) fn cancel(&self, id: &RequestId) {
        // The task removes itself from the table, which needs the lock.
        let task = self.state().in_flight.remove(id);
        if let Some(task) = task {
            task.abort();
        }
    }

    /// Reads a stream after one of its events; with `None`, the stream for messages outside exchanges. Returns `None`
    /// if there is no such stream.
    pub(crate) fn read(&self, after: Option<(u64, u64)>) -> Option<Reader> {
        let (stream, event) =
            after.map_or((SERVER_STREAM, None), |(stream, event)| (stream, Some(event)));
        let log = self.state().streams.get(&stream).cloned();
        log.map(|log| log.read(event))
    }

    /// Drops streams that can no longer be resumed. Returns whether the session has expired.
    fn is_unused(&self, idle: Duration) -> bool {
        let mut state = self.state();
        let mut aborted = Vec::new();
        state.streams.retain(|stream, log| {
            let is_kept = *stream == SERVER_STREAM || !log.is_forgotten(RESUME_WINDOW);
            if !is_kept {
                aborted.push(log.clone());
            }
            is_kept
        });
        // Ends writers that wait for a reader.
        aborted.iter().for_each(EventLog::end);
        let is_busy =
            !state.in_flight.is_empty() || state.streams.values().any(EventLog::has_reader);
        let limit = if is_busy { MAX_STREAM_AGE.max(idle) } else { idle };
        state.used.elapsed() >= limit
    }

    /// Ends all streams and closes the server.
    pub(crate) async fn close(&self) {
        let streams: Vec<_> = self.state().streams.drain().map(|(_, log)| log).collect();
        streams.iter().for_each(EventLog::end);
        self.tasks().abort_all();
        self.server.close().await;
    }
}

/// Writes the messages until they end.
///
/// # Errors
/// The reason why the server has ended.
async fn write_inbound(mut inbound: Inbound, log: EventLog) -> Result<(), mcp_transport::Error> {
    while let Some(item) = inbound.next().await {
        if let InboundItem::Message(message) = item? {
            log.write(&message).await;
        }
    }
    Ok(())
}

async fn carry(first: Option<Message>, mut work: Work, carried: Carried) {
    if let Some(message) = first {
        carried.log.write(&message).await;
    }
    while let Some(message) = work.next().await {
        carried.log.write(&message).await;
    }
}

/// Ends the stream of a request when its task ends or is dropped.
struct Carried {
    id: RequestId,
    log: EventLog,
    state: Arc<Mutex<State>>,
}

impl Drop for Carried {
    fn drop(&mut self) {
        self.log.end();
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.in_flight.remove(&self.id);
    }
}
