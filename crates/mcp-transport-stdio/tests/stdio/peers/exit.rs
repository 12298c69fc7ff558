//! Processes that exit before they are shut down.

use std::time::{Duration, Instant};

use mcp_testkit::within;
use mcp_transport::{Delivery, Error, ErrorKind, Transport};
use mcp_transport_stdio::ExitError;

use super::{SOON, call, connect, open, peer, request};

fn exit_of(error: &Error) -> &ExitError {
    assert_eq!(error.kind(), ErrorKind::Closed);
    error.find().unwrap()
}

#[tokio::test]
async fn an_exit_reports_status_and_stderr() {
    let connection = connect(peer(&["stderr=no module named x", "exit=3"])).await;
    let error = call(&connection.transport, 1).await.unwrap_err();
    let exit = exit_of(&error);
    assert_eq!((exit.code(), exit.signal()), (Some(3), None));
    assert_eq!(exit.stderr_tail, "no module named x\n");
    let text = exit.to_string();
    assert!(text.ends_with(" exited with status 3; stderr: no module named x"), "{text}");
}

#[tokio::test]
async fn an_exit_fails_open_and_later_requests() {
    let connection = connect(peer(&["banner", "read", "read", "exit=0"])).await;
    let mut inbound = connection.inbound;
    let first = open(&connection.transport, 1).await;
    let second = open(&connection.transport, 2).await;
    for exchange in [first, second] {
        let error = within(exchange.response()).await.unwrap_err();
        assert_eq!((exit_of(&error).code(), error.delivery()), (Some(0), Delivery::Unknown));
        assert!(error.to_string().ends_with("after 1 line of non-JSON-RPC output"), "{error}");
    }
    let started = Instant::now();
    let error = connection.transport.request(request(3)).await.unwrap_err();
    assert!(started.elapsed() < Duration::from_millis(50), "{:?}", started.elapsed());
    assert_eq!((exit_of(&error).code(), error.delivery()), (Some(0), Delivery::NotSent));
    assert_eq!(exit_of(&inbound.next().await.unwrap().unwrap_err()).code(), Some(0));
    assert!(inbound.next().await.is_none());
    connection.transport.close().await.unwrap();
}

#[tokio::test]
async fn responses_in_the_pipe_are_delivered_before_the_error() {
    let connection = connect(peer(&["read", "oversize-last=500000", "read", "exit=1"])).await;
    let first = open(&connection.transport, 1).await;
    let second = open(&connection.transport, 2).await;
    let long = within(first.response()).await.unwrap();
    assert_eq!(long.outcome.unwrap().len(), 500_000 + r#"{"x":""}"#.len());
    let error = within(second.response()).await.unwrap_err();
    assert_eq!(exit_of(&error).code(), Some(1));
}

#[tokio::test]
async fn a_grandchild_that_keeps_the_pipes_open_does_not_delay_errors() {
    let connection = connect(peer(&["spawn=hang-for-ever", "stderr=bye", "exit=3"])).await;
    let started = Instant::now();
    let error = call(&connection.transport, 1).await.unwrap_err();
    assert!(started.elapsed() < SOON, "{:?}", started.elapsed());
    assert_eq!(exit_of(&error).code(), Some(3));
    assert_eq!(exit_of(&error).stderr_tail, "bye\n");
    within(connection.transport.close()).await.unwrap();
}
