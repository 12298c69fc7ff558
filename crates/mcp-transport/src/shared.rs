use std::{any::Any, fmt, future::Future, pin::Pin, sync::Arc};

use mcp_core::Request;

use crate::{
    Connect, Connection, Diagnostics, Envelope, Error, Exchange, Hold, Inbound, OneWay, Serve,
    Transport,
};

type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// A type-erased [`Transport`] behind a cheap, cloneable handle. Layers above use this type.
#[derive(Clone)]
pub struct SharedTransport(Arc<dyn ErasedTransport>);

impl SharedTransport {
    /// Erases the type of a transport. A `SharedTransport` is returned as it is.
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
    #[expect(refining_impl_trait, reason = "a session polls it beside what it was sent from")]
    fn request(
        &self,
        request: Envelope<Request>,
    ) -> Pin<Box<dyn Future<Output = Result<Exchange, Error>> + Send>> {
        Arc::clone(&self.0).request(request)
    }

    fn try_request(
        &self,
        request: &mut Option<Envelope<Request>>,
    ) -> Option<Result<Exchange, Error>> {
        self.0.try_request(request)
    }

    fn send(&self, message: Envelope<OneWay>) -> impl Future<Output = Result<(), Error>> + Send {
        self.0.send(message)
    }

    fn closed(&self) -> impl Future<Output = Error> + Send {
        self.0.closed()
    }

    fn diagnostics(&self) -> Diagnostics {
        self.0.diagnostics()
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

    fn try_request(
        &self,
        request: &mut Option<Envelope<Request>>,
    ) -> Option<Result<Exchange, Error>> {
        T::try_request(self, request)
    }

    fn send(&self, message: Envelope<OneWay>) -> impl Future<Output = Result<(), Error>> + Send {
        T::send(self, message)
    }

    fn closed(&self) -> impl Future<Output = Error> + Send {
        T::closed(self)
    }

    fn diagnostics(&self) -> Diagnostics {
        T::diagnostics(self)
    }

    fn close(&self) -> impl Future<Output = Result<(), Error>> + Send {
        T::close(self)
    }
}

/// Any [`Connect`] behind one cheap, cloneable handle.
#[derive(Clone)]
pub struct SharedConnect(Arc<dyn ErasedConnect>);

impl SharedConnect {
    /// Erases the type of a connector. A `SharedConnect` is returned as it is.
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

    fn describe(&self) -> String {
        self.0.describe()
    }

    fn hold(&self) -> Option<Hold> {
        self.0.hold()
    }
}

/// A type-erased [`Serve`] behind a cheap, cloneable handle.
#[derive(Clone)]
pub struct SharedServe(Arc<dyn ErasedServe>);

impl SharedServe {
    /// Erases the type of a server. A `SharedServe` is returned as it is.
    pub fn new(server: impl Serve) -> Self {
        match (&server as &dyn Any).downcast_ref::<Self>() {
            Some(shared) => shared.clone(),
            None => Self(Arc::new(server)),
        }
    }
}

impl fmt::Debug for SharedServe {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("SharedServe").field(&self.0.name()).finish()
    }
}

impl Serve for SharedServe {
    fn for_client(&self) -> Option<Self> {
        self.0.for_client()
    }

    fn open(&self) -> Inbound {
        self.0.open()
    }

    fn request(&self, request: Envelope<Request>) -> impl Future<Output = Exchange> + Send {
        self.0.request(request)
    }

    fn try_request(&self, request: &mut Option<Envelope<Request>>) -> Option<Exchange> {
        self.0.try_request(request)
    }

    fn send(&self, message: Envelope<OneWay>) -> impl Future<Output = ()> + Send {
        self.0.send(message)
    }

    fn close(&self) -> impl Future<Output = ()> + Send {
        self.0.close()
    }

    fn enforces_idle_limit(&self) -> bool {
        self.0.enforces_idle_limit()
    }

