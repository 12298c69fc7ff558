use std::sync::{
    Arc, Mutex, MutexGuard, PoisonError,
    atomic::{AtomicU64, Ordering},
};

use mcp_core::{Era, LoggingLevel, SetLevelRequestParams, method};
use mcp_session::{Cache, Error, ErrorKind, Session, SessionOptions, Verdict};
use mcp_transport::{Connect as _, SharedConnect};
use tokio::{sync::watch, task::AbortHandle, time::Instant};

use crate::{
    Backend, Backoff, ServerState, ServerStatus, ToolRules,
    failure::Failure,
    heard::Marks,
    hub::Hub,
    lists::Lists,
    names::{ItemKind, Names},
    subscriptions::Subscriptions,
    supervise::supervise,
    uri,
};

/// One server of a group: its session, while it has one, and what is known of it.
pub(crate) struct Member {
    pub(crate) name: Arc<str>,
    /// Its names and URIs are left as they are.
    pub(crate) plain: bool,
    pub(crate) rules: ToolRules,
    pub(crate) lists: Lists,
    pub(crate) marks: Marks,
    pub(crate) subscriptions: Subscriptions,
    pub(crate) names: Arc<Names>,
    pub(crate) hub: Arc<Hub>,
    pub(crate) phase: watch::Sender<Phase>,
    /// `None` for one that could not be understood.
    connect: Option<SharedConnect>,
    options: SessionOptions,
    backoff: Backoff,
    facts: Mutex<Facts>,
    /// What opens it, and opens it again. Ended by whoever owns the member: [`Member::stop`].
    task: Mutex<Task>,
    spawned: AtomicU64,
}

#[derive(Default)]
enum Task {
    #[default]
    None,
    Some(Spawned),
    /// The member has left the group: there will be none.
    Never,
}

struct Spawned {
    handle: AbortHandle,
    /// Tells it from those before it: one that is aborted may go on up to its next wait.
    number: u64,
}

#[derive(Clone)]
pub(crate) enum Phase {
    Idle,
    Connecting,
    Ready(Session),
    Waiting { until: Instant, error: Error },
    Failed(Error),
}

#[derive(Default)]
struct Facts {
    verdict: Option<Verdict>,
    last_error: Option<Error>,
    /// How often it was opened.
    opened: u32,
    /// The level of its log, which a server of the legacy era keeps.
    level: Option<LoggingLevel>,
}

/// Where a member belongs.
pub(crate) struct Place {
    pub(crate) names: Arc<Names>,
    pub(crate) hub: Arc<Hub>,
    pub(crate) backoff: Backoff,
    pub(crate) plain: bool,
}

impl Member {
    pub(crate) fn new(backend: Backend, place: Place) -> Arc<Self> {
        let Backend { name, connect, mut options, rules } = backend;
        // Its sessions are all with the same server, one after the other.
        options.cache.get_or_insert_with(Cache::new);
        Arc::new(Self::of(name, Some(connect), options, rules, Phase::Idle, place))
    }

    /// One that can never be opened.
    pub(crate) fn broken(error: Error, place: Place) -> Arc<Self> {
        let name = error.server().into();
        let options = SessionOptions::default();
        let phase = Phase::Failed(error.clone());
        let this = Self::of(name, None, options, ToolRules::default(), phase, place);
        this.facts().last_error = Some(error);
        Arc::new(this)
    }

    fn of(
        name: Arc<str>,
        connect: Option<SharedConnect>,
        options: SessionOptions,
        rules: ToolRules,
        phase: Phase,
        Place { names, hub, backoff, plain }: Place,
    ) -> Self {
        Self {
            name,
            plain,
            rules,
            lists: Lists::default(),
            marks: Marks::default(),
            subscriptions: Subscriptions::default(),
            names,
            hub,
            phase: watch::Sender::new(phase),
            connect,
            options,
            backoff,
            facts: Mutex::default(),
            task: Mutex::default(),
            spawned: AtomicU64::new(0),
        }
    }

    /// The session. Connects where nobody has tried, and waits for an attempt that is under way.
    ///
    /// Fails at once while the server is down.
    pub(crate) async fn session(self: &Arc<Self>) -> Result<Session, Failure> {
        self.start(false);
        match self.settled().await {
            Phase::Ready(session) => Ok(session),
            phase => Err(self.absence(&phase)),
        }
    }

