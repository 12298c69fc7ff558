use std::fmt;
use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Poll;
use std::time::Duration;

use mcp_transport::{Error, ErrorKind, util::require_runtime};
use tokio::runtime::Handle;
use tokio::sync::{Notify, Semaphore, SemaphorePermit};
use tokio::task::{AbortHandle, JoinSet};

/// Maximum number of concurrent background messages.
const BACKGROUND_SENDS: usize = 4;
/// Maximum number of queued bytes of such messages.
const BACKGROUND_QUEUE: usize = 1 << 20;
/// Minimum number of bytes that a message counts as, so that at most 256 are queued.
const BACKGROUND_WEIGHT: usize = 4 << 10;
/// Time limit of a background task.
const BACKGROUND_TIMEOUT: Duration = Duration::from_secs(10);
/// Maximum number of requests completed in the background concurrently.
const BACKGROUND_ENDS: usize = 16;
/// Maximum number of concurrent responses to server requests.
const RESPONSES: usize = 8;

/// Tasks of one transport, with limits on concurrency: a server cannot exhaust the sockets of the process by sending
/// requests.
///
/// The tasks end when this is dropped or closed, and it records whether the transport is closed. Spawning works outside
/// a runtime too, and never panics.
pub struct TransportTasks {
    runtime: Handle,
    /// `None` once closed.
    tasks: Mutex<Option<JoinSet<()>>>,
    is_closed: AtomicBool,
    /// Notifies tasks that wait for the close.
    closing: Notify,
    sends: Arc<Semaphore>,
    queue: Arc<Semaphore>,
    ends: Arc<Semaphore>,
    responses: Semaphore,
}

/// Permit to send one response to a server request.
#[derive(Debug)]
#[must_use = "the next response waits until this is dropped"]
pub struct ResponseSlot<'a>(#[expect(dead_code, reason = "held")] Option<SemaphorePermit<'a>>);

/// The error of pending operations when a transport is closed.
#[must_use]
pub fn closed() -> Error {
    Error::new(ErrorKind::Closed, "the connection was closed")
}

impl TransportTasks {
    /// The tasks of a transport that connects in the current tokio runtime.
    ///
    /// # Errors
    /// The errors of [`require_runtime`]; the text names `transport`.
    pub fn new(transport: &str) -> Result<Self, Error> {
        let runtime = require_runtime(transport)?;
        Ok(Self {
            runtime,
            tasks: Mutex::new(Some(JoinSet::new())),
            is_closed: AtomicBool::new(false),
            closing: Notify::new(),
            sends: Arc::new(Semaphore::new(BACKGROUND_SENDS)),
            queue: Arc::new(Semaphore::new(BACKGROUND_QUEUE)),
            ends: Arc::new(Semaphore::new(BACKGROUND_ENDS)),
            responses: Semaphore::new(RESPONSES),
        })
    }

