//! Stdin, stdout and stderr.

use std::{
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use mcp_core::{RawJson, Request};
use mcp_testkit::within;
use mcp_transport::{ErrorKind, Limits, Transport};
use mcp_transport_stdio::Stderr;

use super::{SOON, call, connect, open, peer};

fn large(id: i64, length: usize) -> Request {
    let params = RawJson::from_serialize(&[("x".repeat(length), 1)]).unwrap();
    Request::new(id, "tools/call").with_params(params)
}

#[tokio::test]
async fn many_concurrent_requests_are_all_answered() {
    let transport = connect(peer(&["echo"])).await.transport;
    let mut exchanges = Vec::new();
    for id in 0..300 {
        exchanges.push(open(&transport, id).await);
    }
    for exchange in exchanges {
        within(exchange.response()).await.unwrap().outcome.unwrap();
    }
    transport.close().await.unwrap();
    call(&transport, 1).await.unwrap_err();
}

#[tokio::test]
async fn large_messages_pass_a_server_that_writes_before_it_reads() {
    let connection = connect(peer(&["oversize-none=2000000", "echo"])).await;
    let exchange = connection.transport.request(large(1, 4 << 20).into()).await.unwrap();
    within(exchange.response()).await.unwrap();
    assert_eq!(connection.transport.skipped_lines(), 1);
    connection.transport.close().await.unwrap();
}

#[tokio::test]
async fn a_server_that_never_reads_does_not_block_close() {
    let wait = Duration::from_millis(100);
    let stdio = peer(&["hang-for-ever"]).flush_wait(wait).close_stdin_wait(wait);
    let transport = connect(stdio.terminate_wait(wait)).await.transport;
    let exchange = transport.request(large(1, 4 << 20).into()).await.unwrap();
    let started = Instant::now();
    within(transport.close()).await.unwrap();
    assert!(started.elapsed() < SOON, "{:?}", started.elapsed());
    within(exchange.response()).await.unwrap_err();
}

#[tokio::test]
async fn other_output_is_skipped_and_counted() {
    let text = "write=\u{1b}[1mWelcome\n\n  \n{\"half\":\n42\n";
    let transport = connect(peer(&["banner", "not-utf8", text, "echo"])).await.transport;
    for id in 1..4 {
        call(&transport, id).await.unwrap();
    }
    assert_eq!(transport.skipped_lines(), 5);
    transport.close().await.unwrap();
}

#[tokio::test]
async fn an_oversize_response_fails_its_request_alone() {
    let mut limits = Limits::default();
    limits.message = 1 << 20;
    for step in ["oversize-first=2000000", "oversize-last=2000000"] {
        let transport =
            connect(peer(&["read", step, "echo"]).limits(limits.clone())).await.transport;
        let long = open(&transport, 1).await;
        let other = open(&transport, 2).await;
        let error = within(long.response()).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::TooLarge);
        within(other.response()).await.unwrap();
        transport.close().await.unwrap();
    }
}

#[tokio::test]
async fn stderr_is_passed_by_lines() {
    let lines = Arc::new(Mutex::new(Vec::new()));
    let into = Arc::clone(&lines);
    let stderr = Stderr::lines(move |line| into.lock().unwrap().push(line.to_owned()));
    let steps = ["stderr=one", "stderr=zwei ü", "echo", "stderr=bye"];
    let transport = connect(peer(&steps).stderr(stderr)).await.transport;
    call(&transport, 1).await.unwrap();
    transport.close().await.unwrap();
    assert_eq!(*lines.lock().unwrap(), ["one", "zwei ü", "bye"]);
    assert_eq!(transport.stderr_tail(), "one\nzwei ü\nbye\n");
}

#[tokio::test]
async fn stderr_is_appended_to_a_file() {
    let dir = tempfile::tempdir().unwrap();
    let log = dir.path().join("log");
    std::fs::write(&log, "before\n").unwrap();
    for _ in 0..2 {
        let stdio = peer(&["stderr=one", "echo", "stderr=bye"]).stderr(Stderr::Append(log.clone()));
        let transport = connect(stdio).await.transport;
        call(&transport, 1).await.unwrap();
        transport.close().await.unwrap();
    }
    assert_eq!(std::fs::read_to_string(&log).unwrap(), "before\none\nbye\none\nbye\n");
}

#[tokio::test]
async fn heavy_output_on_stderr_does_not_stall_responses() {
    let transport = connect(peer(&["flood-stderr=3000000", "echo"])).await.transport;
    for id in 1..10 {
        call(&transport, id).await.unwrap();
    }
    transport.close().await.unwrap();
    assert_eq!(transport.stderr_tail().len(), 8192);
}
