use std::{fmt, sync::Arc, time::Duration};

use redis::{
    Client, Cmd, FromRedisValue, Pipeline,
    aio::{ConnectionManager, ConnectionManagerConfig},
};
use tokio::sync::OnceCell;

use crate::error::Error;

/// How long a connection may take to open.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// The longest time to live in milliseconds: 100 years.
const MAX_MILLIS: u64 = 100 * 365 * 24 * 60 * 60 * 1000;

/// A store in Redis. Clones share its connection.
///
/// All keys start with a [prefix](Self::prefix). Cached results and sessions expire with their time to live;
/// tokens do not expire.
#[derive(Clone)]
#[must_use]
pub struct RedisStore {
    client: Client,
    prefix: Arc<str>,
    timeout: Duration,
    connection: Arc<OnceCell<ConnectionManager>>,
}

impl RedisStore {
    /// A store at a URL such as `redis://user:password@host:6379/0`, or `rediss://…` for TLS. Does no I/O.
    ///
    /// # Errors
    /// The URL is not one of Redis, or needs the feature `tls`.
    pub fn new(url: impl AsRef<str>) -> Result<Self, Error> {
        // Does nothing if the application has chosen another one.
        #[cfg(feature = "tls")]
        let _ = rustls::crypto::ring::default_provider().install_default();
        let client = Client::open(url.as_ref()).map_err(|error| Error::new("the URL", error))?;
        let prefix = "mcp:".into();
        let timeout = Duration::from_secs(2);
        Ok(Self { client, prefix, timeout, connection: Arc::default() })
    }

    /// The start of all keys, to separate services that share a Redis. Default: `mcp:`.
    pub fn prefix(mut self, prefix: impl Into<Arc<str>>) -> Self {
        self.prefix = prefix.into();
        self
    }

    /// The longest wait for a response. Default: 2 s. Opening a connection may take 5 s more.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        // An earlier connection has the earlier timeout.
        self.connection = Arc::default();
        self
    }

    /// The key of a value of this kind.
    pub(crate) fn key(&self, kind: &str, name: &str) -> String {
        format!("{}{kind}:{name}", self.prefix)
    }

    async fn connection(&self) -> Result<ConnectionManager, Error> {
        let open = async || {
            let config = ConnectionManagerConfig::new()
                .set_connection_timeout(Some(CONNECT_TIMEOUT))
                .set_response_timeout(Some(self.timeout))
                // The callers decide whether to try again.
                .set_number_of_retries(0);
            ConnectionManager::new_with_config(self.client.clone(), config).await
        };
        let connection = self.connection.get_or_try_init(open).await;
        connection.cloned().map_err(|error| Error::new("cannot connect", error))
    }

    /// Sets a value that expires after `ttl`.
    pub(crate) async fn put_for(
        &self,
        key: &str,
        value: &[u8],
        ttl: Duration,
    ) -> Result<(), Error> {
        let millis = u64::try_from(ttl.as_millis()).unwrap_or(u64::MAX);
        // Redis accepts no time of zero, and none beyond the range of its clock.
        match millis.min(MAX_MILLIS) {
            0 => self.delete(key).await,
            millis => self.run("cannot set", &Cmd::pset_ex(key, value, millis)).await,
        }
    }

    /// Deletes a value. Does nothing if there is none.
    pub(crate) async fn delete(&self, key: &str) -> Result<(), Error> {
        self.run("cannot delete", &Cmd::del(key)).await
    }

    /// Runs one command.
    pub(crate) async fn run<T: FromRedisValue>(
        &self,
        what: &'static str,
        command: &Cmd,
    ) -> Result<T, Error> {
        let mut connection = self.connection().await?;
        command.query_async(&mut connection).await.map_err(|error| Error::new(what, error))
    }

    /// Runs several commands as one.
    pub(crate) async fn run_all<T: FromRedisValue>(
        &self,
        what: &'static str,
        commands: &Pipeline,
    ) -> Result<T, Error> {
        let mut connection = self.connection().await?;
        commands.query_async(&mut connection).await.map_err(|error| Error::new(what, error))
    }
}

impl fmt::Debug for RedisStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The URL may contain a password.
        f.debug_struct("RedisStore").field("prefix", &self.prefix).finish_non_exhaustive()
    }
}
