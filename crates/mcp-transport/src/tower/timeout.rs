use std::{
    future::Future,
    pin::Pin,
    task::{Context, Poll, ready},
    time::Duration,
};

use futures_core::Stream;
use mcp_core::{Message, Request};
use tokio::time::{Instant, Sleep, sleep, timeout};
use tower_layer::Layer;

use crate::{Diagnostics, Envelope, Error, ErrorKind, Exchange, OneWay, Transport};

/// Limits the total time of every exchange, from the request to its terminal item.
///
/// At the limit, the exchange fails with [`Timeout`](ErrorKind::Timeout) and the wrapped one is dropped,
/// which cancels the request. For a [long-lived](Envelope::is_long_lived) exchange the limit applies to the
/// first message only. [`send`](Transport::send) has the same limit. Needs tokio's timer.
///
/// Spec:
/// [Timeouts](https://modelcontextprotocol.io/specification/2026-07-28/basic/patterns/cancellation#timeouts)
#[doc(alias = "middleware")]
#[doc(alias = "deadline")]
#[derive(Debug, Clone, Copy)]
pub struct TimeoutLayer {
    limit: Duration,
}

impl TimeoutLayer {
    /// Creates a layer with this limit. [`Duration::MAX`] is no limit.
    pub const fn new(limit: Duration) -> Self {
        Self { limit }
    }
}

impl<T: Transport> Layer<T> for TimeoutLayer {
    type Service = Timeout<T>;

    fn layer(&self, inner: T) -> Timeout<T> {
        Timeout { inner, limit: self.limit }
    }
}

/// A transport wrapped by a [`TimeoutLayer`].
#[derive(Debug, Clone)]
pub struct Timeout<T> {
    inner: T,
    limit: Duration,
}

impl<T: Transport> Transport for Timeout<T> {
    async fn request(&self, request: Envelope<Request>) -> Result<Exchange, Error> {
        // Created first, since the time to open the exchange counts. `sleep` accepts any duration.
        let sleep = sleep(self.limit);
        let timeout_error = timeout_error(&request.message.method, self.limit);
        let is_long_lived = request.is_long_lived;
        let exchange = match timeout(self.limit, self.inner.request(request)).await {
            Ok(exchange) => exchange?,
            Err(_) => return Err(timeout_error),
        };
        if exchange.is_answered() {
            return Ok(exchange);
        }
        let id = exchange.id().clone();
        let sleep = Some(Box::pin(sleep));
        let timed = TimedExchange { exchange: Some(exchange), sleep, is_long_lived, timeout_error };
        Ok(Exchange::from_stream(id, timed))
    }

    async fn send(&self, message: Envelope<OneWay>) -> Result<(), Error> {
        let timeout_error = match &message.message {
            OneWay::Notification(notification) => timeout_error(&notification.method, self.limit),
            OneWay::Response(_) => timeout_error("a response", self.limit),
        };
        let sent = tokio::time::timeout(self.limit, self.inner.send(message)).await;
        sent.unwrap_or(Err(timeout_error))
    }

    fn closed(&self) -> impl Future<Output = Error> + Send {
        self.inner.closed()
    }

    fn diagnostics(&self) -> Diagnostics {
        self.inner.diagnostics()
    }

    fn close(&self) -> impl Future<Output = Result<(), Error>> + Send {
        self.inner.close()
    }
}

fn timeout_error(what: &str, limit: Duration) -> Error {
    Error::new(ErrorKind::Timeout, format!("{what} took longer than the limit of {limit:?}"))
}

struct TimedExchange {
    /// `None` after the time-out.
    exchange: Option<Exchange>,
    /// `None` after the first message of a long-lived exchange.
    sleep: Option<Pin<Box<Sleep>>>,
    is_long_lived: bool,
    timeout_error: Error,
}

impl Stream for TimedExchange {
    type Item = Result<Message, Error>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = &mut *self;
        let Some(exchange) = &mut this.exchange else { return Poll::Ready(None) };
        let polled = exchange.poll_item(cx);
        if polled.is_ready() && this.is_long_lived {
            this.sleep = None;
        }
        let Some(sleep) = &mut this.sleep else { return polled };
        match polled {
            // A stream that is always ready must not outlast the limit. A response that has arrived is
            // returned even after it.
            Poll::Ready(Some(Ok(Message::Notification(_) | Message::Request(_))))
                if sleep.deadline() <= Instant::now() => {}
            Poll::Ready(item) => return Poll::Ready(item),
            Poll::Pending => ready!(sleep.as_mut().poll(cx)),
        }
        this.exchange = None;
        Poll::Ready(Some(Err(this.timeout_error.clone())))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;
    use crate::tower::testing::{CANCELLED, PROGRESS, RESULT, call, connection};
    use mcp_testkit::within;

