//! The way of a task to its end.

use std::{
    collections::HashSet,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
    time::Duration,
};

use mcp_core::{MethodResult as _, ProgressNotificationParams, RawJson, error_code};
use mcp_session::{Call, CallInfo, Error, ErrorKind, Session, Timeout};
use mcp_transport::Delivery;
use tokio::time::{Instant, sleep, sleep_until, timeout};

use crate::{
    Cancelled, TaskState, TaskStatus, Tasks,
    guard::Guard,
    input::answers,
    news::News,
    task::{failed, get, update},
};

/// The wait between two questions where the server names none, and its bounds where it does.
const INTERVAL: Duration = Duration::from_secs(1);
const MIN_INTERVAL: Duration = Duration::from_millis(100);
const MAX_INTERVAL: Duration = Duration::from_secs(10 * 60);

/// How often a question is asked again that got lost.
const RETRIES: u32 = 3;

type ProgressHandler = Arc<dyn Fn(ProgressNotificationParams) + Send + Sync>;

/// One wait for one task.
pub(crate) struct Polling {
    guard: Guard,
    call: Option<CallInfo>,
    news: News,
    /// The limit on each question.
    limit: Option<Timeout>,
    /// The limit on all of it, where nobody else has one.
    longest: Option<Duration>,
    on_progress: Option<ProgressHandler>,
    /// What the server has said, and how often it said something else.
    said: Option<String>,
    changes: i64,
    interval: Duration,
}

impl Polling {
    pub(crate) fn new(tasks: &Tasks, session: Session, id: String, call: Option<CallInfo>) -> Self {
        Self {
            news: tasks.news.listen(session.name(), &id),
            guard: Guard::new(session, id),
            call,
            limit: None,
            longest: Some(tasks.longest()),
            on_progress: None,
            said: None,
            changes: 0,
            interval: INTERVAL,
        }
    }

    /// Bound to its call: by the call's limits, and cancelled if it ends first.
    pub(crate) fn bound(mut self, limit: Timeout, on_progress: Option<ProgressHandler>) -> Self {
        // What is left of a total limit, the session watches over.
        self.longest = self.longest.filter(|_| limit.total.is_none());
        let mut of_each = limit;
        of_each.total = None;
        self.limit = Some(of_each);
        self.on_progress = on_progress;
        self.guard.is_armed = true;
        self
    }

    /// Polls to the end, beginning with what the server said when it made the task.
    pub(crate) async fn run(mut self, begun: Option<TaskState>) -> Result<RawJson, Error> {
        let Some(longest) = self.longest else { return self.poll(begun).await };
        match timeout(longest, self.poll(begun)).await {
            Ok(outcome) => outcome,
            Err(_) => {
                let Guard { session, id, .. } = &self.guard;
                let message = format!("the task {id:?} is not done after {longest:?}");
                let error = Error::new(ErrorKind::Timeout, session.name(), message);
                Err(error.with_delivery(Delivery::Unknown))
            }
        }
    }

    async fn poll(&mut self, begun: Option<TaskState>) -> Result<RawJson, Error> {
        let mut known = HashSet::new();
        if let Some(state) = begun {
            self.note(&state);
            // Whatever else it is, there is more to be heard of it than the beginning has.
            if let TaskStatus::Working | TaskStatus::Other(_) = state.status {
                self.wait(Instant::now()).await;
            }
        }
        loop {
            let asked = Instant::now();
            self.news.forget();
            let state = self.ask(get).await;
            // A server that does not know the task has nothing to cancel.
            self.guard.is_armed &= !state.as_ref().is_err_and(is_unknown);
            let state = TaskState::decode(&state?)
                .map_err(|error| misshapen(&self.guard.session, error))?;
            self.guard.is_armed &= !state.status.is_over();
            self.note(&state);
            let session = &self.guard.session;
            match state.status {
                TaskStatus::Completed => {
                    return state.result.ok_or_else(|| {
                        let message = "the task is completed and has no result".to_owned();
                        failed(session, ErrorKind::Decode, message)
                    });
                }
                TaskStatus::Failed => return Err(failure(session, &state)),
                TaskStatus::Cancelled => return Err(Cancelled::error(session, &state)),
                TaskStatus::InputRequired => {
                    let call = self.call.as_ref();
                    let answers = answers(session, call, &state, &mut known).await?;
                    if !answers.is_empty() {
                        self.ask(|session, id| update(session, id, &answers)).await?;
                    }
                }
                TaskStatus::Working | TaskStatus::Other(_) => {}
            }
            self.wait(asked).await;
        }
    }

    /// Asks, and asks again where that got lost: both questions may be put twice.
    async fn ask(
        &mut self,
        call: impl Fn(&Session, &str) -> Call<RawJson>,
    ) -> Result<RawJson, Error> {
        let mut tries = 0;
        loop {
            let mut call = call(&self.guard.session, &self.guard.id);
            if let Some(limit) = self.limit {
                call = call.timeout(limit);
            }
            let error = match self.guard.ask(call).await {
                Err(error) if is_passing(&error) => error,
                outcome => return outcome,
            };
            if tries == RETRIES || self.guard.session.is_closed() {
                return Err(error);
            }
            tries += 1;
            tracing::debug!(task = self.guard.id, %error, tries, "a question about a task got lost");
            sleep(self.interval).await;
        }
    }

    /// Waits until it is time to ask again, or there is news.
    async fn wait(&mut self, asked: Instant) {
        // What was heard while the server was asked is news, too.
        if timeout(self.interval, self.news.heard()).await.is_ok() {
            sleep_until(asked + MIN_INTERVAL).await;
        }
    }

    /// Heeds what the server says of the wait, and hands on what it says of the task.
    fn note(&mut self, state: &TaskState) {
        let interval = state.poll_interval().unwrap_or(INTERVAL);
        self.interval = interval.clamp(MIN_INTERVAL, MAX_INTERVAL);
        let (Some(on_progress), Some(message)) = (&self.on_progress, &state.status_message) else {
            return;
        };
        if self.said.as_ref() == Some(message) {
            return;
        }
        self.said = Some(message.clone());
        self.changes += 1;
        let progress = ProgressNotificationParams::new(state.id.clone(), self.changes);
        let progress = progress.with_message(message.clone());
        if catch_unwind(AssertUnwindSafe(|| on_progress(progress))).is_err() {
            tracing::error!("the handler of progress panicked");
        }
    }
}

/// Spec: ext-tasks 2026-07-28/tasks#protocol-errors
fn is_unknown(error: &Error) -> bool {
    error.answer().is_some_and(|answer| answer.code == error_code::INVALID_PARAMS)
}

/// Whether to ask again may help.
fn is_passing(error: &Error) -> bool {
    use mcp_transport::ErrorKind as Transport;
    match error.kind() {
        ErrorKind::Timeout | ErrorKind::Closed => true,
        ErrorKind::Transport(kind) => matches!(
            kind,
            Transport::Connect | Transport::Interrupted | Transport::Status | Transport::Overflow
        ),
        _ => false,
    }
}

fn failure(session: &Session, state: &TaskState) -> Error {
    match state.error() {
        Some(error) => Error::answered(session.name(), error),
        None => {
            let why = state.status_message.as_deref().unwrap_or("it does not say why");
            failed(session, ErrorKind::Decode, format!("the task failed without an error: {why}"))
        }
    }
}

pub(crate) fn misshapen(session: &Session, error: serde_json::Error) -> Error {
    let message = "the task has the wrong shape".to_owned();
    failed(session, ErrorKind::Decode, message).with_source(error)
}
