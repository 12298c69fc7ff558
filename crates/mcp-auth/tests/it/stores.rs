//! Token stores.

use std::sync::{Arc, Mutex};

use mcp_auth::{ErrorKind, Event, Secret, StoreKey, StoreLock, TokenStore};
use mcp_testkit::within;

use crate::world::{World, call, for_user};

/// A store that fails to save.
struct Full;

impl TokenStore for Full {
    async fn load(&self, _: &StoreKey) -> Result<Option<Secret>, mcp_auth::Error> {
        Ok(None)
    }

    async fn save(&self, _: &StoreKey, _: &Secret) -> Result<(), mcp_auth::Error> {
        Err(mcp_auth::Error::new(ErrorKind::Store, "the disk is full"))
    }

    async fn remove(&self, _: &StoreKey) -> Result<(), mcp_auth::Error> {
        Ok(())
    }

    async fn lock(&self, _: &StoreKey) -> Result<StoreLock, mcp_auth::Error> {
        Ok(StoreLock::new(()))
    }
}

#[tokio::test]
async fn tokens_that_cannot_be_saved_are_used_and_reported() {
    let world = World::start().await;
    let told = Arc::new(Mutex::new(0));
    let counter = Arc::clone(&told);
    let oauth = for_user().store(Full).on_event(move |event| {
        *counter.lock().unwrap() += usize::from(matches!(event, Event::NotSaved { .. }));
    });
    let auth = oauth.for_server(world.url()).unwrap();
    assert_eq!(within(call(&auth, &world.url())).await.unwrap(), 200);
    world.expire();
    assert_eq!(within(call(&auth, &world.url())).await.unwrap(), 200);
    assert_eq!(world.seen("refresh").len(), 1);
    assert_eq!(*told.lock().unwrap(), 2);
}

#[test]
fn keys_depend_only_on_server_and_namespace() {
    let key = |oauth: mcp_auth::OAuth, url: &str| oauth.store_key(url).unwrap();
    let base = key(for_user(), "https://h/mcp?key=secret");
    assert_eq!(key(for_user().client_name("x"), "https://user:pw@h/mcp?key=secret#f"), base);
    assert_eq!(key(for_user().client("id"), "https://h/mcp?key=secret"), base);
    assert!(key(for_user().namespace("ada"), "https://h/mcp?key=secret") != base);
    assert!(key(for_user(), "https://h/mcp?key=other") != base);
    assert_eq!(base.about(), "https://h/mcp");
    assert!(!format!("{base:?}").contains("secret"));
}

#[cfg(feature = "file")]
mod files {
    use mcp_auth::FileStore;

    use super::*;

    fn value(text: &str) -> Secret {
        Secret::new(format!("{{\"token\":\"{text}\"}}"))
    }

    #[tokio::test]
    async fn files_are_private_and_invalid_ones_are_renamed() {
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path().join("new");
        let store = FileStore::new(&folder);
        let key = mcp_auth::OAuth::new().store_key("https://h/mcp").unwrap();
        assert!(store.load(&key).await.unwrap().is_none());
        assert!(!folder.exists(), "a lookup creates no folder");
        store.save(&key, &value("one")).await.unwrap();
        store.save(&key, &value("two")).await.unwrap();
        assert!(store.load(&key).await.unwrap() == Some(value("two")));
        let names: Vec<_> =
            std::fs::read_dir(&folder).unwrap().map(|it| it.unwrap().path()).collect();
        assert_eq!(names.len(), 1, "{names:?}");
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            let mode = |path: &std::path::Path| path.metadata().unwrap().permissions().mode();
            assert_eq!(mode(&folder) & 0o777, 0o700);
            assert_eq!(mode(&names[0]) & 0o777, 0o600);
        }
        std::fs::write(&names[0], "{\"token\":\"cut o").unwrap();
        assert!(store.load(&key).await.unwrap().is_none());
        assert!(names[0].with_extension("broken").exists());
        store.save(&key, &value("three")).await.unwrap();
        store.remove(&key).await.unwrap();
        store.remove(&key).await.unwrap();
        assert!(store.load(&key).await.unwrap().is_none());
    }

    #[tokio::test]
    async fn an_impossible_folder_is_an_error() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let store = FileStore::new(file.path());
        let key = mcp_auth::OAuth::new().store_key("https://h/mcp").unwrap();
        assert_eq!(store.save(&key, &value("x")).await.unwrap_err().kind(), ErrorKind::Store);
        assert_eq!(store.lock(&key).await.unwrap_err().kind(), ErrorKind::Store);
    }

    #[cfg(any(feature = "tls-ring", feature = "tls-aws-lc"))]
    #[tokio::test]
    async fn sealed_files_need_their_key_and_name() {
        let folder = tempfile::tempdir().unwrap();
        let files = || FileStore::new(folder.path());
        let key = |url: &str| mcp_auth::OAuth::new().store_key(url).unwrap();
        let (one, other) = (key("https://h/mcp"), key("https://evil/mcp"));
        let sealed = files().sealed([7; 32]);
        sealed.save(&one, &value("canary")).await.unwrap();
        let text = files().load(&one).await.unwrap().unwrap();
        assert!(!text.expose().contains("canary"));
        assert!(sealed.load(&one).await.unwrap() == Some(value("canary")));
        assert!(files().sealed([8; 32]).load(&one).await.unwrap().is_none());
        files().save(&other, &text).await.unwrap();
        assert!(sealed.load(&other).await.unwrap().is_none());
        files().save(&other, &value("plain")).await.unwrap();
        assert!(sealed.load(&other).await.unwrap().is_none());
    }

    #[tokio::test]
    async fn a_login_survives_a_restart() {
        let world = World::start().await;
        let folder = tempfile::tempdir().unwrap();
        let oauth = || for_user().store(FileStore::new(folder.path()));
        within(oauth().login(world.url())).await.unwrap();
        let auth = oauth().for_server(world.url()).unwrap();
        assert_eq!(within(call(&auth, &world.url())).await.unwrap(), 200);
        assert_eq!(world.seen("authorize").len(), 1);
    }
}