    /// Spawns a task in the current runtime, or, outside of one, in that of the connection. `None` if closed. The
    /// caller limits the number of such tasks.
    pub fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) -> Option<AbortHandle> {
        let mut tasks = self.lock();
        let tasks = tasks.as_mut()?;
        while tasks.try_join_next().is_some() {}
        // The runtime of the connection may have ended, or be suspended.
        let present = Handle::try_current();
        Some(tasks.spawn_on(task, present.as_ref().unwrap_or(&self.runtime)))
    }

    /// Sends a message of `bytes` bytes that no caller waits for: a cancellation, or the refusal of a server request.
    ///
    /// Four are sent concurrently, each within 10 s. Up to 256 of them, or 1 MiB, are queued; more are dropped.
    /// Failures are logged.
    pub fn send_in_background(
        &self,
        bytes: usize,
        sending: impl Future<Output = Result<(), Error>> + Send + 'static,
    ) {
        let weight = bytes.clamp(BACKGROUND_WEIGHT, BACKGROUND_QUEUE);
        let weight = u32::try_from(weight).unwrap_or(u32::MAX);
        let Ok(place) = Arc::clone(&self.queue).try_acquire_many_owned(weight) else {
            tracing::debug!("dropped a background message: the queue is full");
            return;
        };
        let sends = Arc::clone(&self.sends);
        self.spawn(async move {
            // Never closed.
            let Ok(_slot) = sends.acquire().await else { return };
            match tokio::time::timeout(BACKGROUND_TIMEOUT, sending).await {
                Ok(Ok(())) => {}
                Ok(Err(error)) => tracing::debug!(%error, "a message in the background failed"),
                Err(_) => tracing::debug!("a message in the background timed out"),
            }
            drop(place);
        });
    }

    /// Completes a request whose outcome is already known, so that its connection can be reused. Sixteen run
    /// concurrently, each for at most 10 s; further ones are dropped, which closes their connection.
    pub fn end_in_background(&self, end: impl Future<Output = ()> + Send + 'static) {
        let Ok(slot) = Arc::clone(&self.ends).try_acquire_owned() else { return };
        self.spawn(async move {
            let _ = tokio::time::timeout(BACKGROUND_TIMEOUT, end).await;
            drop(slot);
        });
    }

    /// Waits until a response to a server request may be sent: at most eight are sent concurrently.
    pub async fn response_slot(&self) -> ResponseSlot<'_> {
        ResponseSlot(self.responses.acquire().await.ok())
    }

    /// The runtime, for tasks that must outlive the transport.
    pub fn runtime(&self) -> &Handle {
        &self.runtime
    }

    /// Closes it: calls `end`, which ends pending operations, and then aborts all tasks. No more tasks can be started.
    /// Returns whether it was open; `end` is called only then.
    pub fn close(&self, end: impl FnOnce()) -> bool {
        if self.is_closed.swap(true, Ordering::AcqRel) {
            return false;
        }
        end();
        let tasks = self.lock().take();
        drop(tasks);
        self.closing.notify_waiters();
        true
    }

    /// Whether it is closed.
    pub fn is_closed(&self) -> bool {
        self.is_closed.load(Ordering::Acquire)
    }

    /// Waits for the close.
    pub async fn closed(&self) {
        let mut closing = pin!(self.closing.notified());
        // Registered before the check, so that a close in between is not missed.
        closing.as_mut().enable();
        if !self.is_closed() {
            closing.await;
        }
    }

    /// Runs `future` until it completes or this is closed.
    ///
    /// # Errors
    /// The error of `future`, and [`closed`] once closed.
    pub async fn unless_closed<T>(
        &self,
        mut future: Pin<&mut impl Future<Output = Result<T, Error>>>,
    ) -> Result<T, Error> {
        let mut closing = pin!(self.closed());
        poll_fn(|cx| match future.as_mut().poll(cx) {
            Poll::Pending => closing.as_mut().poll(cx).map(|()| Err(closed())),
            // After the close, the close is reported as the reason of any failure.
            Poll::Ready(Err(error)) if self.is_closed() => {
                Poll::Ready(Err(closed().with_delivery(error.delivery())))
            }
            ready => ready,
        })
        .await
    }

    fn lock(&self) -> MutexGuard<'_, Option<JoinSet<()>>> {
        self.tasks.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for TransportTasks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TransportTasks")
            .field("is_closed", &self.is_closed())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use std::future::pending;
    use std::sync::atomic::AtomicUsize;

    use mcp_transport::Delivery;
    use tokio::time::{Instant, sleep};

    use super::*;

    /// Counts concurrent tasks.
    #[derive(Clone, Default)]
    struct Work {
        now: Arc<AtomicUsize>,
        most: Arc<AtomicUsize>,
        done: Arc<AtomicUsize>,
    }

    impl Work {
        async fn run(self, time: Duration) {
            let now = self.now.fetch_add(1, Ordering::SeqCst) + 1;
            self.most.fetch_max(now, Ordering::SeqCst);
            sleep(time).await;
            self.now.fetch_sub(1, Ordering::SeqCst);
            self.done.fetch_add(1, Ordering::SeqCst);
        }

        async fn send(self, time: Duration) -> Result<(), Error> {
            self.run(time).await;
            Ok(())
        }

        fn counts(&self) -> [usize; 2] {
            [&self.most, &self.done].map(|count| count.load(Ordering::SeqCst))
        }
    }

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn without_a_runtime_the_error_names_the_transport() {
        let error = TransportTasks::new("X").unwrap_err();
        assert_eq!((error.kind(), error.delivery()), (ErrorKind::Config, Delivery::NotSent));
        assert_eq!(error.to_string(), "X needs a tokio runtime to connect in");
    }

    #[tokio::test(start_paused = true)]
    async fn background_messages_are_limited_queued_or_dropped() {
        let (tasks, work) = (TransportTasks::new("X").unwrap(), Work::default());
        for _ in 0..1000 {
            tasks.send_in_background(10, work.clone().send(SECOND));
        }
        sleep(1000 * SECOND).await;
        assert_eq!(work.counts(), [BACKGROUND_SENDS, BACKGROUND_QUEUE / BACKGROUND_WEIGHT]);

        let (tasks, large) = (TransportTasks::new("X").unwrap(), Work::default());
        for _ in 0..3 {
            tasks.send_in_background(usize::MAX, large.clone().send(SECOND));
        }
        sleep(1000 * SECOND).await;
        assert_eq!(large.counts(), [1, 1], "one message is accepted at any size");
    }

    #[tokio::test(start_paused = true)]
    async fn a_silent_server_delays_background_messages_for_a_bounded_time() {
        let (tasks, work) = (TransportTasks::new("X").unwrap(), Work::default());
        for _ in 0..BACKGROUND_SENDS {
            tasks.send_in_background(10, pending());
        }
        tasks.send_in_background(10, work.clone().send(SECOND));
        sleep(BACKGROUND_TIMEOUT + 2 * SECOND).await;
        assert_eq!(work.counts(), [1, 1]);
    }

    #[tokio::test(start_paused = true)]
    async fn excess_background_ends_are_dropped() {
        let (tasks, work) = (TransportTasks::new("X").unwrap(), Work::default());
        for _ in 0..1000 {
            tasks.end_in_background(work.clone().run(SECOND));
        }
        sleep(100 * SECOND).await;
        assert_eq!(work.counts(), [BACKGROUND_ENDS; 2]);
    }

    #[tokio::test(start_paused = true)]
    async fn responses_are_limited() {
        let (tasks, work) = (Arc::new(TransportTasks::new("X").unwrap()), Work::default());
        let started = Instant::now();
        let mut all = JoinSet::new();
        for _ in 0..3 * RESPONSES {
            let (tasks, work) = (Arc::clone(&tasks), work.clone());
            all.spawn(async move {
                let _slot = tasks.response_slot().await;
                work.run(SECOND).await;
            });
        }
        all.join_all().await;
        assert_eq!(work.counts(), [RESPONSES, 3 * RESPONSES]);
        assert_eq!(started.elapsed(), 3 * SECOND);
    }

    #[tokio::test(start_paused = true)]
    async fn pending_operations_end_with_the_close() {
        let tasks = TransportTasks::new("X").unwrap();
        assert_eq!(tasks.unless_closed(pin!(async { Ok(1) })).await.unwrap(), 1);
        let closing = async {
            sleep(SECOND).await;
            assert!(tasks.close(|| assert!(tasks.is_closed())));
            assert!(!tasks.close(|| panic!("it is closed already")));
        };
        let mut never = pin!(pending::<Result<(), Error>>());
        let waiting = tasks.unless_closed(never.as_mut());
        let (waited, (), ()) = tokio::join!(waiting, tasks.closed(), closing);
        assert!(waited.unwrap_err().is_closed());
        tasks.closed().await;
        let failed = pin!(async { Err::<(), _>(Error::new(ErrorKind::Interrupted, "x")) });
        assert!(tasks.unless_closed(failed).await.unwrap_err().is_closed());
    }

    #[tokio::test]
    async fn tasks_end_with_their_owner_and_none_starts_after_the_close() {
        for is_closed in [true, false] {
            let tasks = TransportTasks::new("X").unwrap();
            let alive = Arc::new(());
            for _ in 0..100 {
                let alive = Arc::clone(&alive);
                let task = async move {
                    let _alive = alive;
                    pending().await
                };
                assert!(tasks.spawn(task).is_some());
            }
            assert!(!is_closed || tasks.close(|| {}));
            assert_eq!(tasks.spawn(async {}).is_none(), is_closed);
            drop(tasks);
            while Arc::strong_count(&alive) > 1 {
                tokio::task::yield_now().await;
            }
        }
    }
}
