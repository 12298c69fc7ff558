//! Servers as shell scripts, and access to the process table.

use std::{
    path::Path,
    time::{Duration, Instant},
};

use mcp_core::{Request, Response};
use mcp_transport::{Connect, Connection, Envelope, Error, Exchange, Limits, Transport};
use mcp_transport_stdio::{Stderr, Stdio, StdioTransport};

/// Answers every request with an empty result, until stdin ends.
pub(crate) const ECHO: &str = r#"
answer() { printf '{"jsonrpc":"2.0","id":%s,"result":{}}\n' "$1"; }
id() { id=${1#*'"id":'}; id=${id%%,*}; }
serve() { while IFS= read -r line; do id "$line"; answer "$id"; done; }
"#;

/// A shell script with the functions of [`ECHO`]. Arguments added to it are `$0` and following.
pub(crate) fn sh(script: &str) -> Stdio {
    Stdio::new("sh").arg("-c").arg(format!("{ECHO}\n{script}")).stderr(Stderr::Null)
}

/// Messages of at most 1 MiB.
pub(crate) fn small_limits() -> Limits {
    let mut limits = Limits::default();
    limits.message = 1 << 20;
    limits
}

pub(crate) async fn connect(stdio: Stdio) -> Connection<StdioTransport> {
    stdio.connect().await.unwrap()
}

pub(crate) fn request(id: i64) -> Envelope<Request> {
    Request::new(id, "tools/list").into()
}

pub(crate) async fn open(transport: &StdioTransport, id: i64) -> Exchange {
    transport.request(request(id)).await.unwrap()
}

pub(crate) async fn call(transport: &StdioTransport, id: i64) -> Result<Response, Error> {
    transport.request(request(id)).await?.response().await
}

/// The state of a process, as a letter of the kernel, and the id of its parent. `None` if it does not exist.
pub(crate) fn state(pid: u32) -> Option<(char, u32)> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let mut fields = stat[stat.rfind(')')? + 1..].split_whitespace();
    let state = fields.next()?.chars().next()?;
    Some((state, fields.next()?.parse().ok()?))
}

/// Whether a process has exited. A zombie that is a child of this process counts as running.
pub(crate) fn has_exited(pid: u32) -> bool {
    match state(pid) {
        None => true,
        Some((state, parent)) => state == 'Z' && parent != std::process::id(),
    }
}

/// Waits for processes to exit, for at most one second.
pub(crate) async fn wait_for_exit(pids: &[u32]) {
    let started = Instant::now();
    while let Some(pid) = pids.iter().find(|pid| !has_exited(**pid)) {
        let state = state(*pid);
        assert!(started.elapsed().as_secs() < 1, "process {pid} is still running: {state:?}");
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}

/// Like [`wait_for_exit`], outside a runtime.
pub(crate) fn wait_for_exit_blocking(pids: &[u32]) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build();
    runtime.unwrap().block_on(wait_for_exit(pids));
}

/// Waits until the server has written `count` process ids into a file, one per line.
pub(crate) async fn pids(file: &Path, count: usize) -> Vec<u32> {
    loop {
        let text = std::fs::read_to_string(file).unwrap_or_default();
        let pids: Vec<u32> = text.lines().filter_map(|line| line.trim().parse().ok()).collect();
        if pids.len() == count && text.ends_with('\n') {
            return pids;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}
