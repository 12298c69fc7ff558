//! Locks that expire with their process.

use std::{
    fmt,
    hash::{BuildHasher as _, RandomState},
    sync::Arc,
    time::Duration,
};

use mcp_transport::{Backoff, util::Retries};
use tokio::{
    runtime::Handle,
    task::AbortHandle,
    time::{sleep, timeout},
};

use crate::{error::Error, store::RedisStore};

/// How long a lock outlives its process.
const LEASE: Duration = Duration::from_secs(15);

/// The longest wait for a lock.
const WAIT: Duration = Duration::from_secs(60);

/// The pause between two attempts to acquire a lock.
const PAUSE: Backoff = Backoff::new(Duration::from_millis(30), Duration::from_millis(500));

/// Deletes the lock if it is that of this owner.
const RELEASE: &str =
    "if redis.call('get', KEYS[1]) == ARGV[1] then return redis.call('del', KEYS[1]) end return 0";

/// Renews the lock if it is that of this owner.
const RENEW: &str = "if redis.call('get', KEYS[1]) == ARGV[1] then \
                     return redis.call('pexpire', KEYS[1], ARGV[2]) end return 0";

/// A lock. It is renewed until it is dropped.
pub(crate) struct Lease {
    lock: Arc<Lock>,
    renewal: AbortHandle,
}

struct Lock {
    store: RedisStore,
    key: String,
    /// Differs from those of all other owners.
    owner: String,
}

impl Lease {
    /// Waits until the lock is free.
    pub(crate) async fn acquire(store: &RedisStore, key: String) -> Result<Self, AcquireError> {
        let lock = Arc::new(Lock { store: store.clone(), key, owner: owner() });
        let acquired = timeout(WAIT, lock.acquire()).await;
        acquired.map_err(|_| AcquireError::Held)?.map_err(AcquireError::Redis)?;
        let renewal = tokio::spawn(renew(Arc::clone(&lock))).abort_handle();
        Ok(Self { lock, renewal })
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        self.renewal.abort();
        let lock = Arc::clone(&self.lock);
        // Without a runtime, or if this fails, the lease expires.
        if let Ok(runtime) = Handle::try_current() {
            runtime.spawn(async move { lock.eval("cannot unlock", RELEASE).await });
        }
    }
}

impl Lock {
    async fn acquire(&self) -> Result<(), Error> {
        let mut set = redis::cmd("SET");
        set.arg(&self.key).arg(&self.owner).arg("NX").arg("PX").arg(millis());
        let mut retries = Retries::new(PAUSE.with_attempts(None));
        loop {
            let is_acquired: bool = self.store.run("cannot lock", &set).await?;
            if is_acquired {
                return Ok(());
            }
            sleep(retries.next_delay(None).unwrap_or(PAUSE.max)).await;
        }
    }

    /// Runs a script. Returns whether the lock was still that of this owner.
    async fn eval(&self, what: &'static str, script: &str) -> Result<bool, Error> {
        let mut eval = redis::cmd("EVAL");
        eval.arg(script).arg(1).arg(&self.key).arg(&self.owner).arg(millis());
        self.store.run(what, &eval).await
    }
}

async fn renew(lock: Arc<Lock>) {
    loop {
        sleep(LEASE / 3).await;
        match lock.eval("cannot renew a lock", RENEW).await {
            Ok(true) => {}
            Ok(false) => return tracing::warn!(key = lock.key, "a lock expired while it was held"),
            // The next attempt may succeed before the lease expires.
            Err(error) => tracing::warn!(%error, key = lock.key, "a lock was not renewed"),
        }
    }
}

fn millis() -> u64 {
    LEASE.as_millis() as u64
}

/// A name that differs from those of all other owners: hashers have random keys.
fn owner() -> String {
    let [one, other] = [(); 2].map(|()| RandomState::new().hash_one(std::process::id()));
    format!("{one:016x}{other:016x}")
}

/// Why a lock was not acquired.
#[derive(Debug)]
pub(crate) enum AcquireError {
    /// Others hold it.
    Held,
    Redis(Error),
}

impl fmt::Display for AcquireError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Held => write!(f, "other processes held the lock for {WAIT:?}"),
            Self::Redis(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for AcquireError {}
