//! Secrets are never shown.

use std::io::Write;
use std::sync::{Arc, Mutex};

use mcp_auth::{MemoryStore, OAuth, Secret};
use mcp_testkit::within;
use serde_json::json;
use tracing_subscriber::fmt::MakeWriter;

use crate::world::{CANARY, World, call, client, for_user, json_answer};

#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Log {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

/// Logs in with each grant, then again at a server that repeats the request.
#[tokio::test]
async fn an_authorization_server_that_repeats_secrets_does_not_show_them() {
    let log = Log::default();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(tracing::Level::TRACE)
        .with_writer(log.clone())
        .finish();
    let _guard = tracing::subscriber::set_default(subscriber);
    let secret = |name: &str| format!("{name}-{CANARY}");
    let mut kinds = std::collections::BTreeSet::new();
    for n in 0..5 {
        let world = World::start().await;
        let oauth = match n {
            0 => for_user(),
            1 => OAuth::client_credentials("svc").secret(secret("own s:")),
            2 => OAuth::jwt_bearer("svc", move |_| async move { secret("jwt") }),
            3 => OAuth::device_code("tv").on_code(|_| {}),
            _ => OAuth::enterprise("app")
                .secret(secret("own"))
                .idp(world.origin())
                .idp_client("idp-app")
                .id_token(move || async move { secret("id-token") }),
        };
        let oauth = oauth.http(client());
        within(oauth.login(world.url())).await.unwrap();
        let shown = format!("{oauth:?} {:?}", oauth.status(world.url()).await);
        assert!(!shown.contains(CANARY), "{shown}");
        for code in ["invalid_request", "invalid_grant", "access_denied"] {
            world.twist("/token", move |request| {
                let body = format!("{} {:?}", request.body, request.header("authorization"));
                let texts: Vec<_> = crate::world::params(&request.body).into_values().collect();
                let text = format!("{body} {}", texts.join(" "));
                Some(json_answer(400, &json!({ "error": code, "error_description": text })))
            });
            let error = within(oauth.login(world.url())).await.unwrap_err();
            let text = format!("{error} {error:?}");
            assert!(text.contains(code) || code == "access_denied", "{text}");
            assert!(!text.contains(CANARY), "{n} {code}: {text}");
            let log = world.log();
            let basic = log.last().unwrap().header("authorization").unwrap_or("none at all");
            assert!(!text.contains(basic.trim_start_matches("Basic ")), "{text}");
        }
        kinds.extend(world.lock().seen.iter().map(|(kind, _)| *kind));
    }
    assert!(kinds.len() >= 6, "{kinds:?}");
    let log = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
    assert!(!log.contains(CANARY), "{log}");
}

#[tokio::test]
async fn secrets_are_not_in_logs_debug_or_errors() {
    let log = Log::default();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(tracing::Level::TRACE)
        .with_writer(log.clone())
        .finish();
    let _guard = tracing::subscriber::set_default(subscriber);
    let world = World::start().await;
    let methods = json!(["client_secret_post"]);
    world.lock().metadata.insert("token_endpoint_auth_methods_supported".into(), methods);
    let shown = Arc::new(Mutex::new(String::new()));
    let sink = Arc::clone(&shown);
    let show = move |text: String| sink.lock().unwrap().push_str(&text);
    let on_event = show.clone();
    let oauth = for_user().store(MemoryStore::new()).on_event(move |event| {
        on_event(format!("{event:?}"));
    });
    let auth = oauth.for_server(world.url()).unwrap();
    within(call(&auth, &world.url())).await.unwrap();
    world.expire();
    within(call(&auth, &world.url())).await.unwrap();
    show(format!("{auth:?} {oauth:?} {:?}", oauth.status(world.url()).await));
    // Every step that can fail.
    for (path, body) in [
        ("/token", json!({ "error": "invalid_grant", "error_description": "x" })),
        ("/register", json!({ "error": "invalid_redirect_uri" })),
    ] {
        world.expire();
        let answer = body.clone();
        world.twist(path, move |_| Some(json_answer(400, &answer)));
        let failed = for_user();
        let auth = failed.for_server(world.url()).unwrap();
        let error = within(call(&auth, &world.url())).await.unwrap_err();
        show(format!("{error} {error:?}"));
    }
    world.lock().clear_twists();
    within(oauth.logout(world.url())).await.unwrap();
    let service = OAuth::client_credentials("svc").secret(format!("own-{CANARY}")).http(client());
    show(format!("{service:?} {:?}", Secret::new(CANARY)));
    within(service.login(world.url())).await.unwrap();
    let log = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
    let shown = shown.lock().unwrap().clone();
    assert!(shown.contains("LoggedIn") && shown.contains("invalid_grant"));
    for (place, text) in [("the log", &log), ("Debug or errors", &shown)] {
        assert!(!text.contains(CANARY), "{place}: {text}");
        for name in ["code_verifier", "state="] {
            assert!(!text.contains(name), "{place}: {text}");
        }
        for redirect in world.seen("authorize") {
            assert!(!text.contains(&redirect["state"]), "{place}");
            assert!(!text.contains(&redirect["code_challenge"]), "{place}");
        }
    }
}
