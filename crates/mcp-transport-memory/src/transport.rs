use std::{
    fmt,
    future::poll_fn,
    pin::{Pin, pin},
    sync::Arc,
    task::{Context, Poll},
};

use futures_core::Stream;
use mcp_core::{Message, Request};
use mcp_transport::{
    Connection, ConnectionInfo, Delivery, Envelope, Error, Exchange, Inbound, InboundItem, OneWay,
    Serve, Transport,
};

use crate::in_flight::{ConnectionState, InFlight, closed, register_waker};

/// The transport of [`Memory`](crate::Memory): requests are function calls.
///
/// A response that is ready immediately is returned directly. Any other exchange is polled by the
/// task that reads it, and fails when the transport is [closed](Transport::close).
pub struct MemoryTransport<S> {
    server: Arc<S>,
    shared: Arc<ConnectionState>,
}

impl<S: Serve> MemoryTransport<S> {
    pub(crate) fn open(server: Arc<S>, info: ConnectionInfo) -> Connection<Self> {
        let shared = Arc::new(ConnectionState::default());
        let inbound = match server.open() {
            inbound if inbound.is_none() => inbound,
            inbound => Inbound::from_stream(OpenInbound { inbound, shared: Arc::clone(&shared) }),
        };
        Connection::new(Self { server, shared }, inbound, info)
    }
}

impl<S: Serve> Transport for MemoryTransport<S> {
    async fn request(&self, request: Envelope<Request>) -> Result<Exchange, Error> {
        let in_flight = InFlight::register(&self.shared, request.message.id.clone())?;
        let mut call = pin!(self.server.request(request));
        let mut exchange = poll_fn(|cx| match call.as_mut().poll(cx) {
            Poll::Ready(exchange) => Poll::Ready(Ok(exchange)),
            Poll::Pending => in_flight.poll_closed(cx).map(Err),
        })
        .await?;
        // A response that is ready needs no entry in the table.
        match poll_fn(|cx| Poll::Ready(exchange.poll_item(cx))).await {
            Poll::Ready(Some(Ok(Message::Response(response)))) => {
                Ok(Exchange::answered(in_flight.id.clone(), response))
            }
            polled => {
                let first = match polled {
                    Poll::Ready(item) => item,
                    Poll::Pending => None,
                };
                Ok(open(first, exchange, in_flight))
            }
        }
    }

    fn try_request(
        &self,
        request: &mut Option<Envelope<Request>>,
    ) -> Option<Result<Exchange, Error>> {
        let id = request.as_ref()?.message.id.clone();
        if let Err(error) = self.shared.check(&id) {
            *request = None;
            return Some(Err(error));
        }
        let exchange = self.server.try_request(request)?;
        // A response that is ready needs no entry in the table.
        if exchange.is_answered() && *exchange.id() == id {
            return Some(Ok(exchange));
        }
        let registered = InFlight::register(&self.shared, id);
        Some(match registered {
            Ok(in_flight) => Ok(open(None, exchange, in_flight)),
            // The server has begun.
            Err(error) => Err(error.with_delivery(Delivery::Unknown)),
        })
    }

    async fn send(&self, message: Envelope<OneWay>) -> Result<(), Error> {
        if self.shared.is_closed() {
            return Err(closed(Delivery::NotSent));
        }
        self.server.send(message).await;
        Ok(())
    }

    async fn closed(&self) -> Error {
        self.shared.closed().await;
        closed(Delivery::NotSent)
    }

    async fn close(&self) -> Result<(), Error> {
        if self.shared.close() {
            self.server.close().await;
        }
        Ok(())
    }
}

impl<S> fmt::Debug for MemoryTransport<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemoryTransport")
            .field("in_flight", &self.shared.lock().in_flight.len())
            .field("closed", &self.shared.is_closed())
            .finish_non_exhaustive()
    }
}

/// The exchange of a request whose response is not ready.
fn open(
    first: Option<Result<Message, Error>>,
    exchange: Exchange,
    in_flight: InFlight,
) -> Exchange {
    let (id, server) = (in_flight.id.clone(), exchange.answered_by().cloned());
    Exchange::from_stream(id, OpenExchange { first, exchange, in_flight }).with_answered_by(server)
}

