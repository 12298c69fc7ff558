//! Sharing results through a cache store.

use std::{
    future::pending,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicU32, Ordering},
    },
    time::Duration,
};

use mcp_session::{Cache, CacheEntry, CacheMode, CacheStore, MemoryStore, Session};
use mcp_transport::Binding;
use serde_json::json;
use tokio::time::Instant;

use crate::{
    cache::{generous_with, hinted, open, read, tools},
    peer::{Peer, Reply, modern, result},
};

fn server(scope: &'static str) -> Peer {
    generous_with(json!(5000), scope).bound(Binding::StreamableHttp)
}

fn sharing(store: &MemoryStore) -> Cache {
    Cache::new().store("https://example.com/mcp", store.clone())
}

#[tokio::test(start_paused = true)]
async fn public_results_are_shared() {
    let (peer, store) = (server("public"), MemoryStore::new());
    let ann = sharing(&store).principal("ann");
    assert_eq!(tools(&open(&peer, &ann).await).await, "1");
    tokio::time::advance(Duration::from_secs(3)).await;
    let bob = open(&peer, &sharing(&store).principal("bob")).await;
    assert_eq!(bob.list_tools().page(None).await.unwrap().ttl_ms, Some(2000), "what is left");
    assert_eq!(tools(&open(&peer, &sharing(&store)).await).await, "1", "nobody in particular");
    tokio::time::advance(Duration::from_secs(2)).await;
    assert_eq!(tools(&bob).await, "2", "in memory no longer than in the store");
    let elsewhere = Cache::new().store("https://example.org/mcp", store.clone());
    assert_eq!(tools(&open(&peer, &elsewhere).await).await, "3", "another server");
}

#[tokio::test(start_paused = true)]
async fn private_results_are_shared_only_for_the_same_principal() {
    let (peer, store) = (server("private"), MemoryStore::new());
    let list = async |cache: Cache| tools(&open(&peer, &cache).await).await;
    assert_eq!(list(sharing(&store)).await, "1");
    assert_eq!(list(sharing(&store)).await, "2", "nobody was named");
    assert_eq!(list(sharing(&store).principal("ann")).await, "3");
    assert_eq!(list(sharing(&store).principal("bob")).await, "4");
    assert_eq!(list(sharing(&store).principal("ann")).await, "3");
    assert_eq!(list(sharing(&store)).await, "5");
    // A name that resembles another part of a key.
    assert_eq!(list(sharing(&store).principal("ann\",\"")).await, "6");
    assert_eq!(list(sharing(&store).principal("")).await, "7");
}

/// A server whose results are public from the second on.
#[tokio::test(start_paused = true)]
async fn a_public_result_replaces_a_private_one() {
    let store = MemoryStore::new();
    let secret = server("private");
    let ann = || sharing(&store).principal("ann");
    assert_eq!(tools(&open(&secret, &ann()).await).await, "1");
    let open_to_all = server("public");
    let session = open(&open_to_all, &ann()).await;
    let list = session.list_tools().cache(CacheMode::Refresh).await.unwrap();
    assert_eq!(list[0].name, "1");
    tools(&open(&open_to_all, &ann()).await).await;
    assert!(!open_to_all.methods().is_empty());
    let lists = |peer: &Peer| peer.methods().iter().filter(|it| *it == "tools/list").count();
    assert_eq!((lists(&secret), lists(&open_to_all)), (1, 1));
    let bob = open(&secret, &sharing(&store).principal("bob")).await;
    tools(&bob).await;
    assert_eq!(lists(&secret), 1, "it is there for all");
}

