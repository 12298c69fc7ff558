//! Who waits for word of which task.

use std::{
    collections::HashMap,
    future::pending,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use tokio::sync::watch;

/// By the name of the server and the id of the task, which other servers may use as well.
type Key = (String, String);

/// Where word of tasks comes in, and those hear it who wait for that one.
#[derive(Clone, Default)]
pub(crate) struct Board(Arc<Mutex<HashMap<Key, watch::Sender<()>>>>);

impl Board {
    /// Listens for word of a task from here on.
    pub(crate) fn listen(&self, server: &str, task: &str) -> News {
        let key = (server.to_owned(), task.to_owned());
        let heard = self.lock().entry(key.clone()).or_default().subscribe();
        News { board: self.clone(), key, heard }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.lock().is_empty()
    }

    pub(crate) fn tell(&self, server: &str, task: String) {
        if let Some(listeners) = self.lock().get(&(server.to_owned(), task)) {
            listeners.send_replace(());
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Key, watch::Sender<()>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Word of one task, for one who waits for it.
pub(crate) struct News {
    board: Board,
    key: Key,
    heard: watch::Receiver<()>,
}

impl News {
    /// What was heard up to now is old.
    pub(crate) fn forget(&mut self) {
        self.heard.mark_unchanged();
    }

    /// Waits for word that is not old. Cancel safe.
    pub(crate) async fn heard(&mut self) {
        if self.heard.changed().await.is_err() {
            // The board has the sender for as long as somebody listens.
            pending().await
        }
    }
}

impl Drop for News {
    fn drop(&mut self) {
        let mut listeners = self.board.lock();
        // This one is still among them.
        if listeners.get(&self.key).is_some_and(|it| it.receiver_count() <= 1) {
            listeners.remove(&self.key);
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::task::yield_now;

    use super::*;

    async fn has_heard(news: &mut News) -> bool {
        tokio::select! {
            biased;
            () = news.heard() => true,
            () = yield_now() => false,
        }
    }

    #[tokio::test]
    async fn all_who_wait_for_a_task_hear_of_it_and_nobody_else() {
        let board = Board::default();
        let mut both = [board.listen("a", "t"), board.listen("a", "t")];
        let mut other_task = board.listen("a", "u");
        let mut other_server = board.listen("b", "t");
        board.tell("a", "t".to_owned());
        for news in &mut both {
            assert!(has_heard(news).await);
            assert!(!has_heard(news).await);
        }
        assert!(!has_heard(&mut other_task).await);
        assert!(!has_heard(&mut other_server).await);

        board.tell("b", "t".to_owned());
        other_server.forget();
        assert!(!has_heard(&mut other_server).await);
    }

    #[test]
    fn nothing_is_left_of_who_listens_no_more() {
        let board = Board::default();
        let (one, two) = (board.listen("a", "t"), board.listen("a", "t"));
        drop(one);
        assert!(!board.is_empty());
        drop(two);
        assert!(board.is_empty());
        board.tell("a", "t".to_owned());
    }
}
