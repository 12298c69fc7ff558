//! The client with well-behaved and hostile servers.
#![allow(missing_docs, reason = "tests")]
#![allow(clippy::unwrap_used, reason = "tests")]

#[cfg(feature = "decompression")]
mod decompress;
// Other systems leave the time of an acknowledgement to themselves.
#[cfg(any(target_os = "linux", target_os = "android"))]
mod delayed_ack;
mod headers;
mod hostile;
#[cfg(all(feature = "http2", feature = "tls-ring"))]
mod http2;
mod http_proxy;
mod pool;
mod server;
mod socks;
mod sse;
mod status;
#[cfg(feature = "tls-ring")]
mod tls;
#[cfg(feature = "tls-ring")]
mod tls_identity;
#[cfg(unix)]
mod unix;
#[cfg(not(any(feature = "tls-ring", feature = "tls-aws-lc")))]
mod without_tls;
