use std::{
    future::Future,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use futures_core::Stream;
use mcp_core::{Message, Request};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tower_layer::Layer;

use crate::{Delivery, Diagnostics, Envelope, Error, ErrorKind, Exchange, OneWay, Transport};

/// Limits the number of concurrently open exchanges. Further requests wait in order, unsent.
///
/// An exchange counts until it has ended or is dropped. One-way messages and
/// [long-lived](Envelope::is_long_lived) exchanges do not count. Each transport that the layer is applied to
/// has its own limit.
#[doc(alias = "middleware")]
#[doc(alias = "parallel")]
#[derive(Debug, Clone, Copy)]
pub struct ConcurrencyLimitLayer {
    max: usize,
}

impl ConcurrencyLimitLayer {
    /// Creates a layer that allows `max` open exchanges.
    pub const fn new(max: usize) -> Self {
        Self { max }
    }
}

impl<T: Transport> Layer<T> for ConcurrencyLimitLayer {
    type Service = ConcurrencyLimit<T>;

    fn layer(&self, inner: T) -> ConcurrencyLimit<T> {
        let permits = self.max.min(Semaphore::MAX_PERMITS);
        ConcurrencyLimit { inner, semaphore: Arc::new(Semaphore::new(permits)) }
    }
}

/// A transport wrapped by a [`ConcurrencyLimitLayer`].
#[derive(Debug, Clone)]
pub struct ConcurrencyLimit<T> {
    inner: T,
    semaphore: Arc<Semaphore>,
}

impl<T: Transport> Transport for ConcurrencyLimit<T> {
    async fn request(&self, request: Envelope<Request>) -> Result<Exchange, Error> {
        if request.is_long_lived {
            return self.inner.request(request).await;
        }
        let Ok(permit) = Arc::clone(&self.semaphore).acquire_owned().await else {
            let error = Error::new(ErrorKind::Closed, "the connection was closed");
            return Err(error.with_delivery(Delivery::NotSent));
        };
        let exchange = self.inner.request(request).await?;
        if exchange.is_answered() {
            return Ok(exchange);
        }
        let id = exchange.id().clone();
        Ok(Exchange::from_stream(id, PermittedExchange { exchange, _permit: permit }))
    }

    fn send(&self, message: Envelope<OneWay>) -> impl Future<Output = Result<(), Error>> + Send {
        self.inner.send(message)
    }

    fn closed(&self) -> impl Future<Output = Error> + Send {
        self.inner.closed()
    }

    fn diagnostics(&self) -> Diagnostics {
        self.inner.diagnostics()
    }

    fn close(&self) -> impl Future<Output = Result<(), Error>> + Send {
        // Fails the requests that wait for a permit.
        self.semaphore.close();
        self.inner.close()
    }
}

/// An exchange with its permit. The outer exchange drops it with the terminal item, which releases the
/// permit.
struct PermittedExchange {
    exchange: Exchange,
    _permit: OwnedSemaphorePermit,
}

impl Stream for PermittedExchange {
    type Item = Result<Message, Error>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.exchange.poll_item(cx)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use std::time::Duration;

    use super::*;
    use crate::tower::testing::{CANCELLED, RESULT, call, connection};
    use mcp_testkit::within;

    async fn waits<T>(request: impl Future<Output = T>) -> bool {
        tokio::time::timeout(Duration::from_secs(1), request).await.is_err()
    }

    #[tokio::test(start_paused = true)]
    async fn a_permit_is_released_when_the_exchange_ends_or_is_dropped() {
        let (multiplex, mut peer) = connection();
        let transport = ConcurrencyLimitLayer::new(1).layer(multiplex);
        let mut first = transport.request(call(1, "tools/call")).await.unwrap();
        assert!(waits(transport.request(call(2, "tools/call"))).await);
        let notice = mcp_core::Notification::new("free");
        within(transport.send(Envelope::new(notice.into()))).await.unwrap();
        let listen = call(3, "subscriptions/listen").long_lived();
        let listening = within(transport.request(listen)).await.unwrap();

        peer.write(RESULT).await;
        assert!(within(first.next()).await.unwrap().is_ok());
        // The first exchange has ended, although it is not dropped yet.
        let second = within(transport.request(call(1, "tools/call"))).await.unwrap();
        assert!(waits(transport.request(call(2, "tools/call"))).await);
        drop(second);
        let _third = within(transport.request(call(2, "tools/call"))).await.unwrap();
        for part in ["\"id\":1,", "free", "\"id\":3", "\"id\":1,"] {
            let line = peer.line().await;
            assert!(line.contains(part), "{line} has no {part}");
        }
        assert_eq!(peer.line().await, CANCELLED);
        assert!(peer.line().await.contains("\"id\":2"));
        drop(listening);
    }

    #[tokio::test(start_paused = true)]
    async fn close_fails_waiting_requests() {
        let (multiplex, _peer) = connection();
        let transport = Arc::new(ConcurrencyLimitLayer::new(1).layer(multiplex));
        let _open = transport.request(call(1, "tools/call")).await.unwrap();
        let waiting = tokio::spawn({
            let transport = Arc::clone(&transport);
            async move { transport.request(call(2, "tools/call")).await }
        });
        tokio::task::yield_now().await;
        within(transport.close()).await.unwrap();
        let error = within(waiting).await.unwrap().unwrap_err();
        assert_eq!((error.kind(), error.delivery()), (ErrorKind::Closed, Delivery::NotSent));
    }
}
