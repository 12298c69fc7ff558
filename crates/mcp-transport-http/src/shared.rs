use std::{
    sync::{Arc, Weak},
    time::Duration,
};

use bytes::Bytes;
use mcp_core::{Message, RawJson, Request, RequestId};
use mcp_http::{HttpService, Tasks, sse::Events};
use mcp_transport::{Error, InboundSender, Rejected};

use crate::{
    flights::Flights,
    head::Head,
    linger::{Linger, PATIENCE},
    session::Sessions,
    wire::{SseBody, Wire},
};

/// How long a message that goes out on its own account may take.
const SMALL_TALK: Duration = Duration::from_secs(10);

/// What a transport and its exchanges have in common.
pub(crate) struct Shared<S: HttpService> {
    pub(crate) wire: Arc<Wire<S>>,
    pub(crate) flights: Flights,
    pub(crate) inbound: InboundSender,
    pub(crate) sessions: Sessions,
    pub(crate) tasks: Tasks,
    linger: Linger<SseBody<S>>,
}

impl<S: HttpService> Shared<S> {
    pub(crate) fn new(wire: Wire<S>, inbound: InboundSender, tasks: Tasks) -> Arc<Self> {
        Arc::new_cyclic(|shared: &Weak<Self>| {
            let shared = Weak::clone(shared);
            inbound.on_unread(move |unread| {
                if let Some(shared) = shared.upgrade() {
                    shared.refuse(&unread);
                }
            });
            Self {
                wire: Arc::new(wire),
                flights: Flights::default(),
                inbound,
                sessions: Sessions::default(),
                tasks,
                linger: Linger::default(),
            }
        })
    }

    /// Makes the connections of answers that were read usable again.
    pub(crate) fn reclaim(&self) {
        self.linger.reclaim();
    }

    /// Lets a body end that has nothing more to say.
    pub(crate) fn park(self: &Arc<Self>, events: Events<SseBody<S>>) {
        if self.linger.park(events) {
            let shared = Arc::downgrade(self);
            let sweeper = async move {
                loop {
                    tokio::time::sleep(PATIENCE).await;
                    let Some(shared) = Weak::upgrade(&shared) else { return };
                    shared.linger.sweep();
                    if shared.linger.rest() {
                        return;
                    }
                }
            };
            self.tasks.spawn(sweeper);
        }
    }

    /// Tells the server of the legacy era that nobody waits for a request any more.
    ///
    /// Spec: 2025-11-25 basic/utilities/cancellation
    pub(crate) fn cancel(&self, id: &RequestId, head: Arc<Head>) {
        let params = RawJson::from_serialize(&serde_json::json!({ "requestId": id }));
        let Ok(params) = params else { return };
        let notification =
            mcp_core::Notification::new("notifications/cancelled").with_params(params);
        self.send_soon(head, notification.into());
    }

    /// Sends a message from a task, and forgets what becomes of it.
    fn send_soon(&self, head: Arc<Head>, message: Message) {
        let wire = Arc::clone(&self.wire);
        let session = self.sessions.current().and_then(|session| session.id.clone());
        self.tasks.spawn(async move {
            let posting = async {
                let body = encoded(&message);
                let response = wire.post("message", &head, session.as_ref(), body).await?;
                // As far as it goes: it says nothing.
                let _ = mcp_http::read_to_end(response.into_body(), 64 * 1024).await;
                Ok::<_, Error>(())
            };
            match tokio::time::timeout(SMALL_TALK, posting).await {
                Ok(Ok(())) => {}
                Ok(Err(error)) => tracing::debug!(%error, "a message of our own was not sent"),
                Err(_) => tracing::debug!("a message of our own took too long"),
            }
        });
    }

    /// Takes a message that came on a stream of its own.
    pub(crate) fn receive(&self, message: Message) {
        match message {
            Message::Response(response) => {
                // Late answers, after a cancel or a time-out, are nobody's.
                let _ = self.flights.deliver(response);
            }
            message => {
                if let Err(rejected) = self.inbound.push(message) {
                    self.refuse(&rejected);
                }
            }
        }
    }

    /// Answers a request of the server that nobody will read.
    fn refuse(&self, rejected: &Rejected) {
        let Some(refusal) = rejected.refusal() else { return };
        let head = self.sessions.current().map_or_else(Head::default, |session| session.head());
        self.send_soon(Arc::new(head), refusal.into());
    }
}

/// A message as the body of a POST.
pub(crate) fn encoded(message: &Message) -> Bytes {
    let mut out = Vec::with_capacity(128);
    message.encode(&mut out);
    out.into()
}

/// A request as the body of a POST.
pub(crate) fn encoded_request(request: &Request) -> Bytes {
    let params = request.params.as_ref().map_or(0, RawJson::len);
    let mut out = Vec::with_capacity(params + request.method.len() + 96);
    request.encode(&mut out);
    out.into()
}
