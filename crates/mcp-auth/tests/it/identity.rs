//! Client identity.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use mcp_auth::{ErrorKind, MemoryStore, OAuth, follow};
use mcp_testkit::http::log_in;
use mcp_testkit::within;
use serde_json::json;

use crate::world::{World, call, client, for_user, json_answer, user};

#[tokio::test]
async fn a_registration_and_its_secret_are_reused_for_all_servers_of_an_issuer() {
    let world = World::start().await;
    let methods = json!(["client_secret_post"]);
    world.lock().metadata.insert("token_endpoint_auth_methods_supported".into(), methods);
    let store = MemoryStore::new();
    within(for_user().store(store.clone()).login(world.url())).await.unwrap();
    // Another server, after a restart.
    within(for_user().store(store).login(world.sse_url())).await.unwrap();
    assert_eq!(world.seen("register").len(), 1);
    let codes = world.seen("code");
    assert_eq!(codes.len(), 2);
    assert!(codes.iter().all(|it| it["client_secret"] == "secret-canary"));
}

#[tokio::test]
async fn a_logout_deletes_the_registration_and_no_other_server_needs_it() {
    let world = World::start().await;
    let oauth = for_user().store(MemoryStore::new());
    within(oauth.login(world.url())).await.unwrap();
    let other = oauth.for_server(world.sse_url()).unwrap();
    within(oauth.login(world.sse_url())).await.unwrap();
    within(oauth.logout(world.url())).await.unwrap();
    world.expire();
    assert_eq!(within(call(&other, &world.sse_url())).await.unwrap(), 200);
    assert_eq!((world.seen("refresh").len(), world.seen("register").len()), (1, 1));
    within(oauth.login(world.url())).await.unwrap();
    assert_eq!(world.seen("register").len(), 2);
}

#[tokio::test]
async fn another_redirect_uri_causes_a_new_registration() {
    let world = World::start().await;
    let store = MemoryStore::new();
    // The port of the first start is in use at the second one.
    for (port, registrations) in [(4001, 1), (4001, 1), (4002, 2)] {
        let uri = format!("http://127.0.0.1:{port}/callback");
        let agent = follow(|page| async move { log_in(&page, &[]).await }).redirect_uri(&uri);
        let oauth = for_user().user_agent(agent).store(store.clone());
        within(oauth.login(world.url())).await.unwrap();
        assert_eq!(world.seen("register").len(), registrations, "{port}");
        assert_eq!(world.seen("authorize").last().unwrap()["redirect_uri"], uri);
    }
}

#[tokio::test]
async fn a_lost_registration_is_renewed_before_a_page_opens() {
    let world = World::start().await;
    let store = MemoryStore::new();
    let pages = Arc::new(AtomicUsize::new(0));
    let oauth = || {
        let counter = Arc::clone(&pages);
        let agent = mcp_auth::follow(move |page| {
            counter.fetch_add(1, Ordering::SeqCst);
            async move { log_in(&page, &[]).await }
        });
        OAuth::new().user_agent(agent).http(client()).store(store.clone())
    };
    within(oauth().login(world.url())).await.unwrap();
    world.lock().clients.clear();
    within(oauth().login(world.url())).await.unwrap();
    assert_eq!(world.seen("register").len(), 2);
    assert_eq!(pages.load(Ordering::SeqCst), 2, "the user saw no page of an unknown client");
}

#[tokio::test]
async fn the_metadata_document_takes_precedence_over_a_registration() {
    let world = World::start().await;
    world.lock().metadata.insert("client_id_metadata_document_supported".into(), json!(true));
    let document = "https://app.example/client.json";
    within(for_user().client_metadata_url(document).login(world.url())).await.unwrap();
    assert!(world.seen("register").is_empty());
    assert_eq!(world.seen("authorize")[0]["client_id"], document);
    for wrong in ["http://app.example/c.json", "https://app.example", "https://app.example/"] {
        let error = for_user().client_metadata_url(wrong).for_server(world.url()).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Config, "{wrong}");
    }
}

#[tokio::test]
async fn a_configured_client_takes_precedence() {
    let world = World::start().await;
    let oauth = for_user().client("desktop").client_metadata_url("https://app.example/c.json");
    within(oauth.login(world.url())).await.unwrap();
    assert!(world.seen("register").is_empty());
    assert_eq!(world.seen("code")[0]["client_id"], "desktop");
}

#[tokio::test]
async fn errors_of_a_registration_name_the_setting() {
    let world = World::start().await;
    world.twist("/register", |_| Some((403, Vec::new(), "Policy 'Trusted Hosts'".to_owned())));
    let error = within(for_user().login(world.url())).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Registration);
    assert!(error.to_string().contains("`.client(\"id\")`"), "{error}");
    for unusable in [
        json!({}),
        json!({ "client_id": "" }),
        json!({ "client_id": "x", "token_endpoint_auth_method": "tls_client_auth" }),
        json!({ "client_id": "x", "token_endpoint_auth_method": "client_secret_basic" }),
        json!({ "client_id": "x", "redirect_uris": ["https://elsewhere"] }),
    ] {
        let body = unusable.clone();
        world.twist("/register", move |_| Some(json_answer(201, &body)));
        let error = within(for_user().login(world.url())).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Registration, "{unusable}");
    }
    world.lock().metadata.insert("registration_endpoint".into(), json!(null));
    let error = within(for_user().login(world.url())).await.unwrap_err();
    assert!(error.to_string().contains("`.client(\"id\")`"), "{error}");
    assert!(world.seen("authorize").is_empty(), "no page was opened");
}

#[tokio::test]
async fn a_registration_with_refused_scopes_is_retried_without_them() {
    let world = World::start().await;
    world.twist("/register", |request| {
        let refused = json!({ "error": "invalid_client_metadata" });
        request.json().get("scope").map(|_| json_answer(400, &refused))
    });
    within(for_user().scopes(["a"]).login(world.url())).await.unwrap();
    assert_eq!(world.paths().iter().filter(|it| *it == "/register").count(), 2);
}

#[tokio::test]
async fn a_secret_is_sent_to_one_issuer_only() {
    let (world, other) = (World::start().await, World::start().await);
    let store = MemoryStore::new();
    let oauth = || {
        let oauth = OAuth::client_credentials("svc").secret("secret-canary").http(client());
        oauth.store(store.clone())
    };
    within(oauth().login(world.url())).await.unwrap();
    let error = within(oauth().login(other.url())).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Untrusted);
    assert!(error.to_string().contains(".issuer("), "{error}");
    assert!(other.seen("client_credentials").is_empty());
    let pinned = oauth().issuer(world.origin());
    let error = within(pinned.login(other.url())).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Untrusted);
    assert!(!other.paths().contains(&"/token".to_owned()));
}

#[tokio::test]
async fn one_of_several_authorization_servers_is_chosen() {
    let (world, other) = (World::start().await, World::start().await);
    let servers = json!(["https://unknown.invalid", other.origin()]);
    world.lock().resource_metadata.insert("authorization_servers".into(), servers);
    let wanted = other.origin();
    let oauth = OAuth::new()
        .user_agent(user())
        .http(client())
        .choose(move |servers| servers.iter().find(|it| **it == wanted).cloned());
    within(oauth.login(world.url())).await.unwrap();
    assert_eq!(other.seen("code").len(), 1);
    let none = for_user().choose(|_| None);
    assert_eq!(within(none.login(world.url())).await.unwrap_err().kind(), ErrorKind::Denied);
}
