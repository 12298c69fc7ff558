//! Secrets show nowhere.

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

#[tokio::test]
async fn neither_in_logs_nor_in_debug_nor_in_errors() {
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
    // All that can fail.
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
