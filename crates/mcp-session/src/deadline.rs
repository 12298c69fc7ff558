//! Timeouts of calls that cost nothing until they elapse.
//!
//! Arming and disarming a runtime timer for each call would cost more than the call's own bookkeeping, and wake the
//! runtime's driver. So timers stay armed and are passed from call to call: a timer that fires too early for its
//! current call is armed again.

use std::{
    future::poll_fn,
    pin::{Pin, pin},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll, ready},
    time::Duration,
};

use tokio::{
    runtime::{Handle, Id},
    task::coop::unconstrained,
    time::{Instant, Sleep, sleep_until},
};

use crate::Timeout;

/// Maximum number of timers stored between calls.
const MAX_SPARE: usize = 64;

/// Number of messages of a call that never waits, after which the clock is read.
const MESSAGES_PER_LOOK: u32 = 32;

/// Timers stored between calls.
#[derive(Debug, Default)]
pub(crate) struct Timers(Mutex<Spare>);

/// Timers belong to the runtime in which they were armed, and cannot be used in another.
#[derive(Debug, Default)]
struct Spare {
    runtime: Option<Id>,
    sleeps: Vec<Pin<Box<Sleep>>>,
}

#[derive(Debug)]
struct Timer {
    runtime: Id,
    sleep: Pin<Box<Sleep>>,
}

/// The timeouts of one call.
#[derive(Debug)]
pub(crate) struct Deadline {
    timers: Arc<Timers>,
    limit: Timeout,
    /// `None` from a message of the server until the next wait.
    idle_until: Option<Instant>,
    total_until: Option<Instant>,
    /// Taken at the first wait.
    timer: Option<Timer>,
    /// Messages since the clock was read.
    messages: u32,
}

/// A timeout that has elapsed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Reached(pub(crate) Duration);

impl Timers {
    /// The timeouts of a call that starts now.
    pub(crate) fn deadline(self: &Arc<Self>, limit: Timeout) -> Deadline {
        // A time beyond the clock's range never comes.
        let total_until = limit.total.and_then(|total| Instant::now().checked_add(total));
        let timers = Arc::clone(self);
        Deadline { timers, limit, idle_until: None, total_until, timer: None, messages: 0 }
    }

    fn take(&self, until: Instant) -> Timer {
        let runtime = Handle::current().id();
        let mut spare = self.spare();
        let sleep = match spare.runtime == Some(runtime) {
            true => spare.sleeps.pop(),
            false => None,
        };
        drop(spare);
        Timer { runtime, sleep: sleep.unwrap_or_else(|| Box::pin(sleep_until(until))) }
    }

    fn give_back(&self, Timer { runtime, sleep }: Timer) {
        let mut spare = self.spare();
        let foreign = match spare.runtime.replace(runtime) == Some(runtime) {
            true => Vec::new(),
            false => std::mem::take(&mut spare.sleeps),
        };
        if spare.sleeps.len() < MAX_SPARE {
            spare.sleeps.push(sleep);
        }
        drop(spare);
        drop(foreign);
    }

    fn spare(&self) -> MutexGuard<'_, Spare> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Deadline {
    /// Restarts the idle timeout, since the server has sent a message, or a request starts.
    ///
    /// # Errors
    /// The total timeout has elapsed. A server that sends messages continuously cannot avoid it.
    #[inline]
    pub(crate) fn restart_idle(&mut self) -> Result<(), Reached> {
        // The clock is read only when waiting.
        self.idle_until = None;
        self.messages += 1;
        if self.messages < MESSAGES_PER_LOOK {
            return Ok(());
        }
        self.messages = 0;
        match self.total_until {
            Some(total) if total <= Instant::now() => {
                Err(Reached(self.limit.total.unwrap_or_default()))
            }
            _ => Ok(()),
        }
    }

    /// Waits for the server within both timeouts. The work is pinned, so that it is not moved and occupies space only
    /// once in the future of a call. When the idle timeout elapses, `held_until` returns the end of the last wait for a
    /// user; the idle time is counted from there.
    pub(crate) async fn limit<T>(
        &mut self,
        mut work: Pin<&mut (impl Future<Output = T> + ?Sized)>,
        held_until: impl Fn() -> Option<Instant>,
    ) -> Result<T, Reached> {
        self.limit_poll(|cx| work.as_mut().poll(cx), held_until).await
    }