    /// Waits until no attempt is under way. What opens it may have to notice first that it has ended.
    pub(crate) async fn settled(&self) -> Phase {
        let mut phase = self.phase.subscribe();
        let settled = phase.wait_for(|phase| match phase {
            Phase::Connecting => false,
            Phase::Ready(session) => !session.is_closed(),
            _ => true,
        });
        match settled.await {
            Ok(phase) => phase.clone(),
            // `self` has the sender.
            Err(_) => Phase::Idle,
        }
    }

    /// Why there is no session.
    fn absence(&self, phase: &Phase) -> Failure {
        let name = &self.name;
        match phase {
            Phase::Waiting { until, error } => {
                let wait = until.saturating_duration_since(Instant::now());
                let text = format!("server {name:?} is down, and is tried again in {wait:.1?}");
                Failure::of_absence(error, text)
            }
            Phase::Failed(error) => {
                Failure::of_absence(error, format!("server {name:?} cannot be opened"))
            }
            _ => {
                let error = Error::new(ErrorKind::Closed, Arc::clone(name), "it was closed");
                Failure::of_absence(&error, format!("server {name:?} is not connected"))
            }
        }
    }

    /// Begins to open it, where nothing does so already; one that has failed only `again`.
    pub(crate) fn start(self: &Arc<Self>, again: bool) {
        let mut task = self.task();
        let has_failed = matches!(*self.phase.borrow(), Phase::Failed(_));
        if !task.is_on() && (again || !has_failed) {
            self.spawn(&mut task, None);
        }
    }

    /// Closes the session that it has, and opens another.
    pub(crate) fn restart(self: &Arc<Self>) {
        let mut task = self.task();
        task.abort();
        let session = match &*self.phase.borrow() {
            Phase::Ready(session) => Some(session.clone()),
            _ => None,
        };
        self.spawn(&mut task, session);
    }

    fn spawn(self: &Arc<Self>, task: &mut Task, before: Option<Session>) {
        if self.connect.is_none() || matches!(task, Task::Never) {
            return;
        }
        self.phase.send_replace(Phase::Connecting);
        let this = Arc::clone(self);
        let number = self.spawned.fetch_add(1, Ordering::Relaxed);
        let work = async move {
            // Two at a time may be too many for what they work on.
            if let Some(session) = before
                && let Err(error) = session.close().await
            {
                tracing::debug!(%error, "a server that is restarted did not end in order");
            }
            let backoff = this.backoff;
            supervise(this, number, backoff).await;
        };
        *task = Task::Some(Spawned { handle: tokio::spawn(work).abort_handle(), number });
    }

    /// Says what the task with this number is doing; `false` where another has taken its place, or none.
    pub(crate) fn publish(&self, number: u64, phase: Phase) -> bool {
        let task = self.task();
        let is_on = matches!(&*task, Task::Some(spawned) if spawned.number == number);
        if is_on {
            self.phase.send_replace(phase);
        }
        is_on
    }

    /// Ends what opens it. The session that it had is the caller's to close.
    pub(crate) fn stop(&self) -> Option<Session> {
        self.end(Task::None)
    }

    /// [Stops](Self::stop) it for good.
    pub(crate) fn retire(&self) -> Option<Session> {
        self.end(Task::Never)
    }

    fn end(&self, then: Task) -> Option<Session> {
        let mut task = self.task();
        task.abort();
        if matches!(then, Task::Never) {
            *task = then;
        }
        self.connect.as_ref()?;
        match self.phase.send_replace(Phase::Idle) {
            Phase::Ready(session) => Some(session),
            _ => None,
        }
    }

    /// Gives it up, unless it is there by now: nothing tries again by itself.
    pub(crate) fn give_up(&self, error: Error) {
        let mut task = self.task();
        if self.connect.is_some() && !self.is_ready() {
            task.abort();
            self.phase.send_replace(Phase::Failed(error));
        }
    }

    pub(crate) fn is_ready(&self) -> bool {
        matches!(*self.phase.borrow(), Phase::Ready(_))
    }

