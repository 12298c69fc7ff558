//! Logins, and the requests they send.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use mcp_auth::{ErrorKind, Event, OAuth, Resource, follow};
use mcp_http::Authorize as _;
use mcp_testkit::http::log_in;
use mcp_testkit::{until, within};
use serde_json::json;
use tokio::sync::Notify;

use crate::world::{World, call, client, for_user};

#[tokio::test]
async fn the_first_request_is_sent_without_a_token_and_resent_with_one() {
    let world = World::start().await;
    let auth = for_user().for_server(world.url()).unwrap();
    assert_eq!(within(call(&auth, &world.url())).await.unwrap(), 200);
    let expected = [
        "/mcp",
        "/.well-known/oauth-protected-resource/mcp",
        "/.well-known/oauth-authorization-server",
        "/register",
        "/authorize",
        "/token",
        "/mcp",
    ];
    assert_eq!(world.paths(), expected);
    assert_eq!(within(call(&auth, &world.url())).await.unwrap(), 200);
    assert_eq!(world.paths().len(), expected.len() + 1, "a valid token needs no other request");
    let register = &world.seen("register")[0];
    assert_eq!(register["application_type"], "native");
    assert_eq!(register["token_endpoint_auth_method"], "none");
    let (authorize, token) = (&world.seen("authorize")[0], &world.seen("code")[0]);
    assert_eq!(authorize["code_challenge_method"], "S256");
    assert_eq!(authorize["resource"], world.url());
    assert_eq!(token["resource"], world.url());
    assert_eq!(token["client_id"], authorize["client_id"]);
    assert!(!authorize.contains_key("scope") && !token.contains_key("client_secret"));
}

#[tokio::test]
async fn a_hundred_callers_share_one_login() {
    let world = World::start().await;
    world.lock().delays.insert("/authorize".into(), Duration::from_millis(100));
    let auth = for_user().for_server(world.url()).unwrap();
    let mut callers = tokio::task::JoinSet::new();
    for _ in 0..100 {
        let (auth, url) = (auth.clone(), world.url());
        callers.spawn(async move { call(&auth, &url).await.unwrap() });
    }
    for status in within(callers.join_all()).await {
        assert_eq!(status, 200);
    }
    assert_eq!(world.seen("authorize").len(), 1);
    assert_eq!(world.seen("register").len(), 1);
    assert_eq!(world.seen("code").len(), 1);
}

#[tokio::test]
async fn a_login_continues_without_its_caller_and_is_cancelled_with_its_owner() {
    let world = World::start().await;
    let go = Arc::new(Notify::new());
    let opened = Arc::new(AtomicUsize::new(0));
    let agent = {
        let (go, opened) = (Arc::clone(&go), Arc::clone(&opened));
        follow(move |page| {
            let (go, opened) = (Arc::clone(&go), Arc::clone(&opened));
            async move {
                opened.fetch_add(1, Ordering::SeqCst);
                go.notified().await;
                log_in(&page, &[]).await
            }
        })
    };
    let oauth = OAuth::new().user_agent(agent).http(client());
    let auth = oauth.for_server(world.url()).unwrap();
    let (first, url) = (auth.clone(), world.url());
    let caller = tokio::spawn(async move { call(&first, &url).await });
    until("the page", || opened.load(Ordering::SeqCst) == 1).await;
    assert!(auth.hold().unwrap().is_held());
    caller.abort();
    assert!(caller.await.unwrap_err().is_cancelled());
    assert!(oauth.status(world.url()).await.unwrap().is_waiting);
    go.notify_one();
    assert_eq!(within(call(&auth, &world.url())).await.unwrap(), 200);
    assert_eq!(opened.load(Ordering::SeqCst), 1);
    assert!(!auth.hold().unwrap().is_held());
    // Without an owner, no login waits for a user.
    world.expire();
    world.lock().refresh.clear();
    let (second, url) = (auth.clone(), world.url());
    let caller = tokio::spawn(async move { call(&second, &url).await });
    until("the second page", || opened.load(Ordering::SeqCst) == 2).await;
    let hold = auth.hold().unwrap();
    caller.abort();
    let _ = caller.await;
    drop((auth, oauth));
    until("the end of the login", || !hold.is_held()).await;
}

