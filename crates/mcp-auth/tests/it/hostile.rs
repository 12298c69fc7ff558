//! Malicious authorization servers and redirects.

use std::time::Duration;

use mcp_auth::{ErrorKind, OAuth, follow};
use mcp_testkit::http::log_in;
use mcp_testkit::within;
use serde_json::json;

use crate::world::{World, call, client, for_user, json_answer};

async fn refused(world: &World) -> mcp_auth::Error {
    within(for_user().login(world.url())).await.unwrap_err()
}

#[tokio::test]
async fn metadata_of_another_resource_or_issuer_is_not_used() {
    for resource in ["https://evil.example/mcp", "http://127.0.0.1:1/mcp"] {
        let world = World::start().await;
        world.lock().resource_metadata.insert("resource".into(), json!(resource));
        assert_eq!(refused(&world).await.kind(), ErrorKind::Untrusted);
        assert!(!world.paths().iter().any(|it| it.contains("authorization-server")));
    }
    for issuer in ["https://evil.example", "http://127.0.0.1", ""] {
        let world = World::start().await;
        world.lock().metadata.insert("issuer".into(), json!(issuer));
        assert_eq!(refused(&world).await.kind(), ErrorKind::Untrusted);
        assert!(!world.paths().iter().any(|it| it == "/register" || it == "/authorize"));
    }
}

#[tokio::test]
async fn a_lone_slash_is_the_same_issuer() {
    let world = World::start().await;
    let with_slash = json!([format!("{}/", world.origin())]);
    world.lock().resource_metadata.insert("authorization_servers".into(), with_slash);
    within(for_user().login(world.url())).await.unwrap();
}

#[tokio::test]
async fn endpoints_that_are_not_safe_are_not_used() {
    for (name, url) in [
        ("token_endpoint", "http://evil.example/token"),
        ("token_endpoint", "file:///etc/passwd"),
        ("authorization_endpoint", "javascript:alert(1)"),
        ("authorization_endpoint", "http://evil.example/authorize"),
        ("registration_endpoint", "http://10.0.0.1/register"),
        ("registration_endpoint", "https://169.254.169.254/register"),
        ("registration_endpoint", "https://10.0.0.1/register"),
        ("token_endpoint", "not a URL"),
    ] {
        let world = World::start().await;
        world.lock().metadata.insert(name.into(), json!(url));
        let error = refused(&world).await;
        assert_eq!(error.kind(), ErrorKind::Untrusted, "{name} {url}: {error:?}");
    }
    let world = World::start().await;
    let servers = json!(["http://169.254.169.254/latest"]);
    world.lock().resource_metadata.insert("authorization_servers".into(), servers);
    assert_eq!(refused(&world).await.kind(), ErrorKind::Untrusted);
}

#[tokio::test]
async fn only_redirects_of_this_login_are_processed() {
    type Change = fn(&str) -> String;
    let cases: [(Change, &str); 7] = [
        (|it| it.replace("state=", "state=x"), "state"),
        (|it| it.replace("iss=", "was="), "no `iss`"),
        (|it| it.replace("iss=http", "iss=https"), "issuer"),
        (|it| format!("{it}%2F"), "issuer"),
        (|it| format!("{it}&code=other"), "repeats"),
        (|it| it.replace("code=", "none="), "code and state"),
        (
            |it| it.replace("code=code-canary-2", "error=access_denied&error_description=%3Cb%3E"),
            "refused",
        ),
    ];
    for (change, text) in cases {
        let world = World::start().await;
        let agent = follow(move |page| async move {
            log_in(&page, &[]).await.map(|redirect| change(&redirect))
        });
        let oauth = OAuth::new().user_agent(agent).http(client());
        let error = within(oauth.login(world.url())).await.unwrap_err();
        assert!(error.to_string().contains(text), "{error}");
        assert!(!format!("{error:?}").contains("canary"), "{error:?}");
        assert!(world.seen("code").is_empty(), "no code is sent anywhere");
    }
}

#[tokio::test]
async fn a_redirect_with_a_wrong_state_reveals_nothing() {
    let world = World::start().await;
    let agent = follow(|_| async {
        Ok::<_, String>("http://127.0.0.1/?error=x&error_description=LOOK&state=no".to_owned())
    });
    let error = within(OAuth::new().user_agent(agent).http(client()).login(world.url())).await;
    let error = error.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Untrusted);
    assert!(!format!("{error:?}").contains("LOOK"));
}

