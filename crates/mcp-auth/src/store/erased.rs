//! Type-erased token stores.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use super::{StoreKey, StoreLock, TokenStore};
use crate::error::Error;
use crate::secret::Secret;

type Boxed<'a, T> = Pin<Box<dyn Future<Output = Result<T, Error>> + Send + 'a>>;

/// A type-erased [`TokenStore`].
#[derive(Clone)]
pub(crate) struct SharedStore(Arc<dyn Erased>);

impl SharedStore {
    pub(crate) fn new(store: impl TokenStore) -> Self {
        Self(Arc::new(store))
    }

    pub(crate) async fn load(&self, key: &StoreKey) -> Result<Option<Secret>, Error> {
        self.0.load(key).await
    }

    pub(crate) async fn save(&self, key: &StoreKey, value: &Secret) -> Result<(), Error> {
        self.0.save(key, value).await
    }

    pub(crate) async fn remove(&self, key: &StoreKey) -> Result<(), Error> {
        self.0.remove(key).await
    }

    pub(crate) async fn lock(&self, key: &StoreKey) -> Result<StoreLock, Error> {
        self.0.lock(key).await
    }
}

trait Erased: Send + Sync {
    fn load<'a>(&'a self, key: &'a StoreKey) -> Boxed<'a, Option<Secret>>;
    fn save<'a>(&'a self, key: &'a StoreKey, value: &'a Secret) -> Boxed<'a, ()>;
    fn remove<'a>(&'a self, key: &'a StoreKey) -> Boxed<'a, ()>;
    fn lock<'a>(&'a self, key: &'a StoreKey) -> Boxed<'a, StoreLock>;
}

impl<S: TokenStore> Erased for S {
    fn load<'a>(&'a self, key: &'a StoreKey) -> Boxed<'a, Option<Secret>> {
        Box::pin(TokenStore::load(self, key))
    }

    fn save<'a>(&'a self, key: &'a StoreKey, value: &'a Secret) -> Boxed<'a, ()> {
        Box::pin(TokenStore::save(self, key, value))
    }

    fn remove<'a>(&'a self, key: &'a StoreKey) -> Boxed<'a, ()> {
        Box::pin(TokenStore::remove(self, key))
    }

    fn lock<'a>(&'a self, key: &'a StoreKey) -> Boxed<'a, StoreLock> {
        Box::pin(TokenStore::lock(self, key))
    }
}
