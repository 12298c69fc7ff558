//! Pairs of streams as targets: already open, and so connected to once.

use std::sync::{Mutex, PoisonError};

use futures_core::Stream;
use futures_sink::Sink;
use mcp_core::Message;
use mcp_transport::{
    Binding, Connect, Connection, Delivery, Error, ErrorKind, Inbound, Limits, Multiplex,
};
use tokio::io::{AsyncRead, AsyncWrite};

type BoxError = Box<dyn std::error::Error + Send + Sync>;

pub(crate) struct Bytes<R, W>(Once<(R, W)>);

impl<R, W> Bytes<R, W> {
    pub(crate) fn new(reader: R, writer: W) -> Self {
        Self(Once::new((reader, writer)))
    }
}

impl<R, W> Connect for Bytes<R, W>
where
    R: AsyncRead + Unpin + Send + 'static,
    W: AsyncWrite + Unpin + Send + 'static,
{
    type Transport = Multiplex;

    async fn connect(&self) -> Result<Connection<Multiplex>, Error> {
        let (reader, writer) = self.0.take()?;
        let (transport, inbound, driver) = Multiplex::lines(reader, writer, Limits::default());
        Ok(connection(transport, inbound, driver))
    }

    fn binding(&self) -> Binding {
        Binding::Stream
    }

    fn describe(&self) -> String {
        "a pair of byte streams".to_owned()
    }
}

pub(crate) struct Messages<Si, St>(Once<(Si, St)>);

impl<Si, St> Messages<Si, St> {
    pub(crate) fn new(sink: Si, stream: St) -> Self {
        Self(Once::new((sink, stream)))
    }
}

impl<Si, St, E> Connect for Messages<Si, St>
where
    Si: Sink<Message, Error: Into<BoxError>> + Unpin + Send + 'static,
    St: Stream<Item = Result<Message, E>> + Unpin + Send + 'static,
    E: Into<BoxError> + 'static,
{
    type Transport = Multiplex;

    async fn connect(&self) -> Result<Connection<Multiplex>, Error> {
        let (sink, stream) = self.0.take()?;
        let (transport, inbound, driver) = Multiplex::messages(sink, stream, Limits::default());
        Ok(connection(transport, inbound, driver))
    }

    fn binding(&self) -> Binding {
        Binding::Stream
    }

    fn describe(&self) -> String {
        "a pair of message streams".to_owned()
    }
}

struct Once<T>(Mutex<Option<T>>);

impl<T> Once<T> {
    fn new(value: T) -> Self {
        Self(Mutex::new(Some(value)))
    }

    fn take(&self) -> Result<T, Error> {
        let taken = self.0.lock().unwrap_or_else(PoisonError::into_inner).take();
        taken.ok_or_else(|| {
            let message = "a pair of streams can be connected to once, and that has been done";
            Error::new(ErrorKind::Config, message).with_delivery(Delivery::NotSent)
        })
    }
}

/// Gives the driver a task. It ends with the last handle of the transport, or with the pipe.
fn connection(
    transport: Multiplex,
    inbound: Inbound,
    driver: impl Future<Output = Error> + Send + 'static,
) -> Connection<Multiplex> {
    tokio::spawn(driver);
    Connection::new(transport, inbound)
}
