use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::{StoreKey, StoreLock, TokenStore};
use crate::error::Error;
use crate::secret::Secret;

/// Stores tokens in memory. Clones share them.
#[derive(Clone, Default)]
pub struct MemoryStore(Arc<Mutex<HashMap<StoreKey, Entry>>>);

#[derive(Default)]
struct Entry {
    value: Option<Secret>,
    lock: Arc<tokio::sync::Mutex<()>>,
}

impl MemoryStore {
    /// Creates an empty store.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    fn entries(&self) -> MutexGuard<'_, HashMap<StoreKey, Entry>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl TokenStore for MemoryStore {
    async fn load(&self, key: &StoreKey) -> Result<Option<Secret>, Error> {
        Ok(self.entries().get(key).and_then(|entry| entry.value.clone()))
    }

    async fn save(&self, key: &StoreKey, value: &Secret) -> Result<(), Error> {
        self.entries().entry(key.clone()).or_default().value = Some(value.clone());
        Ok(())
    }

    async fn remove(&self, key: &StoreKey) -> Result<(), Error> {
        if let Some(entry) = self.entries().get_mut(key) {
            entry.value = None;
        }
        Ok(())
    }

    async fn lock(&self, key: &StoreKey) -> Result<StoreLock, Error> {
        let lock = Arc::clone(&self.entries().entry(key.clone()).or_default().lock);
        Ok(StoreLock::new(lock.lock_owned().await))
    }
}

impl fmt::Debug for MemoryStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemoryStore").finish_non_exhaustive()
    }
}
