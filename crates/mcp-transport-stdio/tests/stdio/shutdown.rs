//! A shutdown leaves no process, no grandchild and no zombie.

use std::{
    path::PathBuf,
    time::{Duration, Instant},
};

use mcp_testkit::{until, within};
use mcp_transport::{Connection, ErrorKind, Transport};
use mcp_transport_stdio::{Stdio, StdioTransport};

use crate::support::{
    call, connect, has_exited, open, pids, sh, state, wait_for_exit, wait_for_exit_blocking,
};

/// The longest time of a shutdown with short time-outs.
const SHUTDOWN_TIMEOUT: Duration = Duration::from_secs(1);

/// A server with child processes. It writes their process ids and its own into a file before it serves.
struct ProcessTree {
    _dir: tempfile::TempDir,
    file: PathBuf,
    stdio: Stdio,
    size: usize,
}

impl ProcessTree {
    /// A child in the background, and a grandchild below another shell, as `npx` starts it.
    fn new(prelude: &str, postlude: &str) -> Self {
        let script = format!(
            r#"{prelude}
            sleep 60 & echo $! >> "$0"
            sh -c 'echo $$ >> "$0"; sleep 60 & echo $! >> "$0"; wait' "$0" &
            echo $$ >> "$0"
            serve
            {postlude}"#
        );
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("pids");
        let stdio = sh(&script).arg(&file);
        Self { _dir: dir, file, stdio, size: 4 }
    }

    async fn start(&self) -> (Connection<StdioTransport>, Vec<u32>) {
        let connection = connect(self.stdio.clone()).await;
        within(call(&connection.transport, 1)).await.unwrap();
        let pids = within(pids(&self.file, self.size)).await;
        assert!(pids.contains(&connection.transport.pid()));
        assert!(pids.iter().all(|pid| !has_exited(*pid)), "{pids:?}");
        (connection, pids)
    }
}

fn waits(stdio: Stdio, milliseconds: u64) -> Stdio {
    let wait = Duration::from_millis(milliseconds);
    stdio.close_stdin_wait(wait).terminate_wait(wait)
}

#[tokio::test]
async fn a_server_that_exits_at_the_end_of_stdin_is_not_waited_for_longer() {
    let connection = connect(sh("serve")).await;
    within(call(&connection.transport, 1)).await.unwrap();
    let started = Instant::now();
    within(connection.transport.close()).await.unwrap();
    assert!(started.elapsed() < Duration::from_millis(500), "{:?}", started.elapsed());
    assert_eq!(state(connection.transport.pid()), None);
}

