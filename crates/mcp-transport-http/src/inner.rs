use std::sync::{Arc, Mutex, PoisonError, Weak};

use http::HeaderValue;
use mcp_core::{Message, Notification, RawJson, Request, RequestId, method};
use mcp_http::{
    HttpService,
    sse::Events,
    transport::{
        TransportTasks,
        messages::{SkippedEvents, encode},
        read_to_end,
    },
};
use mcp_transport::{Diagnostics, Envelope, InboundSender, Undelivered};

use crate::{
    endpoint::{HttpEndpoint, PinnedBody},
    headers::RequestHeaders,
    in_flight::InFlight,
    parked::{PARK_TIME, ParkedBodies},
    session::{Session, Sessions},
};

/// Maximum bytes read from a response body that is ignored.
const IGNORED_LIMIT: usize = 64 << 10;

/// State shared by a transport and its exchanges.
pub(crate) struct Inner<S: HttpService> {
    pub(crate) endpoint: Arc<HttpEndpoint<S>>,
    pub(crate) in_flight: InFlight,
    pub(crate) inbound: InboundSender,
    pub(crate) sessions: Sessions<S>,
    pub(crate) tasks: TransportTasks,
    parked: ParkedBodies<PinnedBody<S>>,
    skipped: Mutex<SkippedEvents>,
}

impl<S: HttpService> Inner<S> {
    pub(crate) fn new(
        endpoint: HttpEndpoint<S>,
        inbound: InboundSender,
        tasks: TransportTasks,
    ) -> Arc<Self> {
        Arc::new_cyclic(|inner: &Weak<Self>| {
            let inner = Weak::clone(inner);
            inbound.on_unread(move |unread| {
                if let Some(inner) = inner.upgrade() {
                    inner.refuse(&unread);
                }
            });
            Self {
                endpoint: Arc::new(endpoint),
                in_flight: InFlight::default(),
                inbound,
                sessions: Sessions::default(),
                tasks,
                parked: ParkedBodies::default(),
                skipped: Mutex::default(),
            }
        })
    }

    /// Counts an event that is not a message.
    pub(crate) fn skip(&self, data: &[u8]) {
        self.skipped.lock().unwrap_or_else(PoisonError::into_inner).add(data);
    }

    /// Observations that may explain why a server does not respond.
    pub(crate) fn diagnostics(&self) -> Diagnostics {
        let skipped = self.skipped.lock().unwrap_or_else(PoisonError::into_inner);
        let mut diagnostics = Diagnostics::new();
        diagnostics.skipped = skipped.count();
        diagnostics.last_skipped = skipped.last().map(str::to_owned);
        diagnostics
    }

    /// Returns connections to the pool whose responses were read.
    pub(crate) fn reclaim(&self) {
        self.parked.reclaim();
    }

    /// Waits for the end of a body whose response was read.
    pub(crate) fn park(self: &Arc<Self>, events: Events<PinnedBody<S>>) {
        if !self.parked.park(events) {
            return;
        }
        let inner = Arc::downgrade(self);
        let sweeper = self.tasks.spawn(async move {
            loop {
                tokio::time::sleep(PARK_TIME).await;
                let continues = Weak::upgrade(&inner).is_some_and(|inner| inner.parked.sweep());
                if !continues {
                    return;
                }
            }
        });
        if sweeper.is_none() {
            self.parked.clear();
        }
    }

    /// Creates a session that is not the current one yet.
    pub(crate) fn session(
        &self,
        id: Option<HeaderValue>,
        initialize: Envelope<Request>,
    ) -> Session<S> {
        Session::new(id, initialize, &self.endpoint, self.tasks.runtime())
    }

    /// Ends everything except the session. Returns whether it was open.
    pub(crate) fn close(&self) -> bool {
        self.tasks.close(|| {
            self.in_flight.wake_all();
            self.inbound.end(None);
            self.parked.clear();
        })
    }

    /// Cancels a request at a legacy server.
    ///
    /// Spec: 2025-11-25 basic/utilities/cancellation
    pub(crate) fn cancel(&self, id: &RequestId, headers: Arc<RequestHeaders>) {
        if self.tasks.is_closed() {
            return;
        }
        let params = RawJson::from_serialize(&serde_json::json!({ "requestId": id }));
        let Ok(params) = params else { return };
        let cancelled = Notification::new(method::NOTIFICATIONS_CANCELLED).with_params(params);
        self.send_in_background(headers, &cancelled.into());
    }

    /// Handles a message from the standalone GET stream.
    pub(crate) fn receive(&self, message: Message) {
        match message {
            // A late response, after a cancellation or timeout, is ignored.
            Message::Response(response) => _ = self.in_flight.deliver(response),
            message => {
                if let Err(rejected) = self.inbound.push(message) {
                    self.refuse(&rejected);
                }
            }
        }
    }

    /// Refuses a server request that has no reader.
    fn refuse(&self, rejected: &Undelivered) {
        let Some(refusal) = rejected.refusal() else { return };
        let session = self.sessions.current();
        let headers = session.map_or_else(RequestHeaders::default, |session| session.headers());
        self.send_in_background(Arc::new(headers), &refusal.into());
    }

    fn send_in_background(&self, headers: Arc<RequestHeaders>, message: &Message) {
        let endpoint = Arc::clone(&self.endpoint);
        let headers = RequestHeaders::clone(&headers).in_background();
        let session = self.sessions.current().and_then(|session| session.id.clone());
        let body = encode(message);
        self.tasks.send_in_background(body.len(), async move {
            let response = endpoint.post("message", &headers, session.as_ref(), body).await?;
            // Read to the end to reuse the connection.
            let _ = read_to_end(response.into_body(), IGNORED_LIMIT).await;
            Ok(())
        });
    }
}
