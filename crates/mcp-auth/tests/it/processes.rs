//! Processes that share a folder of tokens.

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use mcp_auth::{FileStore, OAuth};
use mcp_testkit::{until, within};

use crate::world::{World, call, client, for_user};

const FOLDER: &str = "MCP_AUTH_TEST_FOLDER";
const URL: &str = "MCP_AUTH_TEST_URL";

/// Not a test: the body of the other processes.
#[tokio::test]
async fn child() {
    let (Some(folder), Ok(url)) = (std::env::var_os(FOLDER), std::env::var(URL)) else { return };
    // No user can log in.
    let oauth = OAuth::new().http(client()).store(FileStore::new(folder));
    let oauth = oauth.user_agent(mcp_auth::follow(|_| async { Err::<String, _>("nobody") }));
    let auth = oauth.for_server(&url).unwrap();
    assert_eq!(within(call(&auth, &url)).await.unwrap(), 200);
}

const PAGE: &str = "MCP_AUTH_TEST_PAGE";

/// Not a test: a process that opens a page in a browser.
#[tokio::test]
async fn opens() {
    let Ok(url) = std::env::var(PAGE) else { return };
    let oauth = OAuth::new().http(client()).user_agent(mcp_auth::Browser::new());
    let auth = oauth.for_server(&url).unwrap();
    // The page waits for a user.
    let calling = call(&auth, &url);
    let _ = tokio::time::timeout(Duration::from_secs(30), calling).await;
}

#[cfg(unix)]
#[tokio::test]
async fn a_page_is_opened_by_a_program_and_not_through_a_shell() {
    use std::os::unix::fs::PermissionsExt as _;

    let world = World::start().await;
    let page = format!(
        "{}/authorize?x='$(touch${{IFS}}pwned)'&y=`touch\tpwned`;touch&z=|*",
        world.origin()
    );
    world.lock().metadata.insert("authorization_endpoint".to_owned(), page.into());
    let folder = tempfile::tempdir().unwrap();
    let (browser, seen) = (folder.path().join("browser"), folder.path().join("seen"));
    // The file appears atomically.
    let script = "#!/bin/sh\necho \"$#\" > part; printf '%s' \"$1\" >> part; mv part seen\n";
    std::fs::write(&browser, script).unwrap();
    std::fs::set_permissions(&browser, std::fs::Permissions::from_mode(0o755)).unwrap();
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["processes::opens", "--exact"])
        .current_dir(folder.path())
        .env("BROWSER", &browser)
        .env(PAGE, world.url())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    until("the browser", || seen.exists()).await;
    child.kill().unwrap();
    child.wait().unwrap();
    let seen = std::fs::read_to_string(seen).unwrap();
    let (count, url) = seen.split_once('\n').unwrap();
    assert_eq!(count, "1", "{seen}");
    assert!(
        url.starts_with(&world.origin()) && url.contains("touch") && url.contains("state="),
        "{url}"
    );
    assert!(!folder.path().join("pwned").exists(), "{seen}");
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
async fn processes_never_use_a_refresh_token_twice() {
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
        // Late processes found the new token.
        assert_eq!(world.seen("refresh").len(), 1, "{count}");
        // This process has an old token and adopts the new one.
        let auth = oauth.for_server(world.url()).unwrap();
        assert_eq!(within(call(&auth, &world.url())).await.unwrap(), 200);
        assert_eq!((world.seen("refresh").len(), world.seen("authorize").len()), (1, 1));
    }
}

#[tokio::test]
async fn a_process_killed_between_rotation_and_save_leaves_a_usable_store() {
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
    // The lock is free, the refresh token is spent, and the user logs in again.
    let auth = oauth.for_server(world.url()).unwrap();
    assert_eq!(within(call(&auth, &world.url())).await.unwrap(), 200);
    assert_eq!(world.seen("authorize").len(), 2);
}
