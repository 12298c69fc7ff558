//! Time limits of calls that cost nothing when they are not reached.
//!
//! To arm and disarm a timer of the runtime for each call would cost more than the call's own
//! bookkeeping, and wake the runtime's driver. So timers are kept armed and handed from call to call: a
//! timer that fires too early for its present call is simply armed again.

use std::{
    pin::Pin,
    sync::{Arc, Mutex, PoisonError},
    task::{Context, Poll},
    time::Duration,
};

use tokio::time::{Instant, Sleep};

/// Spare timers that are kept.
const SPARE: usize = 64;

/// Limits on the time that a call may take.
///
/// By default a call ends after 300 s in which the server sent nothing for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Timeout {
    /// The longest time without any message for the call: progress starts it anew.
    pub idle: Option<Duration>,
    /// The longest time for the whole call.
    pub total: Option<Duration>,
}

impl Default for Timeout {
    fn default() -> Self {
        Self::idle(Duration::from_secs(300))
    }
}

impl Timeout {
    /// No limit at all: the call may wait for ever.
    pub const NONE: Self = Self { idle: None, total: None };

    /// A limit on the silence of the server: each message for the call, such as progress, starts it anew.
    pub const fn idle(limit: Duration) -> Self {
        Self { idle: Some(limit), total: None }
    }

    /// A limit on the whole call, whatever arrives meanwhile.
    pub const fn total(limit: Duration) -> Self {
        Self { idle: None, total: Some(limit) }
    }
}

impl From<Duration> for Timeout {
    fn from(limit: Duration) -> Self {
        Self::total(limit)
    }
}

/// Timers between two calls.
#[derive(Debug, Default, Clone)]
pub(crate) struct Timers(Arc<Mutex<Vec<Pin<Box<Sleep>>>>>);

/// The time limit of one call.
#[derive(Debug)]
pub(crate) struct Deadline {
    timers: Timers,
    limit: Timeout,
    idle_until: Option<Instant>,
    total_until: Option<Instant>,
    /// Taken at the first wait.
    sleep: Option<Pin<Box<Sleep>>>,
}

impl Timers {
    pub(crate) fn deadline(&self, limit: Timeout) -> Deadline {
        let timers = self.clone();
        if limit == Timeout::NONE {
            return Deadline { timers, limit, idle_until: None, total_until: None, sleep: None };
        }
        let now = Instant::now();
        let until = |limit: Option<Duration>| limit.and_then(|limit| now.checked_add(limit));
        let (idle_until, total_until) = (until(limit.idle), until(limit.total));
        Deadline { timers, limit, idle_until, total_until, sleep: None }
    }

    fn take(&self) -> Option<Pin<Box<Sleep>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).pop()
    }

    fn give(&self, sleep: Pin<Box<Sleep>>) {
        let mut spare = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if spare.len() < SPARE {
            spare.push(sleep);
        }
    }
}

impl Deadline {
    /// The server has sent something.
    pub(crate) fn heard(&mut self) {
        if let Some(idle) = self.limit.idle {
            self.idle_until = Instant::now().checked_add(idle);
        }
    }

    /// As [`poll`](Self::poll), but silence counts only from when the server no longer `waited` for us.
    pub(crate) fn poll_unless(
        &mut self,
        cx: &mut Context<'_>,
        waited_until: impl Fn() -> Option<Instant>,
    ) -> Poll<Duration> {
        loop {
            let limit = std::task::ready!(self.poll(cx));
            let now = Instant::now();
            let is_over = self.total_until.is_some_and(|total| total <= now);
            let waited = waited_until().zip(self.limit.idle);
            match waited.and_then(|(at, idle)| at.checked_add(idle)) {
                Some(until) if until > now && !is_over => self.idle_until = Some(until),
                _ => return Poll::Ready(limit),
            }
        }
    }

    /// Ready when a limit is reached, with that limit.
    pub(crate) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Duration> {
        let (until, limit) = match (self.idle_until, self.total_until) {
            (Some(idle), Some(total)) if total < idle => (total, self.limit.total),
            (Some(idle), _) => (idle, self.limit.idle),
            (None, Some(total)) => (total, self.limit.total),
            (None, None) => return Poll::Pending,
        };
        let sleep = match &mut self.sleep {
            Some(sleep) => sleep,
            None => {
                let spare = self.timers.take();
                self.sleep
                    .insert(spare.unwrap_or_else(|| Box::pin(tokio::time::sleep_until(until))))
            }
        };
        // One that fires too late is set right now, one that fires too early when it does.
        if sleep.deadline() > until {
            sleep.as_mut().reset(until);
        }
        loop {
            std::task::ready!(sleep.as_mut().poll(cx));
            if sleep.deadline() >= until {
                return Poll::Ready(limit.unwrap_or_default());
            }
            sleep.as_mut().reset(until);
        }
    }
}

impl Drop for Deadline {
    fn drop(&mut self) {
        if let Some(sleep) = self.sleep.take() {
            self.timers.give(sleep);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;

    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[tokio::test(start_paused = true)]
    async fn limits_hold_whatever_timer_was_handed_on() {
        let timers = Timers::default();
        let start = Instant::now();
        for (limit, expected) in [
            (Timeout::idle(300 * SECOND), 300),
            (Timeout::total(5 * SECOND), 305),
            (Timeout::total(500 * SECOND), 805),
            (Timeout { idle: Some(9 * SECOND), total: Some(7 * SECOND) }, 812),
        ] {
            // One that is dropped unreached leaves its timer behind.
            let mut unreached = timers.deadline(Timeout::idle(40 * SECOND));
            assert!(poll_fn(|cx| Poll::Ready(unreached.poll(cx))).await.is_pending());
            drop(unreached);
            let mut deadline = timers.deadline(limit);
            poll_fn(|cx| deadline.poll(cx)).await;
            assert_eq!(start.elapsed(), expected * SECOND, "{limit:?}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_message_starts_the_idle_limit_anew_but_not_the_total_one() {
        let start = Instant::now();
        let mut deadline = Timers::default()
            .deadline(Timeout { idle: Some(10 * SECOND), total: Some(25 * SECOND) });
        for _ in 0..3 {
            let waited = tokio::time::timeout(8 * SECOND, poll_fn(|cx| deadline.poll(cx))).await;
            if waited.is_ok() {
                break;
            }
            deadline.heard();
        }
        poll_fn(|cx| deadline.poll(cx)).await;
        assert_eq!(start.elapsed(), 25 * SECOND);
    }
}
