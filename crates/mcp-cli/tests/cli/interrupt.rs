//! Ctrl-C.

use std::{
    process::{Child, Stdio},
    time::{Duration, Instant},
};

use crate::support::{Served, command};

fn signal(child: &Child, signal: &str) {
    let kill = std::process::Command::new("kill").args([signal, &child.id().to_string()]).status();
    assert!(kill.unwrap().success());
}

fn runs(pid: &str) -> bool {
    let kill = std::process::Command::new("kill").args(["-0", pid]).stderr(Stdio::null()).status();
    kill.unwrap().success()
}

/// Waits for a condition, for at most 20 s.
fn until(mut is: impl FnMut() -> bool) {
    let start = Instant::now();
    while !is() {
        assert!(start.elapsed() < Duration::from_secs(20), "it does not happen");
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn it_cancels_the_call_at_the_server() {
    let served = Served::start();
    let folder = tempfile::tempdir().unwrap();
    let trace = folder.path().join("trace");
    let mut call = command(folder.path());
    call.args(["call", &served.url, "wait", "seconds=60", "--era", "legacy"]);
    let mut call = call.arg(format!("--trace={}", trace.display())).spawn().unwrap();
    let seen = |text: &str| std::fs::read_to_string(&trace).unwrap_or_default().contains(text);
    until(|| seen("\"progress\":"));
    let start = Instant::now();
    signal(&call, "-INT");
    assert_eq!(call.wait().unwrap().code(), Some(130));
    assert!(start.elapsed() < Duration::from_secs(3), "{:?}", start.elapsed());
    let _ = served;
}

/// A process with a child that ignores all signals except SIGKILL.
const STUBBORN: &str = r#"
trap '' TERM INT HUP
echo $$ > pids
sh -c 'trap "" TERM INT HUP; echo $$ >> pids; while :; do sleep 1; done' &
while :; do sleep 1; done
"#;

fn stubborn(signals: &[&str]) -> Duration {
    let folder = tempfile::tempdir().unwrap();
    let mut list = command(folder.path());
    let mut list = list.args(["list", "--", "sh", "-c", STUBBORN]).spawn().unwrap();
    let pids = || std::fs::read_to_string(folder.path().join("pids")).unwrap_or_default();
    until(|| pids().lines().count() == 2);
    let start = Instant::now();
    for name in signals {
        signal(&list, name);
        std::thread::sleep(Duration::from_millis(100));
    }
    assert_eq!(list.wait().unwrap().code(), Some(130));
    let took = start.elapsed();
    until(|| pids().lines().all(|pid| !runs(pid)));
    took
}

#[test]
fn no_process_is_left_after_two_seconds() {
    let took = stubborn(&["-INT"]);
    assert!(took < Duration::from_secs(4), "{took:?}");
}

#[test]
fn a_second_one_ends_it_at_once() {
    let took = stubborn(&["-INT", "-INT"]);
    assert!(took < Duration::from_millis(1500), "{took:?}");
}

#[test]
fn a_request_to_terminate_is_the_same() {
    let took = stubborn(&["-TERM", "-TERM"]);
    assert!(took < Duration::from_millis(1500), "{took:?}");
}
