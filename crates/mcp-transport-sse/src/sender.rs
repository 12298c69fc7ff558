use std::sync::{Arc, Mutex, PoisonError};

use http::Uri;
use mcp_core::{Message, Request};
use mcp_http::{
    HttpService,
    transport::{EnvelopeExtras, TransportTasks, messages::encode},
};
use mcp_transport::{Envelope, Error, OneWay, handshake::Handshake};

use crate::{
    endpoint::{HttpEndpoint, PROTOCOL_HEADERS},
    error::refused_post,
};

/// Sends messages for callers and in the background.
pub(crate) struct Sender<S> {
    pub(crate) endpoint: Arc<HttpEndpoint<S>>,
    pub(crate) tasks: TransportTasks,
    handshake: Mutex<Option<Arc<Handshake>>>,
}

impl<S: HttpService> Sender<S> {
    pub(crate) fn new(endpoint: HttpEndpoint<S>, tasks: TransportTasks) -> Self {
        Self { endpoint: Arc::new(endpoint), tasks, handshake: Mutex::new(None) }
    }

    /// The handshake of the current session.
    pub(crate) fn handshake(&self) -> Option<Arc<Handshake>> {
        self.handshake.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Records the `initialize` that opened a session.
    pub(crate) fn set_handshake(&self, initialize: Envelope<Request>) {
        let handshake = Some(Arc::new(Handshake::new(initialize)));
        *self.handshake.lock().unwrap_or_else(PoisonError::into_inner) = handshake;
    }

    /// The additions of the handshake to requests of the session itself.
    pub(crate) fn session_extras(&self) -> EnvelopeExtras {
        let extras = self.handshake().map(|handshake| extras_of(&handshake.envelope(())));
        // The same extensions were valid in the handshake.
        extras.and_then(Result::ok).unwrap_or_default()
    }

    /// POSTs a one-way message.
    pub(crate) async fn post_one_way(
        &self,
        to: &Uri,
        envelope: Envelope<OneWay>,
    ) -> Result<(), Error> {
        let extras = extras_of(&envelope)?;
        let method = envelope.message.label().to_owned();
        let body = encode(&envelope.message.into());
        let posted = self.endpoint.post_one_way(to, &method, &extras, body).await?;
        posted.map_err(|refused| refused_post(refused, &method))
    }

    /// POSTs a message that no caller waits for.
    pub(crate) fn post_in_background(&self, to: &Uri, message: &Message) {
        // Does not hold the sender, which owns the task.
        let (endpoint, to) = (Arc::clone(&self.endpoint), to.clone());
        let (extras, body) = (self.session_extras().in_background(), encode(message));
        self.tasks.send_in_background(body.len(), async move {
            let posted = endpoint.post_one_way(&to, "message", &extras, body).await?;
            posted.map_err(|refused| refused.into_transport_error("message"))
        });
    }
}

/// The additions of an envelope to the HTTP request of its message.
pub(crate) fn extras_of<M>(envelope: &Envelope<M>) -> Result<EnvelopeExtras, Error> {
    EnvelopeExtras::new(envelope, &PROTOCOL_HEADERS)
}
