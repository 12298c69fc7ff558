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

/// Lets at most so many exchanges be open at once; further requests wait, in order, unsent.
///
/// A place is taken until the exchange is over or dropped. One-way messages are not limited, and neither is
/// an exchange that is [long-lived](Envelope::is_long_lived), which would hold its place for ever. Each
/// transport that is layered has places of its own.
#[derive(Debug, Clone, Copy)]
pub struct ConcurrencyLimitLayer {
    max: usize,
}

impl ConcurrencyLimitLayer {
    /// A layer that lets `max` exchanges be open.
    pub const fn new(max: usize) -> Self {
        Self { max }
    }
}

impl<T: Transport> Layer<T> for ConcurrencyLimitLayer {
    type Service = ConcurrencyLimit<T>;

    fn layer(&self, inner: T) -> ConcurrencyLimit<T> {
        let places = self.max.min(Semaphore::MAX_PERMITS);
        ConcurrencyLimit { inner, places: Arc::new(Semaphore::new(places)) }
    }
}

/// A transport under a [`ConcurrencyLimitLayer`].
#[derive(Debug, Clone)]
pub struct ConcurrencyLimit<T> {
    inner: T,
    places: Arc<Semaphore>,
}

impl<T: Transport> Transport for ConcurrencyLimit<T> {
    async fn request(&self, request: Envelope<Request>) -> Result<Exchange, Error> {
        if request.is_long_lived {
            return self.inner.request(request).await;
        }
        let Ok(place) = Arc::clone(&self.places).acquire_owned().await else {
            let error = Error::new(ErrorKind::Closed, "the connection was closed");
            return Err(error.with_delivery(Delivery::NotSent));
        };
        let exchange = self.inner.request(request).await?;
        if exchange.is_answered() {
            return Ok(exchange);
        }
        let id = exchange.id().clone();
        Ok(Exchange::from_stream(id, Placed { exchange, _place: place }))
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
        // Those who wait for a place fail too.
        self.places.close();
        self.inner.close()
    }
}

/// Dropped by the outer exchange with its terminal item, and so the place is free then.
struct Placed {
    exchange: Exchange,
    _place: OwnedSemaphorePermit,
}

impl Stream for Placed {
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
    use crate::tower::testing::{CANCELLED, RESULT, call, connection, within};

    async fn waits<T>(request: impl Future<Output = T>) -> bool {
        tokio::time::timeout(Duration::from_secs(1), request).await.is_err()
    }

    #[tokio::test(start_paused = true)]
    async fn a_place_is_free_when_the_exchange_is_over_or_dropped() {
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
        // Over, although it is still held.
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
    async fn close_ends_those_who_wait() {
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
