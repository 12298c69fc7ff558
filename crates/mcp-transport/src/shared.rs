use std::{any::Any, fmt, future::Future, pin::Pin, sync::Arc};

use mcp_core::Request;

use crate::{Address, Binding, Connect, Connection, Envelope, Error, Exchange, OneWay, Transport};

type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// Any [`Transport`] behind one cheap, cloneable handle: the type that layers above name.
#[derive(Clone)]
pub struct SharedTransport(Arc<dyn ErasedTransport>);

impl SharedTransport {
    /// Shares a transport; one that is shared already is not wrapped once more.
    pub fn new(transport: impl Transport) -> Self {
        match (&transport as &dyn Any).downcast_ref::<Self>() {
            Some(shared) => shared.clone(),
            None => Self(Arc::new(transport)),
        }
    }
}

impl fmt::Debug for SharedTransport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SharedTransport")
    }
}

impl Transport for SharedTransport {
    fn request(
        &self,
        request: Envelope<Request>,
    ) -> impl Future<Output = Result<Exchange, Error>> + Send {
        self.0.request(request)
    }

    fn send(&self, message: Envelope<OneWay>) -> impl Future<Output = Result<(), Error>> + Send {
        self.0.send(message)
    }

    fn close(&self) -> impl Future<Output = Result<(), Error>> + Send {
        self.0.close()
    }
}

impl<T: Transport> Transport for Arc<T> {
    fn request(
        &self,
        request: Envelope<Request>,
    ) -> impl Future<Output = Result<Exchange, Error>> + Send {
        T::request(self, request)
    }

    fn send(&self, message: Envelope<OneWay>) -> impl Future<Output = Result<(), Error>> + Send {
        T::send(self, message)
    }

    fn close(&self) -> impl Future<Output = Result<(), Error>> + Send {
        T::close(self)
    }
}

/// Any [`Connect`] behind one cheap, cloneable handle.
#[derive(Clone)]
pub struct SharedConnect(Arc<dyn ErasedConnect>);

impl SharedConnect {
    /// Shares a connector; one that is shared already is not wrapped once more.
    pub fn new(connect: impl Connect) -> Self {
        match (&connect as &dyn Any).downcast_ref::<Self>() {
            Some(shared) => shared.clone(),
            None => Self(Arc::new(connect)),
        }
    }
}

impl fmt::Debug for SharedConnect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("SharedConnect").field(&self.0.describe()).finish()
    }
}

impl Connect for SharedConnect {
    type Transport = SharedTransport;

    fn connect(&self) -> impl Future<Output = Result<Connection<SharedTransport>, Error>> + Send {
        self.0.connect()
    }

    fn binding(&self) -> Binding {
        self.0.binding()
    }

    fn describe(&self) -> String {
        self.0.describe()
    }

    fn address(&self) -> Option<Address> {
        self.0.address()
    }
}

trait ErasedTransport: Send + Sync {
    fn request(&self, request: Envelope<Request>) -> BoxFuture<'_, Result<Exchange, Error>>;
    fn send(&self, message: Envelope<OneWay>) -> BoxFuture<'_, Result<(), Error>>;
    fn close(&self) -> BoxFuture<'_, Result<(), Error>>;
}

impl<T: Transport> ErasedTransport for T {
    fn request(&self, request: Envelope<Request>) -> BoxFuture<'_, Result<Exchange, Error>> {
        Box::pin(Transport::request(self, request))
    }

    fn send(&self, message: Envelope<OneWay>) -> BoxFuture<'_, Result<(), Error>> {
        Box::pin(Transport::send(self, message))
    }

    fn close(&self) -> BoxFuture<'_, Result<(), Error>> {
        Box::pin(Transport::close(self))
    }
}

trait ErasedConnect: Send + Sync {
    fn connect(&self) -> BoxFuture<'_, Result<Connection<SharedTransport>, Error>>;
    fn binding(&self) -> Binding;
    fn describe(&self) -> String;
    fn address(&self) -> Option<Address>;
}

impl<C: Connect> ErasedConnect for C {
    fn connect(&self) -> BoxFuture<'_, Result<Connection<SharedTransport>, Error>> {
        Box::pin(async {
            let Connection { transport, inbound, pid } = Connect::connect(self).await?;
            Ok(Connection::new(SharedTransport::new(transport), inbound).with_pid(pid))
        })
    }

    fn binding(&self) -> Binding {
        Connect::binding(self)
    }

    fn describe(&self) -> String {
        Connect::describe(self)
    }

    fn address(&self) -> Option<Address> {
        Connect::address(self)
    }
}
