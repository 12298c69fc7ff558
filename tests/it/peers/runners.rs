//! Package runners, which start a server as the child of a child: nothing of it is left running.

use std::time::Duration;

use mcp_client::{Stdio, types::ProtocolVersion};

use crate::support::{Peer, StdioPeer, bounded, repository, venv, within};

/// The settings of the package clients of this machine, which a server gets only where it is said so.
fn with_settings(stdio: Stdio) -> Stdio {
    let is_setting = |name: &String| {
        let name = name.to_ascii_lowercase();
        ["npm_", "uv_", "pip_", "ssl_", "node_"].iter().any(|start| name.starts_with(start))
            || name.ends_with("_proxy")
    };
    let names = std::env::vars_os().filter_map(|(name, _)| name.into_string().ok());
    stdio.inherit_env(names.filter(is_setting))
}

/// npm → sh → node, of which npm ends and leaves the others behind when it is sent a signal.
fn npx() -> Option<Stdio> {
    let peers = Peer("npm").installed()?;
    let npx = Stdio::new("npx").args(["-y", "@modelcontextprotocol/server-everything@2026.8.31"]);
    // Where it is installed already.
    Some(with_settings(npx.cwd(peers.join("npm"))))
}

/// uv → python.
fn uvx() -> Option<Stdio> {
    let peers = Peer("uvx").installed()?;
    let server = std::fs::read_to_string(repository().join("tests/peers/python/uvx.txt")).unwrap();
    Some(with_settings(Stdio::new(venv(&peers.join("uv"), "uvx")).arg(server.trim())))
}

#[tokio::test]
async fn npx_closed() {
    let Some(npx) = npx() else { return };
    let peer = StdioPeer::new(npx);
    let session = bounded(peer.client().connect()).await.unwrap();
    assert_eq!(session.protocol_version(), ProtocolVersion::LATEST_LEGACY);
    let echo = bounded(session.call_tool("echo").arg("message", "hello")).await.unwrap();
    assert_eq!(echo.text(), "Echo: hello");
    let before = peer.tree.running();
    assert!(before.len() > 1 || !cfg!(target_os = "linux"), "{before:?}");
    within(Duration::from_secs(5), session.close()).await.unwrap();
    peer.tree.gone(&before, Duration::ZERO).await;
}

#[tokio::test]
async fn npx_dropped() {
    let Some(npx) = npx() else { return };
    StdioPeer::new(npx).drop_it().await;
}

/// The start is given up before the server has said a word.
#[tokio::test]
async fn npx_given_up() {
    let Some(npx) = npx() else { return };
    let peer = StdioPeer::new(npx);
    let client = peer.client();
    let mut connecting = Box::pin(client.connect().into_future());
    let before = bounded(async {
        loop {
            tokio::select! {
                session = &mut connecting => panic!("too fast: {session:?}"),
                () = tokio::time::sleep(Duration::from_millis(5)) => {}
            }
            let pids = peer.tree.pids();
            if pids.len() > 1 || !cfg!(target_os = "linux") {
                return pids;
            }
        }
    })
    .await;
    drop(connecting);
    peer.tree.gone(&before, Duration::from_secs(5)).await;
}

#[tokio::test]
async fn uvx_closed() {
    let Some(uvx) = uvx() else { return };
    let peer = StdioPeer::new(uvx);
    let session = bounded(peer.client().connect()).await.unwrap();
    assert_eq!(session.protocol_version(), ProtocolVersion::LATEST_MODERN);
    let call = session.call_tool("convert_time").arg("source_timezone", "UTC");
    let call = call.arg("target_timezone", "Asia/Tokyo").arg("time", "12:00");
    let converted = bounded(call).await.unwrap().into_result().unwrap();
    assert!(converted.text().contains("21:00"), "{}", converted.text());
    let before = peer.tree.running();
    assert!(before.len() > 1 || !cfg!(target_os = "linux"), "{before:?}");
    within(Duration::from_secs(5), session.close()).await.unwrap();
    peer.tree.gone(&before, Duration::ZERO).await;
}

#[tokio::test]
async fn uvx_dropped() {
    let Some(uvx) = uvx() else { return };
    StdioPeer::new(uvx).drop_it().await;
}
