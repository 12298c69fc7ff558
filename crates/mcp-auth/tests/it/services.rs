//! Services, devices and organizations.

use std::sync::{Arc, Mutex};

use mcp_auth::{ErrorKind, Grant, GrantRequest, OAuth, Secret};
use mcp_testkit::within;
use serde_json::json;

use crate::world::{World, call, client, json_answer};

#[tokio::test]
async fn a_service_needs_no_user_and_retries_once_after_a_401() {
    let world = World::start().await;
    let oauth = OAuth::client_credentials("svc id").secret("s:cret").http(client()).scopes(["x"]);
    let auth = oauth.for_server(world.url()).unwrap();
    assert_eq!(within(call(&auth, &world.url())).await.unwrap(), 200);
    let asked = &world.seen("client_credentials")[0];
    // Both parts are form encoded.
    assert_eq!(asked["authorization"], "Basic c3ZjK2lkOnMlM0FjcmV0");
    assert!(!asked.contains_key("client_secret") && asked["client_id"] == "svc id");
    assert_eq!((asked["scope"].as_str(), asked["resource"].as_str()), ("x", &*world.url()));
    world.expire();
    assert_eq!(within(call(&auth, &world.url())).await.unwrap(), 200);
    assert_eq!(world.seen("client_credentials").len(), 2);
    assert!(world.seen("register").is_empty());
}

#[tokio::test]
async fn identities_do_not_share_tokens() {
    let world = World::start().await;
    let store = mcp_auth::MemoryStore::new();
    for (id, scope) in [("a", "x"), ("b", "x"), ("a", "y"), ("a", "x")] {
        let oauth =
            OAuth::client_credentials(id).secret("s").issuer(world.origin()).scopes([scope]);
        let auth = oauth.http(client()).store(store.clone()).for_server(world.url()).unwrap();
        assert_eq!(within(call(&auth, &world.url())).await.unwrap(), 200);
    }
    assert_eq!(world.seen("client_credentials").len(), 3);
}

#[cfg(any(feature = "tls-ring", feature = "tls-aws-lc"))]
#[tokio::test]
async fn keys_of_each_kind_sign_for_the_issuer() {
    use base64::Engine as _;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;

    for (pem, algorithm) in [
        (include_str!("keys/p256.pem"), "ES256"),
        (include_str!("keys/p256-sec1.pem"), "ES256"),
        (include_str!("keys/ed25519.pem"), "EdDSA"),
        (include_str!("keys/rsa.pem"), "RS256"),
    ] {
        let world = World::start().await;
        let oauth = OAuth::client_credentials("svc").private_key_pem(pem).unwrap().http(client());
        within(oauth.login(world.url())).await.unwrap();
        let asked = &world.seen("client_credentials")[0];
        assert_eq!(
            asked["client_assertion_type"],
            "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
        );
        let parts: Vec<_> = asked["client_assertion"].split('.').collect();
        let read = |part: &str| -> serde_json::Value {
            serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap()
        };
        let (header, claims) = (read(parts[0]), read(parts[1]));
        assert_eq!(header["alg"], algorithm);
        assert_eq!((&claims["iss"], &claims["sub"]), (&json!("svc"), &json!("svc")));
        assert_eq!(claims["aud"], world.origin());
        let life = claims["exp"].as_u64().unwrap() - claims["iat"].as_u64().unwrap();
        assert!(life <= 60 && claims["jti"].as_str().unwrap().len() > 20);
        assert!(!parts[2].is_empty());
    }
    for wrong in ["", "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----"] {
        let error = OAuth::client_credentials("svc").private_key_pem(wrong).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Config);
    }
}