#[tokio::test]
async fn redirects_of_endpoints_are_not_followed_and_those_of_metadata_only_to_the_same_origin() {
    let evil = World::start().await;
    for path in ["/token", "/register"] {
        let world = World::start().await;
        let target = format!("{}{path}", evil.origin());
        world.twist(path, move |_| {
            Some((307, vec![("location".into(), target.clone())], String::new()))
        });
        refused(&world).await;
    }
    for path in
        ["/.well-known/oauth-protected-resource/mcp", "/.well-known/oauth-authorization-server"]
    {
        let world = World::start().await;
        let target = format!("{}{path}", evil.origin());
        world.twist(path, move |_| {
            Some((302, vec![("location".into(), target.clone())], String::new()))
        });
        assert_eq!(refused(&world).await.kind(), ErrorKind::Untrusted);
    }
    assert!(evil.paths().is_empty(), "{:?}", evil.paths());
    for target in ["http://169.254.169.254/latest/meta-data", "https://10.0.0.1/", "file:///etc"] {
        let world = World::start().await;
        world.twist("/.well-known/oauth-authorization-server", move |_| {
            Some((302, vec![("location".into(), target.into())], String::new()))
        });
        assert_eq!(refused(&world).await.kind(), ErrorKind::Untrusted, "{target}");
    }
    let world = World::start().await;
    world.twist("/.well-known/oauth-authorization-server", |_| {
        Some((302, vec![("location".into(), "/moved".into())], String::new()))
    });
    let origin = world.origin();
    world.twist("/moved", move |_| {
        let body = json!({
            "issuer": origin,
            "authorization_endpoint": format!("{origin}/authorize"),
            "token_endpoint": format!("{origin}/token"),
            "registration_endpoint": format!("{origin}/register"),
            "code_challenge_methods_supported": ["S256"],
        });
        Some(json_answer(200, &body))
    });
    within(for_user().login(world.url())).await.unwrap();
}

#[tokio::test]
async fn documents_are_limited_in_size() {
    for path in
        ["/.well-known/oauth-protected-resource/mcp", "/.well-known/oauth-authorization-server"]
    {
        let world = World::start().await;
        world.twist(path, |_| {
            Some((200, Vec::new(), format!("{{\"x\":\"{}\"}}", "x".repeat(300_000))))
        });
        let error = refused(&world).await;
        assert_eq!(error.kind(), ErrorKind::Protocol, "{error:?}");
        assert!(world.seen("authorize").is_empty());
    }
}

#[tokio::test(start_paused = true)]
async fn silence_at_any_step_times_out() {
    for path in [
        "/.well-known/oauth-protected-resource/mcp",
        "/.well-known/oauth-authorization-server",
        "/register",
        "/token",
    ] {
        let world = World::start().await;
        world.lock().delays.insert(path.to_owned(), Duration::from_secs(100_000));
        let error = for_user().login(world.url()).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unavailable, "{path}: {error:?}");
        assert!(error.is_transient() && error.to_string().contains(path), "{error}");
    }
}

#[tokio::test(start_paused = true)]
async fn silence_outside_the_login_times_out() {
    let silent = |path: &str| (path.to_owned(), Duration::from_secs(100_000));
    let world = World::start().await;
    let store = mcp_auth::MemoryStore::new();
    let oauth = for_user().store(store.clone());
    oauth.login(world.url()).await.unwrap();
    // A failed check of a stored registration does not cause a new registration.
    let looked = std::sync::atomic::AtomicBool::new(false);
    let page = world.clone();
    world.twist("/authorize", move |_| {
        let is_first = !looked.swap(true, std::sync::atomic::Ordering::SeqCst);
        let mut state = page.lock();
        match is_first {
            true => _ = state.delays.insert("/authorize".into(), Duration::from_secs(100_000)),
            false => state.delays.clear(),
        }
        None
    });
    for_user().store(store).login(world.url()).await.unwrap();
    assert_eq!(world.seen("register").len(), 1);
    world.lock().delays.extend([silent("/revoke"), silent("/device")]);
    let error = oauth.logout(world.url()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable);
    let device = OAuth::device_code("tv").on_code(|_| {}).http(client());
    let error = device.login(world.url()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable);
}

