//! The way of a task to its end.

use std::{
    collections::HashSet,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
    time::Duration,
};

use mcp_core::{MethodResult as _, ProgressNotificationParams, RawJson, error_code};
use mcp_session::{Call, CallInfo, Error, ErrorKind, ForeignResult, Session, Timeout};
use mcp_transport::Delivery;
use tokio::time::{Instant, sleep, sleep_until, timeout, timeout_at};

use crate::{
    Cancelled, TaskState, TaskStatus, Tasks,
    asked::{Asked, MIN_INTERVAL, interval},
    guard::Guard,
    input::{answers, refused},
    news::News,
    task::{failed, get, update},
};

/// The longest silence after one question: there is nothing to work on for it, so one that takes longer got
/// lost.
const QUESTION: Duration = Duration::from_secs(30);

/// How often a question is asked again that got lost, and the waits before that, of which each is twice the
/// one before.
const RETRIES: u32 = 6;
const FIRST_PAUSE: Duration = Duration::from_secs(1);
const MAX_PAUSE: Duration = Duration::from_secs(30);

/// What to do instead of waiting for a call by hand.
const MANUAL: &str = "the task asks for input, which a call with manual_input cannot hand out: \
                      begin it with Tasks::start";

type ProgressHandler = Arc<dyn Fn(ProgressNotificationParams) + Send + Sync>;

/// One wait for one task.
pub(crate) struct Polling {
    guard: Guard,
    call: Option<CallInfo>,
    news: News,
    asked: Asked,
    /// When the last question was put.
    at: Instant,
    /// The limit on each question.
    limit: Timeout,
    /// The limit on all of it, where nobody else has one.
    longest: Option<Duration>,
    is_manual: bool,
    on_progress: Option<ProgressHandler>,
    /// What the server has said, and how often it said something else.
    said: Option<String>,
    changes: i64,
}

impl Polling {
    pub(crate) fn new(
        tasks: &Tasks,
        session: Session,
        id: String,
        call: Option<CallInfo>,
        asked: Asked,
    ) -> Self {
        Self {
            news: tasks.news.listen(session.name(), &id),
            call,
            asked,
            at: Instant::now(),
            limit: of_each(session.default_timeout()),
            longest: Some(tasks.longest()),
            is_manual: false,
            on_progress: None,
            said: None,
            changes: 0,
            guard: Guard::new(session, id),
        }
    }

    /// Of a call that was answered with a task in this state: by the call's limits, and cancelled if it ends
    /// first.
    pub(crate) fn of_call(tasks: &Tasks, foreign: ForeignResult, state: &TaskState) -> Self {
        let ForeignResult { session, call, timeout, is_manual, on_progress, .. } = foreign;
        let asked = Asked::default();
        asked.said(Instant::now(), state);
        let mut this = Self::new(tasks, session, state.id.clone(), Some(call), asked);
        // What is left of a total limit, the session watches over.
        this.longest = this.longest.filter(|_| timeout.total.is_none());
        this.limit = of_each(timeout);
        this.limit.total = None;
        (this.is_manual, this.on_progress) = (is_manual, on_progress);
        this.guard.is_armed = true;
        this.note(state);
        this
    }

    /// Polls to the end of the task, or of the session.
    pub(crate) async fn run(mut self) -> Result<RawJson, Error> {
        let (session, longest) = (self.guard.session.clone(), self.longest);
        let polling = session.until_closed(self.poll());
        let polled = match longest {
            Some(longest) => timeout(longest, polling).await.map_err(|_| longest),
            None => Ok(polling.await),
        };
        match polled {
            Ok(Ok(outcome)) => outcome,
            Ok(Err(closed)) => {
                self.guard.is_armed = false;
                Err(closed)
            }
            Err(longest) => {
                let message = format!("the task {:?} is not done after {longest:?}", self.guard.id);
                let error = Error::new(ErrorKind::Timeout, session.name(), message);
                Err(error.with_delivery(Delivery::Unknown))
            }
        }
    }

