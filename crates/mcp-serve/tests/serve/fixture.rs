//! A server that sends messages outside exchanges, and requests to its client.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use futures_util::stream;
use mcp_core::{
    Message, Notification, ProtocolVersion, RawJson, Request, RequestId, Response, method,
};
use mcp_transport::{
    Envelope, ErrorKind, Exchange, Inbound, InboundSender, Limits, OneWay, Routing, Serve,
};
use serde_json::{Value, json};
use tokio::sync::{Notify, oneshot};

/// State shared by all clients of a [`Chatty`].
#[derive(Default)]
pub(crate) struct Counts {
    pub(crate) clients: AtomicUsize,
    pub(crate) closed: AtomicUsize,
    pub(crate) cancelled: AtomicUsize,
    /// Completes a pending `wait`.
    pub(crate) release: Notify,
    /// How long a server takes to close.
    pub(crate) close_delay: Mutex<Duration>,
    /// The revisions of requests.
    pub(crate) versions: Mutex<Vec<Option<ProtocolVersion>>>,
    /// What requests repeat in headers.
    pub(crate) routings: Mutex<Vec<Option<Routing>>>,
}

/// Responds to `tell` with a notification outside the exchange, to `ask` with the client's response to a `ping`, to
/// `steps` with two notifications before the response, to `late` after 10 s, to `wait` when it is released, and to all
/// else with its parameters. Ends after `die`.
#[derive(Default)]
pub(crate) struct Chatty {
    pub(crate) counts: Arc<Counts>,
    inbound: Mutex<Option<InboundSender>>,
    asked: Mutex<HashMap<RequestId, oneshot::Sender<Value>>>,
}

impl Chatty {
    pub(crate) fn new() -> (Self, Arc<Counts>) {
        let chatty = Self::default();
        let counts = Arc::clone(&chatty.counts);
        (chatty, counts)
    }

    fn tell(&self, message: impl Into<Message>) {
        let inbound = self.inbound.lock().unwrap();
        assert!(inbound.as_ref().unwrap().push(message.into()).is_ok());
    }
}

impl Serve for Chatty {
    fn for_client(&self) -> Option<Self> {
        self.counts.clients.fetch_add(1, Ordering::SeqCst);
        Some(Self { counts: Arc::clone(&self.counts), ..Self::default() })
    }

    fn open(&self) -> Inbound {
        let (sender, inbound) = Inbound::channel(&Limits::default());
        *self.inbound.lock().unwrap() = Some(sender);
        inbound
    }

    async fn request(&self, request: Envelope<Request>) -> Exchange {
        self.counts.versions.lock().unwrap().push(request.version);
        self.counts.routings.lock().unwrap().push(request.routing.map(|it| *it));
        let Request { id, method, params, .. } = request.message;
        let result =
            |result: Value| Response::result(id.clone(), RawJson::from_serialize(&result).unwrap());
        match &*method {
            method::INITIALIZE => {
                let version = params.unwrap().decode::<Value>().unwrap()["protocolVersion"].clone();
                let response = result(json!({ "protocolVersion": version }));
                Exchange::answered(id, response)
            }
            "tell" => {
                self.tell(Notification::new("notifications/told"));
                Exchange::answered(id.clone(), result(json!({})))
            }
            "ask" => {
                let (answer, answered) = oneshot::channel();
                let asked = RequestId::from(format!("ask {id}"));
                self.asked.lock().unwrap().insert(asked.clone(), answer);
                self.tell(Request::new(asked, "ping"));
                Exchange::answered(id.clone(), result(answered.await.unwrap()))
            }
            "die" => {
                let error = mcp_transport::Error::new(ErrorKind::Closed, "it has ended");
                self.inbound.lock().unwrap().as_ref().unwrap().end(Some(error));
                Exchange::answered(id.clone(), result(json!({})))
            }
            "steps" => {
                let step = |n: u32| Message::from(Notification::new(format!("notifications/{n}")));
                let messages = [step(1), step(2), result(json!({})).into()];
                Exchange::from_stream(id, stream::iter(messages.map(Ok)))
            }
            "late" => {
                let response = result(json!({ "late": true }));
                let waiting = async move {
                    tokio::time::sleep(Duration::from_secs(10)).await;
                    Ok(response.into())
                };
                Exchange::from_stream(id, stream::once(waiting))
            }
            "wait" => {
                let counts = Arc::clone(&self.counts);
                let response = result(json!({ "waited": true }));
                let waiting = async move {
                    let mut cancelled = OnDrop(Some(Arc::clone(&counts)));
                    counts.release.notified().await;
                    cancelled.0 = None;
                    Ok(response.into())
                };
                Exchange::from_stream(id, stream::once(waiting))
            }
            _ => Exchange::answered(
                id.clone(),
                Response::result(id, params.unwrap_or_else(|| RawJson::trusted("{}"))),
            ),
        }
    }

    async fn send(&self, message: Envelope<OneWay>) {
        if let OneWay::Response(response) = message.message {
            let asked = self.asked.lock().unwrap().remove(&response.id.unwrap());
            let answer = response.outcome.unwrap().decode().unwrap();
            asked.unwrap().send(answer).unwrap();
        }
    }

    async fn close(&self) {
        let delay = *self.counts.close_delay.lock().unwrap();
        tokio::time::sleep(delay).await;
        self.counts.closed.fetch_add(1, Ordering::SeqCst);
    }

    fn name(&self) -> String {
        "chatty".to_owned()
    }
}

struct OnDrop(Option<Arc<Counts>>);

impl Drop for OnDrop {
    fn drop(&mut self) {
        if let Some(counts) = &self.0 {
            counts.cancelled.fetch_add(1, Ordering::SeqCst);
        }
    }
}
