//! Polls a task until it ends.

use std::{collections::HashSet, time::Duration};

use mcp_core::{Era, MethodResult as _, ProgressNotificationParams, RawJson, error_code};
use mcp_session::{
    Call, CallInfo, Error, ErrorKind, Session, Timeout,
    extension::{ExtensionHost, ForeignResult},
};
use mcp_transport::{Backoff, util::Retries};
use tokio::time::{Instant, sleep, sleep_until, timeout, timeout_at};

use crate::{
    cancelled::Cancelled,
    guard::CancelGuard,
    input::{answers, input_required},
    requests::{failed, get, misshapen, result, update},
    schedule::{MIN_POLL_INTERVAL, PollSchedule, poll_interval},
    state::{TaskState, TaskStatus},
    watchers::{TaskWatcher, TaskWatchers},
};

/// Idle timeout of one request about a task. The server has no work to do for it, so a request that takes longer is
/// considered lost.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(30);

/// The back-off for lost requests.
const BACKOFF: Backoff = {
    let mut backoff =
        Backoff::new(Duration::from_secs(1), Duration::from_secs(30)).with_jitter(0.0);
    backoff.attempts = Some(6);
    backoff
};

/// The error of a call with `manual_input` whose task requests input.
const MANUAL: &str = "the task asks for input, which a call with manual_input cannot return: \
                      start it with Tasks::start";

/// One wait for one task.
pub(crate) struct Polling {
    guard: CancelGuard,
    call: Option<CallInfo>,
    watcher: TaskWatcher,
    schedule: PollSchedule,
    /// When the last request was sent.
    at: Instant,
    /// The timeout of each request.
    limit: Timeout,
    /// The total time limit, if the call has none.
    max_wait: Option<Duration>,
    /// The result to finish, if the wait is part of a call.
    foreign: Option<ForeignResult>,
    /// The last status message, and the number of its changes.
    message: Option<String>,
    changes: i64,
}

impl Polling {
    pub(crate) fn new(
        watchers: &TaskWatchers,
        max_wait: Duration,
        session: Session,
        id: String,
        call: Option<CallInfo>,
        schedule: PollSchedule,
    ) -> Self {
        Self {
            watcher: watchers.watch(session.name(), &id),
            call,
            schedule,
            at: Instant::now(),
            limit: request_limit(session.default_timeout()),
            max_wait: Some(max_wait),
            foreign: None,
            message: None,
            changes: 0,
            guard: CancelGuard::new(session, id),
        }
    }

    /// Polling for a call that became a task: within the call's time limits, and the task is cancelled if the call ends
    /// first.
    pub(crate) fn of_call(
        watchers: &TaskWatchers,
        max_wait: Duration,
        foreign: ForeignResult,
        state: &TaskState,
    ) -> Self {
        let schedule = PollSchedule::default();
        schedule.polled(Instant::now(), state);
        let (session, call) = (foreign.session(), foreign.call().clone());
        let mut this =
            Self::new(watchers, max_wait, session, state.id.clone(), Some(call), schedule);
        // The session enforces a total limit.
        this.max_wait = this.max_wait.filter(|_| foreign.timeout().total.is_none());
        this.limit = request_limit(foreign.timeout()).with_total(None);
        this.foreign = Some(foreign);
        this.guard.is_armed = true;
        this.report(state);
        this
    }

    /// Polls until the task or the session ends.
    pub(crate) async fn run(mut self) -> Result<RawJson, Error> {
        let (host, max_wait) = (ExtensionHost::new(&self.guard.session), self.max_wait);
        let polling = host.until_closed(self.poll());
        let polled = match max_wait {
            Some(max_wait) => timeout(max_wait, polling).await.map_err(|_| max_wait),
            None => Ok(polling.await),
        };
        match polled {
            Ok(Ok(outcome)) => outcome,
            Ok(Err(closed)) => {
                self.guard.is_armed = false;
                Err(closed)
            }
            Err(max_wait) => {
                let id = &self.guard.id;
                let message = format!("the task {id:?} did not complete within {max_wait:?}");
                Err(Error::new(ErrorKind::Timeout, host.session().name(), message))
            }
        }
    }

