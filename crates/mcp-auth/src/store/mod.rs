//! Where tokens are kept.

pub(crate) mod erased;
#[cfg(feature = "file")]
pub(crate) mod file;
#[cfg(feature = "keyring")]
pub(crate) mod keyring;
pub(crate) mod memory;
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

/// Keeps tokens and registrations of clients, for this process or for several.
///
/// A value is one text, which holds secrets.
pub trait TokenStore: Send + Sync + 'static {
    /// The value of a key; `None` if there is none, also where it is broken.
    ///
    /// # Errors
    /// It is not known whether there is one.
    fn load(&self, key: &StoreKey) -> impl Future<Output = Result<Option<Secret>, Error>> + Send;

    /// Sets a value, in one step.
    ///
    /// # Errors
    /// The value may not be there.
    fn save(
        &self,
        key: &StoreKey,
        value: &Secret,
    ) -> impl Future<Output = Result<(), Error>> + Send;

    /// Removes a value. That there is none is no error.
    ///
    /// # Errors
    /// The value may still be there.
    fn remove(&self, key: &StoreKey) -> impl Future<Output = Result<(), Error>> + Send;

    /// Waits until nothing else works with a key, in this process or another one, until the lock is dropped.
    /// It ends with its process, and is waited for 60 s at the most.
    ///
    /// # Errors
    /// There is no lock.
    fn lock(&self, key: &StoreKey) -> impl Future<Output = Result<StoreLock, Error>> + Send;
}

/// Names a value of a [`TokenStore`].
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct StoreKey {
    name: String,
    about: String,
}

impl StoreKey {
    /// `about` is hashed into the name, so that it may have secrets.
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

    /// What it is about, for people: a URL without a query.
    #[must_use]
    pub fn about(&self) -> &str {
        &self.about
    }
}

/// Holds a key of a [`TokenStore`] until it is dropped.
pub struct StoreLock(#[allow(dead_code, reason = "it is dropped")] Option<Box<dyn Any + Send>>);

impl StoreLock {
    /// A lock that ends when `guard` is dropped.
    pub fn new(guard: impl Any + Send) -> Self {
        Self(Some(Box::new(guard)))
    }
}

impl fmt::Debug for StoreLock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("StoreLock")
    }
}
