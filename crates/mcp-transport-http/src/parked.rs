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

/// How long a parked body is kept.
pub(crate) const PARK_TIME: Duration = Duration::from_millis(250);
/// Maximum number of parked bodies.
const MAX_PARKED: usize = 64;
/// Number of parked bodies polled by each request.
const POLLED_PER_REQUEST: usize = 2;
/// Maximum number of events read after the response before a body is closed.
const MAX_EVENTS: usize = 16;

/// Response bodies whose response was read and that only lack their end.
///
/// The end usually follows at once in another packet. Dropping the body before it would close an HTTP/1.1 connection,
/// and every call would need a new one. So bodies are parked briefly, without a task: each request polls some of them,
/// which returns their connections to the pool before it needs one.
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

    /// Parks a body, unless its end has already arrived. Returns whether the caller must start a sweeper, in case no
    /// request follows.
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

    /// Drops a body that has ended, among those polled longest ago: as many as a request parks.
    pub(crate) fn reclaim(&self) {
        let mut bodies = self.lock();
        for _ in 0..bodies.len().min(POLLED_PER_REQUEST) {
            let Some((since, mut events)) = bodies.pop_front() else { return };
            if is_over(&mut events) {
                return;
            }
            bodies.push_back((since, events));
        }
    }

    /// Drops bodies that have ended or were parked for too long. Returns whether the sweeper must continue.
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

/// Reads the received data. Returns whether the body has ended.
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
