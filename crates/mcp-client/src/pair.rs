//! Pairs of streams as targets: already open, so they can be connected only once.

use std::{
    fmt,
    future::Future,
    sync::{Mutex, PoisonError},
};

use futures_core::Stream;
use futures_sink::Sink;
use mcp_core::Message;
use mcp_transport::{
    Binding, Connect, Connection, ConnectionInfo, Delivery, Error, ErrorKind, Inbound, Limits,
    multiplex::Multiplex,
};
use tokio::io::{AsyncRead, AsyncWrite};

/// A pair of streams, until the first connect.
pub(crate) struct Pair {
    description: &'static str,
    open: Mutex<Option<Open>>,
}

type Open = Box<dyn FnOnce() -> (Multiplex, Inbound) + Send>;
type BoxError = Box<dyn std::error::Error + Send + Sync>;

impl Pair {
    /// Lines of JSON over byte streams.
    pub(crate) fn bytes<R, W>(reader: R, writer: W) -> Self
    where
        R: AsyncRead + Unpin + Send + 'static,
        W: AsyncWrite + Unpin + Send + 'static,
    {
        Self::new("a pair of byte streams", || {
            let (transport, inbound, driver) = Multiplex::lines(reader, writer, Limits::default());
            spawned(transport, inbound, driver)
        })
    }

    /// Messages over a sink and a stream.
    pub(crate) fn messages<Si, St, E>(sink: Si, stream: St) -> Self
    where
        Si: Sink<Message, Error: Into<BoxError>> + Unpin + Send + 'static,
        St: Stream<Item = Result<Message, E>> + Unpin + Send + 'static,
        E: Into<BoxError> + 'static,
    {
        Self::new("a pair of message streams", || {
            let (transport, inbound, driver) = Multiplex::messages(sink, stream, Limits::default());
            spawned(transport, inbound, driver)
        })
    }

    fn new(
        description: &'static str,
        open: impl FnOnce() -> (Multiplex, Inbound) + Send + 'static,
    ) -> Self {
        Self { description, open: Mutex::new(Some(Box::new(open))) }
    }
}

/// Spawns the driver. Its task ends with the last handle of the transport or with the streams.
fn spawned(
    transport: Multiplex,
    inbound: Inbound,
    driver: impl Future<Output = Error> + Send + 'static,
) -> (Multiplex, Inbound) {
    tokio::spawn(driver);
    (transport, inbound)
}

impl Connect for Pair {
    type Transport = Multiplex;

    async fn connect(&self) -> Result<Connection<Multiplex>, Error> {
        let open = self.open.lock().unwrap_or_else(PoisonError::into_inner).take();
        let open = open.ok_or_else(|| {
            let message = "a pair of streams can be connected only once, and is already in use";
            Error::new(ErrorKind::Config, message).with_delivery(Delivery::NotSent)
        })?;
        let (transport, inbound) = open();
        let info = ConnectionInfo::new(Binding::Pipe, self.description);
        Ok(Connection::new(transport, inbound, info))
    }

    fn describe(&self) -> String {
        self.description.to_owned()
    }
}

impl fmt::Debug for Pair {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pair").field("description", &self.description).finish_non_exhaustive()
    }
}
