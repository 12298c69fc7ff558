//! Discovery of metadata, and the strings of metadata that are sent.

use mcp_auth::{ErrorKind, OAuth};
use mcp_testkit::within;
use serde_json::json;

use crate::world::{World, call, client, for_user, json_answer};

const PATH_METADATA: &str = "/.well-known/oauth-protected-resource/mcp";
const ROOT_METADATA: &str = "/.well-known/oauth-protected-resource";
const SERVER_METADATA: &str = "/.well-known/oauth-authorization-server";

fn not_found(world: &World, path: &str) {
    world.twist(path, |_| Some((404, Vec::new(), String::new())));
}

/// Refuses requests without a token, without a challenge.
fn refuse_without_challenge(world: &World) {
    world.twist("/mcp", |request| {
        request.header("authorization").is_none().then(|| (401, Vec::new(), String::new()))
    });
}

/// Metadata of the authorization server of `world` under another issuer.
fn metadata_of(world: &World, issuer: &str) -> serde_json::Value {
    let origin = world.origin();
    json!({
        "issuer": issuer,
        "authorization_endpoint": format!("{origin}/authorize"),
        "token_endpoint": format!("{origin}/token"),
        "registration_endpoint": format!("{origin}/register"),
        "code_challenge_methods_supported": ["S256"],
    })
}

#[tokio::test]
async fn an_issuer_with_a_path_is_never_searched_at_the_root() {
    let places = [
        "/.well-known/oauth-authorization-server/tenant",
        "/.well-known/openid-configuration/tenant",
        "/tenant/.well-known/openid-configuration",
    ];
    // The metadata is at each of the URLs in turn, and at none of them.
    for published in 0..=places.len() {
        let world = World::start().await;
        let issuer = format!("{}/tenant", world.origin());
        world.lock().resource_metadata.insert("authorization_servers".into(), json!([issuer]));
        world.lock().metadata.insert("issuer".into(), json!(issuer));
        if let Some(place) = places.get(published) {
            let metadata = metadata_of(&world, &issuer);
            world.twist(place, move |_| Some(json_answer(200, &metadata)));
        }
        let outcome = within(for_user().login(world.url())).await;
        match published < places.len() {
            true => outcome.unwrap(),
            false => assert_eq!(outcome.unwrap_err().kind(), ErrorKind::Unsupported),
        }
        let paths = world.paths();
        let asked: Vec<_> = paths.iter().filter(|it| places.contains(&it.as_str())).collect();
        assert_eq!(asked, places.iter().take(published + 1).collect::<Vec<_>>());
        assert!(!paths.iter().any(|it| it == SERVER_METADATA), "{paths:?}");
    }
}

#[tokio::test]
async fn a_refusal_without_a_challenge_leads_to_the_well_known_places() {
    // Metadata for the path, for the origin, and of an authorization server at the origin.
    for published in [PATH_METADATA, ROOT_METADATA, SERVER_METADATA] {
        let world = World::start().await;
        refuse_without_challenge(&world);
        if published != PATH_METADATA {
            not_found(&world, PATH_METADATA);
        }
        if published == ROOT_METADATA {
            let (resource, issuer) = (world.url(), world.origin());
            let body = json!({ "resource": resource, "authorization_servers": [issuer] });
            world.twist(ROOT_METADATA, move |_| Some(json_answer(200, &body)));
        }
        let auth = for_user().for_server(world.url()).unwrap();
        assert_eq!(within(call(&auth, &world.url())).await.unwrap(), 200, "{published}");
        let asked = |path: &str| world.paths().iter().filter(|it| *it == path).count();
        assert_eq!(asked(PATH_METADATA), 1);
        assert_eq!(asked(ROOT_METADATA), usize::from(published != PATH_METADATA));
        assert_eq!(asked(SERVER_METADATA), 1);
        assert_eq!(world.seen("code")[0]["resource"], world.url());
    }
}

#[tokio::test]
async fn a_configured_issuer_is_used_if_the_server_publishes_nothing() {
    for publishes in [true, false] {
        let (world, other) = (World::start().await, World::start().await);
        refuse_without_challenge(&world);
        not_found(&world, PATH_METADATA);
        not_found(&world, SERVER_METADATA);
        if !publishes {
            not_found(&other, SERVER_METADATA);
        }
        let token = "of the other server";
        let issued = json!({ "access_token": "other", "token_type": "Bearer" });
        other.twist("/token", move |_| Some(json_answer(200, &issued)));
        world.lock().access.insert("other".into(), token.into());
        let auth = for_user().issuer(other.origin()).for_server(world.url()).unwrap();
        assert_eq!(within(call(&auth, &world.url())).await.unwrap(), 200);
        assert_eq!(other.seen("authorize").len(), 1);
        assert!(!world.paths().iter().any(|it| it == "/register" || it == SERVER_METADATA));
    }
}

#[tokio::test]
async fn strings_of_metadata_are_sent_unchanged() {
    // A trailing slash is part of an issuer, and is not added to a resource.
    let world = World::start().await;
    let issuer = format!("{}/", world.origin());
    let resource = world.origin();
    world.lock().resource_metadata.insert("authorization_servers".into(), json!([issuer]));
    world.lock().resource_metadata.insert("resource".into(), json!(resource));
    world.lock().metadata.insert("issuer".into(), json!(issuer));
    let oauth = for_user();
    within(oauth.login(world.url())).await.unwrap();
    for kind in ["authorize", "code"] {
        assert_eq!(world.seen(kind)[0]["resource"], resource);
    }
    assert_eq!(oauth.status(world.url()).await.unwrap().issuer, Some(issuer.clone()));
    let audiences = std::sync::Arc::new(std::sync::Mutex::new(Vec::new()));
    let seen = std::sync::Arc::clone(&audiences);
    let service = OAuth::jwt_bearer("svc", move |audience| {
        seen.lock().unwrap().push(audience);
        async { "jwt" }
    });
    within(service.http(client()).login(world.url())).await.unwrap();
    assert_eq!(*audiences.lock().unwrap(), [issuer]);
}
