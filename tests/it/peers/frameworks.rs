//! Servers of other frameworks and SDKs, as packaged.

use std::time::Duration;

use mcp_client::{Client, Stdio};

use super::{call_echo, list, runners::settings};
use crate::support::{HttpPeer, Peer, Program, Row, source, venv};

/// Time limit for downloading and starting a package.
const DOWNLOAD_LIMIT: Duration = Duration::from_secs(240);

/// The Go SDK: the package ships a binary.
#[tokio::test]
async fn mcp_grafana() {
    let Some(peers) = Peer("grafana").installed() else { return };
    let program = Stdio::new(venv(&peers.join("grafana"), "mcp-grafana"));
    let program = program.env("DO_NOT_TRACK", "1");
    let client = Client::new(program).unwrap();
    list(client, Row::new("mcp-grafana (PyPI, Go SDK)", "stdio"), "search_dashboards").await;
}

/// npx downloads it into an empty cache, and reuses it the second time.
#[tokio::test]
async fn context7_with_a_cold_and_a_warm_cache() {
    if Peer("npm").installed().is_none() {
        return;
    }
    let cache = tempfile::tempdir().unwrap();
    for state in ["cold", "warm"] {
        let npx = Stdio::npx("@upstash/context7-mcp@4.1.1");
        let npx = npx.inherit_env(settings().map(|(name, _)| name));
        let npx = npx.env("npm_config_cache", cache.path());
        let client = Client::new(npx).unwrap().start_timeout(DOWNLOAD_LIMIT);
        let row = Row::new(&format!("@upstash/context7-mcp (npx, {state} cache)"), "stdio");
        list(client, row, "resolve-library-id").await;
    }
}

#[tokio::test]
async fn figma_at_both_paths() {
    let Some(peers) = Peer("bridges").installed() else { return };
    let program = peers.join("bridges/node_modules/.bin/figma-developer-mcp");
    for path in ["/mcp", "/sse"] {
        let row = Row::new("figma-developer-mcp (npm)", path);
        let command = |port: &str| {
            let figma = Program::new(&program).arg("--figma-api-key").arg("none");
            let mut command = figma.arg("--port").arg(port).command();
            command.env("DO_NOT_TRACK", "1");
            command
        };
        let peer = HttpPeer::start_with_port(command, path).await;
        list(peer.client(), row, "get_figma_data").await;
    }
}

#[tokio::test]
async fn gradio() {
    let Some(peers) = Peer("gradio").installed() else { return };
    let python = Program::new(venv(&peers.join("gradio"), "python"));
    let row = Row::new("gradio (PyPI)", "Streamable HTTP");
    let command = |port: &str| {
        let mut command = python.arg(source("gradio_peer.py")).arg(port).command();
        command.env("GRADIO_ANALYTICS_ENABLED", "False");
        command
    };
    let peer = HttpPeer::start_with_port(command, "/gradio_api/mcp/").await;
    call_echo(peer.client(), row, "text").await;
}

#[tokio::test]
async fn hono() {
    let Some(_) = Peer("bridges").installed() else { return };
    let row = Row::new("@hono/mcp (npm)", "Streamable HTTP");
    let peer = HttpPeer::start(&Program::new("node").arg(source("hono.mjs")), &[]).await;
    call_echo(peer.client(), row, "text").await;
}
