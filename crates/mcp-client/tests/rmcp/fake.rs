//! A transport that responds according to the method, and records the requests it receives.

use std::sync::{Arc, Mutex};

use futures_util::{StreamExt, stream};
use mcp_client::{
    transport::{
        Binding, Connection, ConnectionInfo, Envelope, Error, ErrorKind, Exchange, Inbound,
        InboundItem, OneWay, Transport,
    },
    types::{ErrorObject, Message, ProtocolVersion, RawJson, Request, Response},
};
use serde_json::json;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

/// A received message: the method, or `answer`, and its revision.
pub(crate) type Given = (String, Option<ProtocolVersion>);

#[derive(Clone)]
pub(crate) struct Fake {
    pub(crate) given: Arc<Mutex<Vec<Given>>>,
    answers: UnboundedSender<Response>,
    /// The error for `server/discover`; without one, the server is of the modern era.
    refusal: Option<ErrorKind>,
}

impl Fake {
    /// Connects, with the items that arrive outside exchanges and the client's responses to them.
    pub(crate) fn connect(
        refusal: Option<ErrorKind>,
        inbound: Vec<Message>,
    ) -> (Self, Connection<Self>, UnboundedReceiver<Response>) {
        let (answers, answered) = unbounded_channel();
        let fake = Self { given: Arc::default(), answers, refusal };
        let inbound = inbound.into_iter().map(|message| Ok(InboundItem::Message(message)));
        let inbound = stream::iter(inbound).chain(stream::pending());
        let info = ConnectionInfo::new(Binding::InProcess, "a fake");
        let connection = Connection::new(fake.clone(), Inbound::from_stream(inbound), info);
        (fake, connection, answered)
    }

    fn note(&self, method: &str, version: Option<ProtocolVersion>) {
        self.given.lock().unwrap().push((method.to_owned(), version));
    }
}

impl Transport for Fake {
    async fn request(&self, request: Envelope<Request>) -> Result<Exchange, Error> {
        let Envelope { message: Request { id, method, .. }, version, .. } = request;
        self.note(&method, version);
        let items: Vec<Result<Message, Error>> = match &*method {
            "initialize" => {
                let result = json!({
                    "protocolVersion": "2025-06-18",
                    "capabilities": {},
                    "serverInfo": { "name": "fake", "version": "1" },
                });
                vec![Ok(Response::result(id.clone(), raw(&result)).into())]
            }
            "server/discover" => match self.refusal {
                Some(kind) => return Err(Error::new(kind, "the server refused")),
                None => {
                    let result = json!({
                        "supportedVersions": ["2026-07-28"],
                        "capabilities": {},
                        "resultType": "complete",
                        "ttlMs": 0,
                        "cacheScope": "private",
                    });
                    vec![Ok(Response::result(id.clone(), raw(&result)).into())]
                }
            },
            "test/refused" => {
                return Err(Error::new(ErrorKind::Unauthorized, "the server wants credentials"));
            }
            "test/over" => return Err(Error::new(ErrorKind::Closed, "the server is gone")),
            "test/broken" => {
                let cause = std::io::Error::other("reset");
                let error = Error::new(ErrorKind::Interrupted, "the stream broke");
                vec![Err(error.with_source(cause))]
            }
            "test/nameless" => {
                vec![Ok(Response::error(None, ErrorObject::new(-32700, "what?")).into())]
            }
            "test/deep" => vec![Ok(Response::result(id.clone(), deep()).into())],
            "test/echo" => vec![Ok(Response::result(id.clone(), raw(&json!({ "n": 1 }))).into())],
            // A response that never arrives, and a request that is never accepted.
            "test/silent" => return Ok(Exchange::from_stream(id, stream::pending())),
            _ => std::future::pending().await,
        };
        Ok(Exchange::from_stream(id, stream::iter(items)))
    }

    async fn send(&self, message: Envelope<OneWay>) -> Result<(), Error> {
        match message.message {
            OneWay::Notification(notification) => self.note(&notification.method, message.version),
            OneWay::Response(response) => {
                self.note("answer", message.version);
                let _ = self.answers.send(response);
            }
        }
        Ok(())
    }

    async fn close(&self) -> Result<(), Error> {
        self.note("close", None);
        Ok(())
    }
}

fn raw(value: &serde_json::Value) -> RawJson {
    RawJson::from_serialize(value).unwrap()
}

/// JSON nested deeper than the SDK's types can decode.
pub(crate) fn deep() -> RawJson {
    let json = format!("{{\"deep\":{}{}}}", "[".repeat(500), "]".repeat(500));
    RawJson::from_text(json).unwrap()
}
