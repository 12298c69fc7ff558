//! Lines of stdin.

use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::mpsc;

/// Lines of stdin: one thread reads for all logins, since a read cannot be cancelled.
#[derive(Clone, Debug, Default)]
pub(super) struct Lines(Arc<Mutex<Reader>>);

#[derive(Debug, Default)]
struct Reader {
    is_running: bool,
    /// The login that receives the next line.
    wanted: Option<mpsc::Sender<String>>,
}

impl Lines {
    /// Subscribes to the next lines. Replaces an earlier subscriber.
    pub(super) fn listen(&self) -> mpsc::Receiver<String> {
        let (sender, lines) = mpsc::channel(1);
        let mut reader = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        reader.wanted = Some(sender);
        if !reader.is_running {
            reader.is_running = true;
            let shared = Arc::clone(&self.0);
            // The thread ends with stdin: a blocking read cannot be stopped.
            std::thread::spawn(move || {
                for line in std::io::stdin().lines().map_while(Result::ok) {
                    let reader = shared.lock().unwrap_or_else(PoisonError::into_inner);
                    let wanted = reader.wanted.clone();
                    drop(reader);
                    // Waits while the line before is looked at: several may be pasted at once.
                    let _ = wanted.map(|wanted| wanted.blocking_send(line));
                }
                let mut reader = shared.lock().unwrap_or_else(PoisonError::into_inner);
                reader.is_running = false;
                reader.wanted = None;
            });
        }
        lines
    }
}
