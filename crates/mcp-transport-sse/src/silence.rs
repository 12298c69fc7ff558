//! How long the server has sent nothing on its stream, and how long it may.

use std::{
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll, ready},
    time::Duration,
};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use tokio::time::{Instant, Sleep, sleep_until};

/// When something was last heard.
#[derive(Debug, Clone)]
pub(crate) struct Pulse(Arc<Mutex<Instant>>);

impl Pulse {
    fn last(&self) -> MutexGuard<'_, Instant> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A body that takes note of when something came: of comments too, which show in no event.
#[derive(Debug)]
pub(crate) struct Heard<B> {
    body: B,
    pulse: Pulse,
}

impl<B> Heard<B> {
    pub(crate) fn new(body: B) -> (Self, Pulse) {
        let pulse = Pulse(Arc::new(Mutex::new(Instant::now())));
        (Self { body, pulse: pulse.clone() }, pulse)
    }
}

impl<B: Body<Data = Bytes> + Unpin> Body for Heard<B> {
    type Data = Bytes;
    type Error = B::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, B::Error>>> {
        let frame = ready!(Pin::new(&mut self.body).poll_frame(cx));
        *self.pulse.last() = Instant::now();
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// How long silence is borne: as long as usual, or as the most patient of those who wait wants.
#[derive(Debug)]
pub(crate) struct Patience {
    usual: Option<Duration>,
    longer: Mutex<Vec<Duration>>,
}

impl Patience {
    pub(crate) fn new(usual: Option<Duration>) -> Self {
        Self { usual, longer: Mutex::default() }
    }

    fn longer(&self) -> MutexGuard<'_, Vec<Duration>> {
        self.longer.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Bears silence for so long until the same is taken back.
    pub(crate) fn extend(&self, limit: Duration) {
        self.longer().push(limit);
    }

    pub(crate) fn take_back(&self, limit: Duration) {
        let mut longer = self.longer();
        if let Some(at) = longer.iter().position(|other| *other == limit) {
            longer.swap_remove(at);
        }
    }

    fn limit(&self, usual: Duration) -> Duration {
        self.longer().iter().copied().fold(usual, Duration::max)
    }
}

/// The timer of a stream. It is not moved by what is heard, but set again when it fires too early.
#[derive(Debug)]
pub(crate) struct Silence {
    pulse: Pulse,
    sleep: Option<Pin<Box<Sleep>>>,
}

impl Silence {
    pub(crate) fn new(pulse: Pulse) -> Self {
        Self { pulse, sleep: None }
    }

    /// Ready, with the limit, when nothing has been heard for the whole of it.
    pub(crate) fn poll(&mut self, patience: &Patience, cx: &mut Context<'_>) -> Poll<Duration> {
        let Some(usual) = patience.usual else { return Poll::Pending };
        // A limit too far off to be a point in time is none.
        let Some(first) = Instant::now().checked_add(usual) else { return Poll::Pending };
        let sleep = self.sleep.get_or_insert_with(|| Box::pin(sleep_until(first)));
        loop {
            ready!(sleep.as_mut().poll(cx));
            let limit = patience.limit(usual);
            let silent = self.pulse.last().elapsed();
            if silent >= limit {
                return Poll::Ready(limit);
            }
            // No later than usual, as those who are more patient may end.
            sleep.as_mut().reset(Instant::now() + (limit - silent).min(usual));
        }
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;

    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn silence() -> Silence {
        Silence::new(Pulse(Arc::new(Mutex::new(Instant::now()))))
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_heard_puts_the_end_off() {
        let (mut silence, patience) = (silence(), Patience::new(Some(5 * SECOND)));
        let pulse = silence.pulse.clone();
        let begun = Instant::now();
        let heard = tokio::spawn(async move {
            for _ in 0..3 {
                tokio::time::sleep(4 * SECOND).await;
                *pulse.last() = Instant::now();
            }
        });
        let limit = poll_fn(|cx| silence.poll(&patience, cx)).await;
        assert_eq!((limit, begun.elapsed().as_secs()), (5 * SECOND, 17));
        assert!(heard.is_finished());
    }

    #[tokio::test(start_paused = true)]
    async fn the_most_patient_one_counts_as_long_as_it_waits() {
        let (mut silence, patience) = (silence(), Patience::new(Some(5 * SECOND)));
        patience.extend(Duration::MAX);
        patience.extend(12 * SECOND);
        let begun = Instant::now();
        let wait = poll_fn(|cx| silence.poll(&patience, cx));
        assert!(tokio::time::timeout(100 * SECOND, wait).await.is_err());
        patience.take_back(Duration::MAX);
        let limit = poll_fn(|cx| silence.poll(&patience, cx)).await;
        assert_eq!(limit, 12 * SECOND);
        assert!(begun.elapsed() <= 105 * SECOND);
    }

    #[tokio::test(start_paused = true)]
    async fn without_a_limit_silence_is_borne_for_ever() {
        for patience in [Patience::new(None), Patience::new(Some(Duration::MAX))] {
            let mut silence = silence();
            let wait = poll_fn(|cx| silence.poll(&patience, cx));
            assert!(tokio::time::timeout(1_000_000 * SECOND, wait).await.is_err());
        }
    }
}
