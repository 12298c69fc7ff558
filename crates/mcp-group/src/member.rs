use std::{
    pin::pin,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use futures_util::future::{Either, select};
use mcp_core::{Era, LoggingLevel};
use mcp_session::{Cache, Error, Session, SessionOptions, Verdict};
use mcp_transport::{Backoff, Connect as _, SharedConnect};
use tokio::sync::watch;

use crate::{
    Backend, ServerState, ServerStatus, ToolRules,
    asker::OpenCalls,
    catalog::Catalog,
    clients::Clients,
    dirty::DirtyLists,
    exposure::Exposure,
    names::Names,
    phase::{Phase, time_left},
    task::OwnedTask,
};

/// A server of a group: its session, if it has one, and its state.
pub(crate) struct Member {
    pub(crate) name: Arc<str>,
    pub(crate) exposure: Exposure,
    pub(crate) catalog: Catalog,
    pub(crate) dirty: DirtyLists,
    pub(crate) clients: Arc<Clients>,
    pub(crate) phase: watch::Sender<Phase>,
    /// `None` for a server that cannot be started.
    pub(crate) connect: Option<SharedConnect>,
    pub(crate) options: SessionOptions,
    pub(crate) backoff: Backoff,
    /// Whether requests of the server are sent to clients.
    pub(crate) forwards_requests: bool,
    pub(crate) open_calls: OpenCalls,
    facts: Mutex<Facts>,
    has_answered: AtomicBool,
    supervisor: Mutex<Supervisor>,
}

/// The task that opens and reopens a server.
#[derive(Default)]
pub(crate) struct Supervisor {
    pub(crate) task: Option<OwnedTask>,
    /// The number of the task: an aborted task may run until its next await point.
    pub(crate) number: u64,
    /// Whether the server was removed, so that no task may be started.
    pub(crate) is_retired: bool,
}

#[derive(Default)]
struct Facts {
    verdict: Option<Verdict>,
    /// The reason why there is no session.
    error: Option<Error>,
    opened: u32,
    /// Whether the server has ended or an attempt has failed since the last successful start.
    was_down: bool,
    /// The current log level of a legacy server.
    level: Option<LoggingLevel>,
}

/// State shared by the members of a group.
pub(crate) struct MemberContext {
    pub(crate) names: Arc<Names>,
    pub(crate) clients: Arc<Clients>,
    pub(crate) backoff: Backoff,
    /// Whether names and URIs of the member are unchanged.
    pub(crate) is_plain: bool,
    pub(crate) forwards_requests: bool,
}

impl Member {
    pub(crate) fn new(backend: Backend, context: MemberContext) -> Arc<Self> {
        let Backend { name, connect, mut options, rules } = backend;
        // All its sessions are with the same server.
        options.cache.get_or_insert_with(Cache::new);
        Arc::new(Self::of(name, Some(connect), options, rules, Phase::Idle, context))
    }

    /// A server that can never be opened.
    pub(crate) fn broken(error: Error, context: MemberContext) -> Arc<Self> {
        let name = error.server().into();
        let (options, rules) = (SessionOptions::default(), ToolRules::default());
        let this = Self::of(name, None, options, rules, Phase::Failed(error.clone()), context);
        this.failed(&error);
        Arc::new(this)
    }

    fn of(
        name: Arc<str>,
        connect: Option<SharedConnect>,
        options: SessionOptions,
        rules: ToolRules,
        phase: Phase,
        MemberContext { names, clients, backoff, is_plain, forwards_requests }: MemberContext,
    ) -> Self {
        Self {
            exposure: Exposure { server: Arc::clone(&name), rules, is_plain, names },
            name,
            catalog: Catalog::default(),
            dirty: DirtyLists::default(),
            clients,
            phase: watch::Sender::new(phase),
            connect,
            options,
            backoff,
            forwards_requests,
            open_calls: OpenCalls::default(),
            facts: Mutex::default(),
            has_answered: AtomicBool::new(false),
            supervisor: Mutex::default(),
        }
    }

    /// Waits until no attempt to open the server is in progress. A closed session counts as open until the supervisor
    /// has noticed. Cancel safe.
    pub(crate) async fn settled(&self) -> Phase {
        let mut phase = self.phase.subscribe();
        let settled = phase.wait_for(|phase| match phase {
            Phase::Connecting => false,
            Phase::Ready(session) => !session.is_closed(),
            _ => true,
        });
        match settled.await {
            Ok(phase) => phase.clone(),
            // Unreachable: `self` owns the sender.
            Err(_) => Phase::Idle,
        }
    }

    /// The same, but returns if the server waits for a user.
    pub(crate) async fn settled_or_held(&self) -> Phase {
        let mut settled = pin!(self.settled());
        let mut held = pin!(self.held());
        match select(settled.as_mut(), held.as_mut()).await {
            Either::Left((phase, _)) => phase,
            Either::Right(_) => Phase::Connecting,
        }
    }

    /// Waits until the server waits for a user while it is being opened. Clients are then notified of its items once it
    /// is open. Cancel safe.
    pub(crate) async fn held(&self) {
        let hold = self.connect.as_ref().and_then(|connect| connect.hold());
        match hold {
            Some(hold) => hold.held().await,
            None => std::future::pending().await,
        }
        self.facts().was_down = true;
    }

    fn is_held(&self) -> bool {
        let hold = self.connect.as_ref().and_then(|connect| connect.hold());
        hold.is_some_and(|hold| hold.is_held())
    }

    /// The session, if there is one.
    pub(crate) fn ready(&self) -> Option<Session> {
        self.phase.borrow().session().cloned()
    }

    pub(crate) fn is_ready(&self) -> bool {
        matches!(*self.phase.borrow(), Phase::Ready(_))
    }

    /// Records a new session. Returns whether there was an earlier one, or should have been.
    pub(crate) fn opened(&self, session: &Session) -> bool {
        let mut facts = self.facts();
        let is_again = facts.opened > 0 || facts.was_down;
        facts.opened += 1;
        facts.was_down = false;
        facts.error = None;
        facts.verdict = Some(session.verdict().clone());
        is_again
    }

    /// Records the loss of the session.
    pub(crate) fn failed(&self, error: &Error) {
        let mut facts = self.facts();
        facts.was_down = true;
        facts.error = Some(error.clone());
    }

    /// Records that the server has answered a request of a client.
    pub(crate) fn answered(&self) {
        self.has_answered.store(true, Ordering::Relaxed);
    }

    /// Whether the server has answered a request of a client since the last call.
    pub(crate) fn take_answered(&self) -> bool {
        self.has_answered.swap(false, Ordering::Relaxed)
    }

    /// The negotiation result of the most recent session.
    pub(crate) fn verdict(&self) -> Option<Verdict> {
        self.facts().verdict.clone()
    }

    pub(crate) fn status(&self) -> ServerStatus {
        let (state, pid) = match &*self.phase.borrow() {
            Phase::Idle => (ServerState::Idle, None),
            Phase::Connecting if self.is_held() => (ServerState::Authorizing, None),
            Phase::Connecting => (ServerState::Connecting, None),
            Phase::Ready(session) => (ServerState::Ready, session.pid()),
            Phase::Failed(_) => (ServerState::Failed, None),
            Phase::Waiting { until, .. } => {
                (ServerState::Waiting { retry_in: time_left(*until) }, None)
            }
        };
        let facts = self.facts();
        let verdict = facts.verdict.as_ref();
        ServerStatus {
            name: Arc::clone(&self.name),
            state,
            target: self.connect.as_ref().map(|connect| connect.describe()).unwrap_or_default(),
            pid,
            protocol_version: verdict.map(|verdict| verdict.protocol_version),
            server_info: verdict.and_then(|verdict| verdict.server_info.clone()),
            last_error: facts.error.clone().or_else(|| self.catalog.error()),
            restarts: facts.opened.saturating_sub(1),
        }
    }

    pub(crate) fn start_timeout(&self) -> Duration {
        self.options.start_timeout
    }

    /// Sets the log level of a legacy server; a modern server receives it with each request.
    pub(crate) async fn set_log_level(&self, session: &Session, level: &LoggingLevel) {
        if session.era() == Era::Modern || session.capabilities().logging.is_none() {
            return;
        }
        if self.facts().level.replace(level.clone()).as_ref() != Some(level) {
            self.send_log_level(session, level.clone()).await;
        }
    }

    /// Restores the log level on a new connection.
    pub(crate) async fn restore_log_level(&self, session: &Session) {
        let level = self.facts().level.clone();
        if let Some(level) = level.filter(|_| session.era() == Era::Legacy) {
            self.send_log_level(session, level).await;
        }
    }

    async fn send_log_level(&self, session: &Session, level: LoggingLevel) {
        if let Err(error) = session.set_log_level(level).await {
            tracing::debug!(server = %self.name, %error, "cannot set the log level");
            // The next request tries again.
            self.facts().level = None;
        }
    }

    pub(crate) fn supervisor(&self) -> MutexGuard<'_, Supervisor> {
        self.supervisor.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn facts(&self) -> MutexGuard<'_, Facts> {
        self.facts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
