use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::time::{Instant, Sleep, sleep_until};

/// Request extension: overrides the client's read timeout. `None` means no limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReadTimeout(pub Option<Duration>);

/// Limits the time without progress.
///
/// Ready results cost nothing. The runtime's timer is registered at the first wait only and not moved by progress: if
/// it fires too early, it is set again.
#[derive(Debug)]
pub(crate) struct IdleTimer {
    limit: Option<Duration>,
    since: Option<Instant>,
    sleep: Option<Pin<Box<Sleep>>>,
}

impl IdleTimer {
    pub(crate) fn new(limit: Option<Duration>) -> Self {
        Self { limit, since: None, sleep: None }
    }

    /// Called while pending: ready, with the limit, once it has been pending for that long.
    pub(crate) fn poll_pending(&mut self, cx: &mut Context<'_>) -> Poll<Duration> {
        let since = *self.since.get_or_insert_with(Instant::now);
        // A limit beyond the clock's range means none.
        let Some((limit, deadline)) =
            self.limit.and_then(|limit| Some((limit, since.checked_add(limit)?)))
        else {
            return Poll::Pending;
        };
        let sleep = self.sleep.get_or_insert_with(|| Box::pin(sleep_until(deadline)));
        while sleep.as_mut().poll(cx).is_ready() {
            if sleep.deadline() >= deadline {
                return Poll::Ready(limit);
            }
            sleep.as_mut().reset(deadline);
        }
        Poll::Pending
    }

    /// Called on progress. Returns the duration of the wait, if any.
    pub(crate) fn progress(&mut self) -> Option<Duration> {
        self.since.take().map(|since| since.elapsed())
    }

    /// The output of `future`, or the elapsed limit as an error.
    pub(crate) async fn race<F: Future>(
        &mut self,
        mut future: Pin<&mut F>,
    ) -> Result<F::Output, Duration> {
        let result = poll_fn(|cx| match future.as_mut().poll(cx) {
            Poll::Ready(output) => Poll::Ready(Ok(output)),
            Poll::Pending => self.poll_pending(cx).map(Err),
        })
        .await;
        self.since = None;
        result
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use std::future::pending;
    use std::pin::pin;

    use tokio::time::{advance, sleep};

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn fires_after_the_limit() {
        let start = Instant::now();
        let mut timer = IdleTimer::new(Some(Duration::from_secs(5)));
        let limit = timer.race(pin!(pending::<()>())).await.unwrap_err();
        assert_eq!(limit, Duration::from_secs(5));
        assert_eq!(start.elapsed(), Duration::from_secs(5));
    }

    #[tokio::test(start_paused = true)]
    async fn progress_starts_the_limit_again() {
        let mut timer = IdleTimer::new(Some(Duration::from_secs(5)));
        for _ in 0..4 {
            timer.race(pin!(sleep(Duration::from_secs(4)))).await.unwrap();
        }
        advance(Duration::from_secs(60)).await;
        timer.race(pin!(sleep(Duration::from_secs(4)))).await.unwrap();
        let start = Instant::now();
        timer.race(pin!(pending::<()>())).await.unwrap_err();
        assert_eq!(start.elapsed(), Duration::from_secs(5));
    }

    #[tokio::test(start_paused = true)]
    async fn no_limit_never_fires() {
        let mut timer = IdleTimer::new(None);
        timer.race(pin!(sleep(Duration::from_secs(1_000_000)))).await.unwrap();
        let mut timer = IdleTimer::new(Some(Duration::MAX));
        timer.race(pin!(sleep(Duration::from_secs(1)))).await.unwrap();
    }
}
