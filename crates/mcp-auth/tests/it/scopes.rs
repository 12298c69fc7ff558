//! Requested scopes, and the number of step-ups.

use std::sync::atomic::{AtomicUsize, Ordering};

use mcp_auth::OAuth;
use mcp_testkit::within;
use serde_json::json;

use crate::world::{World, call, client, for_user, json_answer, params, send};

#[tokio::test]
async fn scopes_of_the_challenge_win_and_configured_scopes_are_added() {
    for (challenge, published, expected) in [
        (", scope=\"a b\"", json!(["p"]), "a b mine"),
        ("", json!(["p", "q"]), "p q mine"),
        ("", json!(null), "mine"),
    ] {
        let world = World::start().await;
        world.lock().challenge = challenge.to_owned();
        world.lock().resource_metadata.insert("scopes_supported".into(), published);
        let auth = for_user().scopes(["mine"]).for_server(world.url()).unwrap();
        assert_eq!(within(call(&auth, &world.url())).await.unwrap(), 200);
        assert_eq!(world.seen("authorize")[0]["scope"], expected);
    }
}

#[tokio::test]
async fn step_ups_keep_the_granted_scopes_and_are_limited() {
    let world = World::start().await;
    world.lock().challenge = ", scope=\"read\"".to_owned();
    let auth = for_user().for_server(world.url()).unwrap();
    assert_eq!(within(call(&auth, &world.url())).await.unwrap(), 200);
    world.lock().wants_scope = Some("write".to_owned());
    assert_eq!(within(call(&auth, &world.url())).await.unwrap(), 200);
    assert_eq!(world.seen("authorize")[1]["scope"], "read write");
    // A client may request the scopes that it was registered with.
    assert_eq!(world.seen("register")[1]["scope"], "read write");
    // A scope that is never granted is requested once.
    world.twist("/token", |_| {
        let body = json!({ "access_token": "x", "token_type": "Bearer", "scope": "read" });
        Some(json_answer(200, &body))
    });
    world.lock().access.insert("x".into(), "read".into());
    world.lock().wants_scope = Some("admin".to_owned());
    for _ in 0..3 {
        assert_eq!(within(call(&auth, &world.url())).await.unwrap(), 403);
    }
    assert_eq!(world.seen("authorize").len(), 3);
}

/// Refuses every token because of a new scope each time.
fn want_ever_more(world: &World) {
    let asked = AtomicUsize::new(0);
    world.twist("/mcp", move |request| {
        request.header("authorization")?;
        let scope = asked.fetch_add(1, Ordering::SeqCst);
        let challenge = format!("Bearer error=\"insufficient_scope\", scope=\"s{scope}\"");
        Some((403, vec![("www-authenticate".into(), challenge)], String::new()))
    });
}

#[tokio::test]
async fn a_request_has_at_most_three_logins() {
    let world = World::start().await;
    want_ever_more(&world);
    let auth = for_user().for_server(world.url()).unwrap();
    assert_eq!(within(call(&auth, &world.url())).await.unwrap(), 403);
    let scopes: Vec<_> =
        world.seen("authorize").iter().map(|it| it.get("scope").cloned()).collect();
    assert_eq!(scopes, [None, Some("s0".into()), Some("s0 s1".into())]);
    // A service has one grant and one step-up.
    let world = World::start().await;
    want_ever_more(&world);
    let service = OAuth::client_credentials("svc").secret("s").http(client());
    let auth = service.for_server(world.url()).unwrap();
    assert_eq!(within(call(&auth, &world.url())).await.unwrap(), 403);
    assert_eq!(world.seen("client_credentials").len(), 2);
}

#[tokio::test]
async fn a_step_up_without_a_scope_requests_the_published_scopes() {
    let world = World::start().await;
    world.lock().challenge = ", scope=\"read\"".to_owned();
    let auth = for_user().for_server(world.url()).unwrap();
    assert_eq!(within(call(&auth, &world.url())).await.unwrap(), 200);
    world.lock().challenge.clear();
    // The refusal of the Python SDK: the scope is only in the description.
    let wanted = |request: &mcp_testkit::http::Received| {
        let host = request.header("host").unwrap();
        let challenge = format!(
            "Bearer error=\"insufficient_scope\", error_description=\"Required scope: write\", \
             resource_metadata=\"http://{host}/.well-known/oauth-protected-resource/mcp\""
        );
        Some((403, vec![("www-authenticate".into(), challenge)], String::new()))
    };
    world.twist("/mcp", wanted);
    // Nothing more is published, or all of it was granted: no page opens.
    for published in [json!(null), json!(["read"])] {
        world.lock().resource_metadata.insert("scopes_supported".into(), published);
        assert_eq!(within(call(&auth, &world.url())).await.unwrap(), 403);
        assert_eq!(world.seen("authorize").len(), 1);
    }
    world.lock().resource_metadata.insert("scopes_supported".into(), json!(["write"]));
    let state = world.clone();
    world.twist("/mcp", move |request| {
        let token = request.header("authorization")?.trim_start_matches("Bearer ").to_owned();
        let scopes = state.lock().access.get(&token).cloned()?;
        if scopes.contains("write") { None } else { wanted(request) }
    });
    assert_eq!(within(call(&auth, &world.url())).await.unwrap(), 200);
    assert_eq!(world.seen("authorize")[1]["scope"], "read write");
    assert_eq!(world.seen("authorize").len(), 2);
}

#[tokio::test]
async fn a_403_without_a_required_scope_is_the_response() {
    let world = World::start().await;
    world.twist("/mcp", |_| Some((403, Vec::new(), "not for you".to_owned())));
    let auth = for_user().for_server(world.url()).unwrap();
    let response = within(send(&auth, &world.url(), false)).await.unwrap();
    assert_eq!(response.status(), 403);
    let body = response.into_body().read_to_end(100).await.unwrap();
    assert_eq!(body, "not for you");
    assert_eq!(world.paths(), ["/mcp"]);
}

#[tokio::test]
async fn offline_access_is_requested_if_listed_and_dropped_if_refused() {
    let world = World::start().await;
    world.lock().challenge = ", scope=\"read\"".to_owned();
    world.lock().metadata.insert("scopes_supported".into(), json!(["read", "offline_access"]));
    world.twist("/authorize", |request| {
        let query = params(request.path.split_once('?').unwrap().1);
        let uri = format!(
            "{}?error=invalid_scope&state={}&iss=http://{}",
            query["redirect_uri"],
            query["state"],
            request.header("host").unwrap()
        );
        query["scope"]
            .contains("offline")
            .then(|| (302, vec![("location".into(), uri)], String::new()))
    });
    within(for_user().login(world.url())).await.unwrap_err();
    let auth = for_user().for_server(world.url()).unwrap();
    assert_eq!(within(call(&auth, &world.url())).await.unwrap(), 200);
    assert_eq!(world.seen("authorize").last().unwrap()["scope"], "read");
    assert!(world.seen("register")[1]["scope"].contains("offline_access"));
}
