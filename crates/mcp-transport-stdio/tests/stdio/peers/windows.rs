//! What only Windows has: commands that are batch files, and file name extensions of programs.

use std::path::Path;

use mcp_testkit::hostile_peer_command;
use mcp_transport::{Connect, Transport};
use mcp_transport_stdio::{Stderr, Stdio};

use super::{call, connect};

/// A directory with a batch file `NAME.cmd` that records its arguments and serves, as npm installs them, and a
/// script for other shells next to it.
fn batch(name: &str) -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    let peer = hostile_peer_command();
    let text = format!("@\"{}\" \"arguments=%~dp0arguments\" %*\r\n", peer.display());
    std::fs::write(dir.path().join(format!("{name}.cmd")), text).unwrap();
    std::fs::write(dir.path().join(name), "#!/bin/sh\n").unwrap();
    dir
}

async fn recorded<R: Send + Sync + 'static>(server: Stdio<R>, dir: &Path) -> Vec<String> {
    let transport = connect(server.stderr(Stderr::Null)).await.transport;
    call(&transport, 1).await.unwrap();
    // The process that answers is a child of the shell that runs the batch file.
    transport.close().await.unwrap();
    let text = std::fs::read_to_string(dir.join("arguments")).unwrap();
    text.split('\0').map(str::to_owned).collect()
}

#[tokio::test]
async fn a_batch_file_is_found_by_its_name() {
    let dir = batch("npx");
    let server = Stdio::npx("@a/b@1").args(["a b", "it's", "-v"]).env("PATH", dir.path());
    assert_eq!(recorded(server, dir.path()).await, ["-y", "@a/b@1", "a b", "it's", "-v"]);
}

#[tokio::test]
async fn a_program_is_found_by_the_extensions_of_the_system() {
    let dir = batch("tool");
    let program = dir.path().join("tool");
    let server = Stdio::new(&program).arg("one");
    assert_eq!(recorded(server, dir.path()).await, ["one"]);
    let server = Stdio::new("TOOL.CMD").arg("two").env("PATH", dir.path());
    assert_eq!(recorded(server, dir.path()).await, ["two"]);
    let none = Stdio::new("tool").env("PATH", dir.path()).env("PATHEXT", ".EXE;.COM");
    let error = none.connect().await.unwrap_err();
    assert!(error.to_string().contains("not found on PATH"), "{error}");
}
