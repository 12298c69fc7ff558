//! The contract over what `mcp-transport` itself has: the multiplexer, the erased handles, the layers.

use mcp_testkit::{Setup, contract_peer_lines};
use mcp_transport::{
    Binding, Connect, Connection, ConnectionInfo, Error, Inbound, Limits, SharedConnect, Transport,
    multiplex::Multiplex,
    tower::{ConcurrencyLimitLayer, TimeoutLayer, TraceLayer},
};
use tower_layer::Layer;

/// A connector made of a function.
struct Open<F>(F);

impl<F, T> Connect for Open<F>
where
    F: Fn() -> (T, Inbound) + Send + Sync + 'static,
    T: Transport,
{
    type Transport = T;

    async fn connect(&self) -> Result<Connection<T>, Error> {
        let (transport, inbound) = (self.0)();
        let info = ConnectionInfo::new(Binding::Pipe, self.describe());
        Ok(Connection::new(transport, inbound, info))
    }

    fn describe(&self) -> String {
        "the contract peer in this process".to_owned()
    }
}

fn over_lines(buffer: usize) -> (Multiplex, Inbound) {
    let (near, far) = tokio::io::duplex(buffer);
    let (reader, writer) = tokio::io::split(near);
    let (transport, inbound, driver) = Multiplex::lines(reader, writer, Limits::default());
    tokio::spawn(driver);
    let (reader, writer) = tokio::io::split(far);
    tokio::spawn(contract_peer_lines(reader, writer));
    (transport, inbound)
}

mod lines {
    use super::*;

    async fn setup() -> Setup<impl Connect> {
        Setup::new(Open(|| over_lines(64 << 10)))
    }

    mcp_testkit::transport_contract!(setup);
}

mod lines_over_tiny_pipes {
    use super::*;

    async fn setup() -> Setup<impl Connect> {
        Setup::new(Open(|| over_lines(100)))
    }

    mcp_testkit::transport_contract!(setup);
}

mod shared {
    use super::*;

    async fn setup() -> Setup<SharedConnect> {
        Setup::new(SharedConnect::new(Open(|| over_lines(4096))))
    }

    mcp_testkit::transport_contract!(setup);
}

mod restart {
    use mcp_transport::restart::Restart;

    use super::*;

    async fn setup() -> Setup<impl Connect> {
        Setup::new(Restart::new(Open(|| over_lines(4096)), Restart::BACKOFF))
    }

    mcp_testkit::transport_contract!(setup);
}

mod layers {
    use std::time::Duration;

    use super::*;

    async fn setup() -> Setup<impl Connect> {
        Setup::new(Open(|| {
            let (transport, inbound) = over_lines(4096);
            let transport = ConcurrencyLimitLayer::new(50).layer(transport);
            let transport = TimeoutLayer::new(Duration::from_secs(50)).layer(transport);
            (TraceLayer::new().layer(transport), inbound)
        }))
    }

    mcp_testkit::transport_contract!(setup);
}

mod messages {
    use std::convert::Infallible;

    use futures_util::{Sink, sink, stream};
    use mcp_core::Message;
    use mcp_testkit::contract_peer_messages;
    use tokio::sync::mpsc;

    use super::*;

    fn sink(
        sender: mpsc::Sender<Message>,
    ) -> impl Sink<Message, Error = mpsc::error::SendError<Message>> + Unpin + Send {
        Box::pin(sink::unfold(sender, |sender, message| async {
            sender.send(message).await.map(|()| sender)
        }))
    }

    fn over_messages() -> (Multiplex, Inbound) {
        let (to_peer, mut at_peer) = mpsc::channel(4);
        let (to_client, mut at_client) = mpsc::channel(4);
        let stream = stream::poll_fn(move |cx| at_peer.poll_recv(cx));
        tokio::spawn(contract_peer_messages(sink(to_client), stream));
        let stream = stream::poll_fn(move |cx| {
            at_client.poll_recv(cx).map(|message| message.map(Ok::<_, Infallible>))
        });
        let (transport, inbound, driver) =
            Multiplex::messages(sink(to_peer), stream, Limits::default());
        tokio::spawn(driver);
        (transport, inbound)
    }