    /// Like [`limit`](Self::limit), for work polled by a function.
    pub(crate) async fn limit_poll<T>(
        &mut self,
        mut work: impl FnMut(&mut Context<'_>) -> Poll<T>,
        held_until: impl Fn() -> Option<Instant>,
    ) -> Result<T, Reached> {
        poll_fn(|cx| match work(cx) {
            Poll::Ready(output) => Poll::Ready(Ok(output)),
            Poll::Pending => self.poll(cx, &held_until).map(Err),
        })
        .await
    }

    /// Runs local work for the call, within the total timeout only.
    pub(crate) async fn limit_total<T>(
        &mut self,
        mut work: Pin<&mut (impl Future<Output = T> + ?Sized)>,
    ) -> Result<T, Reached> {
        poll_fn(|cx| match work.as_mut().poll(cx) {
            Poll::Ready(output) => Poll::Ready(Ok(output)),
            Poll::Pending => self.poll_total(cx).map(Err),
        })
        .await
    }

    /// Ready when a timeout has elapsed; `held_until` is that of [`limit`](Self::limit).
    pub(crate) fn poll(
        &mut self,
        cx: &mut Context<'_>,
        held_until: impl Fn() -> Option<Instant>,
    ) -> Poll<Reached> {
        loop {
            let idle_until = match (self.idle_until(), self.total_until) {
                (Some(idle), Some(total)) if idle < total => idle,
                (Some(idle), None) => idle,
                _ => return self.poll_total(cx),
            };
            ready!(self.poll_until(cx, idle_until));
            let limit = self.limit.idle.unwrap_or_default();
            match held_until().and_then(|held| held.checked_add(limit)) {
                Some(until) if until > idle_until => self.idle_until = Some(until),
                _ => return Poll::Ready(Reached(limit)),
            }
        }
    }

    fn idle_until(&mut self) -> Option<Instant> {
        if self.idle_until.is_none() {
            self.idle_until = self.limit.idle.and_then(|idle| Instant::now().checked_add(idle));
        }
        self.idle_until
    }

    fn poll_total(&mut self, cx: &mut Context<'_>) -> Poll<Reached> {
        let Some(until) = self.total_until else { return Poll::Pending };
        ready!(self.poll_until(cx, until));
        Poll::Ready(Reached(self.limit.total.unwrap_or_default()))
    }

    fn poll_until(&mut self, cx: &mut Context<'_>, until: Instant) -> Poll<()> {
        let sleep = match &mut self.timer {
            Some(timer) => timer.sleep.as_mut(),
            None => self.timer.insert(self.timers.take(until)).sleep.as_mut(),
        };
        poll_sleep(sleep, cx, until)
    }
}

/// Ready at `until`, for a timer armed for any time.
fn poll_sleep(mut sleep: Pin<&mut Sleep>, cx: &mut Context<'_>, until: Instant) -> Poll<()> {
    // A timer that fires too late is armed again now; one that fires too early is armed again when it fires.
    if sleep.deadline() > until {
        sleep.as_mut().reset(until);
    }
    loop {
        // An elapsed timer counts even if the task has spent its budget on messages.
        ready!(pin!(unconstrained(sleep.as_mut())).poll(cx));
        if sleep.deadline() >= until {
            return Poll::Ready(());
        }
        sleep.as_mut().reset(until);
    }
}

impl Drop for Deadline {
    fn drop(&mut self) {
        if let Some(timer) = self.timer.take() {
            self.timers.give_back(timer);
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use std::future::pending;

    use tokio::runtime::Builder;

    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    async fn reached(deadline: &mut Deadline) -> Duration {
        deadline.limit(pin!(pending::<()>()), || None).await.unwrap_err().0
    }

    #[tokio::test(start_paused = true)]
    async fn timeouts_are_exact_with_reused_timers() {
        let timers = Arc::new(Timers::default());
        let start = Instant::now();
        let both = Timeout::idle(9 * SECOND).with_total(7 * SECOND);
        for (limit, expected) in [
            (Timeout::idle(300 * SECOND), 300),
            (Timeout::total(5 * SECOND), 305),
            (Timeout::total(500 * SECOND), 805),
            (both, 812),
        ] {
            // An unelapsed timer is stored for reuse.
            let mut unreached = timers.deadline(Timeout::idle(40 * SECOND));
            assert!(tokio::time::timeout(Duration::ZERO, reached(&mut unreached)).await.is_err());
            drop(unreached);
            reached(&mut timers.deadline(limit)).await;
            assert_eq!(start.elapsed(), expected * SECOND, "{limit:?}");
        }
        assert_eq!(timers.spare().sleeps.len(), 1);
    }

    #[tokio::test(start_paused = true)]
    async fn a_message_restarts_the_idle_limit_but_not_the_total_one() {
        let start = Instant::now();
        let timers = Arc::new(Timers::default());
        let mut deadline = timers.deadline(Timeout::idle(10 * SECOND).with_total(25 * SECOND));
        for _ in 0..3 {
            let work = tokio::time::sleep(8 * SECOND);
            deadline.limit(pin!(work), || None).await.unwrap();
            deadline.restart_idle().unwrap();
        }
        assert_eq!(reached(&mut deadline).await, 25 * SECOND);
        assert_eq!(start.elapsed(), 25 * SECOND);
        let looks: Vec<_> = (0..MESSAGES_PER_LOOK).map(|_| deadline.restart_idle()).collect();
        assert!(looks.into_iter().any(|it| it == Err(Reached(25 * SECOND))));
    }

    #[tokio::test(start_paused = true)]
    async fn idle_time_counts_from_the_last_wait_for_a_user() {
        let start = Instant::now();
        let timers = Arc::new(Timers::default());
        let form = start + 100 * SECOND;
        let held = || Some(Instant::now().min(form));
        let mut deadline = timers.deadline(Timeout::idle(10 * SECOND));
        assert_eq!(deadline.limit(pin!(pending::<()>()), held).await, Err(Reached(10 * SECOND)));
        assert_eq!(start.elapsed(), 110 * SECOND);
        let mut deadline = timers.deadline(Timeout::idle(10 * SECOND).with_total(30 * SECOND));
        let held = || Some(Instant::now());
        assert_eq!(deadline.limit(pin!(pending::<()>()), held).await, Err(Reached(30 * SECOND)));
    }

    #[test]
    fn any_duration_is_a_limit() {
        let timers = Arc::new(Timers::default());
        for limit in [Timeout::idle(Duration::MAX), Timeout::total(Duration::MAX), Timeout::NONE] {
            let mut deadline = timers.deadline(limit);
            assert_eq!(deadline.restart_idle(), Ok(()));
        }
    }

    #[test]
    fn a_timer_is_never_used_in_another_runtime() {
        let timers = Arc::new(Timers::default());
        for _ in 0..3 {
            let runtime = Builder::new_current_thread().enable_time().build().unwrap();
            let waited = runtime.block_on(async {
                let mut deadline = timers.deadline(Timeout::total(Duration::from_millis(20)));
                reached(&mut deadline).await
            });
            assert_eq!(waited, Duration::from_millis(20));
        }
        assert_eq!(timers.spare().sleeps.len(), 1);
    }

    #[tokio::test(start_paused = true)]
    async fn a_spent_budget_does_not_delay_a_limit() {
        let timers = Arc::new(Timers::default());
        let mut deadline = timers.deadline(Timeout::total(SECOND));
        // Arms the timer.
        assert!(tokio::time::timeout(SECOND / 2, reached(&mut deadline)).await.is_err());
        tokio::time::sleep(SECOND).await;
        poll_fn(|cx| {
            while let Poll::Ready(progress) = tokio::task::coop::poll_proceed(cx) {
                progress.made_progress();
            }
            assert_eq!(deadline.poll(cx, || None), Poll::Ready(Reached(SECOND)));
            Poll::Ready(())
        })
        .await;
    }
}
