//! Authorization servers that others wrote: logins at their pages, refreshes, steps up, logouts.

use std::process::Command;
use std::sync::{Arc, Mutex};

use mcp_client::{
    Client, EraPolicy, OAuth, Session, StreamableHttp,
    oauth::{Dpop, Event, FileStore, follow},
};
use mcp_testkit::http::log_in;

use super::{node, python_of};
use crate::support::{HttpPeer, Peer, bounded, source};

/// Logs in with a name and a password at whatever pages there are, and counts what happens.
#[derive(Clone, Default)]
struct User(Arc<Mutex<Counts>>);

#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct Counts {
    pages: usize,
    logins: usize,
    refreshes: usize,
}

impl User {
    fn oauth(&self) -> OAuth {
        let (pages, events) = (self.clone(), self.clone());
        let agent = follow(move |page| {
            pages.0.lock().unwrap().pages += 1;
            async move {
                let fields =
                    [("login", "ada"), ("username", "demo_user"), ("password", "demo_password")];
                log_in(&page, &fields).await
            }
        });
        OAuth::new().user_agent(agent).on_event(move |event| {
            let mut counts = events.0.lock().unwrap();
            match event {
                Event::LoggedIn { .. } => counts.logins += 1,
                Event::Refreshed { .. } => counts.refreshes += 1,
                _ => {}
            }
        })
    }

    fn counts(&self) -> Counts {
        *self.0.lock().unwrap()
    }
}

fn counts(pages: usize, logins: usize, refreshes: usize) -> Counts {
    Counts { pages, logins, refreshes }
}

async fn connect(url: &str, auth: &OAuth) -> Session {
    bounded(Client::new(url).unwrap().auth(auth).connect()).await.unwrap()
}

async fn echo(session: &Session, text: &str) {
    let result = bounded(session.call_tool("echo").arg("text", text)).await.unwrap();
    assert!(result.text().contains(text), "{result:?}");
}

fn at_localhost(peer: &HttpPeer) -> String {
    peer.url.replace("127.0.0.1", "localhost")
}

async fn provider(seconds: u32) -> Option<HttpPeer> {
    Peer("oidc").installed()?;
    let mut command = Command::new("node");
    command.arg(source("oidc.mjs")).env("TTL", seconds.to_string());
    Some(HttpPeer::start_at_port(command, "MCP_PORT", "", "listening on").await)
}

async fn fastmcp(variables: &[(&str, &str)]) -> Option<HttpPeer> {
    let mut command = python_of("fastmcp4")?.arg(source("fastmcp4_auth.py")).command();
    command.envs(variables.iter().copied());
    Some(HttpPeer::start_at_port(command, "MCP_PORT", "/mcp", "Uvicorn running").await)
}

#[tokio::test]
async fn a_login_at_oidc_provider_for_a_server_of_fastmcp() {
    // Shorter than the margin at which a token is refreshed in advance would be of use.
    let Some(provider) = provider(600).await else { return };
    let issuer = at_localhost(&provider);
    let Some(server) = fastmcp(&[("ISSUER", &issuer)]).await else { return };
    let url = at_localhost(&server);
    let user = User::default();
    let folder = tempfile::tempdir().unwrap();
    let auth = user.oauth().store(FileStore::new(folder.path()));
    for era in [EraPolicy::Auto, EraPolicy::Legacy] {
        let client = Client::new(&url).unwrap().auth(&auth).era(era);
        let session = bounded(client.connect()).await.unwrap();
        echo(&session, "hello").await;
        bounded(session.close()).await.unwrap();
    }
    assert_eq!(user.counts(), counts(1, 1, 0));
    let status = bounded(auth.status(&url)).await.unwrap();
    assert_eq!(status.issuer.as_deref(), Some(&*issuer));
    assert!(status.can_refresh && status.scopes.contains(&"mcp".to_owned()), "{status:?}");
    // Another process: nothing is asked.
    let again = user.oauth().store(FileStore::new(folder.path()));
    let session = connect(&url, &again).await;
    echo(&session, "again").await;
    assert_eq!(user.counts(), counts(1, 1, 0));
    bounded(session.close()).await.unwrap();
    bounded(again.logout(&url)).await.unwrap();
    assert!(!bounded(again.status(&url)).await.unwrap().is_logged_in);
    let session = connect(&url, &again).await;
    assert_eq!(user.counts(), counts(2, 2, 0));
    bounded(session.close()).await.unwrap();
}

