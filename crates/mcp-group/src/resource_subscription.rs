//! Resource subscriptions of clients, each backed by one at the server's session.

use std::{
    pin::Pin,
    sync::{Arc, Weak},
    time::Duration,
};

use mcp_core::{ServerCapabilities, SubscriptionFilter, covers_resource};
use mcp_session::{Error, ErrorKind, Event, Session, Subscribe, Subscription};
use mcp_transport::util::Retries;
use tokio::{sync::watch::Receiver, time::timeout};

use crate::{
    client::GroupClient,
    error::RequestError,
    listener::Listener,
    member::Member,
    phase::Phase,
    subscribe::{retries, subscribe},
    task::OwnedTask,
};

/// How long a client waits for a server's acknowledgement. The server may take longer.
const ACKNOWLEDGE_WAIT: Duration = Duration::from_secs(5);

/// The URIs of a resource that a client subscribes to.
pub(crate) struct ResourceUri {
    /// The URI on the server.
    pub(crate) original: String,
    /// The URI in the group.
    pub(crate) shown: String,
}

/// The recipient of updates.
pub(crate) enum Subscriber {
    /// A legacy client, on its connections. It owns the subscription.
    Client(Weak<GroupClient>),
    /// A `subscriptions/listen` request.
    Listener(Arc<Listener>),
}

/// A subscription of a client at one server.
pub(crate) struct ResourceSubscription {
    /// The acknowledged resources, by their URIs on the server.
    pub(crate) acknowledged: Vec<String>,
    /// The error of a server that refuses one of them.
    pub(crate) refusal: Option<Error>,
    /// The task of the subscription. Dropping it ends the subscription.
    pub(crate) task: OwnedTask,
}

impl ResourceSubscription {
    /// Subscribes a client to resources of one server. The subscription outlives the sessions with the server.
    ///
    /// # Errors
    /// There is no session with the server.
    pub(crate) async fn open(
        member: Arc<Member>,
        client: &GroupClient,
        resources: Vec<ResourceUri>,
        subscriber: Subscriber,
    ) -> Result<Self, RequestError> {
        let mut phases = member.phase.subscribe();
        let mut session = member.session(client).await?;
        // Later sessions are counted from the current one.
        if let Some(latest) = phases.borrow_and_update().session() {
            session = latest.clone();
        }
        let forwarder = Forwarder { member, resources, subscriber };
        let mut subscribing = forwarder.subscribe(session.clone());
        let subscribed = timeout(ACKNOWLEDGE_WAIT, &mut subscribing).await.ok();
        let (acknowledged, refusal) = match &subscribed {
            Some(Ok(subscription)) => (
                subscription.acknowledged().resource_subscriptions.unwrap_or_default(),
                subscription.refused().into_iter().next().map(|(_, error)| error),
            ),
            Some(Err(error)) => {
                (Vec::new(), Some(error.clone()).filter(|it| it.answer().is_some()))
            }
            None => (Vec::new(), None),
        };
        let task = OwnedTask::spawn(async move {
            let subscribed = match subscribed {
                Some(subscribed) => subscribed,
                None => subscribing.await,
            };
            forwarder.run(phases, session, subscribed).await;
        });
        Ok(Self { acknowledged, refusal, task })
    }
}

/// Whether a server supports resource subscriptions.
pub(crate) fn can_subscribe(capabilities: &ServerCapabilities) -> bool {
    capabilities.resources.as_ref().is_some_and(|resources| resources.subscribe == Some(true))
}

/// Forwards updates from the sessions of a server to a client.
struct Forwarder {
    member: Arc<Member>,
    resources: Vec<ResourceUri>,
    subscriber: Subscriber,
}

type Subscribing = Pin<Box<dyn Future<Output = Result<Subscription, Error>> + Send>>;

impl Forwarder {
    /// Forwards updates until it is dropped. Resubscribes on each new session of the server.
    async fn run(
        self,
        mut phases: Receiver<Phase>,
        mut session: Session,
        mut subscribed: Result<Subscription, Error>,
    ) {
        let mut retries = retries();
        let mut may_have_missed = false;
        loop {
            let error = match subscribed {
                Ok(subscription) => self.pass_on(subscription, &mut retries, may_have_missed).await,
                Err(error) => Some(error),
            };
            tracing::debug!(server = %self.member.name, ?error, "cannot subscribe a client");
            may_have_missed = true;
            let delay = match error.as_ref().is_some_and(Subscribe::is_final) || session.is_closed()
            {
                true => None,
                false => retries.next_delay(None),
            };
            match delay {
                Some(delay) => tokio::time::sleep(delay).await,
                None => match next_session(&mut phases).await {
                    Some(next) => {
                        session = next;
                        retries.progressed();
                    }
                    None => return,
                },
            }
            subscribed = self.subscribe(session.clone()).await;
        }
    }

    fn subscribe(&self, session: Session) -> Subscribing {
        let uris = self.resources.iter().map(|resource| resource.original.clone());
        let uris: Vec<String> = uris.collect();
        let filter = SubscriptionFilter::new().with_resource_subscriptions(uris);
        Box::pin(async move {
            if !can_subscribe(session.capabilities()) {
                let message = "the server does not support subscriptions";
                return Err(Error::new(ErrorKind::Unsupported, session.name(), message));
            }
            subscribe(&session, filter).await
        })
    }

    /// Forwards updates until the subscription ends. Returns its error, if any.
    async fn pass_on(
        &self,
        mut subscription: Subscription,
        retries: &mut Retries,
        may_have_missed: bool,
    ) -> Option<Error> {
        if may_have_missed {
            self.missed(&subscription);
        }
        loop {
            match subscription.next().await? {
                Ok(Event::ResourceUpdated { uri }) => {
                    retries.progressed();
                    self.updated(&uri);
                }
                Ok(Event::Resync | Event::Lagged { .. }) => self.missed(&subscription),
                Ok(_) => {}
                Err(error) => return Some(error),
            }
        }
    }

    /// Reports an update of each resource, since updates may have been missed.
    fn missed(&self, subscription: &Subscription) {
        let acknowledged = subscription.acknowledged().resource_subscriptions;
        acknowledged.iter().flatten().for_each(|uri| self.updated(uri));
    }

    fn updated(&self, uri: &str) {
        let covers = |own: &&ResourceUri| covers_resource(&own.original, uri);
        let exactly = |own: &&ResourceUri| own.original == uri;
        if let Some(own) = self.resources.iter().find(exactly) {
            self.subscriber.updated(&own.shown);
        } else if self.resources.iter().any(|own| covers(&own)) {
            self.subscriber.updated(&self.member.exposure.uri(uri));
        }
    }
}

impl Subscriber {
    fn updated(&self, uri: &str) {
        match self {
            Self::Client(client) => {
                client.upgrade().into_iter().for_each(|client| client.resource_updated(uri));
            }
            Self::Listener(listener) => listener.resource_updated(uri),
        }
    }
}

/// The session after the last one seen.
async fn next_session(phases: &mut Receiver<Phase>) -> Option<Session> {
    phases.changed().await.ok()?;
    let ready = phases.wait_for(|phase| phase.session().is_some()).await.ok()?;
    ready.session().cloned()
}
