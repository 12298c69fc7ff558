//! A modern server that exits under an open session and is replaced.

use std::time::Duration;

use mcp_client::transport::restart::Restart;

use super::{
    load::{AT_ONCE, Load},
    node, python,
};
use crate::support::{Program, StdioPeer, bounded, kill, within};

const KILLS: usize = 3;

#[tokio::test(flavor = "multi_thread")]
async fn mcp2() {
    let Some(peer) = python("mcp2") else { return };
    survives(&peer).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn fastmcp4() {
    let Some(peer) = python("fastmcp4") else { return };
    survives(&peer).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn ts2() {
    let Some(peer) = node("ts2") else { return };
    survives(&peer).await;
}

/// Each call has one outcome, the server executes it at most once, and only calls in flight are lost.
async fn survives(server: &Program) {
    let notes = tempfile::NamedTempFile::new().unwrap();
    let peer = StdioPeer::start(server).env("MCP_NOTES", notes.path());
    let client = peer.client().restart(Restart::BACKOFF);
    let session = bounded(client.connect()).await.unwrap();
    let load = Load::of("note");
    let killing = async {
        let mut killed = Vec::new();
        for _ in 0..KILLS {
            load.more().await;
            let running = peer.tree.running();
            let [pid] = running[..] else { panic!("more than one: {running:?}") };
            kill(pid);
            killed.push(pid);
        }
        load.more().await;
        load.end();
        killed
    };
    let both = async { tokio::join!(load.run(&session), killing) };
    let (ends, killed) = within(Duration::from_secs(120), both).await;
    let lost = ends.check(notes.path());
    // There was always a call in flight.
    assert!(!lost.is_empty() && lost.len() <= AT_ONCE * KILLS, "{}", lost.len());
    for error in lost {
        let text = error.to_string();
        assert!(text.contains("signal 9") || text.contains("SIGKILL"), "{text}");
    }

    assert!(!session.is_closed());
    let echo = bounded(session.call_tool("echo").arg("text", "alive")).await.unwrap();
    assert_eq!(echo.text(), "alive");
    let before = peer.tree.running();
    assert!(before.iter().all(|pid| !killed.contains(pid)), "{before:?} {killed:?}");
    within(Duration::from_secs(5), client.close()).await.unwrap();
    peer.tree.gone(&before, Duration::ZERO).await;
    peer.tree.gone(&killed, Duration::ZERO).await;
}
