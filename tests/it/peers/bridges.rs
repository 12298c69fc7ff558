//! Bridges between carriers, in both directions: each is another client and another server in between.

use std::process::Command;

use mcp_client::{Client, Stdio};

use super::{call_echo, node};
use crate::support::{HttpPeer, Peer, Program, Row, bounded, venv};

/// A program of an npm package.
fn program(name: &str) -> Option<Program> {
    let peers = Peer("bridges").installed()?;
    Some(Program::new(peers.join("bridges/node_modules/.bin").join(name)))
}

/// A stdio server, as one command line.
fn server() -> Option<String> {
    let command = node("ts2")?.arg("stdio").command();
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    Some(words.map(|word| word.to_str().unwrap()).collect::<Vec<_>>().join(" "))
}

/// From HTTP to the stdio server.
async fn to_pipe(package: &str, carrier: &str, path: &str, command: impl FnOnce(&str) -> Command) {
    let row = Row::new(package, carrier);
    let peer = HttpPeer::start_with_port(command, path).await;
    call_echo(peer.client(), row, "text").await;
}

/// From stdio to a remote server.
async fn from_pipe(package: &str, carrier: &str, bridge: Program) {
    let row = Row::new(package, carrier);
    let stdio: Stdio = bridge.stdio();
    call_echo(Client::new(stdio).unwrap(), row, "text").await;
}

#[tokio::test]
async fn supergateway_before_a_pipe() {
    let (Some(bridge), Some(server)) = (program("supergateway"), server()) else { return };
    let start = |transport: &'static str, stateful: bool| {
        let (bridge, server) = (bridge.clone(), server.clone());
        move |port: &str| {
            let bridge = bridge.arg("--stdio").arg(server).arg("--outputTransport").arg(transport);
            let bridge = if stateful { bridge.arg("--stateful") } else { bridge };
            bridge.arg("--port").arg(port).command()
        }
    };
    let package = "supergateway --stdio (npm)";
    to_pipe(package, "Streamable HTTP, sessions", "/mcp", start("streamableHttp", true)).await;
    to_pipe(package, "Streamable HTTP", "/mcp", start("streamableHttp", false)).await;
    to_pipe(package, "HTTP+SSE", "/sse", start("sse", false)).await;
}

#[tokio::test]
async fn supergateway_before_streamable_http() {
    let (Some(bridge), Some(server)) = (program("supergateway"), node("ts2")) else { return };
    let server = HttpPeer::start(&server, &[]).await;
    let bridge = bridge.arg("--streamableHttp").arg(&server.url);
    from_pipe("supergateway --streamableHttp (npm)", "stdio", bridge).await;
}

#[tokio::test]
async fn supergateway_before_sse() {
    let (Some(bridge), Some(server)) = (program("supergateway"), node("ts1")) else { return };
    let server = HttpPeer::start_sse(&server, "/sse").await;
    from_pipe("supergateway --sse (npm)", "stdio", bridge.arg("--sse").arg(&server.url)).await;
}

#[tokio::test]
async fn mcp_proxy_of_npm_before_a_pipe() {
    let (Some(bridge), Some(server)) = (program("mcp-proxy"), server()) else { return };
    for (carrier, path) in [("Streamable HTTP", "/mcp"), ("HTTP+SSE", "/sse")] {
        let (bridge, server) = (bridge.clone(), server.clone());
        let start = |port: &str| {
            let bridge = bridge.arg("--port").arg(port).arg("--");
            server.split(' ').fold(bridge, |bridge, word| bridge.arg(word)).command()
        };
        to_pipe("mcp-proxy (npm)", carrier, path, start).await;
    }
}

/// The mcp-proxy of PyPI.
fn python_proxy() -> Option<Program> {
    let peers = Peer("mcp-proxy").installed()?;
    Some(Program::new(venv(&peers.join("mcp-proxy"), "mcp-proxy")))
}

#[tokio::test]
async fn mcp_proxy_of_pypi_before_a_pipe() {
    let (Some(bridge), Some(server)) = (python_proxy(), server()) else { return };
    for (carrier, path) in [("Streamable HTTP", "/mcp"), ("HTTP+SSE", "/sse")] {
        let (bridge, server) = (bridge.clone(), server.clone());
        let start = |port: &str| {
            let bridge = bridge.arg("--port").arg(port).arg("--");
            server.split(' ').fold(bridge, |bridge, word| bridge.arg(word)).command()
        };
        to_pipe("mcp-proxy (PyPI)", carrier, path, start).await;
    }
}

#[tokio::test]
async fn mcp_proxy_of_pypi_before_http() {
    let (Some(bridge), Some(server)) = (python_proxy(), node("ts1")) else { return };
    let http = HttpPeer::start(&server, &[]).await;
    let streamable = bridge.clone().arg("--transport").arg("streamablehttp").arg(&http.url);
    from_pipe("mcp-proxy (PyPI), to Streamable HTTP", "stdio", streamable).await;
    let sse = HttpPeer::start_sse(&server, "/sse").await;
    from_pipe("mcp-proxy (PyPI), to HTTP+SSE", "stdio", bridge.arg(&sse.url)).await;
}

#[tokio::test]
async fn mcp_remote() {
    let (Some(bridge), Some(server)) = (program("mcp-remote"), node("ts2")) else { return };
    let server = HttpPeer::start(&server, &[]).await;
    let folder = tempfile::tempdir().unwrap();
    // It must not use the tokens and locks of the user.
    let bridge = bridge.arg(&server.url).arg("--transport").arg("http-only").stdio();
    let bridge = bridge.env("MCP_REMOTE_CONFIG_DIR", folder.path());
    let client = Client::new(bridge).unwrap();
    call_echo(client, Row::new("mcp-remote (npm)", "stdio"), "text").await;
    bounded(async { drop(server) }).await;
}