    async fn poll(&mut self) -> Result<RawJson, Error> {
        let mut known = HashSet::new();
        if let Some((polled, interval)) = self.schedule.last() {
            self.wait(polled, interval).await;
        }
        loop {
            self.watcher.reset();
            let state = self.send(get).await;
            let polled = self.at;
            // There is nothing to cancel if the server does not know the task.
            self.guard.is_armed &= !state.as_ref().is_err_and(is_unknown);
            let state = TaskState::decode(&state?)
                .map_err(|error| misshapen(&self.guard.session, error))?;
            self.guard.is_armed &= !state.status.is_over();
            self.schedule.polled(polled, &state);
            self.report(&state);
            let session = &self.guard.session;
            let is_legacy = session.era() == Era::Legacy;
            match state.status {
                // The server responds when the task ends, and requests its input in the meantime.
                TaskStatus::Completed | TaskStatus::Failed | TaskStatus::InputRequired
                    if is_legacy =>
                {
                    return self.legacy_result().await;
                }
                TaskStatus::Completed => {
                    let message = "the task is completed but has no result";
                    return state.result.ok_or_else(|| failed(session, ErrorKind::Decode, message));
                }
                TaskStatus::Failed => return Err(failure(session, &state)),
                TaskStatus::Cancelled => return Err(Cancelled::error(session, &state)),
                TaskStatus::InputRequired => {
                    let is_manual = self.foreign.as_ref().is_some_and(ForeignResult::is_manual);
                    if is_manual && state.input_requests.as_ref().is_some_and(|it| !it.is_empty()) {
                        return Err(input_required(session, &state, MANUAL));
                    }
                    let call = self.call.as_ref();
                    let answers = answers(session, call, &state, &mut known).await?;
                    if !answers.is_empty() {
                        self.send(|session, id| update(session, id, &answers)).await?;
                    }
                }
                TaskStatus::Working | TaskStatus::Other(_) => {}
            }
            self.wait(polled, poll_interval(&state)).await;
        }
    }

    /// The result of a task of revision 2025-11-25. The wait has no separate time limit: the task may run long, or
    /// wait for a user.
    async fn legacy_result(&mut self) -> Result<RawJson, Error> {
        self.limit = self.limit.with_idle(None);
        let outcome = self.send(result).await;
        let is_answered = match &outcome {
            Ok(_) => true,
            Err(error) => error.answer().is_some(),
        };
        self.guard.is_armed &= !is_answered;
        outcome
    }

    /// Sends a request and retries it if it was lost: the requests are idempotent. If the connection is lost, the task
    /// keeps running.
    async fn send(
        &mut self,
        call: impl Fn(&Session, &str) -> Call<RawJson>,
    ) -> Result<RawJson, Error> {
        let mut retries = Retries::new(BACKOFF);
        loop {
            self.at = Instant::now();
            let call = call(&self.guard.session, &self.guard.id).timeout(self.limit);
            let error = match self.guard.send(call).await {
                Err(error) if is_transient(&error) => error,
                outcome => return outcome,
            };
            let delay = retries.next_delay(None).filter(|_| !self.guard.session.is_closed());
            let Some(delay) = delay else {
                self.guard.is_armed = false;
                return Err(error);
            };
            let attempt = retries.attempts();
            tracing::debug!(task = self.guard.id, %error, attempt, "a request about a task failed");
            let interval = self.schedule.last().map_or(Duration::ZERO, |(_, interval)| interval);
            sleep(delay.max(interval)).await;
        }
    }

    /// Waits until the next poll is due, or a notification arrives.
    async fn wait(&mut self, polled: Instant, interval: Duration) {
        // A notification that arrived during the poll counts too.
        if timeout_at(polled + interval, self.watcher.notified()).await.is_ok() {
            sleep_until(polled + MIN_POLL_INTERVAL).await;
        }
    }

    /// Reports the status message as progress of the call.
    fn report(&mut self, state: &TaskState) {
        let (Some(foreign), Some(message)) = (&self.foreign, &state.status_message) else {
            return;
        };
        if self.message.as_ref() == Some(message) {
            return;
        }
        self.message = Some(message.clone());
        self.changes += 1;
        let progress = ProgressNotificationParams::new(state.id.clone(), self.changes);
        foreign.progress(progress.with_message(message.clone()));
    }
}

/// A timeout with an idle limit, so that lost requests are detected.
fn request_limit(limit: Timeout) -> Timeout {
    limit.with_idle(limit.idle.map_or(REQUEST_TIMEOUT, |idle| idle.min(REQUEST_TIMEOUT)))
}

/// Spec: ext-tasks 2026-07-28/tasks#protocol-errors
fn is_unknown(error: &Error) -> bool {
    error.answer().is_some_and(|answer| answer.code == error_code::INVALID_PARAMS)
}

/// Whether a retry may succeed.
fn is_transient(error: &Error) -> bool {
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
            let why = state.status_message.as_deref().unwrap_or("the server gives no reason");
            failed(session, ErrorKind::Decode, format!("the task failed without an error: {why}"))
        }
    }
}
