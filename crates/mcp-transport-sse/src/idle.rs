//! Idle timeout of the server stream.

use std::{
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll, ready},
    time::Duration,
};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use mcp_transport::{Envelope, IdleLimit};
use tokio::time::{Instant, Sleep, sleep_until};

/// The time of the last received data.
#[derive(Debug, Clone)]
pub(crate) struct LastReceived(Arc<Mutex<Instant>>);

impl LastReceived {
    fn now() -> Self {
        Self(Arc::new(Mutex::new(Instant::now())))
    }

    fn lock(&self) -> MutexGuard<'_, Instant> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A body that records when data arrives, including comments, which are not events.
#[derive(Debug)]
pub(crate) struct TimedBody<B> {
    body: B,
    last_received: LastReceived,
}

impl<B> TimedBody<B> {
    pub(crate) fn new(body: B) -> (Self, LastReceived) {
        let last_received = LastReceived::now();
        (Self { body, last_received: last_received.clone() }, last_received)
    }
}

impl<B: Body<Data = Bytes> + Unpin> Body for TimedBody<B> {
    type Data = Bytes;
    type Error = B::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, B::Error>>> {
        let frame = ready!(Pin::new(&mut self.body).poll_frame(cx));
        *self.last_received.lock() = Instant::now();
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// The idle timeout of a stream: the default, or the longest one of the requests in flight.
#[derive(Debug)]
pub(crate) struct IdleLimits {
    default: Option<Duration>,
    longer: Mutex<Vec<Duration>>,
}

impl IdleLimits {
    pub(crate) fn new(default: Option<Duration>) -> Arc<Self> {
        Arc::new(Self { default, longer: Mutex::default() })
    }

    /// Extends the timeout for a message in flight, until the extension is dropped.
    pub(crate) fn extend<M>(self: &Arc<Self>, envelope: &Envelope<M>) -> Option<LongerLimit> {
        let limit = match envelope.idle_limit {
            IdleLimit::Transport if !envelope.is_long_lived => return None,
            limit => limit.or(None).unwrap_or(Duration::MAX),
        };
        self.longer().push(limit);
        Some(LongerLimit { limits: Arc::clone(self), limit })
    }

    fn longer(&self) -> MutexGuard<'_, Vec<Duration>> {
        self.longer.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn limit(&self, default: Duration) -> Duration {
        self.longer().iter().copied().fold(default, Duration::max)
    }
}

/// A longer idle timeout. Dropping it ends the extension.
#[derive(Debug)]
pub(crate) struct LongerLimit {
    limits: Arc<IdleLimits>,
    limit: Duration,
}

impl Drop for LongerLimit {
    fn drop(&mut self) {
        let mut longer = self.limits.longer();
        if let Some(at) = longer.iter().position(|other| *other == self.limit) {
            longer.swap_remove(at);
        }
    }
}

/// The timer of a stream. Received data does not move it; if it fires too early, it is set again.
#[derive(Debug)]
pub(crate) struct IdleTimer {
    last_received: LastReceived,
    sleep: Option<Pin<Box<Sleep>>>,
}

impl IdleTimer {
    pub(crate) fn new(last_received: LastReceived) -> Self {
        Self { last_received, sleep: None }
    }

    /// Ready, with the timeout, when nothing was received for that long.
    pub(crate) fn poll(&mut self, limits: &IdleLimits, cx: &mut Context<'_>) -> Poll<Duration> {
        let Some(default) = limits.default else { return Poll::Pending };
        // A limit beyond the clock's range means none.
        let Some(first) = Instant::now().checked_add(default) else { return Poll::Pending };
        let sleep = self.sleep.get_or_insert_with(|| Box::pin(sleep_until(first)));
        loop {
            ready!(sleep.as_mut().poll(cx));
            let limit = limits.limit(default);
            let idle = self.last_received.lock().elapsed();
            if idle >= limit {
                return Poll::Ready(limit);
            }
            // At most the default, since requests with a longer limit may end.
            sleep.as_mut().reset(Instant::now() + (limit - idle).min(default));
        }
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;

    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn timer() -> IdleTimer {
        IdleTimer::new(LastReceived::now())
    }

    fn with(limit: IdleLimit) -> Envelope<()> {
        Envelope::new(()).with_idle_limit(limit)
    }

    #[tokio::test(start_paused = true)]
    async fn received_data_restarts_the_timeout() {
        let (mut timer, limits) = (timer(), IdleLimits::new(Some(5 * SECOND)));
        let last_received = timer.last_received.clone();
        let started = Instant::now();
        let receiving = tokio::spawn(async move {
            for _ in 0..3 {
                tokio::time::sleep(4 * SECOND).await;
                *last_received.lock() = Instant::now();
            }
        });
        let limit = poll_fn(|cx| timer.poll(&limits, cx)).await;
        assert_eq!((limit, started.elapsed().as_secs()), (5 * SECOND, 17));
        assert!(receiving.is_finished());
    }

    #[tokio::test(start_paused = true)]
    async fn the_longest_limit_counts_as_long_as_its_request_is_in_flight() {
        for unlimited in [with(IdleLimit::Caller), Envelope::new(()).long_lived()] {
            let (mut timer, limits) = (timer(), IdleLimits::new(Some(5 * SECOND)));
            let unlimited = limits.extend(&unlimited);
            let longer = limits.extend(&with(IdleLimit::After(12 * SECOND)));
            let shorter = limits.extend(&with(IdleLimit::After(SECOND)));
            assert!(limits.extend(&with(IdleLimit::Transport)).is_none());
            let started = Instant::now();
            let wait = poll_fn(|cx| timer.poll(&limits, cx));
            assert!(tokio::time::timeout(1000 * SECOND, wait).await.is_err());
            drop((unlimited, shorter));
            let limit = poll_fn(|cx| timer.poll(&limits, cx)).await;
            assert_eq!(limit, 12 * SECOND);
            assert!(started.elapsed() <= 1005 * SECOND);
            drop(longer);
            assert!(limits.longer().is_empty());
        }
    }

    #[tokio::test(start_paused = true)]
    async fn without_a_limit_silence_never_ends_the_stream() {
        for default in [None, Some(Duration::MAX)] {
            let (mut timer, limits) = (timer(), IdleLimits::new(default));
            let wait = poll_fn(|cx| timer.poll(&limits, cx));
            assert!(tokio::time::timeout(1_000_000 * SECOND, wait).await.is_err());
        }
    }
}
