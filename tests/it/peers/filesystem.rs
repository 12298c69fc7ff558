//! The reference file system server.

use std::time::Duration;

use mcp_client::types::ProtocolVersion;

use crate::support::{Peer, Program, StdioPeer, bounded, within};

const BIN: &str = "npm/node_modules/@modelcontextprotocol/server-filesystem/dist/index.js";

#[tokio::test]
async fn stdio() {
    let Some(peers) = Peer("npm").installed() else { return };
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path().canonicalize().unwrap();
    std::fs::write(folder.join("note.txt"), "ein schöner Tag\n").unwrap();
    let peer = StdioPeer::start(&Program::new("node").arg(peers.join(BIN)).arg(&folder));
    let session = bounded(peer.client().connect()).await.unwrap();
    assert_eq!(session.protocol_version(), ProtocolVersion::LATEST_LEGACY);
    assert_eq!(session.server_info().unwrap().name, "secure-filesystem-server");

    let tools = bounded(session.list_tools()).await.unwrap();
    assert!(tools.iter().any(|tool| tool.name == "read_text_file"), "{tools:?}");
    let read = |path| bounded(session.call_tool("read_text_file").arg("path", path));
    let note = read(folder.join("note.txt")).await.unwrap();
    assert_eq!(note.into_result().unwrap().text(), "ein schöner Tag\n");
    let error = read("/etc/passwd".into()).await.unwrap().into_result().unwrap_err();
    assert!(error.to_string().contains("Access denied"), "{error}");

    let before = peer.tree.running();
    within(Duration::from_secs(5), session.close()).await.unwrap();
    peer.tree.gone(&before, Duration::ZERO).await;
}
