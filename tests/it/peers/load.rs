//! Many concurrent calls to servers that may be killed.

use std::{
    collections::HashSet,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};

use futures_util::future::join_all;
use mcp_client::{Error, ErrorKind, Session};
use tokio::task::JoinSet;

use crate::support::bounded;

const TASKS: usize = 8;
const EACH: usize = 25;
/// Maximum number of calls in flight.
pub(super) const AT_ONCE: usize = TASKS * EACH;

/// Concurrent calls of the tool `note` until stopped, each with a unique text.
pub(super) struct Load {
    tool: &'static str,
    answered: AtomicUsize,
    is_over: AtomicBool,
}

/// The outcomes of the calls, with their texts.
pub(super) struct Ends(Vec<(String, Result<String, Error>)>);

impl Load {
    pub(super) fn of(tool: &'static str) -> Arc<Self> {
        let (answered, is_over) = (AtomicUsize::new(0), AtomicBool::new(false));
        Arc::new(Self { tool, answered, is_over })
    }

    pub(super) async fn run(self: &Arc<Self>, session: &Session) -> Ends {
        let tasks = (0..TASKS).map(|task| Arc::clone(self).task(session.clone(), task));
        let tasks: JoinSet<_> = tasks.collect();
        Ends(tasks.join_all().await.into_iter().flatten().collect())
    }

    async fn task(
        self: Arc<Self>,
        session: Session,
        task: usize,
    ) -> Vec<(String, Result<String, Error>)> {
        let mut ends = Vec::new();
        for round in 0.. {
            if self.is_over.load(Ordering::Relaxed) {
                break;
            }
            let (this, session) = (&self, &session);
            let calls = (0..EACH).map(|call| async move {
                let text = format!("{task} {round} {call}");
                let answer = bounded(session.call_tool(this.tool).arg("text", &*text)).await;
                if answer.is_ok() {
                    this.answered.fetch_add(1, Ordering::Relaxed);
                }
                (text, answer.map(|answer| answer.text()))
            });
            ends.extend(join_all(calls).await);
            // A call that fails at once yields to the others.
            tokio::task::yield_now().await;
        }
        ends
    }

    /// Waits until there are more responses.
    pub(super) async fn more(&self) {
        let before = self.answered.load(Ordering::Relaxed);
        while self.answered.load(Ordering::Relaxed) < before + 2 * EACH {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }

    pub(super) fn end(&self) {
        self.is_over.store(true, Ordering::Relaxed);
    }
}

impl Ends {
    /// Fails if a call was executed twice, was answered without an execution, or failed for another reason than the end
    /// of its server. Returns the errors.
    pub(super) fn check(&self, notes: &std::path::Path) -> Vec<&Error> {
        let notes = std::fs::read_to_string(notes).unwrap();
        let noted: HashSet<&str> = notes.lines().collect();
        assert_eq!(noted.len(), notes.lines().count(), "a call was made twice");
        let mut lost = Vec::new();
        for (text, answer) in &self.0 {
            match answer {
                Ok(answer) => {
                    assert_eq!(answer, text);
                    assert!(noted.contains(&**text), "{text} was never made");
                }
                Err(error) => {
                    assert_eq!(error.kind(), ErrorKind::Interrupted, "{error}");
                    lost.push(error);
                }
            }
        }
        lost
    }
}
