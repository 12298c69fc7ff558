use std::sync::Arc;

use tokio::sync::watch;

/// The lines that a peer writes outside of the protocol.
#[derive(Clone)]
pub(crate) struct Log(Arc<watch::Sender<Vec<String>>>);

impl Log {
    pub(crate) fn new() -> Self {
        Self(Arc::new(watch::Sender::new(Vec::new())))
    }

    pub(crate) fn push(&self, line: &str) {
        self.0.send_modify(|lines| lines.push(line.to_owned()));
    }

    /// The number of lines, to wait for a later one.
    pub(crate) fn len(&self) -> usize {
        self.0.borrow().len()
    }

    /// Waits for a line that contains `text`, after the first `skip` lines.
    pub(crate) async fn line(&self, skip: usize, text: &str) -> String {
        let mut lines = self.0.subscribe();
        let find =
            |lines: &Vec<String>| lines.iter().skip(skip).find(|line| line.contains(text)).cloned();
        let found = lines.wait_for(|lines| find(lines).is_some()).await;
        find(&found.expect("the log holds a sender")).expect("it was just found")
    }

    /// All lines, for messages of failed tests.
    pub(crate) fn text(&self) -> String {
        self.0.borrow().join("\n")
    }
}
