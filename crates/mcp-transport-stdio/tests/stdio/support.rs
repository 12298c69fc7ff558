//! Servers of a few lines of shell, and a look at the process table.

use std::{
    future::Future,
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

/// A shell that has the functions of [`ECHO`]; `$0` and on are `args`.
pub(crate) fn sh(script: &str) -> Stdio {
    Stdio::new("sh").arg("-c").arg(format!("{ECHO}\n{script}")).stderr(Stderr::Null)
}

/// One megabyte a message.
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

/// No test waits for ever.
pub(crate) async fn bounded<T>(future: impl Future<Output = T>) -> T {
    tokio::time::timeout(Duration::from_secs(20), future).await.expect("the test hangs")
}

/// The state of a process as the kernel names it, `None` when it is gone.
pub(crate) fn state(pid: u32) -> Option<(char, u32)> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let mut fields = stat[stat.rfind(')')? + 1..].split_whitespace();
    let state = fields.next()?.chars().next()?;
    Some((state, fields.next()?.parse().ok()?))
}

/// Whether a process runs no more, and is no zombie of ours. Those of others are not our business.
pub(crate) fn is_over(pid: u32) -> bool {
    match state(pid) {
        None => true,
        Some((state, parent)) => state == 'Z' && parent != std::process::id(),
    }
}

/// Waits for processes to be over, which takes one second at the most.
pub(crate) async fn over_soon(pids: &[u32]) {
    let begun = Instant::now();
    while let Some(pid) = pids.iter().find(|pid| !is_over(**pid)) {
        assert!(begun.elapsed().as_secs() < 1, "process {pid} is there yet: {:?}", state(*pid));
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}

/// The same where there is no runtime.
pub(crate) fn over_soon_outside(pids: &[u32]) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build();
    runtime.unwrap().block_on(over_soon(pids));
}

/// Waits until the server has written `count` ids of processes into a file, a line each.
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
