//! The key in the system keyring, and the encrypted files.

use std::any::Any;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, mpsc};
use std::time::Duration;

use keyring_core::api::{Credential, CredentialApi, CredentialStoreApi};
use keyring_core::{Entry, Error, Result, mock};
use mcp_auth::{ErrorKind, FileStore, Keyring};
use mcp_testkit::within;

use crate::world::{World, call, for_user};

/// Maximum size of an entry on Windows, in bytes.
const MAX_ENTRY: usize = 2_560;

/// A keyring that waits to be unlocked.
#[derive(Debug)]
struct Locked(Arc<Mutex<mpsc::Receiver<()>>>);

impl CredentialApi for Locked {
    fn set_secret(&self, _: &[u8]) -> Result<()> {
        Err(Error::NoEntry)
    }

    fn get_secret(&self) -> Result<Vec<u8>> {
        let _ = self.0.lock().unwrap().recv();
        Err(Error::NoEntry)
    }

    fn delete_credential(&self) -> Result<()> {
        Err(Error::NoEntry)
    }

    fn get_credential(&self) -> Result<Option<Arc<Credential>>> {
        Ok(None)
    }

    fn get_specifiers(&self) -> Option<(String, String)> {
        None
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}

impl CredentialStoreApi for Locked {
    fn vendor(&self) -> String {
        "test".into()
    }

    fn id(&self) -> String {
        "locked".into()
    }

    fn build(&self, _: &str, _: &str, _: Option<&HashMap<&str, &str>>) -> Result<Entry> {
        Ok(Entry::new_with_credential(Arc::new(Self(Arc::clone(&self.0)))))
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}

/// One test, since the keyring is global to the process.
#[tokio::test]
async fn the_keyring_holds_only_a_key_and_has_no_fallback() {
    // No keyring was chosen.
    let keyring = || Keyring::new("mcp-auth-tests");
    let error = within(keyring().key()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Store);

    // A locked keyring without a user: an error after a limited time.
    let (unlock, locked) = mpsc::channel();
    let store = Locked(Arc::new(Mutex::new(locked)));
    keyring_core::set_default_store(Arc::new(store));
    tokio::time::pause();
    let asking = tokio::spawn(async move { keyring().key().await });
    tokio::task::yield_now().await;
    tokio::time::advance(Duration::from_secs(6)).await;
    let error = asking.await.unwrap().unwrap_err();
    tokio::time::resume();
    assert_eq!(error.kind(), ErrorKind::Store);
    assert!(error.to_string().contains("locked"), "{error}");
    drop(unlock);

    // The key is generated once; tokens of any size are in the file.
    keyring_core::set_default_store(mock::Store::new().unwrap());
    let key = within(keyring().key()).await.unwrap();
    assert_eq!(within(keyring().key()).await.unwrap(), key);
    let entry = Entry::new("mcp-auth-tests", "mcp-auth").unwrap();
    assert!(entry.get_password().unwrap().len() <= 44);
    let world = World::start().await;
    let token = "t".repeat(2 * MAX_ENTRY);
    let body = serde_json::json!({ "access_token": token, "token_type": "Bearer" });
    world.twist("/token", move |_| Some(crate::world::json_answer(200, &body)));
    world.lock().access.insert(token.clone(), String::new());
    let folder = tempfile::tempdir().unwrap();
    let oauth = || for_user().store(FileStore::new(folder.path()).sealed(key));
    within(oauth().login(world.url())).await.unwrap();
    let auth = oauth().for_server(world.url()).unwrap();
    assert_eq!(within(call(&auth, &world.url())).await.unwrap(), 200);
    assert_eq!(world.seen("authorize").len(), 1);
    for file in std::fs::read_dir(folder.path()).unwrap() {
        let text = std::fs::read_to_string(file.unwrap().path()).unwrap();
        assert!(!text.contains(&token));
    }

    // A foreign entry is not overwritten.
    entry.set_password("of another program").unwrap();
    assert_eq!(within(keyring().key()).await.unwrap_err().kind(), ErrorKind::Store);
    assert_eq!(entry.get_password().unwrap(), "of another program");

    #[cfg(target_os = "linux")]
    {
        keyring_core::set_default_store(linux_keyutils_keyring_store::Store::new().unwrap());
        a_keyring_of_the_system_keeps_the_key().await;
    }
    keyring_core::unset_default_store();
}

/// The one of Linux's kernel needs no desktop, but a container may forbid it.
#[cfg(target_os = "linux")]
async fn a_keyring_of_the_system_keeps_the_key() {
    let name = format!("mcp-auth-tests-{}", std::process::id());
    let probe = Entry::new(&name, "probe").unwrap();
    if probe.set_password("probe").is_err() {
        eprintln!("skipped: this machine does not permit keyrings of the kernel");
        return;
    }
    probe.delete_credential().unwrap();
    let key = within(Keyring::new(&name).key()).await.unwrap();
    assert_eq!(within(Keyring::new(&name).key()).await.unwrap(), key);
    let entry = Entry::new(&name, "mcp-auth").unwrap();
    assert!(entry.get_password().unwrap().len() <= 44);
    entry.delete_credential().unwrap();
    assert_ne!(within(Keyring::new(&name).key()).await.unwrap(), key);
    entry.delete_credential().unwrap();
}