    const LIMIT: Duration = Duration::from_secs(30);

    #[tokio::test(start_paused = true)]
    async fn messages_do_not_extend_the_limit_and_the_timeout_cancels() {
        let (multiplex, mut peer) = connection();
        let transport = TimeoutLayer::new(LIMIT).layer(multiplex);
        let started = Instant::now();
        let mut exchange = transport.request(call(1, "tools/call")).await.unwrap();
        tokio::time::sleep(LIMIT / 2).await;
        peer.line().await;
        peer.write(PROGRESS).await;
        assert!(within(exchange.next()).await.unwrap().is_ok());
        let error = within(exchange.next()).await.unwrap().unwrap_err();
        assert_eq!(started.elapsed(), LIMIT);
        assert_eq!(error.kind(), ErrorKind::Timeout);
        assert_eq!(error.to_string(), "tools/call took longer than the limit of 30s");
        assert!(within(exchange.next()).await.is_none());
        // Cancelled already, although the outer exchange is not dropped yet.
        assert_eq!(peer.line().await, CANCELLED);
    }

    #[tokio::test(start_paused = true)]
    async fn a_response_within_the_limit_is_returned_to_a_late_reader() {
        let (multiplex, mut peer) = connection();
        let transport = TimeoutLayer::new(LIMIT).layer(multiplex);
        let exchange = transport.request(call(1, "tools/call")).await.unwrap();
        peer.line().await;
        peer.write(RESULT).await;
        tokio::time::sleep(2 * LIMIT).await;
        assert!(within(exchange.response()).await.is_ok());
    }

    #[tokio::test(start_paused = true)]
    async fn a_long_lived_exchange_has_no_limit_after_its_first_message() {
        let (multiplex, mut peer) = connection();
        let transport = TimeoutLayer::new(LIMIT).layer(multiplex);
        let listen = || call(1, "subscriptions/listen").long_lived();
        let mut exchange = transport.request(listen()).await.unwrap();
        let error = within(exchange.next()).await.unwrap().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Timeout);
        let mut exchange = transport.request(listen()).await.unwrap();
        peer.write(PROGRESS).await;
        assert!(within(exchange.next()).await.unwrap().is_ok());
        assert!(tokio::time::timeout(10 * LIMIT, exchange.next()).await.is_err());
    }

    /// A transport whose exchanges are always ready with another message.
    struct Endless;

    impl Transport for Endless {
        async fn request(&self, request: Envelope<Request>) -> Result<Exchange, Error> {
            let endless = futures_util::stream::repeat_with(|| {
                std::thread::sleep(Duration::from_millis(1));
                Ok(mcp_core::Notification::new("n").into())
            });
            Ok(Exchange::from_stream(request.message.id, endless))
        }

        async fn send(&self, _: Envelope<OneWay>) -> Result<(), Error> {
            Ok(())
        }

        async fn close(&self) -> Result<(), Error> {
            Ok(())
        }
    }

    #[tokio::test]
    async fn a_stream_that_is_always_ready_ends_at_the_limit() {
        let transport = TimeoutLayer::new(Duration::from_millis(20)).layer(Endless);
        let exchange = transport.request(call(1, "tools/call")).await.unwrap();
        assert_eq!(exchange.response().await.unwrap_err().kind(), ErrorKind::Timeout);
    }

    #[tokio::test(start_paused = true)]
    async fn the_maximum_duration_is_no_limit() {
        let (multiplex, mut peer) = connection();
        let transport = TimeoutLayer::new(Duration::MAX).layer(multiplex);
        let exchange = transport.request(call(1, "tools/call")).await.unwrap();
        peer.line().await;
        peer.write(RESULT).await;
        assert!(within(exchange.response()).await.is_ok());
    }

    /// A transport that accepts nothing.
    struct Stuck;

    impl Transport for Stuck {
        async fn request(&self, _: Envelope<Request>) -> Result<Exchange, Error> {
            std::future::pending().await
        }

        async fn send(&self, _: Envelope<OneWay>) -> Result<(), Error> {
            std::future::pending().await
        }

        async fn close(&self) -> Result<(), Error> {
            Ok(())
        }
    }

    #[tokio::test(start_paused = true)]
    async fn the_time_until_a_request_is_accepted_counts() {
        let transport = TimeoutLayer::new(LIMIT).layer(Stuck);
        let error = within(transport.request(call(1, "tools/call"))).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Timeout);
        let notice = mcp_core::Notification::new("n");
        let error = within(transport.send(Envelope::new(notice.into()))).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Timeout);
    }
}