#[tokio::test]
async fn a_refresh_at_oidc_provider_with_rotation() {
    let Some(provider) = provider(3).await else { return };
    let issuer = at_localhost(&provider);
    let Some(server) = fastmcp(&[("ISSUER", &issuer)]).await else { return };
    let url = at_localhost(&server);
    let user = User::default();
    let auth = user.oauth();
    let session = connect(&url, &auth).await;
    for _ in 0..2 {
        let before = user.counts().refreshes;
        // Calls go on while the token ends, and is refreshed once each time.
        while user.counts().refreshes == before {
            echo(&session, "still here").await;
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        }
    }
    assert_eq!((user.counts().pages, user.counts().logins), (1, 1));
    bounded(session.close()).await.unwrap();
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_step_up_at_oidc_provider() {
    let Some(provider) = provider(600).await else { return };
    let issuer = at_localhost(&provider);
    let Some(server) = fastmcp(&[("ISSUER", &issuer)]).await else { return };
    let url = at_localhost(&server);
    let user = User::default();
    let auth = user.oauth();
    bounded(connect(&url, &auth).await.close()).await.unwrap();
    // The same server wants more from here on.
    let port = url.rsplit(':').next().unwrap().split('/').next().unwrap().to_owned();
    drop(server);
    let mut command = python_of("fastmcp4").unwrap().arg(source("fastmcp4_auth.py")).command();
    command.env("ISSUER", &issuer).env("SCOPES", "mcp mcp:write").env("MCP_PORT", &port);
    let _server = HttpPeer::start_ready(command, &url, "Uvicorn running").await;
    let session = connect(&url, &auth).await;
    echo(&session, "more").await;
    assert_eq!(user.counts(), counts(2, 2, 0));
    let scopes = bounded(auth.status(&url)).await.unwrap().scopes;
    assert!(scopes.contains(&"mcp:write".to_owned()), "{scopes:?}");
    bounded(session.close()).await.unwrap();
}

#[tokio::test]
async fn a_service_at_oidc_provider() {
    let Some(provider) = provider(600).await else { return };
    let issuer = at_localhost(&provider);
    let Some(server) = fastmcp(&[("ISSUER", &issuer)]).await else { return };
    let auth = OAuth::client_credentials("service").secret("service-secret").issuer(&issuer);
    let session = connect(&at_localhost(&server), &auth).await;
    echo(&session, "nobody is here").await;
    bounded(session.close()).await.unwrap();
    let auth = OAuth::client_credentials("service").secret("wrong").issuer(&issuer);
    let client = Client::new(at_localhost(&server)).unwrap().auth(&auth);
    let error = bounded(client.connect()).await.unwrap_err();
    assert_eq!(error.kind(), mcp_client::ErrorKind::Unauthorized);
    let text = format!("{error:?}");
    assert!(text.contains("invalid_client") && !text.contains("wrong"), "{text}");
}

#[tokio::test]
async fn a_bound_token_of_oidc_provider_is_taken() {
    let Some(provider) = provider(3).await else { return };
    let issuer = at_localhost(&provider);
    let Some(server) = fastmcp(&[("ISSUER", &issuer)]).await else { return };
    let url = at_localhost(&server);
    let user = User::default();
    let auth = user.oauth().dpop(Dpop::Always);
    bounded(auth.login(&url)).await.unwrap();
    assert!(bounded(auth.status(&url)).await.unwrap().is_logged_in);
    assert_eq!(user.counts(), counts(1, 1, 0));
}

#[tokio::test]
async fn a_code_on_another_device_at_oidc_provider() {
    let Some(provider) = provider(600).await else { return };
    let issuer = at_localhost(&provider);
    let Some(server) = fastmcp(&[("ISSUER", &issuer)]).await else { return };
    let (sender, mut codes) = tokio::sync::mpsc::unbounded_channel();
    let auth = OAuth::device_code("tv").on_code(move |code| sender.send(code).unwrap());
    let user = tokio::spawn(async move {
        let code = codes.recv().await.unwrap();
        let page = code.verification_uri_complete.unwrap();
        // The pages end without a redirect elsewhere.
        let ended = log_in(&page, &[("login", "ada"), ("password", "pw")]).await.unwrap_err();
        assert!(ended.contains("Sign-in Success"), "{ended}");
    });
    let url = at_localhost(&server);
    let login = tokio::spawn(async move { auth.login(&url).await });
    bounded(user).await.unwrap();
    bounded(login).await.unwrap().unwrap();
}

#[tokio::test]
async fn a_server_of_fastmcp_that_is_its_own_authorization_server() {
    // An expired token that is used ends its refresh token there.
    let Some(server) = fastmcp(&[("TTL", "4")]).await else { return };
    let url = at_localhost(&server);
    let user = User::default();
    let auth = user.oauth();
    let http = StreamableHttp::new(&url).unwrap().auth(&auth);
    let session = bounded(Client::new(http).unwrap().connect()).await.unwrap();
    for _ in 0..2 {
        let before = user.counts().refreshes;
        while user.counts().refreshes == before {
            echo(&session, "still here").await;
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        }
    }
    assert_eq!((user.counts().pages, user.counts().logins), (1, 1));
    bounded(session.close()).await.unwrap();
    bounded(auth.logout(&url)).await.unwrap();
}

#[tokio::test]
async fn a_login_at_the_authorization_server_of_the_python_sdk() {
    let Some(peers) = Peer("simple-auth").installed() else { return };
    let Some(python) = python_of("mcp2") else { return };
    let start = async |module: &str, args: &[String], path: &str| {
        let mut command = python.clone().arg("-m").arg(module).command();
        command.env("PYTHONPATH", peers.join("simple-auth")).args(args);
        let free = std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let port = free.local_addr().unwrap().port();
        drop(free);
        command.arg(format!("--port={port}"));
        let url = format!("http://localhost:{port}{path}");
        HttpPeer::start_ready(command, &url, "Uvicorn running").await
    };
    let provider = start("mcp_simple_auth.auth_server", &[], "").await;
    let args =
        [format!("--auth-server={}", provider.url), "--transport=streamable-http".to_owned()];
    let server = start("mcp_simple_auth.server", &args, "/mcp").await;
    let user = User::default();
    let auth = user.oauth();
    let session = connect(&server.url, &auth).await;
    let tools = bounded(session.list_tools()).await.unwrap();
    assert_eq!(tools[0].name, "get_time");
    bounded(session.call_tool("get_time")).await.unwrap().into_result().unwrap();
    assert_eq!(user.counts(), counts(1, 1, 0));
    bounded(session.close()).await.unwrap();
    bounded(auth.logout(&server.url)).await.unwrap();
    bounded(connect(&server.url, &auth).await.close()).await.unwrap();
    assert_eq!(user.counts(), counts(2, 2, 0));
}

/// It takes everybody: OAuth on such a server costs nothing.
#[tokio::test]
async fn a_server_that_wants_no_login() {
    let Some(program) = node("ts2") else { return };
    let peer = HttpPeer::start(&program, &[]).await;
    let user = User::default();
    let session = connect(&peer.url, &user.oauth()).await;
    echo(&session, "hello").await;
    assert_eq!(user.counts(), counts(0, 0, 0));
    bounded(session.close()).await.unwrap();
}
