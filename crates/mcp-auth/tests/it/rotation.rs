//! Single-use refresh tokens: several clients, dropped callers, and the clock.

use std::future::poll_fn;
use std::pin::pin;
use std::task::Poll;
use std::time::Duration;

use mcp_auth::{MemoryStore, ServerAuth, TokenStore as _};
use mcp_testkit::{until, within};
use serde_json::json;

use crate::world::{World, call, client, for_user, json_answer};

/// Polls `future` until it was pending `count` times, then drops it. Returns whether it completed before.
async fn drop_after<T>(count: usize, future: impl Future<Output = T>) -> bool {
    let mut future = pin!(future);
    let mut pending = 0;
    within(poll_fn(|cx| match future.as_mut().poll(cx) {
        Poll::Ready(_) => Poll::Ready(true),
        Poll::Pending if pending == count => Poll::Ready(false),
        Poll::Pending => {
            pending += 1;
            Poll::Pending
        }
    }))
    .await
}

/// Drops the first caller at each of its awaits, with a server prepared by `prepare`.
async fn drop_at_every_await(prepare: impl AsyncFn(&World, &ServerAuth)) -> usize {
    for count in 0..200 {
        let world = World::start().await;
        let auth = for_user().for_server(world.url()).unwrap();
        prepare(&world, &auth).await;
        let (logins, url) = (world.seen("authorize").len(), world.url());
        let was_done = drop_after(count, call(&auth, &url)).await;
        // Other callers share the work of the first one.
        let second = within(call(&auth, &url)).await.unwrap();
        assert_eq!(second, 200, "dropped after {count} awaits");
        assert!(world.seen("authorize").len() <= logins.max(1), "one login: {count}");
        assert!(world.seen("refresh").len() <= 1, "one refresh: {count}");
        if was_done {
            return count;
        }
    }
    panic!("the call does not end");
}

#[tokio::test]
async fn the_first_caller_of_a_login_may_be_dropped_at_every_await() {
    let awaits = drop_at_every_await(async |_, _| ()).await;
    assert!(awaits >= 2, "the request and the login: {awaits}");
}

#[tokio::test]
async fn the_first_caller_of_a_refresh_may_be_dropped_at_every_await() {
    let awaits = drop_at_every_await(async |world, auth| {
        assert_eq!(within(call(auth, &world.url())).await.unwrap(), 200);
        world.expire();
    })
    .await;
    assert!(awaits >= 2, "the request and the refresh: {awaits}");
}

/// A second client with the same store, which logs in first.
async fn two_clients(world: &World) -> (MemoryStore, ServerAuth, ServerAuth) {
    let store = MemoryStore::new();
    let auth = || for_user().store(store.clone()).for_server(world.url()).unwrap();
    let (one, other) = (auth(), auth());
    for auth in [&one, &other] {
        assert_eq!(within(call(auth, &world.url())).await.unwrap(), 200);
    }
    assert_eq!(world.seen("authorize").len(), 1);
    (store, one, other)
}

#[tokio::test]
async fn a_refused_refresh_removes_only_the_tokens_it_used() {
    let world = World::start().await;
    let (store, one, other) = two_clients(&world).await;
    let key = for_user().store_key(world.url()).unwrap();
    let old = store.load(&key).await.unwrap().unwrap();
    world.expire();
    assert_eq!(within(call(&other, &world.url())).await.unwrap(), 200);
    let new = store.load(&key).await.unwrap().unwrap();
    // As without a lock: the first client reads the old tokens, and the new ones are saved while its refresh is
    // refused.
    store.save(&key, &old).await.unwrap();
    let (late, saved) = (store.clone(), new.clone());
    let stored = key.clone();
    world.twist("/token", move |_| {
        let saving = late.save(&stored, &saved);
        // A store in memory does not wait.
        assert!(matches!(
            pin!(saving).poll(&mut std::task::Context::from_waker(std::task::Waker::noop())),
            Poll::Ready(Ok(()))
        ));
        Some(json_answer(400, &json!({ "error": "invalid_grant" })))
    });
    assert_eq!(within(call(&one, &world.url())).await.unwrap(), 200);
    assert_eq!(world.seen("authorize").len(), 1, "the tokens of the other client are used");
    assert!(store.load(&key).await.unwrap() == Some(new));
}

#[tokio::test]
async fn after_an_outage_the_store_is_read_before_the_next_refresh() {
    let world = World::start().await;
    let (_, one, other) = two_clients(&world).await;
    world.expire();
    world.twist("/token", |_| Some((504, Vec::new(), String::new())));
    let error = within(call(&one, &world.url())).await.unwrap_err();
    assert_eq!(error.kind(), mcp_http::ErrorKind::Unavailable);
    // The request may have succeeded before the outage: another client has the new tokens.
    world.lock().clear_twists();
    assert_eq!(within(call(&other, &world.url())).await.unwrap(), 200);
    assert_eq!(within(call(&one, &world.url())).await.unwrap(), 200);
    assert_eq!((world.seen("refresh").len(), world.seen("authorize").len()), (1, 1));
}