    async fn setup() -> Setup<impl Connect> {
        Setup::new(Open(over_messages))
    }

    mcp_testkit::transport_contract!(setup);
}

/// Transports that break a line of the contract, and that line.
mod broken {
    use std::mem;

    use futures_util::{StreamExt, stream};
    use mcp_core::{Message, RawJson, Request};
    use mcp_transport::{Envelope, ErrorKind, Exchange, OneWay};

    use super::*;

    #[derive(Clone, Copy)]
    enum Fault {
        ReversesMessages,
        FailsOnPeerErrors,
        NeverCancels,
        LosesOneWayMessages,
        Reserialises,
        TakesIdsForStrings,
    }

    struct Faulty(Multiplex, Fault);

    impl Transport for Faulty {
        async fn request(&self, mut request: Envelope<Request>) -> Result<Exchange, Error> {
            let id = request.message.id.clone();
            match self.1 {
                Fault::Reserialises => {
                    let params = request.message.params.take().expect("the contract sends some");
                    let value: serde_json::Value = params.decode().expect("it is JSON");
                    request.message.params = RawJson::from_serialize(&value).ok();
                }
                Fault::TakesIdsForStrings => {
                    request.message.id = id.to_string().trim_matches('"').into();
                }
                _ => {}
            }
            let mut exchange = self.0.request(request).await?;
            match self.1 {
                Fault::ReversesMessages => {
                    let mut items: Vec<_> = exchange.by_ref().collect().await;
                    let messages = items.len() - 1;
                    items[..messages].reverse();
                    Ok(Exchange::from_stream(id, stream::iter(items)))
                }
                Fault::FailsOnPeerErrors => {
                    let failing = exchange.map(|item| match item? {
                        Message::Response(response) if response.outcome.is_err() => {
                            Err(Error::new(ErrorKind::Other, "the peer failed"))
                        }
                        message => Ok(message),
                    });
                    Ok(Exchange::from_stream(id, failing))
                }
                Fault::NeverCancels => {
                    struct Forgotten(Option<Exchange>);
                    impl Drop for Forgotten {
                        fn drop(&mut self) {
                            mem::forget(self.0.take());
                        }
                    }
                    let mut forgotten = Forgotten(Some(exchange));
                    let items = stream::poll_fn(move |cx| match &mut forgotten.0 {
                        Some(exchange) => exchange.poll_item(cx),
                        None => std::task::Poll::Ready(None),
                    });
                    Ok(Exchange::from_stream(id, items))
                }
                _ => Ok(exchange),
            }
        }

        async fn send(&self, message: Envelope<OneWay>) -> Result<(), Error> {
            match self.1 {
                Fault::LosesOneWayMessages => Ok(()),
                _ => self.0.send(message).await,
            }
        }

        async fn close(&self) -> Result<(), Error> {
            self.0.close().await
        }
    }

    macro_rules! caught {
        ($($line:ident: $fault:ident)+) => { $(
            #[test]
            #[should_panic]
            fn $line() {
                let setup = || async {
                    Setup::new(Open(|| {
                        let (transport, inbound) = over_lines(4096);
                        (Faulty(transport, Fault::$fault), inbound)
                    }))
                };
                mcp_testkit::contract::run(setup, mcp_testkit::contract::$line);
            }
        )+ };
    }

    caught! {
        keeps_order: ReversesMessages
        peer_errors_are_answers: FailsOnPeerErrors
        drop_cancels: NeverCancels
        sends_one_way: LosesOneWayMessages
        payloads_are_untouched: Reserialises
        keeps_id_types: TakesIdsForStrings
    }
}
