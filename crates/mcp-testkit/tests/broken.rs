//! The contract tests detect transports that violate the contract.

use std::mem;

use futures_util::{StreamExt, stream};
use mcp_core::{Message, RawJson, Request};
use mcp_testkit::{Setup, contract_peer_lines};
use mcp_transport::{
    Binding, Connect, Connection, ConnectionInfo, Envelope, Error, ErrorKind, Exchange, Limits,
    OneWay, Transport, multiplex::Multiplex,
};

#[derive(Clone, Copy)]
enum Fault {
    ReversesMessages,
    FailsOnPeerErrors,
    NeverCancels,
    LosesOneWayMessages,
    Reserializes,
    ConvertsIdsToStrings,
}

struct Faulty(Multiplex, Fault);

impl Transport for Faulty {
    async fn request(&self, mut request: Envelope<Request>) -> Result<Exchange, Error> {
        let id = request.message.id.clone();
        match self.1 {
            Fault::Reserializes => {
                let params = request.message.params.take().expect("the requests have parameters");
                let value: serde_json::Value = params.decode().expect("parameters are JSON");
                request.message.params = RawJson::from_serialize(&value).ok();
            }
            Fault::ConvertsIdsToStrings => {
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
                struct NeverDropped(Option<Exchange>);
                impl Drop for NeverDropped {
                    fn drop(&mut self) {
                        mem::forget(self.0.take());
                    }
                }
                let mut exchange = NeverDropped(Some(exchange));
                let items = stream::poll_fn(move |cx| match &mut exchange.0 {
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

/// A connector to the contract peer whose transport has a fault.
struct Open(Fault);

impl Connect for Open {
    type Transport = Faulty;

    async fn connect(&self) -> Result<Connection<Faulty>, Error> {
        let (client, server) = tokio::io::duplex(4096);
        let (reader, writer) = tokio::io::split(client);
        let (transport, inbound, driver) = Multiplex::lines(reader, writer, Limits::default());
        tokio::spawn(driver);
        let (reader, writer) = tokio::io::split(server);
        tokio::spawn(contract_peer_lines(reader, writer));
        let info = ConnectionInfo::new(Binding::Pipe, self.describe());
        Ok(Connection::new(Faulty(transport, self.0), inbound, info))
    }

    fn describe(&self) -> String {
        "a transport with a fault".to_owned()
    }
}

macro_rules! detects {
    ($($rule:ident: $fault:ident)+) => { $(
        #[test]
        #[should_panic]
        fn $rule() {
            let setup = || async { Setup::new(Open(Fault::$fault)) };
            mcp_testkit::contract::run(setup, mcp_testkit::contract::$rule);
        }
    )+ };
}

detects! {
    keeps_order: ReversesMessages
    peer_errors_are_answers: FailsOnPeerErrors
    drop_cancels: NeverCancels
    sends_one_way: LosesOneWayMessages
    payloads_are_untouched: Reserializes
    keeps_id_types: ConvertsIdsToStrings
}
