//! Background requests.

use std::sync::Arc;

use mcp_auth::{OAuth, follow};
use mcp_http::Authorize as _;
use mcp_testkit::http::log_in;
use mcp_testkit::{until, within};
use tokio::sync::Notify;

use crate::world::{World, call, client, for_user, send};

#[tokio::test]
async fn background_requests_refresh_and_never_log_in() {
    let world = World::start().await;
    let auth = for_user().for_server(world.url()).unwrap();
    assert_eq!(within(send(&auth, &world.url(), true)).await.unwrap().status(), 401);
    assert_eq!(world.paths(), ["/mcp"], "no other request is sent");
    assert_eq!(within(call(&auth, &world.url())).await.unwrap(), 200);
    world.expire();
    assert_eq!(within(send(&auth, &world.url(), true)).await.unwrap().status(), 200);
    assert_eq!(world.seen("refresh").len(), 1);
}

#[tokio::test]
async fn background_requests_do_not_wait_for_a_user_and_observe_the_login() {
    let world = World::start().await;
    let go = Arc::new(Notify::new());
    let wait = Arc::clone(&go);
    let agent = follow(move |page| {
        let go = Arc::clone(&wait);
        async move {
            go.notified().await;
            log_in(&page, &[]).await
        }
    });
    let auth = OAuth::new().user_agent(agent).http(client()).for_server(world.url()).unwrap();
    let changed = auth.changed();
    let (caller, url) = (auth.clone(), world.url());
    let caller = tokio::spawn(async move { call(&caller, &url).await });
    let hold = auth.hold().unwrap();
    until("the login", || hold.is_held()).await;
    assert_eq!(within(send(&auth, &world.url(), true)).await.unwrap().status(), 401);
    go.notify_one();
    within(changed).await;
    assert_eq!(caller.await.unwrap().unwrap(), 200);
    assert_eq!(within(send(&auth, &world.url(), true)).await.unwrap().status(), 200);
}

#[tokio::test]
async fn a_service_gets_its_token_for_background_requests_too() {
    let world = World::start().await;
    let oauth = OAuth::client_credentials("svc").secret("s").issuer(world.origin()).http(client());
    let auth = oauth.for_server(world.url()).unwrap();
    assert_eq!(within(send(&auth, &world.url(), true)).await.unwrap().status(), 200);
}
