//! The messages of a server on one stream, in order: written by its executions, read by a carrier.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde_json::Value;
use tokio::sync::watch;

/// Messages, and whether more can follow. Clones share them.
#[derive(Debug, Clone)]
pub(crate) struct Log(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    content: Mutex<Content>,
    changed: watch::Sender<()>,
}

#[derive(Debug, Default)]
struct Content {
    messages: Vec<Value>,
    has_ended: bool,
}

impl Log {
    pub(crate) fn new() -> Self {
        let (changed, _) = watch::channel(());
        Self(Arc::new(Shared { content: Mutex::default(), changed }))
    }

    fn content(&self) -> MutexGuard<'_, Content> {
        self.0.content.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Appends a message, unless the log has ended. Returns whether it was appended.
    pub(crate) fn push(&self, message: Value) -> bool {
        let mut content = self.content();
        if content.has_ended {
            return false;
        }
        content.messages.push(message);
        drop(content);
        self.0.changed.send_replace(());
        true
    }

    /// Ends the log: executions that write to it are cancelled.
    pub(crate) fn end(&self) {
        self.content().has_ended = true;
        self.0.changed.send_replace(());
    }

    pub(crate) fn has_ended(&self) -> bool {
        self.content().has_ended
    }

    pub(crate) fn len(&self) -> usize {
        self.content().messages.len()
    }

    /// Waits for the message at `index`; `None` at the end.
    pub(crate) async fn get(&self, index: usize) -> Option<Value> {
        let mut changed = self.0.changed.subscribe();
        loop {
            {
                let content = self.content();
                if let Some(message) = content.messages.get(index) {
                    return Some(message.clone());
                }
                if content.has_ended {
                    return None;
                }
            }
            // The sender lives as long as `self`.
            let _ = changed.changed().await;
        }
    }
}
