//! Nothing is left behind: no process, no grandchild, no zombie.

use std::{
    path::PathBuf,
    time::{Duration, Instant},
};

use mcp_transport::{Connection, ErrorKind, Transport};
use mcp_transport_stdio::{Stdio, StdioTransport};

use crate::support::{
    bounded, call, connect, is_over, open, over_soon, over_soon_outside, pids, sh, state,
};

const SOON: Duration = Duration::from_secs(1);

/// A shell that writes its own id and those of `tree` into a file before it serves.
struct Family {
    _dir: tempfile::TempDir,
    file: PathBuf,
    stdio: Stdio,
    size: usize,
}

impl Family {
    /// A grandchild in the background, and one below another shell, as `npx` has them.
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
        bounded(call(&connection.transport, 1)).await.unwrap();
        let pids = bounded(pids(&self.file, self.size)).await;
        assert!(pids.contains(&connection.transport.pid()));
        assert!(pids.iter().all(|pid| !is_over(*pid)), "{pids:?}");
        (connection, pids)
    }
}

fn waits(stdio: Stdio, milliseconds: u64) -> Stdio {
    let wait = Duration::from_millis(milliseconds);
    stdio.close_stdin_wait(wait).terminate_wait(wait)
}

#[tokio::test]
async fn a_polite_server_is_gone_as_soon_as_its_stdin_is_closed() {
    let connection = connect(sh("serve")).await;
    bounded(call(&connection.transport, 1)).await.unwrap();
    let begun = Instant::now();
    bounded(connection.transport.close()).await.unwrap();
    assert!(begun.elapsed() < Duration::from_millis(500), "{:?}", begun.elapsed());
    assert_eq!(state(connection.transport.pid()), None);
}

