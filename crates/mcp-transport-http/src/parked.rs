use std::{
    collections::VecDeque,
    pin::Pin,
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll, Waker},
    time::Duration,
};

use futures_core::Stream;
use http_body::Body;
use mcp_http::sse::Events;
use tokio::time::Instant;

/// How long the end of a body is waited for.
pub(crate) const PARK_TIME: Duration = Duration::from_millis(250);
/// How many bodies are parked at a time.
const MAX_PARKED: usize = 64;
/// How many of them each request polls.
const POLLED_PER_REQUEST: usize = 2;
/// How many events after the response are read before a body is closed.
const MAX_EVENTS: usize = 16;

/// Bodies whose response was read, and of which only the end is missing.
///
/// It mostly follows at once, in another packet. Dropping the body before that would close an HTTP/1.1
/// connection, and every call would pay for a new one. So bodies are parked for a moment, without a task:
/// each request polls some, which returns their connections to the pool before it needs one.
pub(crate) struct ParkedBodies<B> {
    bodies: Mutex<VecDeque<(Instant, Events<B>)>>,
    has_sweeper: AtomicBool,
}

impl<B> Default for ParkedBodies<B> {
    fn default() -> Self {
        Self { bodies: Mutex::default(), has_sweeper: AtomicBool::new(false) }
    }
}

impl<B> ParkedBodies<B>
where
    B: Body<Data = bytes::Bytes> + Unpin,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    fn lock(&self) -> MutexGuard<'_, VecDeque<(Instant, Events<B>)>> {
        self.bodies.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Parks a body, unless its end is here already. Whether the caller has to start a sweeper, in case
    /// that no request follows.
    pub(crate) fn park(&self, mut events: Events<B>) -> bool {
        if is_over(&mut events) {
            return false;
        }
        let oldest = {
            let mut bodies = self.lock();
            bodies.push_back((Instant::now(), events));
            (bodies.len() > MAX_PARKED).then(|| bodies.pop_front())
        };
        drop(oldest);
        !self.has_sweeper.swap(true, Ordering::AcqRel)
    }

    /// Drops the bodies that have ended, among those that were polled longest ago. More are polled than a
    /// request parks.
    pub(crate) fn reclaim(&self) {
        let mut bodies = self.lock();
        for _ in 0..bodies.len().min(POLLED_PER_REQUEST) {
            if let Some((since, mut events)) = bodies.pop_front()
                && !is_over(&mut events)
            {
                bodies.push_back((since, events));
            }
        }
    }

    /// Drops the bodies that have ended or were parked for too long. Whether the sweeper has to continue.
    pub(crate) fn sweep(&self) -> bool {
        let mut bodies = self.lock();
        bodies.retain_mut(|(since, events)| !is_over(events) && since.elapsed() < PARK_TIME);
        if bodies.is_empty() {
            self.has_sweeper.store(false, Ordering::Release);
        }
        !bodies.is_empty()
    }

    /// Drops all bodies. There is no sweeper any more.
    pub(crate) fn clear(&self) {
        let bodies = std::mem::take(&mut *self.lock());
        self.has_sweeper.store(false, Ordering::Release);
        drop(bodies);
    }
}

/// Reads what has arrived; whether that was all.
fn is_over<B>(events: &mut Events<B>) -> bool
where
    B: Body<Data = bytes::Bytes> + Unpin,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    let mut cx = Context::from_waker(Waker::noop());
    for _ in 0..MAX_EVENTS {
        match Pin::new(&mut *events).poll_next(&mut cx) {
            Poll::Ready(Some(Ok(_))) => {}
            Poll::Ready(Some(Err(_)) | None) => return true,
            Poll::Pending => return false,
        }
    }
    true
}
