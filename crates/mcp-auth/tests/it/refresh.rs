//! Tokens that expire.

use std::time::Duration;

use mcp_auth::{ErrorKind, MemoryStore};
use mcp_testkit::{until, within};
use serde_json::json;

use crate::world::{World, call, for_user, json_answer, send};

/// Authorization of a server that the user is logged in at.
async fn logged_in(world: &World) -> mcp_auth::ServerAuth {
    let auth = for_user().for_server(world.url()).unwrap();
    assert_eq!(within(call(&auth, &world.url())).await.unwrap(), 200);
    auth
}

#[tokio::test]
async fn a_hundred_callers_share_one_refresh() {
    let world = World::start().await;
    let auth = logged_in(&world).await;
    world.expire();
    world.lock().delays.insert("/token".into(), Duration::from_millis(100));
    let mut callers = tokio::task::JoinSet::new();
    for _ in 0..100 {
        let (auth, url) = (auth.clone(), world.url());
        callers.spawn(async move { call(&auth, &url).await.unwrap() });
    }
    for status in within(callers.join_all()).await {
        assert_eq!(status, 200);
    }
    assert_eq!(world.seen("refresh").len(), 1);
    assert_eq!(world.seen("authorize").len(), 1);
}

#[tokio::test]
async fn a_refresh_completes_without_its_callers() {
    let world = World::start().await;
    let auth = logged_in(&world).await;
    world.expire();
    world.lock().delays.insert("/token".into(), Duration::from_millis(200));
    let (caller, url) = (auth.clone(), world.url());
    let caller = tokio::spawn(async move { call(&caller, &url).await });
    until("the refresh", || !world.seen("refresh").is_empty()).await;
    caller.abort();
    // The old refresh token is spent: only the pending response helps.
    assert_eq!(within(call(&auth, &world.url())).await.unwrap(), 200);
    assert_eq!((world.seen("refresh").len(), world.seen("authorize").len()), (1, 1));
}

#[tokio::test]
async fn a_slow_request_blocks_no_other() {
    let world = World::start().await;
    let auth = logged_in(&world).await;
    world.twist("/mcp", |request| {
        // The second caller gets its response while the first one waits.
        let has_token = request.header("authorization").is_some();
        has_token.then(|| (200, Vec::new(), String::new()))
    });
    world.lock().delays.insert("/mcp".into(), Duration::from_secs(30));
    let (slow, url) = (auth.clone(), world.url());
    let slow = tokio::spawn(async move { call(&slow, &url).await });
    until("the slow request", || world.paths().iter().filter(|it| *it == "/mcp").count() == 3)
        .await;
    world.lock().delays.clear();
    world.expire();
    let url = world.url();
    let called = tokio::time::timeout(Duration::from_secs(10), call(&auth, &url));
    assert_eq!(called.await.unwrap().unwrap(), 200);
    slow.abort();
}

#[tokio::test]
async fn members_missing_in_a_refresh_are_kept_and_the_resource_is_sent() {
    let world = World::start().await;
    world.lock().keeps_refresh = true;
    world.lock().challenge = ", scope=\"a\"".to_owned();
    let auth = logged_in(&world).await;
    for n in 1..4 {
        world.expire();
        assert_eq!(within(call(&auth, &world.url())).await.unwrap(), 200);
        assert_eq!(world.seen("refresh").len(), n);
    }
    let first = &world.seen("refresh")[0];
    assert_eq!(first["resource"], world.url());
    assert!(world.seen("refresh").iter().all(|it| it["refresh_token"] == first["refresh_token"]));
    assert_eq!(world.seen("authorize").len(), 1);
}

#[tokio::test]
async fn an_ended_grant_causes_a_login_only_in_the_foreground() {
    // The standard code, and the wording of other servers.
    for refusal in [
        json!({ "error": "invalid_grant" }),
        json!({ "error_code": "refresh_token_not_found", "msg": "Invalid Refresh Token" }),
    ] {
        let world = World::start().await;
        let auth = logged_in(&world).await;
        world.expire();
        let body = refusal.clone();
        world.twist("/token", move |request| {
            request.body.contains("grant_type=refresh").then(|| json_answer(400, &body))
        });
        let response = within(send(&auth, &world.url(), true)).await.unwrap();
        assert_eq!(response.status(), 401);
        assert_eq!(world.seen("authorize").len(), 1, "no login in the background");
        assert_eq!(within(call(&auth, &world.url())).await.unwrap(), 200);
        assert_eq!(world.seen("authorize").len(), 2);
    }
}