#[tokio::test(start_paused = true)]
async fn endless_responses_are_cut_off() {
    // A fast response exceeds the size limit, a slow one the time limit.
    let (fast, slow) = (Duration::ZERO, Duration::from_secs(2));
    for (pause, kind) in [(fast, ErrorKind::Protocol), (slow, ErrorKind::Unavailable)] {
        for path in [
            "/.well-known/oauth-protected-resource/mcp",
            "/.well-known/oauth-authorization-server",
            "/register",
            "/token",
        ] {
            let world = World::start().await;
            world.lock().endless.insert(path.to_owned(), pause);
            let error = for_user().login(world.url()).await.unwrap_err();
            assert_eq!(error.kind(), kind, "{path}: {error:?}");
        }
    }
}

#[tokio::test]
async fn a_code_is_not_sent_to_a_server_that_borrowed_the_page_of_another() {
    for announces_issuer in [true, false] {
        let (world, honest, evil) =
            (World::start().await, World::start().await, World::start().await);
        let servers = json!([evil.origin()]);
        world.lock().resource_metadata.insert("authorization_servers".into(), servers);
        let page = json!(format!("{}/authorize", honest.origin()));
        evil.lock().metadata.insert("authorization_endpoint".into(), page);
        let name = "authorization_response_iss_parameter_supported";
        evil.lock().metadata.insert(name.into(), json!(announces_issuer));
        let error = within(for_user().client("desktop").login(world.url())).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Untrusted);
        assert_eq!(honest.seen("authorize").len(), 1);
        assert!(!evil.paths().contains(&"/token".to_owned()));
    }
}

#[tokio::test]
async fn responses_without_a_usable_token_are_errors_and_nothing_is_stored() {
    for body in [
        json!({}),
        json!({ "access_token": "" }),
        json!({ "access_token": null, "token_type": "Bearer" }),
        json!({ "access_token": "a b" }),
        json!({ "access_token": "a\r\nx: y" }),
        json!({ "ok": false, "error": "invalid_code" }),
        json!({ "ok": true, "authed_user": { "access_token": "xoxp" } }),
        json!({ "error": "bad_verification_code", "access_token": "x" }),
        json!([1]),
    ] {
        let world = World::start().await;
        let text = body.clone();
        world.twist("/token", move |_| Some(json_answer(200, &text)));
        let oauth = for_user();
        let error = within(oauth.login(world.url())).await.unwrap_err();
        if let Some(code) = body["error"].as_str() {
            assert_eq!(error.code(), Some(code));
        }
        assert!(!oauth.status(world.url()).await.unwrap().is_logged_in, "{body}");
    }
}

#[tokio::test]
async fn responses_of_other_formats_are_accepted() {
    for (kind, body) in [
        ("application/x-www-form-urlencoded", "access_token=form&scope=a+b&token_type=bearer"),
        ("text/plain", "access_token=form&expires_in=3600"),
        ("application/json", r#"{"access_token":"form","token_type":"user","expires_in":"3600"}"#),
        ("text/html", r#"{"access_token":"form","token_type":"BEARER","expires_in":3600.0}"#),
    ] {
        let world = World::start().await;
        world.twist("/token", move |_| {
            Some((200, vec![("content-type".into(), kind.into())], body.to_owned()))
        });
        world.lock().access.insert("form".into(), String::new());
        let auth = for_user().for_server(world.url()).unwrap();
        assert_eq!(within(call(&auth, &world.url())).await.unwrap(), 200, "{body}");
        let log = world.log();
        let sent = log.last().unwrap().header("authorization");
        assert_eq!(sent, Some("Bearer form"));
        let token = log.iter().find(|it| it.path == "/token").unwrap();
        assert_eq!(token.header("accept"), Some("application/json"));
    }
}

#[tokio::test]
async fn an_outage_of_metadata_does_not_change_the_server() {
    let world = World::start().await;
    world.twist("/.well-known/oauth-protected-resource/mcp", |_| {
        Some((502, Vec::new(), String::new()))
    });
    assert_eq!(refused(&world).await.kind(), ErrorKind::Unavailable);
    assert!(!world.paths().iter().any(|it| it.contains("authorization-server")));
}

#[tokio::test]
async fn a_token_goes_to_no_other_origin() {
    let (world, evil) = (World::start().await, World::start().await);
    let auth = for_user().for_server(world.url()).unwrap();
    assert_eq!(within(call(&auth, &world.url())).await.unwrap(), 200);
    // A service that sends a request to another origin sends it without a token.
    let _ = within(call(&auth, &evil.url())).await;
    assert!(evil.log().iter().all(|it| it.header("authorization").is_none()));
    assert!(evil.paths().len() <= 1);
}