#[tokio::test]
async fn a_refresh_after_a_restart_uses_the_secret_of_the_registration() {
    let world = World::start().await;
    let methods = json!(["client_secret_basic"]);
    world.lock().metadata.insert("token_endpoint_auth_methods_supported".into(), methods);
    let store = MemoryStore::new();
    let auth = || for_user().store(store.clone()).for_server(world.url()).unwrap();
    assert_eq!(within(call(&auth(), &world.url())).await.unwrap(), 200);
    world.expire();
    assert_eq!(within(call(&auth(), &world.url())).await.unwrap(), 200);
    let (code, refresh) = (&world.seen("code")[0], &world.seen("refresh")[0]);
    assert!(refresh["authorization"].starts_with("Basic "));
    assert_eq!(refresh["authorization"], code["authorization"]);
    assert_eq!(world.seen("register").len(), 1);
}

/// Advances the clock of the process.
async fn advance(seconds: u64) {
    tokio::time::pause();
    tokio::time::advance(Duration::from_secs(seconds)).await;
    tokio::time::resume();
}

#[tokio::test]
async fn a_token_in_use_is_refreshed_in_the_background_and_then_before_it_is_sent() {
    let world = World::start().await;
    world.lock().ttl = Some(100);
    let auth = for_user().for_server(world.url()).unwrap();
    let url = world.url();
    assert_eq!(within(call(&auth, &url)).await.unwrap(), 200);
    // 25 s before its end a refresh is started, 10 s before its end it is awaited.
    advance(70).await;
    assert_eq!(within(call(&auth, &url)).await.unwrap(), 200);
    assert!(world.seen("refresh").is_empty());
    advance(10).await;
    let first = world.log().last().unwrap().header("authorization").unwrap().to_owned();
    assert_eq!(within(call(&auth, &url)).await.unwrap(), 200);
    until("the refresh", || world.seen("refresh").len() == 1).await;
    until("the new token", || {
        let log = world.log();
        let sent = log.iter().rfind(|it| it.path == "/mcp").unwrap();
        sent.header("authorization") == Some(&*first)
    })
    .await;
    advance(95).await;
    let before = world.paths().len();
    assert_eq!(within(call(&auth, &url)).await.unwrap(), 200);
    assert_eq!(world.paths()[before..], ["/token", "/mcp"]);
    assert_eq!(world.seen("authorize").len(), 1);
}

#[tokio::test]
async fn an_invalid_lifetime_is_ignored() {
    // No lifetime, one in the past, and one beyond any clock.
    for ttl in [json!(null), json!(0), json!(-5), json!("soon"), json!(1e300)] {
        let world = World::start().await;
        let body = json!({ "access_token": "t", "token_type": "Bearer", "expires_in": ttl });
        world.twist("/token", move |_| Some(json_answer(200, &body)));
        world.lock().access.insert("t".into(), String::new());
        let oauth = for_user();
        let auth = oauth.for_server(world.url()).unwrap();
        for _ in 0..2 {
            assert_eq!(within(call(&auth, &world.url())).await.unwrap(), 200);
        }
        assert_eq!(oauth.status(world.url()).await.unwrap().expires_in, None);
        assert_eq!(world.seen("authorize").len(), 1);
    }
}

/// The server's `Date` corrects the clock of proofs, in requests for tokens and to the server.
#[cfg(any(feature = "tls-ring", feature = "tls-aws-lc"))]
#[tokio::test]
async fn proofs_use_the_clock_of_a_server_that_is_off_by_a_day() {
    use base64::Engine as _;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;

    fn claims(request: &mcp_testkit::http::Received) -> serde_json::Value {
        let proof = request.header("dpop").unwrap();
        let part = proof.split('.').nth(1).unwrap();
        serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap()
    }

    let world = World::start().await;
    world.lock().resource_metadata.insert("dpop_bound_access_tokens_required".into(), json!(true));
    // Sun, 06 Nov 1994: more than a day off in any case.
    let date = ("date".to_owned(), "Sun, 06 Nov 1994 08:49:37 GMT".to_owned());
    let head = date.clone();
    world.twist("/token", move |_| {
        let body = json!({ "access_token": "bound", "token_type": "DPoP", "expires_in": 3600 });
        Some((200, vec![head.clone()], body.to_string()))
    });
    world.twist("/mcp", move |request| {
        let is_bound = request.header("authorization") == Some("DPoP bound");
        is_bound.then(|| (200, vec![date.clone()], "{}".to_owned()))
    });
    let oauth = for_user().http(client());
    let auth = oauth.for_server(world.url()).unwrap();
    assert_eq!(within(call(&auth, &world.url())).await.unwrap(), 200);
    let log = world.log();
    let bound = log.iter().find(|it| it.header("authorization") == Some("DPoP bound")).unwrap();
    assert!(claims(bound)["iat"].as_u64().unwrap().abs_diff(784_111_777) < 60);
    // The clock is that of the server: a lifetime of an hour is also an hour here.
    let left = oauth.status(world.url()).await.unwrap().expires_in.unwrap();
    assert!(left > Duration::from_secs(3000), "{left:?}");
}
