use std::time::Duration;

use mcp_core::{RawJson, Request};
use mcp_testkit::within;
use mcp_transport::Transport;

use crate::support::{call, connect, open, sh};

fn large(id: i64, length: usize) -> Request {
    let params = RawJson::from_serialize(&[("x".repeat(length), 1)]).unwrap();
    Request::new(id, "tools/call").with_params(params)
}

#[tokio::test]
async fn a_server_that_writes_before_it_reads_causes_no_deadlock() {
    let script = "yes 'other output' | head -c 2000000; echo; serve";
    let connection = connect(sh(script)).await;
    let exchange = connection.transport.request(large(1, 4 << 20).into()).await.unwrap();
    within(exchange.response()).await.unwrap();
    assert!(connection.transport.skipped_lines() > 100_000);
    connection.transport.close().await.unwrap();
}

#[tokio::test]
async fn a_server_that_never_reads_does_not_block_close() {
    let script = "exec sleep 30 > /dev/null";
    let stdio = sh(script).flush_wait(Duration::from_millis(100));
    let connection = connect(stdio.close_stdin_wait(Duration::from_millis(100))).await;
    let exchange = connection.transport.request(large(1, 4 << 20).into()).await.unwrap();
    let started = std::time::Instant::now();
    within(connection.transport.close()).await.unwrap();
    assert!(started.elapsed() < Duration::from_secs(2), "{:?}", started.elapsed());
    within(exchange.response()).await.unwrap_err();
}

#[tokio::test]
async fn many_concurrent_requests_are_all_answered() {
    let connection = connect(sh("exec cat")).await;
    // `cat` echoes each request, which is a request of the server then. It is unread, so the client answers it
    // with an error, which `cat` echoes as the response.
    drop(connection.inbound);
    let mut exchanges = Vec::new();
    for id in 0..500 {
        exchanges.push(open(&connection.transport, id).await);
    }
    for exchange in exchanges {
        let id = exchange.id().clone();
        let response = within(exchange.response()).await.unwrap();
        assert_eq!((response.id, response.outcome.is_err()), (Some(id), true));
    }
    connection.transport.close().await.unwrap();
    call(&connection.transport, 1).await.unwrap_err();
}
