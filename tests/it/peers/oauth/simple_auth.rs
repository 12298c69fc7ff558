//! The authorization server of the Python SDK.

use super::*;
use crate::support::Program;

/// The authorization server and the MCP servers that trust it.
struct SimpleAuth {
    python: Program,
    folder: std::path::PathBuf,
    provider: HttpPeer,
}

impl SimpleAuth {
    /// `None` if it is not installed. Access tokens last `seconds`.
    async fn start(seconds: u32) -> Option<Self> {
        let folder = Peer("simple-auth").installed()?.join("simple-auth");
        let python = python_of("mcp2")?;
        let mut command = python.clone().arg(source("simple_auth.py")).command();
        command.env("PYTHONPATH", &folder).env("TTL", seconds.to_string());
        let provider = start(command, "").await;
        Some(Self { python, folder, provider })
    }

    /// Starts a server that requires this scope, at `port` or a free one.
    async fn server(&self, scope: &str, port: Option<u16>) -> HttpPeer {
        let mut command = self.python.clone().arg("-m").arg("mcp_simple_auth.server").command();
        command.env("PYTHONPATH", &self.folder).env("MCP_RESOURCE_MCP_SCOPE", scope);
        command.arg(format!("--auth-server={}", self.provider.url));
        start_at(command, "/mcp", port.unwrap_or_else(free_port)).await
    }
}

fn free_port() -> u16 {
    let free = std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap();
    free.local_addr().unwrap().port()
}

async fn start(command: Command, path: &str) -> HttpPeer {
    start_at(command, path, free_port()).await
}

async fn start_at(mut command: Command, path: &str, port: u16) -> HttpPeer {
    command.arg(format!("--port={port}"));
    let url = format!("http://localhost:{port}{path}");
    HttpPeer::start_ready(command, &url, "Uvicorn running").await
}

async fn time(session: &Session) {
    bounded(session.call_tool("get_time")).await.unwrap().into_result().unwrap();
}

#[tokio::test]
async fn a_login_and_a_logout() {
    let Some(peers) = SimpleAuth::start(600).await else { return };
    let server = peers.server("user", None).await;
    let user = User::default();
    let auth = user.oauth();
    let session = connect(&server.url, &auth).await;
    let tools = bounded(session.list_tools()).await.unwrap();
    assert_eq!(tools[0].name, "get_time");
    time(&session).await;
    assert_eq!(user.counts(), counts(1, 1, 0));
    bounded(session.close()).await.unwrap();
    bounded(auth.logout(&server.url)).await.unwrap();
    bounded(connect(&server.url, &auth).await.close()).await.unwrap();
    assert_eq!(user.counts(), counts(2, 2, 0));
}

#[tokio::test]
async fn a_refresh_with_rotation() {
    let Some(peers) = SimpleAuth::start(4).await else { return };
    let server = peers.server("user", None).await;
    let user = User::default();
    let auth = user.oauth();
    let session = connect(&server.url, &auth).await;
    until_refreshed(&user, 2, async || time(&session).await).await;
    assert_eq!((user.counts().pages, user.counts().logins), (1, 1));
    bounded(session.close()).await.unwrap();
}

/// The SDK names no scope in its refusal: it is in the metadata of the server.
#[tokio::test]
async fn a_step_up_without_a_named_scope() {
    let Some(peers) = SimpleAuth::start(600).await else { return };
    let server = peers.server("user", None).await;
    let url = server.url.clone();
    let user = User::default();
    let auth = user.oauth();
    bounded(connect(&url, &auth).await.close()).await.unwrap();
    // The same server now requires more scopes.
    let port = url.rsplit(':').next().and_then(|it| it.split('/').next()?.parse().ok());
    drop(server);
    let _server = peers.server("user:write", port).await;
    let session = connect(&url, &auth).await;
    time(&session).await;
    assert_eq!(user.counts(), counts(2, 2, 0));
    assert_eq!(bounded(auth.status(&url)).await.unwrap().scopes, ["user", "user:write"]);
    bounded(session.close()).await.unwrap();
}
