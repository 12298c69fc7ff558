//! Connectors of a client, as they are and wrapped.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use mcp_client::{
    Client, ErrorKind,
    transport::{Connect, Connection, Error, SharedConnect, SharedTransport},
};
use serde_json::json;

use crate::bookshop::bookshop;

/// Counts the connections.
struct Counted(SharedConnect, Arc<AtomicUsize>);

impl Connect for Counted {
    type Transport = SharedTransport;

    async fn connect(&self) -> Result<Connection<SharedTransport>, Error> {
        self.1.fetch_add(1, Ordering::Relaxed);
        self.0.connect().await
    }

    fn describe(&self) -> String {
        format!("counted {}", self.0.describe())
    }
}

#[tokio::test]
async fn a_wrapper_is_used_for_each_connection() {
    let count = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&count);
    let client = Client::new(bookshop()).unwrap();
    let client = client.wrap_connect(move |connect| Counted(connect, Arc::clone(&counted)));
    assert!(client.connector().unwrap().unwrap().describe().starts_with("counted "));
    client.connect().await.unwrap().close().await.unwrap();
    assert_eq!(count.load(Ordering::Relaxed), 1);
    // A second one goes around the first.
    let counted = Arc::clone(&count);
    let client = client.wrap_connect(move |connect| Counted(connect, Arc::clone(&counted)));
    client.connect().await.unwrap().close().await.unwrap();
    assert_eq!(count.load(Ordering::Relaxed), 3);
}

#[tokio::test]
async fn a_configuration_of_several_servers_has_no_connector() {
    let servers = json!({ "mcpServers": { "a": { "command": "a" }, "b": { "command": "b" } } });
    assert!(Client::new(servers).unwrap().connector().unwrap().is_none());
    let client = Client::new(bookshop()).unwrap().header("a", "b");
    assert_eq!(client.connector().unwrap_err().kind(), ErrorKind::Config);
}
