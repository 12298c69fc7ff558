//! The server of this project, in this process.

use mcp_client::{Client, EraPolicy};
use mcp_integration::own_server;

use crate::support::{Expect, Log, bounded, exercise};

async fn in_memory(mode: EraPolicy, expect: Expect) {
    let log = Log::new();
    let lines = log.clone();
    let server = own_server(move |line| lines.push(line));
    let session = bounded(Client::new(server).unwrap().era(mode).connect()).await.unwrap();
    exercise(&session, &log, &expect).await;
    bounded(session.close()).await.unwrap();
    bounded(session.list_tools()).await.unwrap_err();
}

#[tokio::test]
async fn modern() {
    in_memory(EraPolicy::Auto, Expect::modern("own")).await;
}

#[tokio::test]
async fn legacy() {
    in_memory(EraPolicy::Legacy, Expect::legacy("own")).await;
}
