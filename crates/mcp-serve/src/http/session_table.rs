//! Legacy sessions that several replicas share.

use std::{fmt, future::Future, pin::Pin, sync::Arc, time::Duration};

use bytes::Bytes;
use tokio::time::timeout;

/// The longest wait for a table.
const TIMEOUT: Duration = Duration::from_secs(5);

/// Where the replicas of one server record their sessions of revisions before 2026-07-28, so that each replica can
/// serve any session; see [`Http::session_table`](super::Http::session_table).
///
/// A record is opaque and contains no secret; the id of a session is a secret of its client. The futures are dropped
/// after 5 s.
pub trait SessionTable: Send + Sync + 'static {
    /// The error of the table.
    type Error: fmt::Display + Send;

    /// Records a session or renews its record. The record may be removed after `ttl`.
    fn put(
        &self,
        id: &str,
        record: Bytes,
        ttl: Duration,
    ) -> impl Future<Output = Result<(), Self::Error>> + Send;

    /// Returns the record of a session, or `None` if there is no such session.
    fn get(&self, id: &str) -> impl Future<Output = Result<Option<Bytes>, Self::Error>> + Send;

    /// Removes a session. A missing session is not an error.
    fn remove(&self, id: &str) -> impl Future<Output = Result<(), Self::Error>> + Send;
}

/// The table is unavailable, which was logged.
#[derive(Debug)]
pub(crate) struct Unavailable;

/// A type-erased [`SessionTable`] with a time limit.
#[derive(Clone)]
pub(crate) struct SharedTable(Arc<dyn Erased>);

impl SharedTable {
    pub(crate) fn new(table: impl SessionTable) -> Self {
        Self(Arc::new(table))
    }

    pub(crate) async fn put(
        &self,
        id: &str,
        record: Bytes,
        ttl: Duration,
    ) -> Result<(), Unavailable> {
        limited(self.0.put(id, record, ttl)).await
    }

    pub(crate) async fn get(&self, id: &str) -> Result<Option<Bytes>, Unavailable> {
        limited(self.0.get(id)).await
    }

    pub(crate) async fn remove(&self, id: &str) -> Result<(), Unavailable> {
        limited(self.0.remove(id)).await
    }
}

async fn limited<T>(work: Work<'_, T>) -> Result<T, Unavailable> {
    let done = timeout(TIMEOUT, work).await;
    let done = done.unwrap_or_else(|_| Err(format!("no answer within {TIMEOUT:?}")));
    done.map_err(|error| {
        tracing::warn!(%error, "the table of sessions is unavailable");
        Unavailable
    })
}

type Work<'a, T> = Pin<Box<dyn Future<Output = Result<T, String>> + Send + 'a>>;

/// Any [`SessionTable`], with errors as text.
trait Erased: Send + Sync {
    fn put<'a>(&'a self, id: &'a str, record: Bytes, ttl: Duration) -> Work<'a, ()>;
    fn get<'a>(&'a self, id: &'a str) -> Work<'a, Option<Bytes>>;
    fn remove<'a>(&'a self, id: &'a str) -> Work<'a, ()>;
}

impl<T: SessionTable> Erased for T {
    fn put<'a>(&'a self, id: &'a str, record: Bytes, ttl: Duration) -> Work<'a, ()> {
        let putting = SessionTable::put(self, id, record, ttl);
        Box::pin(async move { putting.await.map_err(|error| error.to_string()) })
    }

    fn get<'a>(&'a self, id: &'a str) -> Work<'a, Option<Bytes>> {
        let getting = SessionTable::get(self, id);
        Box::pin(async move { getting.await.map_err(|error| error.to_string()) })
    }

    fn remove<'a>(&'a self, id: &'a str) -> Work<'a, ()> {
        let removing = SessionTable::remove(self, id);
        Box::pin(async move { removing.await.map_err(|error| error.to_string()) })
    }
}
