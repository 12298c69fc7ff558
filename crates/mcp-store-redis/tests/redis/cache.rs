//! Cached results.

use std::time::{Duration, Instant};

use mcp_session::{Cache, CacheEntry, CacheStore, Session, SessionOptions};
use mcp_store_redis::RedisStore;
use mcp_testkit::{http::Server, within};
use mcp_transport_http::StreamableHttp;

use crate::server::{Redis, ended, start};

#[tokio::test]
async fn values_live_as_long_as_they_may() {
    let Some(redis) = Redis::start() else { return };
    let (one, other) = (redis.store(), redis.store());
    let minute = Duration::from_secs(60);
    let value = vec![0, 255, b'\n'];
    one.put("a key\r\n", CacheEntry::new(value.clone(), minute)).await.unwrap();
    let found = other.get("a key\r\n").await.unwrap().unwrap();
    assert_eq!(found.value, value);
    assert!(found.ttl <= minute && found.ttl > minute / 2, "{:?}", found.ttl);
    assert_eq!(redis.store().prefix("other:").get("a key\r\n").await.unwrap(), None);
    one.remove("a key\r\n").await.unwrap();
    one.remove("a key\r\n").await.unwrap();
    assert_eq!(other.get("a key\r\n").await.unwrap(), None);

    one.put("short", CacheEntry::new("x", Duration::from_millis(50))).await.unwrap();
    tokio::time::sleep(Duration::from_millis(80)).await;
    assert_eq!(one.get("short").await.unwrap(), None);
    one.put("none", CacheEntry::new("x", Duration::ZERO)).await.unwrap();
    assert_eq!(one.get("none").await.unwrap(), None);
    one.put("long", CacheEntry::new("x", Duration::MAX)).await.unwrap();
    assert!(one.get("long").await.unwrap().unwrap().ttl > minute);
}

const URL: &str = "MCP_STORE_TEST_URL";
const REDIS: &str = "MCP_STORE_TEST_REDIS";

async fn list(url: &str, store: RedisStore) -> Result<usize, mcp_session::Error> {
    let options = SessionOptions::default().with_cache(Cache::default().store("the server", store));
    let session = Session::open(StreamableHttp::new(url).unwrap(), None, options).await?;
    let tools = session.list_tools().await?;
    session.close().await?;
    Ok(tools.len())
}

/// Not a test: the body of the other processes.
#[tokio::test]
async fn child() {
    let (Ok(url), Ok(redis)) = (std::env::var(URL), std::env::var(REDIS)) else { return };
    assert_eq!(within(list(&url, RedisStore::new(redis).unwrap())).await.unwrap(), 1);
}

/// A server whose lists may be cached.
async fn server() -> Server {
    Server::start(async |request, reply| {
        let result = match request.rpc().as_str() {
            "server/discover" => {
                r#"{"resultType":"complete","supportedVersions":["2026-07-28"],
                    "capabilities":{"tools":{}},"ttlMs":0,"cacheScope":"private"}"#
            }
            "tools/list" => {
                r#"{"resultType":"complete","ttlMs":60000,"cacheScope":"public",
                    "tools":[{"name":"echo","inputSchema":{"type":"object"}}]}"#
            }
            _ => return reply.empty(405).await,
        };
        reply.json(200, request.result(result)).await
    })
    .await
}

#[tokio::test]
async fn processes_share_a_list() {
    let Some(redis) = Redis::start() else { return };
    let server = server().await;
    let variables = [(URL, &*server.url), (REDIS, &*redis.url)];
    for _ in 0..3 {
        assert_eq!(ended(vec![start("cache::child", &variables)]).await, [true]);
    }
    assert_eq!(server.logged("tools/list").len(), 1);
    assert_eq!(server.logged("server/discover").len(), 3);
}

#[tokio::test]
async fn a_redis_that_does_not_answer_fails_no_call() {
    let Some(redis) = Redis::start() else { return };
    let server = server().await;
    assert_eq!(within(list(&server.url, redis.store())).await.unwrap(), 1);
    redis.signal("-STOP");
    let begin = Instant::now();
    assert_eq!(within(list(&server.url, redis.store())).await.unwrap(), 1);
    assert!(begin.elapsed() < Duration::from_secs(10), "{:?}", begin.elapsed());
    redis.signal("-CONT");
    let url = redis.url.clone();
    drop(redis);
    assert_eq!(within(list(&server.url, RedisStore::new(url).unwrap())).await.unwrap(), 1);
    assert_eq!(server.logged("tools/list").len(), 3);
}

#[tokio::test]
async fn a_connection_is_opened_again() {
    let Some(redis) = Redis::start() else { return };
    let store = redis.store();
    store.put("a", CacheEntry::new("1", Duration::from_secs(60))).await.unwrap();
    // All clients are disconnected, as by a restart of a proxy in between.
    let client = redis::Client::open(&*redis.url).unwrap();
    let mut admin = client.get_multiplexed_async_connection().await.unwrap();
    let kill = redis::cmd("CLIENT").arg("KILL").arg("TYPE").arg("normal").to_owned();
    let killed: i64 = kill.query_async(&mut admin).await.unwrap();
    assert!(killed >= 1, "{killed}");
    let mut failures = 0;
    while store.get("a").await.is_err() {
        failures += 1;
        assert!(failures < 20, "it stays disconnected");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

#[test]
fn it_works_in_successive_runtimes() {
    let Some(redis) = Redis::start() else { return };
    let store = redis.store();
    for round in 0..3 {
        let runtime = tokio::runtime::Runtime::new().unwrap();
        runtime.block_on(async {
            let mut failures = 0;
            let entry = CacheEntry::new("1", Duration::from_secs(60));
            while let Err(error) = store.put("a", entry.clone()).await {
                failures += 1;
                assert!(failures < 20, "round {round}: {error}");
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        });
    }
}

#[tokio::test]
async fn errors_name_the_cause_and_no_password() {
    let error = RedisStore::new("http://localhost").unwrap_err();
    assert!(error.to_string().starts_with("redis: the URL: "), "{error}");
    let store = RedisStore::new("redis://user:canary-password@127.0.0.1:1/0").unwrap();
    let error = within(store.get("a")).await.unwrap_err();
    assert!(error.is_transient(), "{error:?}");
    assert!(error.to_string().starts_with("redis: cannot connect: "), "{error}");
    assert!(!format!("{error:?} {error} {store:?}").contains("canary"), "{error:?}");
}
