//! Processes that share a folder of tokens.

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use mcp_auth::{FileStore, OAuth};
use mcp_testkit::{until, within};

use crate::world::{World, call, client, for_user};

const FOLDER: &str = "MCP_AUTH_TEST_FOLDER";
const URL: &str = "MCP_AUTH_TEST_URL";

/// Not a test: what the other processes do.
#[tokio::test]
async fn child() {
    let (Some(folder), Ok(url)) = (std::env::var_os(FOLDER), std::env::var(URL)) else { return };
    // Nobody is there to log in.
    let oauth = OAuth::new().http(client()).store(FileStore::new(folder));
    let oauth = oauth.user_agent(mcp_auth::follow(|_| async { Err::<String, _>("nobody") }));
    let auth = oauth.for_server(&url).unwrap();
    assert_eq!(within(call(&auth, &url)).await.unwrap(), 200);
}

fn start(folder: &Path, url: &str) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .args(["processes::child", "--exact"])
        .env(FOLDER, folder)
        .env(URL, url)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap()
}

#[tokio::test]
async fn they_never_use_a_refresh_token_twice() {
    for count in [2, 8] {
        let world = World::start().await;
        let folder = tempfile::tempdir().unwrap();
        let oauth = for_user().store(FileStore::new(folder.path()));
        within(oauth.login(world.url())).await.unwrap();
        world.expire();
        world.lock().delays.insert("/token".into(), Duration::from_millis(300));
        let children: Vec<_> = (0..count).map(|_| start(folder.path(), &world.url())).collect();
        let ended = tokio::task::spawn_blocking(move || {
            children
                .into_iter()
                .map(|mut child| child.wait().unwrap().success())
                .collect::<Vec<_>>()
        });
        let ended = within(ended).await.unwrap();
        assert!(ended.iter().all(|succeeded| *succeeded), "{count}: {ended:?}");
        // One that came late found the new token.
        assert_eq!(world.seen("refresh").len(), 1, "{count}");
        // This process has an old token, and takes the new one.
        let auth = oauth.for_server(world.url()).unwrap();
        assert_eq!(within(call(&auth, &world.url())).await.unwrap(), 200);
        assert_eq!((world.seen("refresh").len(), world.seen("authorize").len()), (1, 1));
    }
}

#[tokio::test]
async fn one_that_is_killed_between_rotation_and_save_leaves_a_store_that_works() {
    let world = World::start().await;
    let folder = tempfile::tempdir().unwrap();
    let oauth = for_user().store(FileStore::new(folder.path()));
    within(oauth.login(world.url())).await.unwrap();
    world.expire();
    world.lock().delays.insert("/token".into(), Duration::from_secs(20));
    let mut child = start(folder.path(), &world.url());
    until("the rotation", || !world.seen("refresh").is_empty()).await;
    child.kill().unwrap();
    child.wait().unwrap();
    world.lock().delays.clear();
    // Its lock is free, its refresh token is used up, and the user logs in again.
    let auth = oauth.for_server(world.url()).unwrap();
    assert_eq!(within(call(&auth, &world.url())).await.unwrap(), 200);
    assert_eq!(world.seen("authorize").len(), 2);
}
