//! Redis as the store that the processes of one service share.
//!
//! A [`RedisStore`] is a [`CacheStore`](mcp_session::CacheStore) (feature `cache`): results that servers allow to be
//! cached are requested by one process and used by all. It is also a [`TokenStore`](mcp_auth::TokenStore) (feature
//! `tokens`): all processes use the same OAuth tokens, and only one of them refreshes a token. As a
//! [`SessionTable`](mcp_serve::SessionTable) (feature `sessions`) it lets any replica of a server that is served by
//! `mcp-serve` serve any session of a client of a revision before 2026-07-28.
//!
//! ```no_run
//! # fn run() -> Result<(), mcp_store_redis::Error> {
//! use mcp_auth::OAuth;
//! use mcp_session::Cache;
//! use mcp_store_redis::RedisStore;
//!
//! let redis = RedisStore::new("redis://redis.internal:6379/0")?.prefix("shop:");
//! let auth = OAuth::new().store(redis.clone());
//! let cache = Cache::default().store("https://mcp.example.com/mcp", redis);
//! # Ok(()) }
//! ```
//!
//! Needs Redis 6.2 or a compatible server such as Valkey. Connections are opened when first used and again after a
//! failure. `rediss://` needs the feature `tls`.
#![cfg_attr(docsrs, feature(doc_cfg))]

#[cfg(feature = "cache")]
mod cache;
mod error;
#[cfg(feature = "tokens")]
mod lease;
#[cfg(feature = "sessions")]
mod sessions;
mod store;
#[cfg(feature = "tokens")]
mod tokens;

pub use error::Error;
pub use store::RedisStore;
