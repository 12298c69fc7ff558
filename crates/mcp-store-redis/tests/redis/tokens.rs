//! OAuth tokens.

use std::time::{Duration, Instant};

use http::{Request, StatusCode};
use mcp_auth::{OAuth, ServerAuth, TokenStore, follow};
use mcp_http::{Authorized, Body, HttpClient};
use mcp_store_redis::RedisStore;
use mcp_testkit::{http::log_in, oauth::Guarded, until, within};
use tower::ServiceExt as _;

use crate::server::{Redis, ended, start};

const URL: &str = "MCP_STORE_TEST_URL";
const REDIS: &str = "MCP_STORE_TEST_REDIS";

fn client() -> HttpClient {
    HttpClient::builder().no_proxy().build().unwrap()
}

/// Tokens in Redis, and a user who agrees at once.
fn for_user(redis: &Redis) -> OAuth {
    let agent = follow(|page| async move { log_in(&page, &[]).await });
    OAuth::new().user_agent(agent).http(client()).store(redis.store())
}

async fn call(auth: &ServerAuth, url: &str) -> Result<StatusCode, mcp_http::Error> {
    let request = Request::post(url).body(Body::from("{}")).unwrap();
    let response = Authorized::new(client(), auth.clone()).oneshot(request).await?;
    Ok(response.status())
}

/// Not a test: the body of the other processes, in which no user can log in.
#[tokio::test]
async fn child() {
    let (Ok(url), Ok(redis)) = (std::env::var(URL), std::env::var(REDIS)) else { return };
    let oauth = OAuth::new().http(client()).store(RedisStore::new(redis).unwrap());
    let oauth = oauth.user_agent(follow(|_| async { Err::<String, _>("nobody") }));
    let auth = oauth.for_server(&url).unwrap();
    assert_eq!(within(call(&auth, &url)).await.unwrap(), 200);
}

#[tokio::test]
async fn processes_share_a_login_and_never_use_a_refresh_token_twice() {
    let Some(redis) = Redis::start() else { return };
    for count in [2, 8] {
        let world = Guarded::start().await;
        let oauth = for_user(&redis);
        within(oauth.login(world.url())).await.unwrap();
        world.expire();
        world.lock().delays.insert("/token".into(), Duration::from_millis(300));
        let (url, redis) = (world.url(), redis.url.clone());
        let variables = [(URL, &*url), (REDIS, &*redis)];
        let children = (0..count).map(|_| start("tokens::child", &variables)).collect();
        let ended = ended(children).await;
        assert!(ended.iter().all(|succeeded| *succeeded), "{count}: {ended:?}");
        assert_eq!(world.seen("refresh").len(), 1, "{count}");
        // This process has an old token and adopts the new one.
        let auth = oauth.for_server(world.url()).unwrap();
        assert_eq!(within(call(&auth, &world.url())).await.unwrap(), 200);
        assert_eq!((world.seen("refresh").len(), world.seen("authorize").len()), (1, 1));
    }
}

#[tokio::test]
async fn a_process_killed_between_rotation_and_save_leaves_a_usable_store() {
    let Some(redis) = Redis::start() else { return };
    let world = Guarded::start().await;
    let oauth = for_user(&redis);
    within(oauth.login(world.url())).await.unwrap();
    world.expire();
    world.lock().delays.insert("/token".into(), Duration::from_secs(20));
    let url = world.url();
    let mut child = start("tokens::child", &[(URL, &*url), (REDIS, &*redis.url)]);
    until("the rotation", || !world.seen("refresh").is_empty()).await;
    child.kill().unwrap();
    child.wait().unwrap();
    world.lock().delays.clear();
    // The lease expires, the refresh token is spent, and the user logs in again.
    let auth = oauth.for_server(world.url()).unwrap();
    let calling = tokio::time::timeout(Duration::from_secs(40), call(&auth, &url));
    assert_eq!(calling.await.unwrap().unwrap(), 200);
    assert_eq!(world.seen("authorize").len(), 2);
}

#[tokio::test]
async fn a_lock_is_held_until_it_is_dropped() {
    let Some(redis) = Redis::start() else { return };
    let (one, other) = (redis.store(), redis.store());
    let key = OAuth::new().store_key("https://mcp.example.com/mcp").unwrap();
    let held = one.lock(&key).await.unwrap();
    // Longer than a lease.
    let waiting = tokio::time::timeout(Duration::from_secs(17), other.lock(&key));
    assert!(waiting.await.is_err(), "the lock was acquired twice");
    drop(held);
    let begin = Instant::now();
    let again = within(other.lock(&key)).await.unwrap();
    assert!(begin.elapsed() < Duration::from_secs(2), "{:?}", begin.elapsed());
    // Another key has another lock.
    let key = OAuth::new().store_key("https://other.example.com/mcp").unwrap();
    drop(within(one.lock(&key)).await.unwrap());
    drop(again);
}

#[tokio::test]
async fn values_are_stored_and_removed() {
    let Some(redis) = Redis::start() else { return };
    let store = redis.store();
    let key = OAuth::new().store_key("https://mcp.example.com/mcp").unwrap();
    assert!(store.load(&key).await.unwrap().is_none());
    store.save(&key, &"one".into()).await.unwrap();
    store.save(&key, &"two".into()).await.unwrap();
    assert_eq!(redis.store().load(&key).await.unwrap().unwrap().expose(), "two");
    store.remove(&key).await.unwrap();
    store.remove(&key).await.unwrap();
    assert!(store.load(&key).await.unwrap().is_none());
}

#[tokio::test]
async fn an_unreachable_store_is_an_error_that_names_the_server() {
    let store = RedisStore::new("redis://127.0.0.1:1").unwrap();
    let key = OAuth::new().store_key("https://mcp.example.com/mcp").unwrap();
    let error = within(store.load(&key)).await.unwrap_err();
    assert_eq!(error.to_string(), "the tokens of https://mcp.example.com/mcp could not be loaded");
    let cause = std::error::Error::source(&error).unwrap().to_string();
    assert!(cause.starts_with("redis: cannot connect: "), "{cause}");
}