/// An exchange of the server, which ends when the connection is closed.
struct OpenExchange {
    /// An item that was received before the exchange was returned.
    first: Option<Result<Message, Error>>,
    // Dropped before `in_flight`: the id is released after the handler is dropped.
    exchange: Exchange,
    in_flight: InFlight,
}

impl Stream for OpenExchange {
    type Item = Result<Message, Error>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = &mut *self;
        if this.in_flight.shared.is_closed() {
            return Poll::Ready(Some(Err(closed(Delivery::Unknown))));
        }
        if let Some(first) = this.first.take() {
            return Poll::Ready(Some(first));
        }
        match this.exchange.poll_item(cx) {
            Poll::Ready(item) => Poll::Ready(item),
            Poll::Pending => this.in_flight.poll_closed(cx).map(|error| Some(Err(error))),
        }
    }
}

/// The `Inbound` of the server, which ends when the connection is closed.
struct OpenInbound {
    inbound: Inbound,
    shared: Arc<ConnectionState>,
}

impl Stream for OpenInbound {
    type Item = Result<InboundItem, Error>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = &mut *self;
        if this.shared.is_closed() {
            return Poll::Ready(None);
        }
        match Pin::new(&mut this.inbound).poll_next(cx) {
            Poll::Ready(item) => Poll::Ready(item),
            Poll::Pending => {
                let mut waiters = this.shared.lock();
                if this.shared.is_closed() {
                    return Poll::Ready(None);
                }
                register_waker(&mut waiters.inbound, cx);
                Poll::Pending
            }
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use std::sync::Mutex;

    use futures_util::{FutureExt, StreamExt, future::pending, stream};
    use mcp_core::{Notification, RawJson, RequestId, Response};
    use mcp_transport::{Connect, ErrorKind};
    use tokio::sync::oneshot;

    use super::*;
    use crate::Memory;

    /// Answers `now` immediately, `notify` after two notifications, and any other request never.
    #[derive(Clone, Default)]
    struct Script(Arc<Recorded>);

    #[derive(Default)]
    struct Recorded {
        dropped: Mutex<Option<oneshot::Sender<()>>>,
        sent: Mutex<Vec<OneWay>>,
    }

    struct OnDrop(Option<oneshot::Sender<()>>);

    impl Drop for OnDrop {
        fn drop(&mut self) {
            self.0.take().map(|sender| sender.send(()));
        }
    }

    impl Serve for Script {
        fn open(&self) -> Inbound {
            Inbound::from_stream(stream::pending())
        }

        async fn request(&self, request: Envelope<Request>) -> Exchange {
            let Request { id, method, .. } = request.message;
            let response = Response::result(id.clone(), RawJson::from_text("{}").unwrap());
            match &*method {
                "now" => Exchange::answered(id, response),
                "notify" => {
                    let messages: [Message; 3] = [
                        Notification::new("a").into(),
                        Notification::new("b").into(),
                        response.into(),
                    ];
                    Exchange::from_stream(id, stream::iter(messages.map(Ok)))
                }
                "wait" => pending().await,
                _ => {
                    let guard = OnDrop(self.0.dropped.lock().unwrap().take());
                    Exchange::from_stream(
                        id,
                        stream::once(async move {
                            let _guard = guard;
                            pending().await
                        }),
                    )
                }
            }
        }

        async fn send(&self, message: Envelope<OneWay>) {
            self.0.sent.lock().unwrap().push(message.message);
        }

        fn name(&self) -> String {
            "script".to_owned()
        }
    }

    async fn connect() -> (Script, Connection<MemoryTransport<Script>>) {
        let script = Script::default();
        let connection = Memory::new(script.clone()).connect().await.unwrap();
        (script, connection)
    }

    fn request(id: impl Into<RequestId>, method: &'static str) -> Envelope<Request> {
        Request::new(id, method).into()
    }

    #[tokio::test]
    async fn messages_arrive_in_order_before_the_response() {
        let (_, connection) = connect().await;
        let exchange = connection.transport.request(request(1, "notify")).await.unwrap();
        let methods: Vec<String> = exchange
            .map(|item| match item.unwrap() {
                Message::Notification(notification) => notification.method.into_owned(),
                Message::Response(response) => response.id.unwrap().to_string(),
                Message::Request(request) => panic!("{request:?}"),
            })
            .collect()
            .await;
        assert_eq!(methods, ["a", "b", "1"]);
    }

    #[tokio::test]
    async fn an_id_in_flight_is_rejected_until_its_exchange_ends() {
        let (_, connection) = connect().await;
        let transport = &connection.transport;
        let open = transport.request(request(1, "never")).await.unwrap();
        for method in ["never", "now"] {
            let error = transport.request(request(1, method)).await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InvalidRequest);
            assert_eq!(error.delivery(), Delivery::NotSent);
        }
        assert!(transport.request(request("1", "now")).await.is_ok());
        drop(open);
        for _ in 0..2 {
            let exchange = transport.request(request(1, "now")).await.unwrap();
            assert!(exchange.response().await.is_ok());
        }
        assert!(transport.shared.lock().in_flight.is_empty());
    }