    fn name(&self) -> String {
        self.0.name()
    }
}

trait ErasedTransport: Send + Sync {
    fn request(
        self: Arc<Self>,
        request: Envelope<Request>,
    ) -> BoxFuture<'static, Result<Exchange, Error>>;
    fn try_request(
        &self,
        request: &mut Option<Envelope<Request>>,
    ) -> Option<Result<Exchange, Error>>;
    fn send(&self, message: Envelope<OneWay>) -> BoxFuture<'_, Result<(), Error>>;
    fn closed(&self) -> BoxFuture<'_, Error>;
    fn diagnostics(&self) -> Diagnostics;
    fn close(&self) -> BoxFuture<'_, Result<(), Error>>;
}

impl<T: Transport> ErasedTransport for T {
    fn request(
        self: Arc<Self>,
        request: Envelope<Request>,
    ) -> BoxFuture<'static, Result<Exchange, Error>> {
        Box::pin(async move { Transport::request(&*self, request).await })
    }

    fn try_request(
        &self,
        request: &mut Option<Envelope<Request>>,
    ) -> Option<Result<Exchange, Error>> {
        Transport::try_request(self, request)
    }

    fn send(&self, message: Envelope<OneWay>) -> BoxFuture<'_, Result<(), Error>> {
        Box::pin(Transport::send(self, message))
    }

    fn closed(&self) -> BoxFuture<'_, Error> {
        Box::pin(Transport::closed(self))
    }

    fn diagnostics(&self) -> Diagnostics {
        Transport::diagnostics(self)
    }

    fn close(&self) -> BoxFuture<'_, Result<(), Error>> {
        Box::pin(Transport::close(self))
    }
}

trait ErasedConnect: Send + Sync {
    fn connect(&self) -> BoxFuture<'_, Result<Connection<SharedTransport>, Error>>;
    fn describe(&self) -> String;
    fn hold(&self) -> Option<Hold>;
}

impl<C: Connect> ErasedConnect for C {
    fn connect(&self) -> BoxFuture<'_, Result<Connection<SharedTransport>, Error>> {
        Box::pin(async { Ok(Connect::connect(self).await?.map(SharedTransport::new)) })
    }

    fn describe(&self) -> String {
        Connect::describe(self)
    }

    fn hold(&self) -> Option<Hold> {
        Connect::hold(self)
    }
}

trait ErasedServe: Send + Sync {
    fn for_client(&self) -> Option<SharedServe>;
    fn open(&self) -> Inbound;
    fn request(&self, request: Envelope<Request>) -> BoxFuture<'_, Exchange>;
    fn try_request(&self, request: &mut Option<Envelope<Request>>) -> Option<Exchange>;
    fn send(&self, message: Envelope<OneWay>) -> BoxFuture<'_, ()>;
    fn close(&self) -> BoxFuture<'_, ()>;
    fn enforces_idle_limit(&self) -> bool;
    fn name(&self) -> String;
}

impl<S: Serve> ErasedServe for S {
    fn for_client(&self) -> Option<SharedServe> {
        Serve::for_client(self).map(SharedServe::new)
    }

    fn open(&self) -> Inbound {
        Serve::open(self)
    }

    fn request(&self, request: Envelope<Request>) -> BoxFuture<'_, Exchange> {
        Box::pin(Serve::request(self, request))
    }

    fn try_request(&self, request: &mut Option<Envelope<Request>>) -> Option<Exchange> {
        Serve::try_request(self, request)
    }

    fn send(&self, message: Envelope<OneWay>) -> BoxFuture<'_, ()> {
        Box::pin(Serve::send(self, message))
    }

    fn close(&self) -> BoxFuture<'_, ()> {
        Box::pin(Serve::close(self))
    }

    fn enforces_idle_limit(&self) -> bool {
        Serve::enforces_idle_limit(self)
    }

    fn name(&self) -> String {
        Serve::name(self)
    }
}