#[tokio::test]
async fn a_failed_login_fails_all_waiting_callers_and_not_the_next() {
    let world = World::start().await;
    let tries = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&tries);
    let agent = follow(move |page| {
        let n = counter.fetch_add(1, Ordering::SeqCst);
        async move { if n == 0 { Err("closed the page".to_owned()) } else { log_in(&page, &[]).await } }
    });
    let auth = OAuth::new().user_agent(agent).http(client()).for_server(world.url()).unwrap();
    let error = within(call(&auth, &world.url())).await.unwrap_err();
    assert_eq!(error.kind(), mcp_http::ErrorKind::Unauthorized);
    assert_eq!(within(call(&auth, &world.url())).await.unwrap(), 200);
}

#[tokio::test]
async fn a_login_times_out() {
    let world = World::start().await;
    let agent = follow(|_| std::future::pending::<Result<String, String>>());
    let oauth = OAuth::new().user_agent(agent).http(client());
    let oauth = oauth.login_timeout(Duration::from_millis(50));
    let error = within(oauth.login(world.url())).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Timeout);
    assert!(error.to_string().contains("/mcp"), "{error}");
}

#[tokio::test]
async fn one_login_at_a_time_for_all_servers() {
    let (one, other) = (World::start().await, World::start().await);
    let open = Arc::new(AtomicUsize::new(0));
    let most = Arc::new(AtomicUsize::new(0));
    let agent = {
        let (open, most) = (Arc::clone(&open), Arc::clone(&most));
        follow(move |page| {
            let (open, most) = (Arc::clone(&open), Arc::clone(&most));
            async move {
                most.fetch_max(open.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                tokio::time::sleep(Duration::from_millis(50)).await;
                open.fetch_sub(1, Ordering::SeqCst);
                log_in(&page, &[]).await
            }
        })
    };
    let oauth = OAuth::new().user_agent(agent).http(client());
    let (first, second) = (oauth.clone(), oauth.clone());
    let both = async { tokio::join!(first.login(one.url()), second.login(other.url())) };
    let (first, second) = within(both).await;
    first.unwrap();
    second.unwrap();
    assert_eq!(most.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn concurrent_logins_have_separate_secrets() {
    let world = World::start().await;
    let store = mcp_auth::MemoryStore::new();
    let both_are_open = Arc::new(tokio::sync::Barrier::new(2));
    let agent = || {
        let barrier = Arc::clone(&both_are_open);
        follow(move |page| {
            let barrier = Arc::clone(&barrier);
            async move {
                barrier.wait().await;
                log_in(&page, &[]).await
            }
        })
    };
    // Two processes that share a store, and a server that verifies PKCE.
    let login = || for_user().user_agent(agent()).store(store.clone());
    let (one, other) = (login(), login());
    let (one, other) =
        within(async { tokio::join!(one.login(world.url()), other.login(world.url())) }).await;
    one.unwrap();
    other.unwrap();
    let pages = world.seen("authorize");
    assert_eq!(pages.len(), 2);
    for secret in ["state", "code_challenge"] {
        assert!(pages[0][secret] != pages[1][secret], "{secret}");
    }
}

#[tokio::test]
async fn a_second_401_is_the_response() {
    let world = World::start().await;
    world.twist("/mcp", |_| Some((401, Vec::new(), String::new())));
    let auth = for_user().for_server(world.url()).unwrap();
    assert_eq!(within(call(&auth, &world.url())).await.unwrap(), 401);
    assert_eq!(world.seen("authorize").len(), 1);
}

#[tokio::test]
async fn other_schemes_without_metadata_are_left_alone() {
    let world = World::start().await;
    world.twist("/mcp", |_| {
        Some((
            401,
            vec![("www-authenticate".into(), "Basic realm=x, Negotiate".into())],
            String::new(),
        ))
    });
    for path in
        ["/.well-known/oauth-protected-resource/mcp", "/.well-known/oauth-authorization-server"]
    {
        world.twist(path, |_| Some((404, Vec::new(), String::new())));
    }
    let auth = for_user().for_server(world.url()).unwrap();
    assert_eq!(within(call(&auth, &world.url())).await.unwrap(), 401);
    assert!(!world.paths().contains(&"/register".to_owned()));
}

#[tokio::test]
async fn a_server_without_metadata_is_treated_as_2025_03_26() {
    let world = World::start().await;
    world.twist("/mcp", |request| {
        request.header("authorization").is_none().then(|| (401, Vec::new(), String::new()))
    });
    for path in
        ["/.well-known/oauth-protected-resource/mcp", "/.well-known/oauth-authorization-server"]
    {
        world.twist(path, |_| Some((404, Vec::new(), String::new())));
    }
    let auth = for_user().for_server(world.url()).unwrap();
    assert_eq!(within(call(&auth, &world.url())).await.unwrap(), 200);
    let auth = for_user().legacy(false).for_server(world.url()).unwrap();
    let error = within(call(&auth, &world.url())).await.unwrap_err();
    assert!(format!("{error:?}").contains("set `.issuer("), "{error:?}");
}

#[tokio::test]
async fn the_resource_can_be_omitted_or_set() {
    for (resource, expected) in
        [(Resource::Omit, None), (Resource::As("urn:x".into()), Some("urn:x".to_owned()))]
    {
        let world = World::start().await;
        world.lock().ttl = Some(3600);
        let oauth = for_user().resource(resource);
        let auth = oauth.for_server(world.url()).unwrap();
        assert_eq!(within(call(&auth, &world.url())).await.unwrap(), 200);
        world.expire();
        assert_eq!(within(call(&auth, &world.url())).await.unwrap(), 200);
        for kind in ["authorize", "code", "refresh"] {
            assert_eq!(world.seen(kind)[0].get("resource"), expected.as_ref(), "{kind}");
        }
    }
}

#[tokio::test]
async fn configured_parameters_are_sent() {
    let world = World::start().await;
    let oauth = for_user().authorize_param("audience", "https://api").token_param("tenant", "blue");
    within(oauth.login(world.url())).await.unwrap();
    assert_eq!(world.seen("authorize")[0]["audience"], "https://api");
    assert_eq!(world.seen("code")[0]["tenant"], "blue");
}

#[tokio::test]
async fn unannounced_pkce_is_refused_unless_assumed() {
    let world = World::start().await;
    world.lock().metadata.insert("code_challenge_methods_supported".into(), json!(null));
    let error = within(for_user().login(world.url())).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unsupported);
    assert!(error.to_string().contains("assume_pkce") && error.to_string().contains("Cognito"));
    assert!(world.seen("authorize").is_empty());
    within(for_user().assume_pkce(true).login(world.url())).await.unwrap();
    assert_eq!(world.seen("authorize")[0]["code_challenge_method"], "S256");
}

#[tokio::test]
async fn events_report_the_progress() {
    let world = World::start().await;
    let events = Arc::new(std::sync::Mutex::new(Vec::new()));
    let sink = Arc::clone(&events);
    let oauth = for_user().on_event(move |event| {
        let name = match event {
            Event::LoginStarted { url, .. } => {
                assert!(url.as_str().contains("state="));
                "started"
            }
            Event::LoggedIn { .. } => "logged in",
            Event::Refreshed { .. } => "refreshed",
            Event::LoggedOut { .. } => "logged out",
            _ => "other",
        };
        sink.lock().unwrap().push(name);
    });
    let auth = oauth.for_server(world.url()).unwrap();
    within(call(&auth, &world.url())).await.unwrap();
    world.expire();
    within(call(&auth, &world.url())).await.unwrap();
    within(oauth.logout(world.url())).await.unwrap();
    assert_eq!(*events.lock().unwrap(), ["started", "logged in", "refreshed", "logged out"]);
}

#[tokio::test]
async fn status_login_and_logout_of_the_application() {
    let world = World::start().await;
    world.lock().ttl = Some(3600);
    let oauth = for_user().scopes(["a"]);
    assert!(!oauth.status(world.url()).await.unwrap().is_logged_in);
    assert!(world.paths().is_empty());
    within(oauth.login(world.url())).await.unwrap();
    let status = oauth.status(world.url()).await.unwrap();
    assert!(status.is_logged_in && status.can_refresh);
    assert_eq!((status.scopes, status.issuer), (vec!["a".to_owned()], Some(world.origin())));
    assert!(status.expires_in.unwrap() > Duration::from_secs(3000));
    within(oauth.logout(world.url())).await.unwrap();
    assert_eq!(world.seen("revoke")[0]["token_type_hint"], "refresh_token");
    assert!(!oauth.status(world.url()).await.unwrap().is_logged_in);
    within(oauth.logout(world.url())).await.unwrap();
    assert_eq!(world.seen("revoke").len(), 1);
}

#[tokio::test]
async fn a_logout_that_is_not_revoked_is_an_error_and_deletes_the_tokens() {
    let world = World::start().await;
    let oauth = for_user();
    within(oauth.login(world.url())).await.unwrap();
    world.twist("/revoke", |_| Some((503, Vec::new(), String::new())));
    let error = within(oauth.logout(world.url())).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable);
    assert!(!oauth.status(world.url()).await.unwrap().is_logged_in);
}
