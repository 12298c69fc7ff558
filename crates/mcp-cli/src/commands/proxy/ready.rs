//! Whether the server behind the proxy responds.

use std::time::Duration;

use mcp_client::{Client, group::Group};

use crate::{escape, target::Secrets};

/// How long a server may take to answer a ping.
const PING_TIMEOUT: Duration = Duration::from_secs(5);

/// How the server is checked.
#[derive(Clone)]
pub(super) enum Readiness {
    /// By a session of our own, which the first check opens.
    Client(Box<Client>),
    /// By the sessions of a group.
    Group(Group),
}

impl Readiness {
    /// Whether the server answers, and of a group at least one server.
    ///
    /// # Errors
    /// The cause, with `secrets` masked.
    pub(super) async fn check(&self, secrets: &Secrets) -> Result<(), String> {
        let outcome = match self {
            Self::Client(client) => ping(client).await,
            Self::Group(group) => ping_any(group).await,
        };
        outcome.map_err(|cause| escape::block(&secrets.masked(cause)).into_owned())
    }
}

async fn ping(client: &Client) -> Result<(), String> {
    let session = client.connect().await.map_err(|error| error.to_string())?;
    let ping = tokio::time::timeout(PING_TIMEOUT, session.ping().into_future()).await;
    match ping {
        Ok(ping) => ping.map(drop).map_err(|error| error.to_string()),
        Err(_) => Err(no_answer()),
    }
}

async fn ping_any(group: &Group) -> Result<(), String> {
    let status = group.status();
    let pings = status.iter().map(|server| async {
        match tokio::time::timeout(PING_TIMEOUT, group.ping(&server.name)).await {
            Ok(ping) => ping.map_err(|error| error.to_string()),
            Err(_) => Err(format!("{}: {}", server.name, no_answer())),
        }
    });
    let pings = futures_util::future::join_all(pings).await;
    if pings.iter().any(Result::is_ok) {
        return Ok(());
    }
    let causes: Vec<String> = pings.into_iter().filter_map(Result::err).collect();
    Err(causes.join("\n"))
}

fn no_answer() -> String {
    format!("no answer within {} s", PING_TIMEOUT.as_secs())
}
