use std::{any::Any, time::Duration};

use mcp_core::{Notification, ProtocolVersion, RawJson, Request, RequestId, Response};
use mcp_transport::{Connect, Connection, Envelope, Exchange, Inbound, OneWay, Transport};
use serde_json::{Value, json};

use super::Setup;
use crate::peer::Received;

/// A connection to the contract peer, with helpers for requests.
pub(super) struct Client<T> {
    pub(super) transport: T,
    pub(super) inbound: Inbound,
    _guards: Vec<Box<dyn Any + Send>>,
}

impl<T: Transport> Client<T> {
    pub(super) async fn connect(setup: Setup<impl Connect<Transport = T>>) -> Self {
        let connection = setup.connect.connect().await.expect("the connection is opened");
        let Connection { transport, inbound, .. } = connection;
        Self { transport, inbound, _guards: setup.guards }
    }

    pub(super) async fn open(
        &self,
        id: impl Into<RequestId>,
        method: &str,
        params: Value,
    ) -> Exchange {
        let request = request(id, method, params);
        self.transport.request(request).await.expect("the request is accepted")
    }

    pub(super) async fn answer(
        &self,
        id: impl Into<RequestId>,
        method: &str,
        params: Value,
    ) -> Response {
        self.open(id, method, params).await.response().await.expect("the request is answered")
    }

    pub(super) async fn release(&self, until: &str) {
        let id = format!("release {until}");
        let answer = self.answer(id, "contract/release", json!({ "until": until })).await;
        assert!(answer.outcome.is_ok(), "{answer:?}");
    }

    pub(super) async fn send(&self, method: &'static str, params: Value) {
        let notification = Notification::new(method).with_params(raw(&params));
        let message = Envelope::<OneWay>::new(notification.into())
            .with_version(ProtocolVersion::LATEST_MODERN);
        self.transport.send(message).await.expect("the message is accepted");
    }

    /// Waits until the messages that the peer has received satisfy `is_complete`, and returns them.
    pub(super) async fn received(&self, is_complete: impl Fn(&Received) -> bool) -> Received {
        for attempt in 0.. {
            let id = format!("received {attempt}");
            let answer = self.answer(id, "contract/received", json!({})).await;
            let result = answer.outcome.expect("the peer returns its messages");
            let received = result.decode().expect("the result is a `Received`");
            if is_complete(&received) {
                return received;
            }
            assert!(attempt < 500, "messages are missing; the peer has received {received:?}");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        unreachable!("the attempts are counted above")
    }
}

pub(super) fn request(id: impl Into<RequestId>, method: &str, params: Value) -> Envelope<Request> {
    let request = Request::new(id, method.to_owned()).with_params(raw(&params));
    Envelope::new(request).with_version(ProtocolVersion::LATEST_MODERN)
}

/// Parameters of `contract/stream` for `count` messages with this token.
pub(super) fn stream(count: u64, token: &str) -> Value {
    json!({ "count": count, "_meta": { "progressToken": token } })
}

pub(super) fn raw(value: &Value) -> RawJson {
    RawJson::from_serialize(value).expect("a value is JSON")
}