#[tokio::test]
async fn a_workload_presents_an_assertion_once() {
    let world = World::start().await;
    let audiences = Arc::new(Mutex::new(Vec::new()));
    let seen = Arc::clone(&audiences);
    let oauth = OAuth::jwt_bearer("svc", move |audience| {
        seen.lock().unwrap().push(audience);
        async { "jwt-canary" }
    });
    let auth = oauth.http(client()).for_server(world.url()).unwrap();
    assert_eq!(within(call(&auth, &world.url())).await.unwrap(), 200);
    let asked = &world.seen("jwt_bearer")[0];
    assert_eq!((asked["assertion"].as_str(), asked["client_id"].as_str()), ("jwt-canary", "svc"));
    assert_eq!(*audiences.lock().unwrap(), [world.origin()]);
    world.expire();
    world.twist("/token", |_| Some(json_answer(400, &json!({ "error": "invalid_grant" }))));
    let error = within(call(&auth, &world.url())).await.unwrap_err();
    assert_eq!(error.kind(), mcp_http::ErrorKind::Unauthorized);
    let count = world.paths().iter().filter(|it| *it == "/token").count();
    assert_eq!(count, 2, "no second attempt");
}

#[tokio::test]
async fn a_missing_secret_of_the_application_is_a_distinct_error() {
    let world = World::start().await;
    let oauth = OAuth::jwt_bearer("svc", |_| async { Err::<String, _>("no metadata service") });
    let error = within(oauth.http(client()).login(world.url())).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Config);
    let oauth = OAuth::jwt_bearer("svc", |_| async { "" });
    let error = within(oauth.http(client()).login(world.url())).await.unwrap_err();
    assert!(error.to_string().contains("empty assertion"), "{error}");
}

#[tokio::test]
async fn a_code_is_shown_and_polled_until_it_is_entered() {
    let world = World::start().await;
    let shown = Arc::new(Mutex::new(None));
    let sink = Arc::clone(&shown);
    let tries = Arc::new(Mutex::new(0));
    let counter = Arc::clone(&tries);
    world.twist("/token", move |_| {
        let mut tries = counter.lock().unwrap();
        *tries += 1;
        let pending = json!({ "error": "authorization_pending" });
        (*tries < 2).then(|| json_answer(400, &pending))
    });
    let oauth = OAuth::device_code("tv").http(client());
    let error = within(oauth.clone().login(world.url())).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Config);
    let oauth = oauth.on_code(move |code| *sink.lock().unwrap() = Some(code));
    let auth = oauth.for_server(world.url()).unwrap();
    assert_eq!(within(call(&auth, &world.url())).await.unwrap(), 200);
    let code = shown.lock().unwrap().take().unwrap();
    assert_eq!(code.user_code, "ABCD-EFGH");
    assert!(code.verification_uri.ends_with("/enter"));
    assert_eq!(world.seen("device")[0]["client_id"], "tv");
    assert_eq!(world.seen("device_token")[0]["device_code"], "device-canary");
    assert_eq!(*tries.lock().unwrap(), 2);
}

#[tokio::test]
async fn a_denied_code_is_a_denied_login() {
    let world = World::start().await;
    world.twist("/token", |_| Some(json_answer(400, &json!({ "error": "access_denied" }))));
    let oauth = OAuth::device_code("tv").http(client()).on_code(|_| {});
    let error = within(oauth.login(world.url())).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Denied);
}

struct Ticket;

impl Grant for Ticket {
    async fn parameters(
        &self,
        request: GrantRequest,
    ) -> Result<Vec<(String, Secret)>, mcp_auth::Error> {
        assert!(request.resource.is_some());
        Ok(vec![("grant_type".into(), "client_credentials".into()), ("ticket".into(), "t".into())])
    }
}

#[tokio::test]
async fn custom_grants_work() {
    let world = World::start().await;
    let auth = OAuth::grant("svc", Ticket).http(client()).for_server(world.url()).unwrap();
    assert_eq!(within(call(&auth, &world.url())).await.unwrap(), 200);
    assert_eq!(world.seen("client_credentials")[0]["ticket"], "t");
}

#[tokio::test]
async fn settings_of_another_grant_are_errors() {
    for oauth in [
        OAuth::new().on_code(|_| {}),
        OAuth::client_credentials("x").idp("https://idp"),
        OAuth::new().client_metadata_url("nothing"),
    ] {
        let error = oauth.for_server("https://h/mcp").unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Config);
    }
    let enterprise = OAuth::enterprise("app").secret("s").http(client());
    let world = World::start().await;
    let error = within(enterprise.login(world.url())).await.unwrap_err();
    assert!(error.to_string().contains("id_token"), "{error}");
}
