//! `oidc-provider`, with FastMCP servers that trust it.

use std::path::Path;

use mcp_client::{
    EraPolicy,
    oauth::{Dpop, FileStore},
};

use super::*;

pub(super) async fn provider(seconds: u32) -> Option<HttpPeer> {
    provider_with_key(seconds, None).await
}

/// The same; the key of the client `signer` is written into a file.
pub(super) async fn provider_with_key(seconds: u32, key: Option<&Path>) -> Option<HttpPeer> {
    Peer("oidc").installed()?;
    let mut command = Command::new("node");
    command.arg(source("oidc.mjs")).env("TTL", seconds.to_string());
    command.envs(key.map(|file| ("KEY", file)));
    Some(HttpPeer::start_at_port(command, "MCP_PORT", "", "listening on").await)
}

#[tokio::test]
async fn a_login_and_a_logout() {
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
    // Another process: no page opens.
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
async fn a_refresh_with_rotation() {
    let Some(provider) = provider(3).await else { return };
    let issuer = at_localhost(&provider);
    let Some(server) = fastmcp(&[("ISSUER", &issuer)]).await else { return };
    let url = at_localhost(&server);
    let user = User::default();
    let auth = user.oauth();
    let session = connect(&url, &auth).await;
    // Calls continue while tokens expire and are refreshed.
    until_refreshed(&user, 2, async || echo(&session, "still here").await).await;
    assert_eq!((user.counts().pages, user.counts().logins), (1, 1));
    bounded(session.close()).await.unwrap();
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_step_up() {
    let Some(provider) = provider(600).await else { return };
    let issuer = at_localhost(&provider);
    let Some(server) = fastmcp(&[("ISSUER", &issuer)]).await else { return };
    let url = at_localhost(&server);
    let user = User::default();
    let auth = user.oauth();
    bounded(connect(&url, &auth).await.close()).await.unwrap();
    // The same server now requires more scopes.
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
async fn a_service() {
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
async fn a_dpop_bound_token_is_accepted() {
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
async fn a_code_on_another_device() {
    let Some(provider) = provider(600).await else { return };
    let issuer = at_localhost(&provider);
    let Some(server) = fastmcp(&[("ISSUER", &issuer)]).await else { return };
    let (sender, mut codes) = tokio::sync::mpsc::unbounded_channel();
    let auth = OAuth::device_code("tv").on_code(move |code| sender.send(code).unwrap());
    let user = tokio::spawn(async move {
        let code = codes.recv().await.unwrap();
        let page = code.verification_uri_complete.unwrap();
        // The pages end without a redirect to another server.
        let ended = log_in(&page, &[("login", "ada"), ("password", "pw")]).await.unwrap_err();
        assert!(ended.contains("Sign-in Success"), "{ended}");
    });
    let url = at_localhost(&server);
    let login = tokio::spawn(async move { auth.login(&url).await });
    bounded(user).await.unwrap();
    bounded(login).await.unwrap().unwrap();
}

#[tokio::test]
async fn a_user_and_a_service_over_http_sse() {
    let Some(provider) = provider(600).await else { return };
    let issuer = at_localhost(&provider);
    let Some(server) = fastmcp(&[("ISSUER", &issuer), ("TRANSPORT", "sse")]).await else { return };
    let url = at_localhost(&server).replace("/mcp", "/sse");
    let user = User::default();
    let service = OAuth::client_credentials("service").secret("service-secret").issuer(&issuer);
    for auth in [user.oauth(), service] {
        let session = connect(&url, &auth).await;
        echo(&session, "hello").await;
        bounded(session.close()).await.unwrap();
    }
    assert_eq!(user.counts(), counts(1, 1, 0));
}
