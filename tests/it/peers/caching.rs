//! Real servers with cacheable results.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use mcp_client::{
    Cache, CacheMode, Client, Error, MemoryStore, Session, StreamableHttp,
    transport::{
        Connect, Connection, Envelope, Error as TransportError, Exchange, OneWay, Transport,
    },
    types::{Notification, Request, method},
};
use serde_json::json;

use super::{node, python};
use crate::support::{HttpPeer, Program, bounded};

/// Counts the list and read requests to a server.
#[derive(Clone)]
struct Counting<T> {
    below: T,
    asked: Arc<AtomicU32>,
}

impl<C: Connect> Connect for Counting<C> {
    type Transport = Counting<C::Transport>;

    async fn connect(&self) -> Result<Connection<Self::Transport>, TransportError> {
        let asked = Arc::clone(&self.asked);
        let connection = self.below.connect().await?;
        Ok(connection.map(|below| Counting { below, asked }))
    }

    fn describe(&self) -> String {
        self.below.describe()
    }
}

impl<T: Transport> Transport for Counting<T> {
    async fn request(&self, request: Envelope<Request>) -> Result<Exchange, TransportError> {
        let method = &*request.message.method;
        if method.ends_with("/list") || method == method::RESOURCES_READ {
            self.asked.fetch_add(1, Ordering::SeqCst);
        }
        self.below.request(request).await
    }

    async fn send(&self, message: Envelope<OneWay>) -> Result<(), TransportError> {
        self.below.send(message).await
    }

    async fn close(&self) -> Result<(), TransportError> {
        self.below.close().await
    }
}

fn client(peer: &HttpPeer) -> (Client, Arc<AtomicU32>) {
    let asked = Arc::new(AtomicU32::new(0));
    let below = StreamableHttp::new(&*peer.url).unwrap();
    let connect = Counting { below, asked: Arc::clone(&asked) };
    (Client::new(connect).unwrap(), asked)
}

async fn ask_for_all(session: &Session) -> Result<(), Error> {
    assert!(session.list_tools().await?.iter().any(|tool| tool.name == "echo"));
    assert_eq!(session.list_prompts().await?[0].name, "greet");
    assert_eq!(session.list_resources().await?[0].uri, "test://greeting");
    assert_eq!(session.list_resource_templates().await?[0].uri_template, "test://item/{id}");
    for (uri, text) in [("test://greeting", "hello"), ("test://item/7", "item 7")] {
        let result = serde_json::to_value(session.read_resource(uri).await?).unwrap();
        assert_eq!(result["contents"][0]["text"], text);
    }
    Ok(())
}

/// A repeated request reaches the server once, also in a later session, and from another client with the same store.
async fn keeps(program: &Program) {
    let peer = HttpPeer::start(program, &["cache"]).await;
    let store = MemoryStore::new();
    let cache = Cache::new().store(&peer.url, store.clone());
    let (client, asked) = self::client(&peer);
    let client = client.name("peer").cache(cache.clone());
    let first = bounded(client.connect()).await.unwrap();
    for _ in 0..2 {
        bounded(ask_for_all(&first)).await.unwrap();
        assert_eq!(asked.load(Ordering::SeqCst), 6);
    }
    bounded(first.close()).await.unwrap();
    let second = bounded(client.connect()).await.unwrap();
    bounded(ask_for_all(&second)).await.unwrap();
    assert_eq!(asked.load(Ordering::SeqCst), 6, "a later session of the client");
    bounded(second.list_tools().cache(CacheMode::Refresh)).await.unwrap();
    assert_eq!(asked.load(Ordering::SeqCst), 7);

    let (other, asked) = self::client(&peer);
    let other = bounded(other.name("peer").cache(cache).connect()).await.unwrap();
    bounded(ask_for_all(&other)).await.unwrap();
    assert_eq!(asked.load(Ordering::SeqCst), 0, "another client finds it all in the store");

    let (thirsty, asked) = self::client(&peer);
    let thirsty = bounded(thirsty.cache(Cache::off()).connect()).await.unwrap();
    for round in 1..=2 {
        bounded(ask_for_all(&thirsty)).await.unwrap();
        assert_eq!(asked.load(Ordering::SeqCst), 6 * round, "nothing is kept");
    }
}

/// A change notification evicts before it is passed on.
async fn forgets(program: &Program) {
    let peer = HttpPeer::start(program, &["cache"]).await;
    let (client, asked) = client(&peer);
    let (tx, mut heard) = tokio::sync::mpsc::unbounded_channel();
    let client = client.on_notification(move |notification: &Notification| {
        let _ = tx.send(notification.method.to_string());
    });
    let session = bounded(client.connect()).await.unwrap();
    let listening = session.clone();
    let listen = tokio::spawn(async move {
        let filter = json!({
            "toolsListChanged": true,
            "resourceSubscriptions": ["test://greeting"],
        });
        let params = json!({ "notifications": filter });
        let call = listening.request(method::SUBSCRIPTIONS_LISTEN, &params);
        call.timeout(mcp_client::Timeout::NONE).await
    });
    let mut said = async || bounded(heard.recv()).await.unwrap();
    assert_eq!(said().await, method::NOTIFICATIONS_SUBSCRIPTIONS_ACKNOWLEDGED);
    bounded(ask_for_all(&session)).await.unwrap();
    bounded(ask_for_all(&session)).await.unwrap();
    assert_eq!(asked.load(Ordering::SeqCst), 6);

    bounded(session.call_tool("grow")).await.unwrap().into_result().unwrap();
    assert_eq!(said().await, method::NOTIFICATIONS_TOOLS_LIST_CHANGED);
    let tools = bounded(session.list_tools()).await.unwrap();
    assert!(tools.iter().any(|tool| tool.name == "grown"));
    bounded(ask_for_all(&session)).await.unwrap();
    assert_eq!(asked.load(Ordering::SeqCst), 7, "nothing but the tools");

    let touch = session.call_tool("touch").arg("uri", "test://greeting");
    bounded(touch).await.unwrap().into_result().unwrap();
    assert_eq!(said().await, method::NOTIFICATIONS_RESOURCES_UPDATED);
    bounded(ask_for_all(&session)).await.unwrap();
    assert_eq!(asked.load(Ordering::SeqCst), 8, "nothing but that resource");

    // Without a subscription, changes are not noticed.
    listen.abort();
    let _ = bounded(listen).await;
    tokio::time::sleep(Duration::ZERO).await;
    bounded(ask_for_all(&session)).await.unwrap();
    assert_eq!(asked.load(Ordering::SeqCst), 14);
}

#[tokio::test]
async fn mcp2_is_cached() {
    let Some(peer) = python("mcp2") else { return };
    keeps(&peer).await;
}

#[tokio::test]
async fn mcp2_changes_evict() {
    let Some(peer) = python("mcp2") else { return };
    forgets(&peer).await;
}

#[tokio::test]
async fn fastmcp4_is_cached() {
    let Some(peer) = python("fastmcp4") else { return };
    keeps(&peer).await;
}

#[tokio::test]
async fn ts2_is_cached() {
    let Some(peer) = node("ts2") else { return };
    keeps(&peer).await;
}

#[tokio::test]
async fn ts2_changes_evict() {
    let Some(peer) = node("ts2") else { return };
    forgets(&peer).await;
}
