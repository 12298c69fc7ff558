//! The memory of sessions that are idle.

use mcp_client::{Client, EraPolicy, Session};

use crate::{
    measure::{Carrier, runtime},
    ours::{self, Peer},
    peer::Http,
};

/// The kinds of sessions.
pub(crate) const KINDS: [&str; 3] = ["stdio", "http", "http-stream"];

/// Opens this many sessions and exits without closing them, so that they are what is left on the heap. Prints the
/// resident memory of this process in kB.
pub(crate) fn run(kind: &str, sessions: usize) {
    runtime().block_on(async {
        let mut held: Vec<(Session, Peer)> = Vec::with_capacity(sessions);
        let legacy = (kind == "http-stream").then(|| Http::named("http-legacy"));
        let json = (kind == "http").then(|| Http::named("http-json"));
        for _ in 0..sessions {
            let url = json.as_ref().or(legacy.as_ref()).map(Http::url);
            held.push(match url {
                Some(url) => {
                    let client = Client::new(url).unwrap();
                    let era = if legacy.is_some() { EraPolicy::Legacy } else { EraPolicy::Auto };
                    (ours::patient(client).era(era).connect().await.unwrap(), Peer::None)
                }
                None => ours::connect(Carrier::Stdio).await,
            });
            let (session, _) = held.last().unwrap();
            session.call_tool("small").args(ours::ARGS).await.unwrap();
        }
        // Streams and tasks that were started in the background.
        tokio::time::sleep(std::time::Duration::from_millis(500)).await;
        println!("{}", resident().unwrap_or_default());
        // Stops the server, which this program would not outlive otherwise.
        drop((json, legacy));
        std::process::exit(0);
    });
}

/// The resident memory of this process in kB, where the system tells it.
fn resident() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    line.split_whitespace().next()?.parse().ok()
}
