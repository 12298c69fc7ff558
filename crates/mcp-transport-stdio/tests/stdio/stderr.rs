use std::{
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use mcp_testkit::within;
use mcp_transport::Transport;
use mcp_transport_stdio::Stderr;

use crate::support::{call, connect, sh};

const SCRIPT: &str = r"echo one >&2; printf 'two \377' >&2; serve; echo >&2; printf bye >&2";

#[tokio::test]
async fn the_function_is_called_for_each_line() {
    let lines = Arc::new(Mutex::new(Vec::new()));
    let into = Arc::clone(&lines);
    let stderr = Stderr::lines(move |line| into.lock().unwrap().push(line.to_owned()));
    let connection = connect(sh(SCRIPT).stderr(stderr)).await;
    within(call(&connection.transport, 1)).await.unwrap();
    connection.transport.close().await.unwrap();
    assert_eq!(*lines.lock().unwrap(), ["one", "two \u{fffd}", "bye"]);
    assert_eq!(connection.transport.stderr_tail(), "one\ntwo \u{fffd}\nbye");
}

#[tokio::test]
async fn output_is_appended_to_a_file_and_complete_after_the_close() {
    let dir = tempfile::tempdir().unwrap();
    let log = dir.path().join("log");
    std::fs::write(&log, "before\n").unwrap();
    for _ in 0..2 {
        let connection = connect(sh(SCRIPT).stderr(Stderr::Append(log.clone()))).await;
        within(call(&connection.transport, 1)).await.unwrap();
        connection.transport.close().await.unwrap();
    }
    assert_eq!(std::fs::read(&log).unwrap(), b"before\none\ntwo \xff\nbyeone\ntwo \xff\nbye");
}

#[tokio::test]
async fn heavy_output_is_drained_while_requests_are_answered() {
    let script = "yes much output >&2 & serve";
    let connection = connect(sh(script)).await;
    let started = Instant::now();
    for id in 1..100 {
        within(call(&connection.transport, id)).await.unwrap();
    }
    assert!(started.elapsed() < Duration::from_secs(5), "{:?}", started.elapsed());
    assert!(connection.transport.stderr_tail().contains("\nmuch output\n"));
    connection.transport.close().await.unwrap();
}

#[tokio::test]
async fn a_function_that_panics_does_not_stop_the_drain() {
    let stderr = Stderr::lines(|_| panic!("in the function of the caller"));
    let script = "head -c 1000000 /dev/zero >&2; echo >&2; serve";
    let connection = connect(sh(script).stderr(stderr)).await;
    within(call(&connection.transport, 1)).await.unwrap();
    connection.transport.close().await.unwrap();
}

#[tokio::test]
async fn output_on_stderr_is_no_error() {
    let script =
        r"(for i in 1 2 3 4 5 6 7 8 9; do echo 'FATAL: panic, Traceback' >&2; done); serve";
    let connection = connect(sh(script)).await;
    for id in 1..5 {
        within(call(&connection.transport, id)).await.unwrap();
    }
    let mut closed = std::pin::pin!(connection.transport.closed());
    let cx = &mut std::task::Context::from_waker(std::task::Waker::noop());
    assert!(std::future::Future::poll(closed.as_mut(), cx).is_pending());
    assert!(connection.transport.stderr_tail().contains("FATAL"));
    connection.transport.close().await.unwrap();
}
