use std::sync::{Mutex, MutexGuard, PoisonError};

use mcp_transport::{Delivery, Error, ErrorKind};
use tokio::runtime::Handle;
use tokio::task::{AbortHandle, JoinSet};

/// How many small tasks may be under way before new ones are refused.
const LIMIT: usize = 1024;

/// The tasks of one transport: they end when it is dropped. Spawning works outside a runtime too,
/// and never panics.
#[derive(Debug)]
pub struct Tasks {
    runtime: Handle,
    set: Mutex<JoinSet<()>>,
}

impl Tasks {
    /// The tasks of a transport that connects in the present tokio runtime; an error that says what
    /// needs one if there is none.
    pub fn new(transport: &str) -> Result<Self, Error> {
        let runtime = Handle::try_current().map_err(|error| {
            let text = format!("{transport} needs a tokio runtime to connect in");
            Error::new(ErrorKind::Config, text).with_delivery(Delivery::NotSent).with_source(error)
        })?;
        Ok(Self { runtime, set: Mutex::default() })
    }

    /// Starts a task, unless there are too many already.
    pub fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) -> Option<AbortHandle> {
        let mut set = self.lock();
        while set.try_join_next().is_some() {}
        if set.len() >= LIMIT {
            tracing::debug!("too many tasks: one was not started");
            return None;
        }
        Some(set.spawn_on(task, &self.runtime))
    }

    /// Ends them all.
    pub fn abort(&self) {
        self.lock().abort_all();
    }

    fn lock(&self) -> MutexGuard<'_, JoinSet<()>> {
        self.set.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use std::future::pending;
    use std::sync::Arc;

    use super::*;

    #[test]
    fn without_a_runtime_it_is_said_who_needs_one() {
        let error = Tasks::new("X").unwrap_err();
        assert_eq!((error.kind(), error.delivery()), (ErrorKind::Config, Delivery::NotSent));
        assert_eq!(error.to_string(), "X needs a tokio runtime to connect in");
    }

    #[tokio::test]
    async fn tasks_are_limited_and_end_with_their_owner() {
        let tasks = Tasks::new("X").unwrap();
        let alive = Arc::new(());
        for _ in 0..LIMIT {
            let alive = Arc::clone(&alive);
            let task = async move {
                let _alive = alive;
                pending().await
            };
            assert!(tasks.spawn(task).is_some());
        }
        assert!(tasks.spawn(async {}).is_none());
        drop(tasks);
        while Arc::strong_count(&alive) > 1 {
            tokio::task::yield_now().await;
        }
    }
}
