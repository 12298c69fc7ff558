use std::{
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use bytes::Bytes;
use mcp_core::{Message, ProtocolVersion, Request};
use mcp_http::{HttpService, StatusError, Tasks};
use mcp_transport::{Delivery, Envelope, Error, InboundChain, OneWay};
use tokio::sync::watch;

use crate::{error::closed, head::Head, link::Link, reopen::Trouble, wire::Wire};

/// How long a message that goes out on its own account may take.
const SMALL_TALK: Duration = Duration::from_secs(10);

/// What a transport and its exchanges have in common.
pub(crate) struct Shared<S: HttpService> {
    pub(crate) wire: Arc<Wire<S>>,
    pub(crate) inbound: InboundChain,
    pub(crate) tasks: Tasks,
    pub(crate) closed: watch::Sender<bool>,
    state: Mutex<State>,
    /// Held by the one who opens a stream in place of one that is over.
    pub(crate) reopening: tokio::sync::Mutex<Trouble>,
    /// How often that has failed.
    pub(crate) failures: AtomicU64,
    /// How many sessions were begun anew.
    pub(crate) renewals: AtomicU64,
}

#[derive(Default)]
pub(crate) struct State {
    pub(crate) link: Option<Arc<Link>>,
    pub(crate) handshake: Option<Handshake>,
}

/// All that it takes to begin another session like the one that went with its stream.
#[derive(Clone)]
pub(crate) struct Handshake {
    pub(crate) initialize: Envelope<Request>,
    pub(crate) initialized: Option<Envelope<OneWay>>,
}

impl<S: HttpService> Shared<S> {
    pub(crate) fn new(wire: Wire<S>, inbound: InboundChain, tasks: Tasks) -> Self {
        Self {
            wire: Arc::new(wire),
            inbound,
            tasks,
            closed: watch::Sender::new(false),
            state: Mutex::default(),
            reopening: tokio::sync::Mutex::default(),
            failures: AtomicU64::new(0),
            renewals: AtomicU64::new(0),
        }
    }

    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn is_closed(&self) -> bool {
        *self.closed.borrow()
    }

    /// The link that is there; `None` if its stream is over.
    pub(crate) fn current(&self) -> Result<Option<Arc<Link>>, Error> {
        if self.is_closed() {
            return Err(closed().with_delivery(Delivery::NotSent));
        }
        Ok(self.state().link.clone().filter(|link| !link.is_over()))
    }

    /// The link that a message goes out on: the one that is there, or a new one. With `begins` the message
    /// itself begins a session.
    pub(crate) async fn link(self: &Arc<Self>, begins: bool) -> Result<Arc<Link>, Error> {
        match self.current()? {
            Some(link) => Ok(link),
            None => Box::pin(self.reopen(begins)).await,
        }
    }

    /// Takes note of the request that has begun a session.
    pub(crate) fn begun(&self, initialize: Envelope<Request>) {
        self.state().handshake = Some(Handshake { initialize, initialized: None });
    }

    /// The head of what is sent on behalf of the session rather than of one message.
    pub(crate) fn head(&self) -> Head {
        let state = self.state();
        let extensions = state.handshake.as_ref().map(|handshake| match &handshake.initialized {
            Some(initialized) => initialized.extensions.clone(),
            None => handshake.initialize.extensions.clone(),
        });
        drop(state);
        let mut envelope = Envelope::new(());
        envelope.extensions = extensions.unwrap_or_default();
        // The same extensions have passed before, with the message.
        Head::new(&envelope).unwrap_or_default()
    }

    /// POSTs a message that nothing answers.
    pub(crate) async fn post_one_way(
        &self,
        link: &Link,
        message: Envelope<OneWay>,
    ) -> Result<(), Error> {
        let head = Head::new(&message)?;
        link.speaks(message.version);
        let message = Message::from(message.message);
        let method = method_of(&message).to_owned();
        let posted = self.wire.post(&link.post, &method, &head, encoded(&message)).await?;
        posted.map_err(|refused: StatusError| refused.into_transport_error(&method))
    }

    /// POSTs a message from a task, and forgets what becomes of it.
    pub(crate) fn post_soon(&self, link: &Arc<Link>, message: Message) {
        let (wire, link, head) = (Arc::clone(&self.wire), Arc::clone(link), self.head());
        self.small_talk(async move {
            let posted = wire.post(&link.post, method_of(&message), &head, encoded(&message)).await;
            match posted {
                Ok(Ok(())) => {}
                Ok(Err(error)) => tracing::debug!(%error, "a message of our own was refused"),
                Err(error) => tracing::debug!(%error, "a message of our own was not sent"),
            }
        });
    }

    /// Lets something end that nobody waits for, in bounded time.
    pub(crate) fn small_talk(&self, talk: impl Future<Output = ()> + Send + 'static) {
        self.tasks.spawn(async move {
            let _ = tokio::time::timeout(SMALL_TALK, talk).await;
        });
    }
}

impl Link {
    /// Takes note of the revision of a message that goes out.
    pub(crate) fn speaks(&self, version: Option<ProtocolVersion>) {
        self.batches.store(version == Some(ProtocolVersion::V2025_03_26), Ordering::Relaxed);
    }
}

/// What an error about a message says it was.
fn method_of(message: &Message) -> &str {
    match message {
        Message::Request(request) => &request.method,
        Message::Notification(notification) => &notification.method,
        Message::Response(_) => "response",
    }
}

/// A message as the body of a POST.
fn encoded(message: &Message) -> Bytes {
    let mut out = Vec::with_capacity(128);
    message.encode(&mut out);
    out.into()
}
