//! A faulty carrier.

use std::{future::pending, sync::Arc};

use futures_util::stream;
use mcp_core::{Message, RawJson, Request, Response};
use mcp_transport::{
    Connect, Connection, Envelope, Error, ErrorKind, Exchange, OneWay, SharedConnect,
    SharedTransport, Transport,
};

use crate::peer::Peer;

/// A request during which the server sends two requests before its response.
pub(crate) const ASKS: &str = "x/asks";

pub(crate) const FAILS: Fault = Fault::Fails(ErrorKind::Rejected);

/// The fault of a message, by its method; a response has none.
pub(crate) type Fate = fn(&str) -> Option<Fault>;

#[derive(Clone, Copy)]
pub(crate) enum Fault {
    Hangs,
    Fails(ErrorKind),
    /// The server sends a ping before the response.
    Pings,
}

/// A peer behind a faulty carrier.
pub(crate) struct Faulty(pub(crate) Peer, pub(crate) Fate);

pub(crate) struct FaultyTransport(Arc<SharedTransport>, Fate);

impl Connect for Faulty {
    type Transport = FaultyTransport;

    async fn connect(&self) -> Result<Connection<FaultyTransport>, Error> {
        let connection = SharedConnect::new(self.0.clone()).connect().await?;
        Ok(connection.map(|transport| FaultyTransport(Arc::new(transport), self.1)))
    }

    fn describe(&self) -> String {
        self.0.describe()
    }
}

impl FaultyTransport {
    async fn pass(&self, method: &str) -> Result<(), Error> {
        match (self.1)(method) {
            None | Some(Fault::Pings) => Ok(()),
            Some(Fault::Hangs) => pending().await,
            Some(Fault::Fails(kind)) => Err(Error::new(kind, "not today")),
        }
    }
}

impl Transport for FaultyTransport {
    async fn request(&self, request: Envelope<Request>) -> Result<Exchange, Error> {
        let method = request.message.method.clone();
        self.pass(&method).await?;
        if let Some(Fault::Pings) = (self.1)(&method) {
            let id = request.message.id.clone();
            let response = self.0.request(request).await?.response().await?;
            let ping = Request::new("theirs", "ping");
            let messages: [Message; 2] = [ping.into(), response.into()];
            return Ok(Exchange::from_stream(id, stream::iter(messages.map(Ok))));
        }
        if method != ASKS {
            return self.0.request(request).await;
        }
        let id = request.message.id;
        let messages: [Message; 3] = [
            Request::new("theirs", "ping").into(),
            Request::new(1, "roots/list").into(),
            Response::result(id.clone(), RawJson::from_serialize(&()).unwrap()).into(),
        ];
        Ok(Exchange::from_stream(id, stream::iter(messages.map(Ok))))
    }

    async fn send(&self, message: Envelope<OneWay>) -> Result<(), Error> {
        let method = match &message.message {
            OneWay::Notification(notification) => notification.method.clone(),
            OneWay::Response(_) => "".into(),
        };
        self.pass(&method).await?;
        self.0.send(message).await
    }

    async fn close(&self) -> Result<(), Error> {
        self.0.close().await
    }
}
