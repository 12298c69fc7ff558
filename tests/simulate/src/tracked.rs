//! Detects wakers that outlive their future.

use std::{
    pin::Pin,
    sync::{Arc, Mutex, PoisonError, Weak},
    task::{Context, Poll, Wake, Waker},
};

/// The wakers passed to futures of the world.
#[derive(Debug, Default, Clone)]
pub(crate) struct Wakers(Arc<Mutex<Vec<Weak<Forward>>>>);

/// The waker of one future: wakes its task.
#[derive(Debug)]
struct Forward(Mutex<Option<Waker>>);

impl Wake for Forward {
    fn wake(self: Arc<Self>) {
        let waker = self.0.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some(waker) = waker {
            waker.wake();
        }
    }
}

/// A future that is polled with a separate waker.
pub(crate) struct Tracked<F> {
    future: Pin<Box<F>>,
    forward: Arc<Forward>,
    waker: Waker,
}

impl Wakers {
    pub(crate) fn track<F: Future>(&self, future: F) -> Tracked<F> {
        let forward = Arc::new(Forward(Mutex::new(None)));
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(Arc::downgrade(&forward));
        let waker = Waker::from(Arc::clone(&forward));
        Tracked { future: Box::pin(future), forward, waker }
    }

    /// The number of wakers that are still held after all futures were dropped.
    pub(crate) fn left(&self) -> usize {
        let wakers = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        wakers.iter().filter(|waker| waker.strong_count() > 0).count()
    }
}

impl<F: Future> Future for Tracked<F> {
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        let this = &mut *self;
        let mut waker = this.forward.0.lock().unwrap_or_else(PoisonError::into_inner);
        *waker = Some(cx.waker().clone());
        drop(waker);
        this.future.as_mut().poll(&mut Context::from_waker(&this.waker))
    }
}

#[cfg(test)]
mod tests {
    use std::future::pending;

    use super::*;

    #[test]
    fn a_leaked_waker_is_detected() {
        let wakers = Wakers::default();
        let mut kept = None;
        let mut tracked = Box::pin(wakers.track(std::future::poll_fn(|cx| {
            kept = Some(cx.waker().clone());
            Poll::<()>::Pending
        })));
        assert!(tracked.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
        drop(tracked);
        assert_eq!(wakers.left(), 1);
        drop(kept);
        assert_eq!(wakers.left(), 0);
        drop(wakers.track(pending::<()>()));
        assert_eq!(wakers.left(), 0);
    }
}