    #[tokio::test]
    async fn dropping_an_exchange_drops_the_handler() {
        let (script, connection) = connect().await;
        let (sender, receiver) = oneshot::channel();
        *script.0.dropped.lock().unwrap() = Some(sender);
        let exchange = connection.transport.request(request(1, "never")).await.unwrap();
        drop(exchange);
        receiver.await.unwrap();
    }

    #[tokio::test]
    async fn close_ends_everything_and_may_be_called_twice() {
        let (script, Connection { transport, mut inbound, .. }) = connect().await;
        let transport = Arc::new(transport);
        let mut open = transport.request(request(1, "never")).await.unwrap();
        assert!(inbound.next().now_or_never().is_none());
        let waiting = tokio::spawn({
            let transport = Arc::clone(&transport);
            async move {
                let reading = open.next().await.unwrap();
                let opening = transport.request(request(2, "wait"));
                (reading, opening.await)
            }
        });
        let opening = tokio::spawn({
            let transport = Arc::clone(&transport);
            async move { transport.request(request(3, "wait")).await }
        });
        let listening = tokio::spawn(async move { inbound.next().await });
        tokio::task::yield_now().await;
        let half_read = transport.request(request(4, "notify")).await.unwrap();
        transport.close().await.unwrap();
        transport.close().await.unwrap();

        let (reading, later) = waiting.await.unwrap();
        assert_eq!(reading.unwrap_err().kind(), ErrorKind::Closed);
        let later = later.unwrap_err();
        assert_eq!((later.kind(), later.delivery()), (ErrorKind::Closed, Delivery::NotSent));
        assert_eq!(opening.await.unwrap().unwrap_err().kind(), ErrorKind::Closed);
        assert!(listening.await.unwrap().is_none());
        assert_eq!(half_read.response().await.unwrap_err().kind(), ErrorKind::Closed);
        let error = transport.send(OneWay::from(Notification::new("x")).into()).await.unwrap_err();
        assert_eq!(error.delivery(), Delivery::NotSent);
        assert!(script.0.sent.lock().unwrap().is_empty());
        assert!(transport.shared.lock().in_flight.is_empty());
    }

    #[tokio::test]
    async fn one_way_messages_reach_the_server() {
        let (script, connection) = connect().await;
        let message = OneWay::from(Notification::new("notifications/initialized"));
        connection.transport.send(message.clone().into()).await.unwrap();
        assert_eq!(*script.0.sent.lock().unwrap(), [message]);
    }

    #[tokio::test]
    async fn each_creates_a_server_for_each_connection() {
        let memory = Memory::each(Script::default);
        let first = memory.connect().await.unwrap();
        let second = memory.connect().await.unwrap();
        first.transport.send(OneWay::from(Notification::new("x")).into()).await.unwrap();
        assert_eq!(first.transport.server.0.sent.lock().unwrap().len(), 1);
        assert!(second.transport.server.0.sent.lock().unwrap().is_empty());
        assert_eq!(memory.describe(), "script in this process");
    }
}
