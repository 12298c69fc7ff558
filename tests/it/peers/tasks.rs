//! The tasks extension, against the official Rust SDK.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use mcp_client::{
    Client, Session,
    tasks::{Started, TaskStatus, Tasks},
    types::Root,
};

use super::rmcp::rmcp;
use crate::support::{HttpPeer, Log, StdioPeer, bounded};

/// Calls that become tasks: to their ends, with a wish on the way, and given up.
async fn exercise(client: Client, log: &Log) {
    let tasks = Tasks::new();
    let client =
        client.extension(tasks.clone()).on_roots(|_| async { vec![Root::new("file:///books")] });
    let session = bounded(client.connect()).await.unwrap();

    let seen = Arc::new(Mutex::new(Vec::new()));
    let heard = Arc::clone(&seen);
    let slow = session.call_tool("slow").arg("steps", 2).arg("ms", 400);
    let slow = slow.on_progress(move |progress| {
        heard.lock().unwrap().push(progress.message.unwrap_or_default());
    });
    assert_eq!(bounded(slow).await.unwrap().text(), "done");
    assert_eq!(*seen.lock().unwrap(), ["step 1", "step 2"]);

    let echo = session.call_tool("echo").arg("text", "x");
    assert_eq!(bounded(echo).await.unwrap().text(), "file:///books");

    // What it is not asked for as a task comes as ever.
    let sum = session.call_tool("add").arg("a", 2).arg("b", 40);
    assert_eq!(bounded(sum).await.unwrap().text(), "42");

    given_up(&session, log).await;
    in_hand(&tasks, &session).await;
    bounded(client.close()).await.unwrap();
}

async fn given_up(session: &Session, log: &Log) {
    let before = log.len();
    let mut wait = Box::pin(session.call_tool("wait").arg("ms", 60_000).into_future());
    tokio::select! {
        outcome = &mut wait => panic!("{outcome:?}"),
        _ = bounded(log.line(before, "waiting")) => {}
    }
    // The task is there, but not yet in our hands; the first question about it comes after 100 ms.
    assert!(tokio::time::timeout(Duration::from_millis(300), &mut wait).await.is_err());
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
