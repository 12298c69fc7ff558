//! Connections without sockets, for simulations only.

use std::fmt;
use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::Arc;

use tokio::io::DuplexStream;

/// The client's end of a simulated connection.
#[derive(Debug)]
#[expect(clippy::exhaustive_structs, reason = "for simulations only")]
pub struct Simulated {
    /// The bytes of the connection.
    pub stream: DuplexStream,
    /// Whether client and server have agreed on HTTP/2.
    pub is_http2: bool,
}

type Opening = Pin<Box<dyn Future<Output = io::Result<Simulated>> + Send>>;

/// Opens simulated connections.
#[derive(Clone)]
pub(crate) struct Dial(Arc<dyn Fn() -> Opening + Send + Sync>);

impl Dial {
    pub(crate) fn new<F, R>(dial: F) -> Self
    where
        F: Fn() -> R + Send + Sync + 'static,
        R: Future<Output = io::Result<Simulated>> + Send + 'static,
    {
        Self(Arc::new(move || Box::pin(dial())))
    }

    pub(crate) async fn open(&self) -> io::Result<Simulated> {
        (self.0)().await
    }
}

impl fmt::Debug for Dial {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Dial")
    }
}
