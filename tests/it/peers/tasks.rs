//! The tasks extension, against the official Rust SDK.

use std::{
    pin::Pin,
    sync::{Arc, Mutex},
};

use mcp_client::{
    Client, Error, Session,
    extension::{Extension, ForeignResult},
    tasks::{Started, TaskStatus, Tasks},
    types::{RawJson, Root},
};
use tokio::sync::watch;

use super::rmcp::rmcp;
use crate::support::{HttpPeer, Log, StdioPeer, bounded};

/// The extension, with a counter of its calls.
#[derive(Clone)]
struct Counted(Tasks, Arc<watch::Sender<u32>>);

impl Extension for Counted {
    fn id(&self) -> &str {
        self.0.id()
    }

    fn takes(&self, method: &str, result_type: &str) -> bool {
        self.0.takes(method, result_type)
    }

    fn finish(
        &self,
        foreign: ForeignResult,
    ) -> Pin<Box<dyn Future<Output = Result<RawJson, Error>> + Send>> {
        self.1.send_modify(|count| *count += 1);
        self.0.finish(foreign)
    }
}

/// Calls that become tasks: completed, with input in between, and cancelled.
async fn exercise(client: Client, log: &Log) {
    let tasks = Tasks::new();
    let counted = Counted(tasks.clone(), Arc::default());
    let client =
        client.extension(counted.clone()).on_roots(|_| async { vec![Root::new("file:///books")] });
    let session = bounded(client.connect()).await.unwrap();

    let seen = Arc::new(Mutex::new(Vec::new()));
    let heard = Arc::clone(&seen);
    let slow = session.call_tool("slow").arg("steps", 2).arg("ms", 400);
    let slow = slow.on_progress(move |progress| {
        heard.lock().unwrap().push(progress.message.unwrap_or_default());
    });
    assert_eq!(bounded(slow).await.unwrap().text(), "done");
    // Each status is reported once, if it is current when the server is polled.
    let seen = seen.lock().unwrap().clone();
    let steps = ["step 1", "step 2"];
    assert!(!seen.is_empty() && seen.iter().all(|it| steps.contains(&it.as_str())), "{seen:?}");
    assert!(seen.is_sorted_by(|one, other| one < other), "{seen:?}");

    let echo = session.call_tool("echo").arg("text", "x");
    assert_eq!(bounded(echo).await.unwrap().text(), "file:///books");

    // A call without a task has an ordinary result.
    let sum = session.call_tool("add").arg("a", 2).arg("b", 40);
    assert_eq!(bounded(sum).await.unwrap().text(), "42");

    given_up(&session, &counted, log).await;
    in_hand(&tasks, &session).await;
    bounded(client.close()).await.unwrap();
}

async fn given_up(session: &Session, counted: &Counted, log: &Log) {
    let before = log.len();
    let mut count = counted.1.subscribe();
    let mut wait = Box::pin(session.call_tool("wait").arg("ms", 60_000).into_future());
    // The task has started at the server, and the client owns it.
    let begun = async {
        log.line(before, "waiting").await;
        count.changed().await
    };
    tokio::select! {
        outcome = &mut wait => panic!("{outcome:?}"),
        begun = bounded(begun) => begun.unwrap(),
    }
    drop(wait);
    bounded(log.line(before, "task cancelled")).await;
}

async fn in_hand(tasks: &Tasks, session: &Session) {
    let call = session.call_tool("wait").arg("ms", 60_000);
    let Started::Task(task) = bounded(tasks.start(call)).await.unwrap() else {
        panic!("it is no task");
    };
    assert_eq!(bounded(task.state()).await.unwrap().status, TaskStatus::Working);
    let again = tasks.task(session, task.id());
    bounded(again.cancel()).await.unwrap();
    let error = bounded(task.result()).await.unwrap_err();
    assert_eq!(mcp_client::tasks::Cancelled::of(&error).unwrap().id, task.id());
}

#[tokio::test]
async fn stdio() {
    let Some(peer) = rmcp() else { return };
    let peer = StdioPeer::start(&peer);
    exercise(peer.client(), &peer.log).await;
}

#[tokio::test]
async fn http() {
    let Some(peer) = rmcp() else { return };
    let peer = HttpPeer::start(&peer, &[]).await;
    exercise(peer.client(), &peer.log).await;
}

/// A tool of revision 2025-11-25 that only runs as a task, of the reference server.
#[tokio::test]
async fn a_tool_of_server_everything_that_runs_only_as_a_task() {
    let Some(server) = super::everything::everything() else { return };
    let peer = StdioPeer::start(&server);
    let tasks = Tasks::new();
    let asked = Log::new();
    let client = super::everything::answering(peer.client(), &asked).extension(tasks.clone());
    let session = bounded(client.connect()).await.unwrap();
    let call = || session.call_tool("simulate-research-query").arg("topic", "python");
    let result = bounded(call().arg("ambiguous", false)).await.unwrap();
    assert!(result.text().contains("python"), "{}", result.text());

    let started = bounded(tasks.start(call().arg("ambiguous", false))).await.unwrap();
    let Started::Task(task) = started else { panic!("it runs only as a task") };
    assert!(!bounded(task.state()).await.unwrap().status.is_over());
    let listed = bounded(tasks.list(&session)).await.unwrap();
    assert!(listed.iter().any(|it| it.id() == task.id()));
    assert!(bounded(task.result()).await.unwrap().text().contains("python"));

    // It elicits which of several meanings is meant.
    let result = bounded(call().arg("ambiguous", true)).await.unwrap();
    assert!(!result.text().is_empty());
    bounded(session.close()).await.unwrap();
}
