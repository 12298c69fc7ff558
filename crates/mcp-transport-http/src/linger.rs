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
pub(crate) const PATIENCE: Duration = Duration::from_millis(250);
/// How many bodies are waited for at the same time.
const ROOM: usize = 64;
/// How many of them a request looks at.
const LOOKS: usize = 2;

/// Bodies of which all that matters was read, and only the end is missing.
///
/// It mostly follows at once, in a packet of its own. Dropping the body before that closes an HTTP/1.1
/// connection, and every call would pay for a new one. So bodies are kept here for a moment, without a
/// task: each next request looks at them, and so gives their connections back before it needs one.
pub(crate) struct Linger<B> {
    bodies: Mutex<VecDeque<(Instant, Events<B>)>>,
    reaping: AtomicBool,
}

impl<B> Default for Linger<B> {
    fn default() -> Self {
        Self { bodies: Mutex::default(), reaping: AtomicBool::new(false) }
    }
}

impl<B> Linger<B>
where
    B: Body<Data = bytes::Bytes> + Unpin,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    fn lock(&self) -> MutexGuard<'_, VecDeque<(Instant, Events<B>)>> {
        self.bodies.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Keeps a body, unless its end is there already. Whether somebody has to sweep in case that no
    /// request does.
    pub(crate) fn park(&self, mut events: Events<B>) -> bool {
        if is_over(&mut events) {
            return false;
        }
        let oldest = {
            let mut bodies = self.lock();
            bodies.push_back((Instant::now(), events));
            (bodies.len() > ROOM).then(|| bodies.pop_front())
        };
        drop(oldest);
        !self.reaping.swap(true, Ordering::AcqRel)
    }

    /// Lets go of the bodies that have ended, among those that were looked at longest ago. So many are
    /// looked at that a request finds more than it parks.
    pub(crate) fn reclaim(&self) {
        let mut bodies = self.lock();
        for _ in 0..bodies.len().min(LOOKS) {
            if let Some((since, mut events)) = bodies.pop_front()
                && !is_over(&mut events)
            {
                bodies.push_back((since, events));
            }
        }
    }

    /// Lets go of the bodies that have ended, and of those that had their time.
    pub(crate) fn sweep(&self) {
        let mut bodies = self.lock();
        bodies.retain_mut(|(since, events)| !is_over(events) && since.elapsed() < PATIENCE);
    }

    /// The sweeper stops, unless something came in.
    pub(crate) fn rest(&self) -> bool {
        let bodies = self.lock();
        if bodies.is_empty() {
            self.reaping.store(false, Ordering::Release);
        }
        bodies.is_empty()
    }
}

/// Reads on, as far as there is something, and tells whether that was all.
fn is_over<B>(events: &mut Events<B>) -> bool
where
    B: Body<Data = bytes::Bytes> + Unpin,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    let mut cx = Context::from_waker(Waker::noop());
    // A body that goes on and on is not worth its connection.
    for _ in 0..16 {
        match Pin::new(&mut *events).poll_next(&mut cx) {
            Poll::Ready(Some(Ok(_))) => {}
            Poll::Ready(Some(Err(_)) | None) => return true,
            Poll::Pending => return false,
        }
    }
    true
}