#[tokio::test]
async fn an_outage_neither_ends_a_grant_nor_opens_a_page() {
    for (status, kind, body) in [
        (500, "text/plain", ""),
        (503, "text/html", "<html>maintenance"),
        (429, "application/json", "{\"error\":\"slow\"}"),
        (200, "text/html", "<html>proxy"),
        (403, "text/html", "<html>denied by a proxy"),
    ] {
        let world = World::start().await;
        let auth = logged_in(&world).await;
        world.expire();
        world.twist("/token", move |_| {
            Some((status, vec![("content-type".into(), kind.into())], body.to_owned()))
        });
        let error = within(call(&auth, &world.url())).await.unwrap_err();
        assert_eq!(error.kind(), mcp_http::ErrorKind::Unavailable, "{status}: {error:?}");
        assert_eq!(world.seen("authorize").len(), 1);
        world.lock().clear_twists();
        assert_eq!(within(call(&auth, &world.url())).await.unwrap(), 200, "{status}");
        assert_eq!(world.seen("authorize").len(), 1, "the grant was kept");
    }
}

#[tokio::test]
async fn a_refused_client_is_registered_again() {
    let world = World::start().await;
    let auth = logged_in(&world).await;
    world.expire();
    world.twist("/token", |request| {
        let is_refresh = request.body.contains("grant_type=refresh");
        is_refresh.then(|| json_answer(401, &json!({ "error": "invalid_client" })))
    });
    assert_eq!(within(call(&auth, &world.url())).await.unwrap(), 200);
    assert_eq!((world.seen("register").len(), world.seen("authorize").len()), (2, 2));
}

#[tokio::test]
async fn a_token_is_refreshed_before_its_end_and_in_the_background_before_that() {
    let world = World::start().await;
    world.lock().ttl = Some(100);
    let store = MemoryStore::new();
    let oauth = for_user().store(store.clone());
    within(oauth.login(world.url())).await.unwrap();
    // Another client, which finds the token at this age.
    for (age, expected) in [(0, 0), (80, 1), (95, 1)] {
        let world = World::start().await;
        world.lock().ttl = Some(100);
        let store = MemoryStore::new();
        let first = for_user().store(store.clone());
        within(first.login(world.url())).await.unwrap();
        age_tokens(&store, &first, &world, age).await;
        let auth = for_user().store(store).for_server(world.url()).unwrap();
        assert_eq!(within(call(&auth, &world.url())).await.unwrap(), 200);
        if expected > 0 {
            // The second request sees what the first one loaded.
            assert_eq!(within(call(&auth, &world.url())).await.unwrap(), 200);
            until("the refresh", || world.seen("refresh").len() == expected).await;
        }
        assert_eq!(world.seen("refresh").len(), expected, "{age}");
        let was_refused = world.paths().iter().any(|it| it.starts_with("/.well-known"));
        assert!(was_refused, "only the login's request");
        assert_eq!(world.seen("authorize").len(), 1);
    }
}

/// Ages the stored tokens by `seconds`.
async fn age_tokens(store: &MemoryStore, oauth: &mcp_auth::OAuth, world: &World, seconds: u64) {
    use mcp_auth::TokenStore as _;
    let key = oauth.store_key(world.url()).unwrap();
    let text = store.load(&key).await.unwrap().unwrap();
    let mut tokens: serde_json::Value = serde_json::from_str(text.expose()).unwrap();
    let expires_at = tokens["expires_at"].as_u64().unwrap() - seconds;
    tokens["expires_at"] = expires_at.into();
    tokens["of a later version"] = "kept".into();
    store.save(&key, &tokens.to_string().into()).await.unwrap();
}

#[tokio::test]
async fn a_stored_token_needs_no_other_request_and_unknown_members_are_kept() {
    use mcp_auth::TokenStore as _;
    let world = World::start().await;
    world.lock().ttl = Some(3600);
    let store = MemoryStore::new();
    let first = for_user().store(store.clone());
    within(first.login(world.url())).await.unwrap();
    age_tokens(&store, &first, &world, 0).await;
    let before = world.paths().len();
    let auth = for_user().store(store.clone()).for_server(world.url()).unwrap();
    assert_eq!(within(call(&auth, &world.url())).await.unwrap(), 200);
    assert_eq!(world.paths()[before..], ["/mcp"]);
    world.expire();
    assert_eq!(within(call(&auth, &world.url())).await.unwrap(), 200);
    let key = first.store_key(world.url()).unwrap();
    let text = store.load(&key).await.unwrap().unwrap();
    assert!(text.expose().contains("of a later version"));
}

