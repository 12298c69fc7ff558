//! Delivery of notifications about tasks to pollers.

use std::{
    collections::HashMap,
    future::pending,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use tokio::sync::watch;

/// The server name and task id; servers may use the same ids.
type Key = (String, String);

/// Forwards notifications about tasks to the watchers of the task.
#[derive(Clone, Default)]
pub(crate) struct TaskWatchers(Arc<Mutex<HashMap<Key, watch::Sender<()>>>>);

impl TaskWatchers {
    /// Watches a task from now on.
    pub(crate) fn watch(&self, server: &str, task: &str) -> TaskWatcher {
        let key = (server.to_owned(), task.to_owned());
        let notified = self.lock().entry(key.clone()).or_default().subscribe();
        TaskWatcher { watchers: self.clone(), key, notified }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.lock().is_empty()
    }

    pub(crate) fn notify(&self, server: &str, task: String) {
        if let Some(watchers) = self.lock().get(&(server.to_owned(), task)) {
            watchers.send_replace(());
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Key, watch::Sender<()>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The notifications about one task.
pub(crate) struct TaskWatcher {
    watchers: TaskWatchers,
    key: Key,
    notified: watch::Receiver<()>,
}

impl TaskWatcher {
    /// Ignores all notifications so far.
    pub(crate) fn reset(&mut self) {
        self.notified.mark_unchanged();
    }

    /// Waits for a notification since the last [`reset`](Self::reset). Cancel safe.
    pub(crate) async fn notified(&mut self) {
        if self.notified.changed().await.is_err() {
            // The sender exists as long as there is a watcher.
            pending().await
        }
    }
}

impl Drop for TaskWatcher {
    fn drop(&mut self) {
        let mut watchers = self.watchers.lock();
        // This watcher is still counted.
        if watchers.get(&self.key).is_some_and(|it| it.receiver_count() <= 1) {
            watchers.remove(&self.key);
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::task::yield_now;

    use super::*;

    async fn is_notified(watcher: &mut TaskWatcher) -> bool {
        tokio::select! {
            biased;
            () = watcher.notified() => true,
            () = yield_now() => false,
        }
    }

    #[tokio::test]
    async fn all_watchers_of_a_task_are_notified_and_no_others() {
        let watchers = TaskWatchers::default();
        let mut both = [watchers.watch("a", "t"), watchers.watch("a", "t")];
        let mut other_task = watchers.watch("a", "u");
        let mut other_server = watchers.watch("b", "t");
        watchers.notify("a", "t".to_owned());
        for watcher in &mut both {
            assert!(is_notified(watcher).await);
            assert!(!is_notified(watcher).await);
        }
        assert!(!is_notified(&mut other_task).await);
        assert!(!is_notified(&mut other_server).await);

        watchers.notify("b", "t".to_owned());
        other_server.reset();
        assert!(!is_notified(&mut other_server).await);
    }

    #[test]
    fn a_dropped_watcher_is_removed() {
        let watchers = TaskWatchers::default();
        let (one, two) = (watchers.watch("a", "t"), watchers.watch("a", "t"));
        drop(one);
        assert!(!watchers.is_empty());
        drop(two);
        assert!(watchers.is_empty());
        watchers.notify("a", "t".to_owned());
    }
}
