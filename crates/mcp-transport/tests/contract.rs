//! The contract tests for the multiplexer, the type-erased handles, `Restart` and the layers.

use mcp_testkit::{Setup, contract_peer_lines};
use mcp_transport::{
    Binding, Connect, Connection, ConnectionInfo, Error, Inbound, Limits, SharedConnect, Transport,
    multiplex::Multiplex,
    tower::{ConcurrencyLimitLayer, TimeoutLayer, TraceLayer},
};
use tower_layer::Layer;

/// A connector that calls a function.
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
        "contract peer in this process".to_owned()
    }
}

fn over_lines(buffer: usize) -> (Multiplex, Inbound) {
    let (client, server) = tokio::io::duplex(buffer);
    let (reader, writer) = tokio::io::split(client);
    let (transport, inbound, driver) = Multiplex::lines(reader, writer, Limits::default());
    tokio::spawn(driver);
    let (reader, writer) = tokio::io::split(server);
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