#[tokio::test(start_paused = true)]
async fn results_that_are_no_longer_cacheable_are_removed_from_the_store() {
    for (ttl, scope) in [(json!(0), "public"), (json!(null), "public"), (json!(5000), "private")] {
        for principal in [None, Some("ann")] {
            let store = MemoryStore::new();
            let cache = || match principal {
                Some(name) => sharing(&store).principal(name),
                None => sharing(&store),
            };
            let (asked, then) = (AtomicU32::new(0), ttl.clone());
            let peer = modern(move |message| match message["method"].as_str() {
                Some("tools/list") => {
                    let asked = asked.fetch_add(1, Ordering::SeqCst) + 1;
                    let first = (json!(5000), "public");
                    let (ttl, scope) = if asked == 1 { first } else { (then.clone(), scope) };
                    result(message, hinted(message, asked, ttl, scope))
                }
                _ => Reply::Nothing,
            })
            .bound(Binding::StreamableHttp);
            let session = open(&peer, &cache()).await;
            assert_eq!(tools(&session).await, "1");
            let bob = async || tools(&open(&peer, &sharing(&store).principal("bob")).await).await;
            assert_eq!(bob().await, "1");
            session.list_tools().cache(CacheMode::Refresh).await.unwrap();
            assert_eq!(bob().await, "3", "{ttl} {scope}: nobody else may have it");
            let again = if scope == "public" { "4" } else { "2" };
            assert_eq!(tools(&session).await, again, "{ttl} {scope}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn absent_entries_are_not_removed() {
    let (peer, bad) =
        (generous_with(json!(0), "public").bound(Binding::StreamableHttp), Bad::default());
    // It has only the epoch, and every operation but a lookup fails.
    *bad.answers.lock().unwrap() = Some("");
    let session = open(&peer, &Cache::new().store("x", bad.clone())).await;
    assert_eq!([tools(&session).await, tools(&session).await], ["1", "2"]);
    assert_eq!(bad.asked.load(Ordering::SeqCst), 0);
    session.list_tools().cache(CacheMode::Refresh).await.unwrap();
    assert_eq!(bad.asked.load(Ordering::SeqCst), 1);
}

async fn changed(session: &Session, notifications: &[serde_json::Value]) {
    session.call_tool("say").arg("say", notifications).await.unwrap();
    for _ in 0..10 {
        tokio::task::yield_now().await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_change_reaches_the_store_with_the_next_request() {
    let (peer, store) = (server("public"), MemoryStore::new());
    let one = open(&peer, &sharing(&store)).await;
    assert_eq!(tools(&one).await, "1");
    assert_eq!(read(&one, "a://b").await, "2");
    let word = json!({ "jsonrpc": "2.0", "method": "notifications/tools/list_changed" });
    changed(&one, &[word]).await;
    assert_eq!(tools(&one).await, "3", "nothing stale comes back from the store");
    let two = open(&peer, &sharing(&store)).await;
    assert_eq!([tools(&two).await, read(&two, "a://b").await], ["3", "2"], "others see it too");
    let word = json!({
        "jsonrpc": "2.0", "method": "notifications/resources/updated", "params": { "uri": "a://x" },
    });
    changed(&two, &[word]).await;
    assert_eq!(read(&two, "a://b").await, "4");
    assert_eq!(read(&open(&peer, &sharing(&store)).await, "a://b").await, "4");
}

/// A store that fails in a configurable way and counts its operations.
#[derive(Clone, Default)]
struct Bad {
    hangs: Arc<AtomicBool>,
    answers: Arc<Mutex<Option<&'static str>>>,
    asked: Arc<AtomicU32>,
}

impl Bad {
    async fn fail<T>(&self) -> Result<T, String> {
        self.asked.fetch_add(1, Ordering::SeqCst);
        if self.hangs.load(Ordering::SeqCst) {
            pending::<()>().await;
        }
        Err("the disk is full".to_owned())
    }
}

impl CacheStore for Bad {
    type Error = String;

    async fn get(&self, key: &str) -> Result<Option<CacheEntry>, String> {
        let answer = *self.answers.lock().unwrap();
        match answer {
            Some(_) if key.contains("\"epoch\"") => {
                Ok(Some(CacheEntry::new("0".repeat(32), Duration::from_secs(60))))
            }
            Some(answer) => Ok(Some(CacheEntry::new(answer, Duration::from_secs(60)))),
            None => self.fail().await,
        }
    }

    async fn put(&self, _: &str, _: CacheEntry) -> Result<(), String> {
        self.fail().await
    }

    async fn remove(&self, _: &str) -> Result<(), String> {
        self.fail().await
    }
}

#[tokio::test(start_paused = true)]
async fn a_failing_store_is_suspended() {
    let (peer, bad) = (server("public"), Bad::default());
    let session = open(&peer, &Cache::new().store("x", bad.clone())).await;
    let start = Instant::now();
    assert_eq!([tools(&session).await, tools(&session).await], ["1", "1"], "memory is enough");
    assert_eq!(read(&session, "a://b").await, "2");
    assert_eq!((start.elapsed(), bad.asked.load(Ordering::SeqCst)), (Duration::ZERO, 1));
    tokio::time::advance(Duration::from_secs(11)).await;
    assert_eq!(tools(&session).await, "3");
    assert_eq!(bad.asked.load(Ordering::SeqCst), 2);
}

#[tokio::test(start_paused = true)]
async fn a_hanging_store_delays_one_call_briefly() {
    let (peer, bad) = (server("public"), Bad::default());
    bad.hangs.store(true, Ordering::SeqCst);
    let cache = Cache::new().store("x", bad.clone()).store_timeout(Duration::from_secs(2));
    let session = open(&peer, &cache).await;
    let start = Instant::now();
    assert_eq!(tools(&session).await, "1");
    assert_eq!(start.elapsed(), Duration::from_secs(2));
    assert_eq!([tools(&session).await, read(&session, "a://b").await], ["1", "2"]);
    assert_eq!(start.elapsed(), Duration::from_secs(2));
}

#[tokio::test(start_paused = true)]
async fn invalid_entries_of_a_store_are_ignored() {
    for answer in [
        "",
        "{",
        "{}",
        r#"{"tools":[],"ttlMs":5000,"cacheScope":"private"}"#,
        r#"{"tools":[],"ttlMs":0,"cacheScope":"public"}"#,
        r#"{"tools":7,"ttlMs":5000,"cacheScope":"public"}"#,
    ] {
        let (peer, bad) = (server("public"), Bad::default());
        *bad.answers.lock().unwrap() = Some(answer);
        let session = open(&peer, &Cache::new().store("x", bad)).await;
        assert_eq!([tools(&session).await, tools(&session).await], ["1", "1"], "{answer}");
    }
}