    async fn poll(&mut self) -> Result<RawJson, Error> {
        let mut known = HashSet::new();
        if let Some((asked, interval)) = self.asked.next() {
            self.wait(asked, interval).await;
        }
        loop {
            self.news.forget();
            let state = self.ask(get).await;
            let asked = self.at;
            // A server that does not know the task has nothing to cancel.
            self.guard.is_armed &= !state.as_ref().is_err_and(is_unknown);
            let state = TaskState::decode(&state?)
                .map_err(|error| misshapen(&self.guard.session, error))?;
            self.guard.is_armed &= !state.status.is_over();
            self.asked.said(asked, &state);
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
                    if self.is_manual
                        && state.input_requests.as_ref().is_some_and(|it| !it.is_empty())
                    {
                        return Err(refused(session, &state, MANUAL));
                    }
                    let call = self.call.as_ref();
                    let answers = answers(session, call, &state, &mut known).await?;
                    if !answers.is_empty() {
                        self.ask(|session, id| update(session, id, &answers)).await?;
                    }
                }
                TaskStatus::Working | TaskStatus::Other(_) => {}
            }
            self.wait(asked, interval(&state)).await;
        }
    }

    /// Asks, and asks again where that got lost: both questions may be put twice. A client that has lost
    /// touch with the server lets the task go on.
    async fn ask(
        &mut self,
        call: impl Fn(&Session, &str) -> Call<RawJson>,
    ) -> Result<RawJson, Error> {
        let (mut tries, mut pause) = (0, FIRST_PAUSE);
        loop {
            self.at = Instant::now();
            let call = call(&self.guard.session, &self.guard.id).timeout(self.limit);
            let error = match self.guard.ask(call).await {
                Err(error) if is_passing(&error) => error,
                outcome => return outcome,
            };
            if tries == RETRIES || self.guard.session.is_closed() {
                self.guard.is_armed = false;
                return Err(error);
            }
            tries += 1;
            tracing::debug!(task = self.guard.id, %error, tries, "a question about a task got lost");
            let interval = self.asked.next().map_or(Duration::ZERO, |(_, interval)| interval);
            sleep(pause.max(interval)).await;
            pause = MAX_PAUSE.min(2 * pause);
        }
    }

    /// Waits until it is time to ask again, or there is news.
    async fn wait(&mut self, asked: Instant, interval: Duration) {
        // What was heard while the server was asked is news, too.
        if timeout_at(asked + interval, self.news.heard()).await.is_ok() {
            sleep_until(asked + MIN_INTERVAL).await;
        }
    }

    /// Hands on what the server says of the task.
    fn note(&mut self, state: &TaskState) {
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

/// A limit with one on silence, which makes a question that got lost known.
fn of_each(limit: Timeout) -> Timeout {
    let mut of_each = limit;
    of_each.idle = Some(limit.idle.map_or(QUESTION, |idle| idle.min(QUESTION)));
    of_each
}

/// Spec: ext-tasks 2026-07-28/tasks#protocol-errors
fn is_unknown(error: &Error) -> bool {
    error.answer().is_some_and(|answer| answer.code == error_code::INVALID_PARAMS)
}

/// Whether to ask again may help.
fn is_passing(error: &Error) -> bool {
    match error.kind() {
        ErrorKind::Timeout
        | ErrorKind::Closed
        | ErrorKind::Connect
        | ErrorKind::Interrupted
        | ErrorKind::Unavailable
        | ErrorKind::Lagged
        | ErrorKind::Protocol
        | ErrorKind::Cancelled => true,
        ErrorKind::Answer => {
            error.answer().is_some_and(|answer| answer.code == error_code::INTERNAL_ERROR)
        }
        _ => false,
    }
}

fn failure(session: &Session, state: &TaskState) -> Error {
    match state.error() {
        Some(error) => Error::from_answer(session.name(), error),
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
