//! Runners of servers: interpreters, and package runners, which start the server as a grandchild.

use std::{ffi::OsString, path::PathBuf, time::Duration};

use mcp_client::{EraPolicy, ErrorKind, Stdio, types::ProtocolVersion};

use crate::support::{Expect, Peer, StdioPeer, bounded, repository, source, venv, within};

/// The settings of the package clients of this machine, which a server only gets explicitly.
pub(super) fn settings() -> impl Iterator<Item = (String, String)> {
    let is_setting = |name: &str| {
        let name = name.to_ascii_lowercase();
        ["npm_", "uv_", "pip_", "ssl_", "node_"].iter().any(|start| name.starts_with(start))
            || name.ends_with("_proxy")
    };
    let texts = std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)));
    texts.filter(move |(name, _)| is_setting(name))
}

fn with_settings<R>(stdio: Stdio<R>) -> Stdio<R> {
    stdio.inherit_env(settings().map(|(name, _)| name))
}

/// npm → sh → node: on a signal, npm exits and leaves the others running.
fn npx() -> Option<Stdio> {
    let peers = Peer("npm").installed()?;
    let npx = Stdio::npx("@modelcontextprotocol/server-everything@2026.8.31").prefer_offline(true);
    // In the folder where it is installed already.
    Some(with_settings(npx.cwd(peers.join("npm"))).into_program())
}

/// uv → python.
fn uvx() -> Option<Stdio> {
    let folder = uv_folder()?;
    let server = std::fs::read_to_string(repository().join("tests/peers/python/uvx.txt")).unwrap();
    Some(with_settings(on_path(Stdio::uvx(server.trim()), folder)).into_program())
}

/// The folder of `uv` and `uvx`.
fn uv_folder() -> Option<PathBuf> {
    let uv = venv(&Peer("uvx").installed()?.join("uv"), "uv");
    Some(uv.parent().unwrap().to_owned())
}

/// Prepends this folder to the search path of a runner.
fn on_path<R>(stdio: Stdio<R>, folder: PathBuf) -> Stdio<R> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders = std::iter::once(folder).chain(std::env::split_paths(&path));
    stdio.env("PATH", std::env::join_paths(folders).unwrap())
}

fn python_of_mcp2() -> Option<PathBuf> {
    Some(venv(&Peer("mcp2").installed()?.join("mcp2"), "python"))
}

#[tokio::test]
async fn python() {
    let Some(python) = python_of_mcp2() else { return };
    let server = Stdio::python(source("mcp2.py")).interpreter(&python);
    StdioPeer::new(server).exercise(EraPolicy::Auto, &Expect::modern("mcp2")).await;
}

/// The interpreter of the virtual environment that is active for the server.
#[tokio::test]
async fn python_of_a_virtual_environment() {
    let Some(peers) = Peer("mcp1").installed() else { return };
    let server = Stdio::python(source("mcp1.py")).env("VIRTUAL_ENV", peers.join("mcp1"));
    StdioPeer::new(server).exercise(EraPolicy::Auto, &Expect::legacy("mcp1")).await;
}

#[tokio::test]
async fn node() {
    if Peer("npm").installed().is_none() {
        return;
    }
    let server = Stdio::node(source("ts2.mjs"));
    StdioPeer::new(server).exercise(EraPolicy::Auto, &Expect::modern("ts2")).await;
}

/// uv → python, of an environment with the server's packages.
#[tokio::test]
async fn uv() {
    let (Some(folder), Some(python)) = (uv_folder(), python_of_mcp2()) else { return };
    let server = Stdio::uv(source("mcp2.py")).python_version(&python);
    let peer = StdioPeer::new(with_settings(on_path(server, folder)));
    peer.exercise(EraPolicy::Auto, &Expect::modern("mcp2")).await;
}

/// A command line is only split into words, whatever characters they contain.
#[tokio::test]
async fn a_command_line() {
    let Some(python) = python_of_mcp2() else { return };
    let quoted = |path: PathBuf| format!("'{}'", path.to_str().unwrap());
    let line = format!("{} {} stdio # $HOME", quoted(python), quoted(source("mcp2.py")));
    let peer = StdioPeer::new(Stdio::command_line(&line).unwrap());
    peer.exercise(EraPolicy::Auto, &Expect::modern("mcp2")).await;
}

#[tokio::test]
async fn a_command_line_of_uvx() {
    let Some(folder) = uv_folder() else { return };
    let server = std::fs::read_to_string(repository().join("tests/peers/python/uvx.txt")).unwrap();
    let line = format!("uvx {} --local-timezone 'Asia/Tokyo'", server.trim());
    let uvx = Stdio::command_line(&line).unwrap();
    let peer = StdioPeer::new(with_settings(on_path(uvx, folder)));
    let session = bounded(peer.client().connect()).await.unwrap();
    let tools = bounded(session.list_tools()).await.unwrap();
    let now = tools.iter().find(|tool| tool.name == "get_current_time").unwrap();
    let schema = serde_json::to_string(&now.input_schema).unwrap();
    assert!(schema.contains("Asia/Tokyo"), "{schema}");
    bounded(session.close()).await.unwrap();
}

#[tokio::test]
async fn a_missing_runner_is_reported_with_its_source() {
    let empty = tempfile::tempdir().unwrap();
    for (server, command, source) in [
        (Stdio::npx("server").into_program(), "npx", "https://nodejs.org/"),
        (Stdio::node("server.mjs").into_program(), "node", "https://nodejs.org/"),
        (Stdio::uv("server.py").into_program(), "uv", "https://docs.astral.sh/uv/"),
        (Stdio::uvx("server").into_program(), "uvx", "https://docs.astral.sh/uv/"),
        (Stdio::python("server.py").into_program(), "python3", "https://www.python.org/"),
    ] {
        let server = server.env("PATH", empty.path()).env("VIRTUAL_ENV", OsString::new());
        let error = bounded(StdioPeer::new(server).client().connect()).await.unwrap_err();
        let text = error.to_string();
        assert_eq!(error.kind(), ErrorKind::Connect, "{text}");
        assert!(
            text.contains(&format!("cannot start {command}: ")) && text.contains(source),
            "{text}"
        );
    }
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

/// The start is dropped before the server has sent anything.
#[tokio::test]
async fn npx_dropped_while_starting() {
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
