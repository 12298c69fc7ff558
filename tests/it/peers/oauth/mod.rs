//! Authorization servers of other projects: a login at their pages, a refresh, a step-up and a logout at each.

#[cfg(target_os = "linux")]
mod examples;
mod fastmcp;
mod oidc;
mod simple_auth;

use std::process::Command;
use std::sync::{Arc, Mutex};

use mcp_client::{
    Client, OAuth, Session,
    oauth::{Event, follow},
};
use mcp_testkit::http::log_in;

use super::{node, python_of};
use crate::support::{HttpPeer, Peer, bounded, source};

/// Logs in with a name and a password, and counts pages, logins and refreshes.
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

/// Repeats a call until the token was refreshed `count` times.
async fn until_refreshed(user: &User, count: usize, call: impl AsyncFn()) {
    bounded(async {
        while user.counts().refreshes < count {
            call().await;
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        }
    })
    .await;
}

fn at_localhost(peer: &HttpPeer) -> String {
    peer.url.replace("127.0.0.1", "localhost")
}

async fn fastmcp(variables: &[(&str, &str)]) -> Option<HttpPeer> {
    let mut command = python_of("fastmcp4")?.arg(source("fastmcp4_auth.py")).command();
    command.envs(variables.iter().copied());
    Some(HttpPeer::start_at_port(command, "MCP_PORT", "/mcp", "Uvicorn running").await)
}

#[tokio::test]
async fn a_server_without_authorization() {
    let Some(program) = node("ts2") else { return };
    let peer = HttpPeer::start(&program, &[]).await;
    let user = User::default();
    let session = connect(&peer.url, &user.oauth()).await;
    echo(&session, "hello").await;
    assert_eq!(user.counts(), counts(0, 0, 0));
    bounded(session.close()).await.unwrap();
}
