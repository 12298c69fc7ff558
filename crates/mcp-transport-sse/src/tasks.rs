use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::{
    runtime::Handle,
    task::{AbortHandle, JoinSet},
};

/// How many small tasks may be under way before new ones are refused.
const LIMIT: usize = 1024;

/// The tasks of one transport: they end when it is dropped. Spawning works outside a runtime too, and
/// never panics.
pub(crate) struct Tasks {
    runtime: Handle,
    set: Mutex<JoinSet<()>>,
}

impl Tasks {
    pub(crate) fn new(runtime: Handle) -> Self {
        Self { runtime, set: Mutex::default() }
    }

    /// Starts a task, unless there are too many already.
    pub(crate) fn spawn(
        &self,
        task: impl Future<Output = ()> + Send + 'static,
    ) -> Option<AbortHandle> {
        let mut set = self.lock();
        while set.try_join_next().is_some() {}
        if set.len() >= LIMIT {
            tracing::debug!("too many tasks: one was not started");
            return None;
        }
        Some(set.spawn_on(task, &self.runtime))
    }

    /// Ends them all.
    pub(crate) fn abort(&self) {
        self.lock().abort_all();
    }

    fn lock(&self) -> MutexGuard<'_, JoinSet<()>> {
        self.set.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