#[tokio::test]
async fn queued_messages_are_written_before_the_close() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("seen");
    let connection = connect(sh(r#"sleep 0.1; exec cat > "$0""#).arg(&file)).await;
    for id in 0..100 {
        drop(open(&connection.transport, id).await);
    }
    within(connection.transport.close()).await.unwrap();
    let seen = std::fs::read_to_string(&file).unwrap();
    assert_eq!(seen.matches("tools/list").count(), 100);
    assert_eq!(seen.matches("notifications/cancelled").count(), 100);
}

#[tokio::test]
async fn dropping_the_future_of_close_does_not_stop_it() {
    let connection = connect(waits(sh("trap '' TERM; serve; sleep 60"), 100)).await;
    let transport = connection.transport;
    within(call(&transport, 1)).await.unwrap();
    tokio::time::timeout(Duration::from_millis(20), transport.close()).await.unwrap_err();
    until("the process has ended", || state(transport.pid()).is_none()).await;
    within(transport.close()).await.unwrap();
}

#[tokio::test]
async fn a_server_that_ignores_the_end_of_stdin_gets_sigterm() {
    let tree = ProcessTree::new("", "sleep 60");
    let stdio = tree.stdio.clone().close_stdin_wait(Duration::from_millis(100));
    let tree = ProcessTree { stdio, ..tree };
    let (connection, pids) = tree.start().await;
    let started = Instant::now();
    within(connection.transport.close()).await.unwrap();
    let took = started.elapsed();
    assert!(took > Duration::from_millis(100) && took < SHUTDOWN_TIMEOUT, "{took:?}");
    assert!(pids.iter().all(|pid| has_exited(*pid)), "{pids:?}");
}

#[tokio::test]
async fn a_server_that_ignores_sigterm_is_killed() {
    let tree = ProcessTree::new("trap '' TERM", "while :; do sleep 1; done");
    let tree = ProcessTree { stdio: waits(tree.stdio.clone(), 100), ..tree };
    let (connection, pids) = tree.start().await;
    let started = Instant::now();
    // No process is left, so `close` succeeds.
    within(connection.transport.close()).await.unwrap();
    let took = started.elapsed();
    assert!(took > Duration::from_millis(200) && took < SHUTDOWN_TIMEOUT, "{took:?}");
    assert!(pids.iter().all(|pid| has_exited(*pid)), "{pids:?}");
}

#[tokio::test]
async fn descendants_that_outlive_the_server_are_ended() {
    // Those that exit on SIGTERM, and those that ignore it.
    for (prelude, at_most) in [("", 500), ("trap '' TERM", 800)] {
        let tree = ProcessTree::new(prelude, "");
        let tree = ProcessTree { stdio: waits(tree.stdio.clone(), 200), ..tree };
        let (connection, pids) = tree.start().await;
        let started = Instant::now();
        within(connection.transport.close()).await.unwrap();
        assert!(started.elapsed().as_millis() < at_most, "{:?}", started.elapsed());
        assert!(pids.iter().all(|pid| has_exited(*pid)), "{pids:?}");
    }
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn descendants_in_other_sessions_are_ended() {
    // One that exits on SIGTERM, and one below a shell that ignores it.
    let prelude = r#"
        setsid sleep 61 & echo $! >> "$0"
        setsid sh -c 'trap "" TERM; echo $$ >> "$0"; sleep 61 & echo $! >> "$0"; wait' "$0" &"#;
    for (postlude, is_closed) in [("", true), ("sleep 60", true), ("", false)] {
        let tree = ProcessTree::new(prelude, postlude);
        let tree = ProcessTree { stdio: waits(tree.stdio.clone(), 200), size: 7, ..tree };
        let (connection, pids) = tree.start().await;
        match is_closed {
            true => within(connection.transport.close()).await.unwrap(),
            false => drop(connection),
        }
        wait_for_exit(&pids).await;
    }
}

#[tokio::test]
async fn dropping_the_last_handle_shuts_down_gracefully() {
    let dir = tempfile::tempdir().unwrap();
    let marker = dir.path().join("marker");
    let tree = ProcessTree::new("", &format!("echo graceful > {}", marker.display()));
    let (connection, pids) = tree.start().await;
    let clone = connection.transport.clone();
    drop(connection);
    within(call(&clone, 2)).await.unwrap();
    drop(clone);
    wait_for_exit(&pids).await;
    assert_eq!(std::fs::read_to_string(marker).unwrap(), "graceful\n");
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap()
}

#[test]
fn dropping_outside_a_runtime_kills_the_tree_immediately() {
    let runtime = runtime();
    let tree = ProcessTree::new("trap '' TERM", "sleep 60");
    let (connection, pids) = runtime.block_on(tree.start());
    let exchange = runtime.block_on(open(&connection.transport, 2));
    let started = Instant::now();
    drop(connection);
    let took = started.elapsed();
    assert!(took < Duration::from_millis(200), "{took:?}");
    assert!(pids.iter().all(|pid| has_exited(*pid)), "{pids:?}");
    // The exchange ends, with a response or an error.
    let _ = runtime.block_on(within(exchange.response()));
}

#[test]
fn dropping_outside_an_idle_runtime_leaves_no_zombie() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let tree = ProcessTree::new("", "");
    let (connection, pids) = runtime.block_on(tree.start());
    drop(connection);
    assert!(pids.iter().all(|pid| has_exited(*pid)), "{pids:?}");
    drop(runtime);
}

#[test]
fn shutting_the_runtime_down_leaves_no_process() {
    for in_background in [true, false] {
        let runtime = runtime();
        let tree = ProcessTree::new("trap '' TERM", "sleep 60");
        let (connection, pids) = runtime.block_on(tree.start());
        match in_background {
            true => runtime.shutdown_background(),
            false => drop(runtime),
        }
        wait_for_exit_blocking(&pids);
        // Must not panic.
        drop(connection);
    }
}

#[test]
fn a_close_after_the_runtime_shutdown_is_an_error() {
    let runtime = runtime();
    let (connection, _) = runtime.block_on(ProcessTree::new("", "").start());
    drop(runtime);
    let mut closing = std::pin::pin!(connection.transport.close());
    let cx = &mut std::task::Context::from_waker(std::task::Waker::noop());
    let std::task::Poll::Ready(closed) = closing.as_mut().poll(cx) else { panic!("pending") };
    assert_eq!(closed.unwrap_err().kind(), ErrorKind::Closed);
}

#[test]
fn a_runtime_shutdown_during_a_close_leaves_no_process() {
    let runtime = runtime();
    let tree = ProcessTree::new("trap '' TERM", "sleep 60");
    let (connection, pids) = runtime.block_on(tree.start());
    runtime.block_on(async move {
        tokio::time::timeout(Duration::from_millis(50), connection.transport.close())
            .await
            .unwrap_err();
    });
    drop(runtime);
    wait_for_exit_blocking(&pids);
}
