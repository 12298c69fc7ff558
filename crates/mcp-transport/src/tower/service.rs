use std::{
    fmt,
    future::Future,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use mcp_core::Request;
use tower_service::Service;

use crate::{Envelope, Error, Exchange, Transport};

/// A [`Transport`] as a `tower` service. It is always ready, and its response is the [`Exchange`].
///
/// For existing middleware of `tower` services. Such middleware applies until the exchange is open only;
/// [`TimeoutLayer`](super::TimeoutLayer) and [`ConcurrencyLimitLayer`](super::ConcurrencyLimitLayer) apply
/// until it has ended.
#[doc(alias = "middleware")]
pub struct TransportService<T>(Arc<T>);

impl<T: Transport> TransportService<T> {
    /// Creates a service that sends its requests over `transport`.
    pub fn new(transport: impl Into<Arc<T>>) -> Self {
        Self(transport.into())
    }

    /// The transport, to send one-way messages and to close it.
    pub fn transport(&self) -> &Arc<T> {
        &self.0
    }
}

impl<T: Transport> Service<Envelope<Request>> for TransportService<T> {
    type Response = Exchange;
    type Error = Error;
    type Future = Pin<Box<dyn Future<Output = Result<Exchange, Error>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Envelope<Request>) -> Self::Future {
        let transport = Arc::clone(&self.0);
        Box::pin(async move { transport.request(request).await })
    }
}

impl<T> Clone for TransportService<T> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<T: fmt::Debug> fmt::Debug for TransportService<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("TransportService").field(&self.0).finish()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;
    use crate::tower::testing::{RESULT, call, connection};

    #[tokio::test(start_paused = true)]
    async fn a_call_opens_an_exchange() {
        let (multiplex, mut peer) = connection();
        let mut service = TransportService::new(multiplex);
        std::future::poll_fn(|cx| service.poll_ready(cx)).await.unwrap();
        let exchange = service.clone().call(call(1, "tools/call")).await.unwrap();
        peer.line().await;
        peer.write(RESULT).await;
        assert!(exchange.response().await.unwrap().outcome.is_ok());
        service.transport().close().await.unwrap();
        let error = service.call(call(2, "tools/call")).await.unwrap_err();
        assert!(error.is_closed());
    }
}