#[tokio::test]
async fn what_was_queued_is_written_before_the_close() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("seen");
    let connection = connect(sh(r#"sleep 0.1; exec cat > "$0""#).arg(&file)).await;
    for id in 0..100 {
        drop(open(&connection.transport, id).await);
    }
    bounded(connection.transport.close()).await.unwrap();
    let seen = std::fs::read_to_string(&file).unwrap();
    assert_eq!(seen.matches("tools/list").count(), 100);
    assert_eq!(seen.matches("notifications/cancelled").count(), 100);
}

#[tokio::test]
async fn a_close_fails_what_is_open_and_may_be_repeated_by_anybody() {
    let connection = connect(sh("cat > /dev/null")).await;
    let exchange = open(&connection.transport, 1).await;
    let (one, two) = (connection.transport.clone(), connection.transport.clone());
    let other = tokio::spawn(async move { one.close().await });
    bounded(two.close()).await.unwrap();
    bounded(other).await.unwrap().unwrap();
    bounded(two.close()).await.unwrap();
    assert_eq!(bounded(exchange.response()).await.unwrap_err().kind(), ErrorKind::Closed);
    assert_eq!(call(&two, 2).await.unwrap_err().kind(), ErrorKind::Closed);
}

#[tokio::test]
async fn dropping_the_future_of_close_does_not_stop_it() {
    let connection = connect(waits(sh("trap '' TERM; serve; sleep 60"), 100)).await;
    let transport = connection.transport;
    bounded(call(&transport, 1)).await.unwrap();
    tokio::time::timeout(Duration::from_millis(20), transport.close()).await.unwrap_err();
    tokio::time::sleep(Duration::from_millis(400)).await;
    assert_eq!(state(transport.pid()), None);
    bounded(transport.close()).await.unwrap();
}

#[tokio::test]
async fn a_server_that_ignores_the_end_of_stdin_gets_sigterm() {
    let family = Family::new("", "sleep 60");
    let stdio = family.stdio.clone().close_stdin_wait(Duration::from_millis(100));
    let family = Family { stdio, ..family };
    let (connection, pids) = family.start().await;
    let begun = Instant::now();
    bounded(connection.transport.close()).await.unwrap();
    let took = begun.elapsed();
    assert!(took > Duration::from_millis(100) && took < SOON, "{took:?}");
    assert!(pids.iter().all(|pid| is_over(*pid)), "{pids:?}");
}

#[tokio::test]
async fn a_server_that_ignores_everything_is_killed() {
    let family = Family::new("trap '' TERM", "while :; do sleep 1; done");
    let family = Family { stdio: waits(family.stdio.clone(), 100), ..family };
    let (connection, pids) = family.start().await;
    let begun = Instant::now();
    // Nothing is left behind, so this is no error.
    bounded(connection.transport.close()).await.unwrap();
    let took = begun.elapsed();
    assert!(took > Duration::from_millis(200) && took < SOON, "{took:?}");
    assert!(pids.iter().all(|pid| is_over(*pid)), "{pids:?}");
}

#[tokio::test]
async fn grandchildren_that_outlive_a_polite_server_go_too() {
    // Those that heed SIGTERM, and those that do not.
    for (prelude, at_most) in [("", 500), ("trap '' TERM", 800)] {
        let family = Family::new(prelude, "");
        let family = Family { stdio: waits(family.stdio.clone(), 200), ..family };
        let (connection, pids) = family.start().await;
        let begun = Instant::now();
        bounded(connection.transport.close()).await.unwrap();
        assert!(begun.elapsed().as_millis() < at_most, "{:?}", begun.elapsed());
        assert!(pids.iter().all(|pid| is_over(*pid)), "{pids:?}");
    }
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn descendants_in_sessions_of_their_own_go_too() {
    // One that heeds SIGTERM, and one below another shell that does not.
    let prelude = r#"
        setsid sleep 61 & echo $! >> "$0"
        setsid sh -c 'trap "" TERM; echo $$ >> "$0"; sleep 61 & echo $! >> "$0"; wait' "$0" &"#;
    for (postlude, is_closed) in [("", true), ("sleep 60", true), ("", false)] {
        let family = Family::new(prelude, postlude);
        let family = Family { stdio: waits(family.stdio.clone(), 200), size: 7, ..family };
        let (connection, pids) = family.start().await;
        match is_closed {
            true => bounded(connection.transport.close()).await.unwrap(),
            false => drop(connection),
        }
        over_soon(&pids).await;
    }
}

#[tokio::test]
async fn dropping_the_last_handle_ends_the_tree_in_order() {
    let dir = tempfile::tempdir().unwrap();
    let last = dir.path().join("last");
    let family = Family::new("", &format!("echo in order > {}", last.display()));
    let (connection, pids) = family.start().await;
    let clone = connection.transport.clone();
    drop(connection);
    bounded(call(&clone, 2)).await.unwrap();
    drop(clone);
    over_soon(&pids).await;
    assert_eq!(std::fs::read_to_string(last).unwrap(), "in order\n");
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap()
}

#[test]
fn dropping_outside_a_runtime_kills_the_tree_at_once() {
    let runtime = runtime();
    let family = Family::new("trap '' TERM", "sleep 60");
    let (connection, pids) = runtime.block_on(family.start());
    let exchange = runtime.block_on(open(&connection.transport, 2));
    let begun = Instant::now();
    drop(connection);
    let took = begun.elapsed();
    assert!(took < Duration::from_millis(200), "{took:?}");
    assert!(pids.iter().all(|pid| is_over(*pid)), "{pids:?}");
    // Answered or closed, but never for ever.
    let _ = runtime.block_on(bounded(exchange.response()));
}

#[test]
fn dropping_outside_an_idle_runtime_leaves_no_zombie() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let family = Family::new("", "");
    let (connection, pids) = runtime.block_on(family.start());
    drop(connection);
    assert!(pids.iter().all(|pid| is_over(*pid)), "{pids:?}");
    drop(runtime);
}

#[test]
fn shutting_the_runtime_down_leaves_nothing() {
    for in_background in [true, false] {
        let runtime = runtime();
        let family = Family::new("trap '' TERM", "sleep 60");
        let (connection, pids) = runtime.block_on(family.start());
        match in_background {
            true => runtime.shutdown_background(),
            false => drop(runtime),
        }
        over_soon_outside(&pids);
        // Too late to be of use, and no reason to panic.
        drop(connection);
    }
}

#[test]
fn a_close_after_the_runtime_is_gone_says_so() {
    let runtime = runtime();
    let (connection, _) = runtime.block_on(Family::new("", "").start());
    drop(runtime);
    let mut closing = std::pin::pin!(connection.transport.close());
    let cx = &mut std::task::Context::from_waker(std::task::Waker::noop());
    let std::task::Poll::Ready(closed) = closing.as_mut().poll(cx) else { panic!("it waits") };
    assert_eq!(closed.unwrap_err().kind(), ErrorKind::Closed);
}

#[test]
fn a_runtime_that_ends_in_mid_shutdown_leaves_nothing() {
    let runtime = runtime();
    let family = Family::new("trap '' TERM", "sleep 60");
    let (connection, pids) = runtime.block_on(family.start());
    runtime.block_on(async move {
        tokio::time::timeout(Duration::from_millis(50), connection.transport.close())
            .await
            .unwrap_err();
    });
    drop(runtime);
    over_soon_outside(&pids);
}