    pub(crate) async fn open(self: &Arc<Self>) -> Result<Session, Error> {
        let Some(connect) = self.connect.clone() else {
            let message = "there is nothing to connect to";
            return Err(Error::new(ErrorKind::Target, Arc::clone(&self.name), message));
        };
        let mut options = self.options.clone();
        let theirs = options.on_notification.take();
        // Weak, since the session is kept in here.
        let this = Arc::downgrade(self);
        options.on_notification = Some(Arc::new(move |notification| {
            if let Some(theirs) = &theirs {
                theirs(notification);
            }
            if let Some(this) = this.upgrade() {
                this.heard(notification);
            }
        }));
        Session::open(connect, Some(&self.name), options).await
    }

    /// It is open. Says whether it was before, or should have been.
    pub(crate) fn opened(&self, session: &Session) -> bool {
        self.subscriptions.forget();
        let mut facts = self.facts();
        let is_again = facts.opened > 0 || facts.last_error.is_some();
        facts.opened += 1;
        facts.verdict = Some(session.verdict().clone());
        is_again
    }

    /// Something went wrong with it.
    pub(crate) fn failed(&self, error: &Error) {
        self.facts().last_error = Some(error.clone());
    }

    /// What was found out when it was opened last.
    pub(crate) fn verdict(&self) -> Option<Verdict> {
        self.facts().verdict.clone()
    }

    pub(crate) fn status(&self) -> ServerStatus {
        let (state, pid) = match &*self.phase.borrow() {
            Phase::Idle => (ServerState::Idle, None),
            Phase::Connecting => (ServerState::Connecting, None),
            Phase::Ready(session) => (ServerState::Ready, session.pid()),
            Phase::Failed(_) => (ServerState::Failed, None),
            Phase::Waiting { until, .. } => {
                let retry_in = until.saturating_duration_since(Instant::now());
                (ServerState::Waiting { retry_in }, None)
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
            last_error: facts.last_error.clone(),
            restarts: facts.opened.saturating_sub(1),
        }
    }

    pub(crate) fn start_timeout(&self) -> std::time::Duration {
        self.options.start_timeout
    }

    /// The URI, or the template, as the group shows it.
    pub(crate) fn expose_uri(&self, uri: &str) -> String {
        if self.plain {
            return uri.to_owned();
        }
        match self.names.marks_uris() {
            true => uri::expose(&self.name, uri),
            false => self
                .names
                .given(ItemKind::Resource, &self.name, uri)
                .unwrap_or_else(|| uri.to_owned()),
        }
    }

    /// Whether the group shows its URIs as they are.
    pub(crate) fn keeps_uris(&self) -> bool {
        self.plain
    }

    /// Has a server of the legacy era log from this level on; others are told with each request.
    pub(crate) async fn log_from(&self, session: &Session, level: &LoggingLevel) {
        if session.era() == Era::Modern || session.capabilities().logging.is_none() {
            return;
        }
        if self.facts().level.replace(level.clone()).as_ref() != Some(level) {
            self.tell_level(session, level).await;
        }
    }

    /// Tells a new connection of the level that the one before had.
    pub(crate) async fn restore_level(&self, session: &Session) {
        let level = self.facts().level.clone();
        if let Some(level) = level.filter(|_| session.era() == Era::Legacy) {
            self.tell_level(session, &level).await;
        }
    }

    async fn tell_level(&self, session: &Session, level: &LoggingLevel) {
        let params = SetLevelRequestParams::new(level.clone());
        if let Err(error) = session.request(method::LOGGING_SET_LEVEL, &params).await {
            tracing::debug!(server = %self.name, %error, "the level of its log cannot be set");
            // Whoever asks next tries again.
            self.facts().level = None;
        }
    }

    fn facts(&self) -> MutexGuard<'_, Facts> {
        self.facts.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn task(&self) -> MutexGuard<'_, Task> {
        self.task.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Task {
    fn is_on(&self) -> bool {
        matches!(self, Self::Some(task) if !task.handle.is_finished())
    }

    fn abort(&mut self) {
        if let Self::Some(task) = self {
            task.handle.abort();
            *self = Self::None;
        }
    }
}
