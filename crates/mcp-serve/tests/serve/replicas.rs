//! Replicas that share a table of sessions.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use bytes::Bytes;
use http::Method;
use mcp_serve::{Http, SessionTable};
use mcp_testkit::until;
use serde_json::json;

use crate::{
    fixture::{Chatty, Counts},
    raw::{Answer, post, request, send},
};

#[derive(Clone, Default)]
struct Shared {
    records: Arc<Mutex<HashMap<String, (Bytes, Duration)>>>,
    is_down: Arc<AtomicBool>,
}

impl Shared {
    fn check(&self) -> Result<(), &'static str> {
        if self.is_down.load(Ordering::SeqCst) { Err("down") } else { Ok(()) }
    }
}

impl SessionTable for Shared {
    type Error = &'static str;

    async fn put(&self, id: &str, record: Bytes, ttl: Duration) -> Result<(), &'static str> {
        self.check()?;
        self.records.lock().unwrap().insert(id.to_owned(), (record, ttl));
        Ok(())
    }

    async fn get(&self, id: &str) -> Result<Option<Bytes>, &'static str> {
        self.check()?;
        Ok(self.records.lock().unwrap().get(id).map(|(record, _)| record.clone()))
    }

    async fn remove(&self, id: &str) -> Result<(), &'static str> {
        self.check()?;
        self.records.lock().unwrap().remove(id);
        Ok(())
    }
}

fn replica(table: &Shared) -> (Http<Chatty>, Arc<Counts>) {
    let (chatty, counts) = Chatty::new();
    (Http::new(chatty).session_table(table.clone()), counts)
}

async fn open(http: &Http<Chatty>) -> String {
    let params = json!({ "protocolVersion": "2025-06-18", "clientInfo": { "name": "me" } });
    let answer = post(http, &[], &request(0, "initialize", params)).await;
    answer.header("mcp-session-id").unwrap().to_owned()
}

async fn call(http: &Http<Chatty>, session: &str) -> Answer {
    post(http, &[("mcp-session-id", session)], &request(1, "echo", json!({}))).await
}

async fn delete(http: &Http<Chatty>, session: &str) -> Answer {
    send(http, Method::DELETE, &[("mcp-session-id", session)], "").await
}

#[tokio::test]
async fn any_replica_serves_any_session() {
    let table = Shared::default();
    let ((one, _), (other, counts)) = (replica(&table), replica(&table));
    let session = open(&one).await;
    assert_eq!(table.records.lock().unwrap()[&session].1, Duration::from_secs(30 * 60));
    assert_eq!(call(&other, &session).await.status, 200);
    // Its server was opened with the client's own parameters, once.
    assert_eq!(call(&other, &session).await.status, 200);
    assert_eq!(counts.clients.load(Ordering::SeqCst), 1);
    let versions: Vec<_> =
        counts.versions.lock().unwrap().iter().flatten().map(ToString::to_string).collect();
    assert_eq!(versions, ["2025-06-18", "2025-06-18"]);
    // Its stream for messages outside exchanges too.
    let headers = [("mcp-session-id", &*session), ("last-event-id", "0-17")];
    assert_eq!(send(&other, Method::GET, &headers, "").await.status, 200);
    // A replica that ends leaves its sessions to the others.
    one.close().await;
    assert_eq!(call(&other, &session).await.status, 200);
    assert_eq!(call(&other, "unknown").await.status, 404);
}

#[tokio::test]
async fn concurrent_requests_open_a_session_once() {
    let table = Shared::default();
    let ((one, _), (other, counts)) = (replica(&table), replica(&table));
    let session = open(&one).await;
    let calls = (0..20).map(|_| call(&other, &session));
    for answer in futures_util::future::join_all(calls).await {
        assert_eq!(answer.status, 200);
    }
    assert_eq!(other.sessions(), 1);
    let opened = counts.clients.load(Ordering::SeqCst);
    assert_eq!(counts.closed.load(Ordering::SeqCst), opened - 1);
}

#[tokio::test(start_paused = true)]
async fn a_deleted_session_ends_at_all_replicas() {
    let table = Shared::default();
    let ((one, _), (other, counts), (third, _)) =
        (replica(&table), replica(&table), replica(&table));
    let session = open(&one).await;
    assert_eq!(call(&other, &session).await.status, 200);
    // At a replica that has never served it.
    assert_eq!(delete(&third, &session).await.status, 204);
    assert_eq!(delete(&third, &session).await.status, 404);
    assert_eq!(call(&third, &session).await.status, 404);
    tokio::time::sleep(Duration::from_secs(10 * 60)).await;
    assert_eq!(call(&other, &session).await.status, 404);
    assert_eq!(counts.closed.load(Ordering::SeqCst), 1);
    assert_eq!((one.sessions(), other.sessions(), third.sessions()), (0, 0, 0));
}

#[tokio::test(start_paused = true)]
async fn records_are_renewed_while_a_session_is_open() {
    let table = Shared::default();
    let (one, _) = replica(&table);
    let session = open(&one).await;
    for record in table.records.lock().unwrap().values_mut() {
        record.1 = Duration::ZERO;
    }
    tokio::time::sleep(Duration::from_secs(10 * 60)).await;
    assert_eq!(table.records.lock().unwrap()[&session].1, Duration::from_secs(30 * 60));
}

#[tokio::test]
async fn an_unavailable_table_neither_ends_nor_hides_a_session() {
    let table = Shared::default();
    let ((one, _), (other, _)) = (replica(&table), replica(&table));
    let session = open(&one).await;
    table.is_down.store(true, Ordering::SeqCst);
    assert_eq!(call(&one, &session).await.status, 200);
    let refused = call(&other, &session).await;
    assert_eq!(refused.status, 503);
    assert!(refused.json().await["error"]["message"].as_str().unwrap().contains("unavailable"));
    let own = open(&one).await;
    assert_eq!(call(&one, &own).await.status, 200);
    table.is_down.store(false, Ordering::SeqCst);
    assert_eq!(call(&other, &session).await.status, 200);
}

/// The client has to open a new session, since the state of the ended server is lost.
#[tokio::test]
async fn a_session_whose_server_ended_is_opened_nowhere() {
    let table = Shared::default();
    let ((one, _), (other, _)) = (replica(&table), replica(&table));
    let session = open(&one).await;
    let ended = post(&one, &[("mcp-session-id", &session)], &request(1, "die", json!({}))).await;
    drop(ended);
    until("the end", || table.records.lock().unwrap().is_empty()).await;
    assert_eq!(call(&other, &session).await.status, 404);
}