#[tokio::test]
async fn a_stale_token_is_refreshed_before_it_is_used() {
    let world = World::start().await;
    world.lock().ttl = Some(100);
    let store = MemoryStore::new();
    let first = for_user().store(store.clone());
    within(first.login(world.url())).await.unwrap();
    age_tokens(&store, &first, &world, 99).await;
    let before = world.paths().len();
    let auth = for_user().store(store).for_server(world.url()).unwrap();
    assert_eq!(within(call(&auth, &world.url())).await.unwrap(), 200);
    assert_eq!(world.paths()[before..], ["/token", "/mcp"]);
}

#[tokio::test]
async fn another_authorization_server_receives_nothing_of_the_old_one() {
    let (world, other) = (World::start().await, World::start().await);
    let auth = logged_in(&world).await;
    let old = world.seen("authorize")[0]["client_id"].clone();
    // The same server now trusts another authorization server.
    let servers = json!([other.origin()]);
    world.lock().resource_metadata.insert("authorization_servers".into(), servers);
    other.lock().clients.clear();
    world.expire();
    let _ = within(call(&auth, &world.url())).await;
    assert!(world.seen("refresh").is_empty(), "no refresh at the old one");
    assert!(other.seen("refresh").is_empty(), "nor at the new one");
    assert_eq!(other.seen("register").len(), 1);
    let authorize = &other.seen("authorize")[0];
    assert!(authorize["client_id"] != old || other.seen("register").len() == 1);
    assert!(other.log().iter().all(|it| it.header("authorization").is_none()));
}

#[tokio::test]
async fn a_token_endpoint_that_moved_is_found() {
    let world = World::start().await;
    world.lock().ttl = Some(100);
    let store = MemoryStore::new();
    let first = for_user().store(store.clone());
    within(first.login(world.url())).await.unwrap();
    age_tokens(&store, &first, &world, 99).await;
    world.twist("/token", |_| Some((503, Vec::new(), String::new())));
    let moved = json!(format!("{}/token2", world.origin()));
    world.lock().metadata.insert("token_endpoint".into(), moved);
    world.twist("/token2", |_| {
        Some(json_answer(200, &json!({ "access_token": "moved", "token_type": "Bearer" })))
    });
    world.lock().access.insert("moved".into(), String::new());
    let auth = for_user().store(store).for_server(world.url()).unwrap();
    assert_eq!(within(call(&auth, &world.url())).await.unwrap(), 200);
}

#[tokio::test]
async fn errors_name_the_code_and_the_endpoint() {
    let world = World::start().await;
    world.twist("/token", |_| {
        let body = json!({ "error": "invalid_target", "error_description": "no\nsuch \u{1b}[31m\u{202e}resource" });
        Some(json_answer(400, &body))
    });
    let error = within(for_user().login(world.url())).await.unwrap_err();
    assert_eq!((error.kind(), error.code()), (ErrorKind::Refused, Some("invalid_target")));
    let text = error.to_string();
    assert!(
        text.contains("/token") && text.contains(r"no such \u{1b}[31m\u{202e}resource"),
        "{text}"
    );
}

#[tokio::test]
async fn a_refresh_that_waits_for_a_logout_restores_nothing() {
    use mcp_auth::TokenStore as _;
    let world = World::start().await;
    world.lock().metadata.insert("revocation_endpoint".into(), json!(null));
    let store = MemoryStore::new();
    let oauth = for_user().store(store.clone());
    within(oauth.login(world.url())).await.unwrap();
    world.expire();
    let lock = store.lock(&oauth.store_key(world.url()).unwrap()).await.unwrap();
    let (leaving, url) = (oauth.clone(), world.url());
    let logout = tokio::spawn(async move { leaving.logout(&url).await });
    // It is next in line for the lock.
    tokio::task::yield_now().await;
    let auth = oauth.for_server(world.url()).unwrap();
    let (background, url) = (auth.clone(), world.url());
    let request = tokio::spawn(async move { send(&background, &url, true).await });
    until("the refusal", || world.paths().iter().filter(|it| *it == "/mcp").count() == 1).await;
    drop(lock);
    within(logout).await.unwrap().unwrap();
    assert_eq!(within(request).await.unwrap().unwrap().status(), 401);
    assert!(!oauth.status(world.url()).await.unwrap().is_logged_in);
    assert!(world.seen("refresh").is_empty());
}
