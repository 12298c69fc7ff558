//! Legacy sessions of the replicas of a server.

use std::time::Duration;

use bytes::Bytes;
use mcp_serve::SessionTable;

use crate::{error::Error, store::RedisStore};

const KIND: &str = "session";

impl SessionTable for RedisStore {
    type Error = Error;

    async fn put(&self, id: &str, record: Bytes, ttl: Duration) -> Result<(), Error> {
        self.put_for(&self.key(KIND, id), &record, ttl).await
    }

    async fn get(&self, id: &str) -> Result<Option<Bytes>, Error> {
        let get = redis::Cmd::get(self.key(KIND, id));
        let record: Option<Vec<u8>> = self.run("cannot get", &get).await?;
        Ok(record.map(Bytes::from))
    }

    async fn remove(&self, id: &str) -> Result<(), Error> {
        self.delete(&self.key(KIND, id)).await
    }
}
