//! Script paths as targets.

use std::process::{Command, Stdio};

use mcp_client::Client;

use crate::support::{Peer, bounded, source};

/// The interpreter is that of the active virtual environment.
#[test]
fn a_path_of_a_python_script() {
    let Some(peers) = Peer("mcp2").installed() else { return };
    let mut reach = Command::new(env!("CARGO_BIN_EXE_reach"));
    reach.arg(source("mcp2.py")).env("VIRTUAL_ENV", peers.join("mcp2")).stdin(Stdio::null());
    let output = reach.output().unwrap();
    let text = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.success(), "{text}");
    assert!(text.contains("mcp2 2026-07-28 reached"), "{text}");
}

#[tokio::test]
async fn a_path_of_a_node_script() {
    if Peer("npm").installed().is_none() {
        return;
    }
    let client = Client::new(source("ts2.mjs")).unwrap();
    let session = bounded(client.connect()).await.unwrap();
    let echo = bounded(session.call_tool("echo").arg("text", "reached")).await.unwrap();
    assert_eq!(echo.text(), "reached");
    bounded(session.close()).await.unwrap();
}
