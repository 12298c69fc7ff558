use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use crate::error::{Error, ErrorKind};
use crate::sign::digest::random;

/// Timeout of the keyring: without a user session it can hang.
const TIMEOUT: Duration = Duration::from_secs(5);

/// A key in the keyring of the operating system, for [`FileStore::sealed`](crate::FileStore::sealed). The tokens
/// themselves are not stored there, since Windows allows only 2,560 bytes.
///
/// The application chooses the keyring, with `keyring_core::set_default_store` and the crate of its system, such as
/// `apple-native-keyring-store`, `windows-native-keyring-store`, `dbus-secret-service-keyring-store`, or
/// `linux-keyutils-keyring-store`, which needs no desktop and forgets at a restart of the machine. The tests use the
/// last of these; the others are not tested.
///
/// ```
/// # async fn run() -> Result<(), Box<dyn std::error::Error>> {
/// use mcp_auth::{FileStore, Keyring, OAuth};
///
/// # use keyring_core::mock as my_keyring_store;
/// keyring_core::set_default_store(my_keyring_store::Store::new()?);
/// let key = Keyring::new("my application").key().await?;
/// let auth = OAuth::new().store(FileStore::user()?.sealed(key));
/// # Ok(()) }
/// ```
#[derive(Clone, Debug)]
pub struct Keyring {
    service: String,
    user: String,
}

impl Keyring {
    /// The key of an application, by its service name.
    #[must_use]
    pub fn new(service: impl Into<String>) -> Self {
        Self { service: service.into(), user: "mcp-auth".to_owned() }
    }

    /// Loads the key, or generates it if there is none.
    ///
    /// # Errors
    /// [`Store`](ErrorKind::Store) if there is no keyring, it is locked, or it does not respond within 5 s. There is no
    /// fallback.
    pub async fn key(&self) -> Result<[u8; 32], Error> {
        let Self { service, user } = self.clone();
        let working = tokio::task::spawn_blocking(move || key(&service, &user));
        match tokio::time::timeout(TIMEOUT, working).await {
            Ok(Ok(key)) => key,
            Ok(Err(error)) => Err(failed("the keyring failed").with_source(error)),
            Err(_) => Err(failed("the keyring did not respond in time: is it locked?")),
        }
    }
}

fn key(service: &str, user: &str) -> Result<[u8; 32], Error> {
    let entry = keyring_core::Entry::new(service, user)
        .map_err(|error| failed("there is no keyring").with_source(error.to_string()))?;
    match entry.get_password() {
        Ok(text) => {
            let decoded = STANDARD.decode(text.trim()).ok();
            decoded
                .and_then(|bytes| bytes.try_into().ok())
                .ok_or_else(|| failed("the entry in the keyring is not a key of this library"))
        }
        Err(keyring_core::Error::NoEntry) => {
            let key = random::<32>()?;
            entry.set_password(&STANDARD.encode(key)).map_err(|error| {
                failed("the key cannot be saved in the keyring").with_source(error.to_string())
            })?;
            Ok(key)
        }
        Err(error) => Err(failed("the keyring cannot be read").with_source(error.to_string())),
    }
}

fn failed(text: &'static str) -> Error {
    Error::new(ErrorKind::Store, text)
}
