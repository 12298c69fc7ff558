//! Token stores.

pub(crate) mod erased;
#[cfg(feature = "file")]
pub(crate) mod file;
#[cfg(feature = "keyring")]
pub(crate) mod keyring;
#[cfg(feature = "file")]
mod lock;
pub(crate) mod memory;
#[cfg(feature = "file")]
mod private;
#[cfg(all(feature = "file", feature = "_crypto"))]
pub(crate) mod sealed;

use std::any::Any;
use std::fmt;
use std::future::Future;

#[cfg(feature = "file")]
pub use file::FileStore;
#[cfg(feature = "keyring")]
pub use keyring::Keyring;
pub use memory::MemoryStore;

use crate::error::Error;
use crate::secret::Secret;

/// Stores tokens and client registrations, for one process or several.
///
/// A value is one text, which contains secrets.
pub trait TokenStore: Send + Sync + 'static {
    /// Loads the value of a key; `None` if there is none or it is invalid.
    ///
    /// # Errors
    /// It is unknown whether there is a value.
    fn load(&self, key: &StoreKey) -> impl Future<Output = Result<Option<Secret>, Error>> + Send;

    /// Replaces a value atomically.
    ///
    /// # Errors
    /// The value may not be stored.
    fn save(
        &self,
        key: &StoreKey,
        value: &Secret,
    ) -> impl Future<Output = Result<(), Error>> + Send;

    /// Removes a value. Does nothing if there is none.
    ///
    /// # Errors
    /// The value may still be stored.
    fn remove(&self, key: &StoreKey) -> impl Future<Output = Result<(), Error>> + Send;

    /// Acquires an exclusive lock on a key, across tasks and processes, until the returned guard is dropped. The lock
    /// ends with its process. Waits for at most 60 s.
    ///
    /// # Errors
    /// The lock was not acquired.
    fn lock(&self, key: &StoreKey) -> impl Future<Output = Result<StoreLock, Error>> + Send;
}

/// The key of a value in a [`TokenStore`].
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct StoreKey {
    name: String,
    about: String,
}

impl StoreKey {
    /// `about` is hashed into the name, so that it may contain secrets.
    pub(crate) fn new(kind: &str, about: &[&str]) -> Self {
        let shown = about.first().copied().unwrap_or_default();
        let shown = shown.split(['?', '#']).next().unwrap_or_default();
        let hash = crate::sign::digest::fingerprint(&about.join("\n"));
        Self { name: format!("{kind}-{}", &hash[..22]), about: shown.to_owned() }
    }

    /// The name: a kind and a hash, of letters, digits, `-` and `_`.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Display text: a URL without a query.
    #[must_use]
    pub fn about(&self) -> &str {
        &self.about
    }
}

/// Guard of a key of a [`TokenStore`]: dropping it releases the lock.
pub struct StoreLock(#[allow(dead_code, reason = "it is dropped")] Option<Box<dyn Any + Send>>);

impl StoreLock {
    /// A lock that is released when `guard` is dropped.
    pub fn new(guard: impl Any + Send) -> Self {
        Self(Some(Box::new(guard)))
    }
}

impl fmt::Debug for StoreLock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("StoreLock")
    }
}
