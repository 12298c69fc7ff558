//! Futures that run together on one task.

use std::{
    collections::VecDeque,
    future::poll_fn,
    pin::Pin,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll, Wake, Waker},
};

/// A set of futures, each polled only when woken.
pub(crate) struct Join<F> {
    slots: Vec<Option<Slot<F>>>,
    free: Vec<usize>,
    ready: Arc<Ready>,
}

struct Slot<F> {
    future: Pin<Box<F>>,
    child: Arc<Child>,
}

/// The woken futures, and the task to wake for them.
#[derive(Default)]
struct Ready(Mutex<(VecDeque<usize>, Option<Waker>)>);

struct Child {
    slot: usize,
    is_queued: AtomicBool,
    ready: Arc<Ready>,
}

/// The outputs of all futures in order, or the first error, which drops the others.
pub(crate) async fn all<T, E, F: Future<Output = Result<T, E>>>(
    futures: impl IntoIterator<Item = F>,
) -> Result<Vec<T>, E> {
    let mut join = Join::default();
    futures.into_iter().for_each(|future| join.push(future));
    let mut outputs: Vec<Option<T>> = join.slots.iter().map(|_| None).collect();
    while let Some((slot, output)) = poll_fn(|cx| join.poll_next(cx)).await {
        outputs[slot] = Some(output?);
    }
    Ok(outputs.into_iter().flatten().collect())
}

impl<F> Default for Join<F> {
    fn default() -> Self {
        Self { slots: Vec::new(), free: Vec::new(), ready: Arc::default() }
    }
}

impl<F: Future> Join<F> {
    /// The number of running futures.
    pub(crate) fn len(&self) -> usize {
        self.slots.len() - self.free.len()
    }

    /// Adds a future, polled by the next [`poll_next`](Self::poll_next).
    pub(crate) fn push(&mut self, future: F) {
        let slot = self.free.pop().unwrap_or_else(|| {
            self.slots.push(None);
            self.slots.len() - 1
        });
        let (is_queued, ready) = (AtomicBool::new(true), Arc::clone(&self.ready));
        let child = Arc::new(Child { slot, is_queued, ready });
        self.slots[slot] = Some(Slot { future: Box::pin(future), child });
        self.ready.lock().0.push_back(slot);
    }

    /// The output of the next completed future, with its slot; `None` if there are no futures.
    pub(crate) fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Option<(usize, F::Output)>> {
        if self.len() == 0 {
            return Poll::Ready(None);
        }
        let woken = {
            let mut ready = self.ready.lock();
            ready.1 = Some(cx.waker().clone());
            ready.0.len()
        };
        // Futures that wake themselves are polled the next time.
        for _ in 0..woken {
            let next = self.ready.lock().0.pop_front();
            let Some(slot) = next else { return Poll::Pending };
            let Some(Slot { future, child }) = &mut self.slots[slot] else { continue };
            child.is_queued.store(false, Ordering::Release);
            let waker = Waker::from(Arc::clone(child));
            if let Poll::Ready(output) = future.as_mut().poll(&mut Context::from_waker(&waker)) {
                self.slots[slot] = None;
                self.free.push(slot);
                return Poll::Ready(Some((slot, output)));
            }
        }
        if !self.ready.lock().0.is_empty() {
            cx.waker().wake_by_ref();
        }
        Poll::Pending
    }
}

impl Ready {
    fn lock(&self) -> MutexGuard<'_, (VecDeque<usize>, Option<Waker>)> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Wake for Child {
    fn wake(self: Arc<Self>) {
        if self.is_queued.swap(true, Ordering::AcqRel) {
            return;
        }
        let waker = {
            let mut ready = self.ready.lock();
            ready.0.push_back(self.slot);
            ready.1.take()
        };
        waker.into_iter().for_each(Waker::wake);
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use std::{
        future::{pending, ready},
        sync::atomic::AtomicUsize,
        time::Duration,
    };

    use tokio::time::sleep;

    use super::*;

    type Work = Pin<Box<dyn Future<Output = Result<u32, u32>> + Send>>;

    fn after(seconds: u32, outcome: Result<u32, u32>) -> Work {
        Box::pin(async move {
            sleep(Duration::from_secs(1) * seconds).await;
            outcome
        })
    }

    #[tokio::test(start_paused = true)]
    async fn outputs_keep_their_order_and_the_first_error_ends_all() {
        let start = tokio::time::Instant::now();
        let futures = [after(3, Ok(3)), after(1, Ok(1)), after(2, Ok(2))];
        assert_eq!(all(futures).await, Ok(vec![3, 1, 2]));
        assert_eq!(start.elapsed().as_secs(), 3);
        let futures = [Box::pin(pending()) as Work, after(1, Err(7)), after(2, Err(8))];
        assert_eq!(all(futures).await, Err(7));
        assert_eq!(start.elapsed().as_secs(), 4);
        assert_eq!(all(Vec::<Work>::new()).await, Ok(vec![]));
        assert_eq!(all([ready(Ok::<_, ()>(1))]).await, Ok(vec![1]));
    }

    #[tokio::test(start_paused = true)]
    async fn each_future_is_polled_only_when_it_was_woken() {
        let polls = AtomicUsize::new(0);
        let polls = &polls;
        let futures = (0..1000).map(|n| {
            let mut work = after(n, Ok(n));
            poll_fn(move |cx| {
                polls.fetch_add(1, Ordering::Relaxed);
                work.as_mut().poll(cx)
            })
        });
        assert_eq!(all(futures).await.unwrap().len(), 1000);
        assert!(polls.load(Ordering::Relaxed) <= 2100, "{polls:?}");
    }

    #[tokio::test]
    async fn futures_that_wake_themselves_do_not_block_the_thread() {
        let busy = poll_fn(|cx: &mut Context<'_>| {
            cx.waker().wake_by_ref();
            Poll::<Result<u32, u32>>::Pending
        });
        let busy = tokio::spawn(all([busy]));
        tokio::task::yield_now().await;
        busy.abort();
        assert!(busy.await.unwrap_err().is_cancelled());
    }

    #[tokio::test]
    async fn slots_are_reused() {
        let mut join = Join::default();
        for n in 0..100_u32 {
            join.push(ready(n));
            let next = poll_fn(|cx| join.poll_next(cx)).await;
            assert_eq!(next, Some((0, n)));
        }
        assert_eq!((join.len(), join.slots.len()), (0, 1));
    }
}
