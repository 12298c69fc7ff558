//! A task that continues in the next runtime when its own has ended.

use std::{
    pin::Pin,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
};

use tokio::{runtime::Handle, task::AbortHandle};

/// The work of such a task.
pub(crate) trait Work: Send + 'static {
    /// Works until done. A future dropped before that is followed by another one.
    fn run(&mut self) -> Pin<Box<dyn Future<Output = ()> + Send + '_>>;

    /// Checks, without a task, whether the work is done.
    fn check(&self);
}

/// Runs work in a task, which ends when this is dropped.
pub(crate) struct Resumable {
    task: Mutex<AbortHandle>,
    parked: Arc<Parked>,
}

/// Work whose runtime ended before it was done.
#[derive(Default)]
struct Parked {
    is_parked: AtomicBool,
    work: Mutex<Option<Box<dyn Work>>>,
}

/// Parks the work of a task that is dropped before it is done.
struct ParkOnDrop {
    work: Option<Box<dyn Work>>,
    parked: Arc<Parked>,
}

impl Resumable {
    pub(crate) fn start(work: impl Work) -> Self {
        let parked = Arc::new(Parked::default());
        let task = spawn(Box::new(work), &parked);
        Self { task: Mutex::new(task), parked }
    }

    /// Continues in the current runtime if that of the task has ended.
    #[inline]
    pub(crate) fn resume(&self) {
        if self.parked.is_parked.load(Ordering::Acquire) {
            self.spawn_again();
        }
    }

    #[cold]
    fn spawn_again(&self) {
        if Handle::try_current().is_err() {
            return;
        }
        let mut task = lock(&self.task);
        if let Some(work) = self.parked.take() {
            *task = spawn(work, &self.parked);
        }
    }

    /// Checks whether the work is done, if no task runs.
    pub(crate) fn check(&self) {
        if self.parked.is_parked.load(Ordering::Acquire)
            && let Some(work) = &*lock(&self.parked.work)
        {
            work.check();
        }
    }
}

impl Drop for Resumable {
    fn drop(&mut self) {
        lock(&self.task).abort();
    }
}

impl Parked {
    fn take(&self) -> Option<Box<dyn Work>> {
        let work = lock(&self.work).take();
        self.is_parked.store(false, Ordering::Release);
        work
    }

    fn park(&self, work: Box<dyn Work>) {
        *lock(&self.work) = Some(work);
        self.is_parked.store(true, Ordering::Release);
    }
}

impl ParkOnDrop {
    async fn run(mut self) {
        if let Some(work) = &mut self.work {
            work.run().await;
        }
        self.work = None;
    }
}

impl Drop for ParkOnDrop {
    fn drop(&mut self) {
        if let Some(work) = self.work.take() {
            self.parked.park(work);
        }
    }
}

fn spawn(work: Box<dyn Work>, parked: &Arc<Parked>) -> AbortHandle {
    // Created before the task starts, since it may never start.
    let working = ParkOnDrop { work: Some(work), parked: Arc::clone(parked) };
    tokio::spawn(working.run()).abort_handle()
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
