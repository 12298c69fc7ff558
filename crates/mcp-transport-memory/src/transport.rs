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

use crate::in_flight::{InFlight, Shared, closed, park};

/// A connection to a server in the same process: requests are calls.
///
/// An answer that the server has at once is handed over as it is. Everything else is polled by the
/// reader of the exchange, through a small table of what is in flight that [`close`](Transport::close)
/// needs.
pub struct MemoryTransport<S> {
    server: Arc<S>,
    shared: Arc<Shared>,
}

impl<S: Serve> MemoryTransport<S> {
    pub(crate) fn open(server: Arc<S>, info: ConnectionInfo) -> Connection<Self> {
        let shared = Arc::new(Shared::default());
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
            Poll::Pending => in_flight.park(cx).map(Err),
        })
        .await?;
        // What is there already needs no table.
        match poll_fn(|cx| Poll::Ready(exchange.poll_item(cx))).await {
            Poll::Ready(Some(Ok(Message::Response(response)))) => {
                Ok(Exchange::answered(in_flight.id.clone(), response))
            }
            polled => {
                let first = match polled {
                    Poll::Ready(item) => item,
                    Poll::Pending => None,
                };
                let id = in_flight.id.clone();
                Ok(Exchange::from_stream(id, OpenExchange { first, exchange, in_flight }))
            }
        }
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

/// An exchange of the server's, until it ends or the connection is closed.
struct OpenExchange {
    /// What came before the exchange was handed out.
    first: Option<Result<Message, Error>>,
    // Dropped before `in_flight`: the id is free once the work has ended.
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
            Poll::Pending => this.in_flight.park(cx).map(|error| Some(Err(error))),
        }
    }
}

/// What the server says outside exchanges, until the connection is closed.
struct OpenInbound {
    inbound: Inbound,
    shared: Arc<Shared>,
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
                let mut state = this.shared.lock();
                if this.shared.is_closed() {
                    return Poll::Ready(None);
                }
                park(&mut state.inbound, cx);
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

    /// Answers `now` at once, `say` after two notifications, and all else never.
    #[derive(Clone, Default)]
    struct Script(Arc<Heard>);

    #[derive(Default)]
    struct Heard {
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
                "say" => {
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
    async fn messages_come_in_order_before_the_response() {
        let (_, connection) = connect().await;
        let exchange = connection.transport.request(request(1, "say")).await.unwrap();
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
    async fn an_id_in_flight_is_refused_until_it_is_over() {
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
    async fn dropping_an_exchange_drops_the_work() {
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
        let half_read = transport.request(request(4, "say")).await.unwrap();
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
    async fn each_connection_can_have_a_server_of_its_own() {
        let memory = Memory::each(Script::default);
        let first = memory.connect().await.unwrap();
        let second = memory.connect().await.unwrap();
        first.transport.send(OneWay::from(Notification::new("x")).into()).await.unwrap();
        assert_eq!(first.transport.server.0.sent.lock().unwrap().len(), 1);
        assert!(second.transport.server.0.sent.lock().unwrap().is_empty());
        assert_eq!(memory.describe(), "script in this process");
    }
}
