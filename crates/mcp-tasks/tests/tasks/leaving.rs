//! Calls that end before their task does.

use std::time::Duration;

use mcp_core::error_code;
use mcp_session::{Error, ErrorKind, Handlers};
use mcp_tasks::Tasks;
use serde_json::json;
use tokio::time::{Instant, timeout};

use crate::server::{SECOND, Server, Told, asking, completed, state, working};

/// The cancellations that the server has received, after some time.
async fn heard(server: &Server) -> (usize, usize) {
    tokio::time::sleep(SECOND).await;
    (server.count("tasks/cancel"), server.count("notifications/cancelled"))
}

#[tokio::test(start_paused = true)]
async fn drop_cancels_the_task_once_with_tasks_cancel() {
    let server = Server::new([working()]);
    let session = server.open(Tasks::new(), Handlers::new()).await;
    let call = session.call_tool("bake");
    assert!(timeout(5 * SECOND / 2, call).await.is_err());
    assert_eq!(heard(&server).await, (1, 0));
    assert_eq!(server.params("tasks/cancel"), [json!({ "taskId": "t1" })]);
}

#[tokio::test(start_paused = true)]
async fn drop_during_a_poll_cancels_no_request() {
    let server = Server::telling(vec![Told::Later(3 * SECOND, working())]);
    let session = server.open(Tasks::new(), Handlers::new()).await;
    assert!(timeout(3 * SECOND, session.call_tool("bake")).await.is_err());
    tokio::time::sleep(5 * SECOND).await;
    assert_eq!(heard(&server).await, (1, 0));
}

#[tokio::test(start_paused = true)]
async fn drop_before_the_task_cancels_the_request() {
    let server = Server::new([working()]);
    let session = server.open(Tasks::new(), Handlers::new()).await;
    let mut call = Box::pin(session.call_tool("bake").into_future());
    assert!(timeout(Duration::ZERO, &mut call).await.is_err());
    drop(call);
    assert_eq!(heard(&server).await, (0, 1));
}

#[tokio::test(start_paused = true)]
async fn the_total_timeout_of_a_call_includes_its_task() {
    let server = Server::new([working()]);
    let session = server.open(Tasks::new(), Handlers::new()).await;
    let start = Instant::now();
    let error = session.call_tool("bake").timeout(30 * SECOND).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Timeout);
    assert!(error.to_string().contains("30s"), "{error}");
    assert_eq!(start.elapsed(), 30 * SECOND);
    assert_eq!(heard(&server).await, (1, 0));
    // A timeout above the default maximum wait is honoured too.
    let tasks = Tasks::new().max_wait(SECOND);
    let session = server.open(tasks, Handlers::new()).await;
    let start = Instant::now();
    session.call_tool("bake").timeout(30 * SECOND).await.unwrap_err();
    assert_eq!(start.elapsed(), 30 * SECOND);
}

#[tokio::test(start_paused = true)]
async fn a_task_without_end_is_cancelled_after_an_hour() {
    let server = Server::new([working()]);
    let session = server.open(Tasks::new(), Handlers::new()).await;
    let start = Instant::now();
    let error = session.call_tool("bake").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Timeout);
    assert!(error.to_string().contains("\"t1\" did not complete within 3600s"), "{error}");
    assert_eq!(start.elapsed().as_secs(), 3600);
    assert_eq!(heard(&server).await, (1, 0));
}

#[tokio::test(start_paused = true)]
async fn a_completed_task_is_not_cancelled() {
    let server = Server::new([completed("baked")]);
    let session = server.open(Tasks::new(), Handlers::new()).await;
    session.call_tool("bake").await.unwrap();
    assert_eq!(heard(&server).await, (0, 0));
}

/// The outcome of a call whose session is closed after `wait`, and its duration.
async fn closed_after(server: &Server, handlers: Handlers, wait: Duration) -> (Error, Duration) {
    let session = server.open(Tasks::new(), handlers).await;
    let start = Instant::now();
    let closing = async {
        tokio::time::sleep(wait).await;
        session.close().await
    };
    let call = async {
        let error = session.call_tool("bake").await.unwrap_err();
        (error, start.elapsed())
    };
    tokio::join!(call, closing).0
}

#[tokio::test(start_paused = true)]
async fn a_call_ends_with_its_session_in_any_state() {
    let stuck = || Handlers::new().on_roots(|_| std::future::pending::<Vec<mcp_core::Root>>());
    for (server, wait) in [
        // While waiting for the next poll.
        (Server::new([state("working", json!({ "pollIntervalMs": 60_000 }))]), 10),
        // While waiting for a handler.
        (Server::new([asking(&["a"])]), 10),
        // While waiting for a response.
        (Server::telling(vec![Told::Silence]), 10),
        // While waiting to retry: at 2 s, 4 s, 6 s and 10 s.
        (Server::telling(vec![Told::Error(error_code::INTERNAL_ERROR)]), 7),
    ] {
        let (error, took) = closed_after(&server, stuck(), wait * SECOND).await;
        assert_eq!(error.kind(), ErrorKind::Closed, "{error}");
        assert_eq!(error.method(), Some("tools/call"));
        assert_eq!(took, wait * SECOND, "{error}");
    }
}

#[test]
fn a_call_that_is_dropped_outside_its_runtime_cancels_its_task() {
    let mut runtime = tokio::runtime::Builder::new_current_thread();
    let runtime = runtime.enable_time().start_paused(true).build().unwrap();
    let server = Server::new([working()]);
    let (session, call) = runtime.block_on(async {
        let session = server.open(Tasks::new(), Handlers::new()).await;
        let mut call = session.call_tool("bake").into_future();
        assert!(timeout(5 * SECOND / 2, &mut call).await.is_err());
        (session, call)
    });
    drop(call);
    assert_eq!(runtime.block_on(heard(&server)), (1, 0));
    drop(session);
}
