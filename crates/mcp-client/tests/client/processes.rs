//! No process outlives its client.

use std::{future::IntoFuture, path::Path, time::Duration};

use mcp_client::{Client, Stdio};
use tokio::time::{sleep, timeout};

const LIMIT: Duration = Duration::from_secs(20);
const MOMENT: Duration = Duration::from_millis(100);

/// Writes its pid and then stays silent, even when its pipes are closed.
fn silent(pid: &Path) -> Client {
    let script = "echo $$ > \"$PID.new\"; mv \"$PID.new\" \"$PID\"; exec sleep 1000";
    let stdio = Stdio::new("sh").args(["-c", script]).env("PID", pid);
    Client::new(stdio.close_stdin_wait(MOMENT).terminate_wait(MOMENT)).unwrap()
}

async fn started(pid: &Path) -> String {
    let read = async {
        loop {
            match std::fs::read_to_string(pid) {
                Ok(pid) => return pid.trim().to_owned(),
                Err(_) => sleep(Duration::from_millis(5)).await,
            }
        }
    };
    timeout(LIMIT, read).await.unwrap()
}

fn runs(pid: &str) -> bool {
    let kill = std::process::Command::new("kill").args(["-0", pid]).output().unwrap();
    kill.status.success()
}

async fn gone(pid: &str) {
    let ended = async {
        while runs(pid) {
            sleep(Duration::from_millis(5)).await;
        }
    };
    timeout(LIMIT, ended).await.unwrap();
}

#[tokio::test]
async fn dropping_a_connect_ends_the_process() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("pid");
    let connecting = silent(&file).connect().into_future();
    let pid = tokio::select! {
        opened = connecting => panic!("{opened:?}"),
        pid = started(&file) => pid,
    };
    gone(&pid).await;
}

#[tokio::test]
async fn a_start_timeout_ends_the_process() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("pid");
    let failure = silent(&file).connect().start_timeout(Duration::from_secs(2)).await.unwrap_err();
    let text = failure.to_string();
    assert!(text.contains(": initialize: the server did not start within 2s"), "{text}");
    assert!(text.contains("before that, server/discover: no answer"), "{text}");
    gone(&started(&file).await).await;
}

#[test]
fn the_end_of_the_runtime_ends_the_process() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("pid");
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    let client = silent(&file);
    let pid = runtime.block_on(async {
        let _detached = tokio::spawn(client.connect().into_future());
        started(&file).await
    });
    assert!(runs(&pid));
    runtime.shutdown_timeout(LIMIT);
    assert!(!runs(&pid));
}
