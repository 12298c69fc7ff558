//! OAuth tokens.

use mcp_auth::{Error, ErrorKind, Secret, StoreKey, StoreLock, TokenStore};

use crate::{lease::Lease, store::RedisStore};

const KIND: &str = "tokens";

impl TokenStore for RedisStore {
    async fn load(&self, key: &StoreKey) -> Result<Option<Secret>, Error> {
        let get = redis::Cmd::get(self.key(KIND, key.name()));
        let value: Option<Vec<u8>> =
            self.run("cannot get", &get).await.map_err(|error| failed("loaded", key, error))?;
        // Text that is not valid is the value of another program.
        Ok(value.and_then(|value| String::from_utf8(value).ok()).map(Secret::new))
    }

    async fn save(&self, key: &StoreKey, value: &Secret) -> Result<(), Error> {
        let set = redis::Cmd::set(self.key(KIND, key.name()), value.expose());
        self.run("cannot set", &set).await.map_err(|error| failed("saved", key, error))
    }

    async fn remove(&self, key: &StoreKey) -> Result<(), Error> {
        self.delete(&self.key(KIND, key.name()))
            .await
            .map_err(|error| failed("removed", key, error))
    }

    /// The lock is a lease of 15 s, renewed while the guard exists. The lease of a killed process expires.
    async fn lock(&self, key: &StoreKey) -> Result<StoreLock, Error> {
        let lease = Lease::acquire(self, self.key("lock", key.name())).await;
        lease.map(StoreLock::new).map_err(|error| failed("locked", key, error))
    }
}

fn failed(
    what: &str,
    key: &StoreKey,
    error: impl Into<Box<dyn std::error::Error + Send + Sync>>,
) -> Error {
    let message = format!("the tokens of {} could not be {what}", key.about());
    Error::new(ErrorKind::Store, message).with_source(error)
}
