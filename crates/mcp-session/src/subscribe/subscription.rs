use std::{
    fmt,
    future::{IntoFuture, poll_fn},
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use futures_core::Stream;
use mcp_core::{Era, ServerCapabilities, SubscriptionFilter};
use mcp_transport::Backoff;
use tokio::{sync::oneshot, task::JoinHandle, time::timeout};

use super::{
    event::Event, feed::Feed, listen, member::Member, registry::Membership, retry::is_final, worker,
};
use crate::{Error, ErrorKind, Session};

/// How long the server may take to acknowledge a subscription.
const ACKNOWLEDGE_TIMEOUT: Duration = Duration::from_secs(30);

/// Events that wait for the reader of a subscription.
const MAX_EVENTS: usize = 256;

impl Session {
    /// Subscribes to changes: of lists, and of the resources that the filter names.
    ///
    /// In the modern era this is one `subscriptions/listen`; in the legacy era a `resources/subscribe` for each
    /// resource, which all subscriptions of a session share, and the notifications about lists that the server
    /// sends without being asked.
    ///
    /// ```
    /// # use mcp_session::{Error, Event, Session, Subscribe};
    /// # use mcp_core::SubscriptionFilter;
    /// # async fn watch(session: Session) -> Result<(), Error> {
    /// let filter = SubscriptionFilter::new()
    ///     .with_tools_list_changed(true)
    ///     .with_resource_subscriptions(vec!["file:///notes.txt".to_owned()]);
    /// let mut changes = session.subscribe(filter).resubscribe(Subscribe::BACKOFF).await?;
    /// println!("the server acknowledged {:?}", changes.acknowledged());
    /// while let Some(event) = changes.next().await {
    ///     match event? {
    ///         Event::ToolsListChanged => println!("{} tools", session.list_tools().await?.len()),
    ///         Event::ResourceUpdated { uri } => println!("{uri} changed"),
    ///         other => println!("all may have changed: {other:?}"),
    ///     }
    /// }
    /// # Ok(()) }
    /// ```
    ///
    /// Spec: basic/patterns/subscriptions
    pub fn subscribe(&self, filter: SubscriptionFilter) -> Subscribe {
        Subscribe {
            session: self.clone(),
            filter,
            timeout: ACKNOWLEDGE_TIMEOUT,
            max_events: MAX_EVENTS,
            backoff: None,
        }
    }
}

/// A subscription that is being put together: `.await` it to open it.
///
/// # Errors
/// When the server refuses, cannot be reached, or does not acknowledge it in time.
#[derive(Debug)]
#[must_use = "nothing is opened unless it is awaited"]
pub struct Subscribe {
    session: Session,
    filter: SubscriptionFilter,
    timeout: Duration,
    max_events: usize,
    backoff: Option<Backoff>,
}

impl Subscribe {
    /// A back-off for [`resubscribe`](Self::resubscribe): delays from 500 ms to 30 s, and no limit of attempts.
    pub const BACKOFF: Backoff = {
        let mut backoff = Backoff::new(Duration::from_millis(500), Duration::from_secs(30));
        backoff.attempts = None;
        backoff
    };

    /// Sets how long the server may take to acknowledge it. An open subscription may be silent for ever.
    /// Default: 30 s.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// Sets how many different events may wait to be read before the oldest is dropped, which
    /// [`Event::Lagged`] reports. Default: 256.
    pub fn backlog(mut self, events: usize) -> Self {
        self.max_events = events;
        self
    }

    /// Resubscribes whenever it is interrupted or ended by the server; [`Event::Resync`] reports that. An
    /// event, and a subscription that lasts for longer than the delay before it, are progress. When the
    /// attempts are used up, or another one would be of no use, it ends with the last error. Default: every
    /// interruption ends it.
    pub fn resubscribe(mut self, backoff: Backoff) -> Self {
        self.backoff = Some(backoff);
        self
    }

    /// Whether another attempt to subscribe with the same session would fail as this one did: the server refuses
    /// it, or the session is closed. [`resubscribe`](Self::resubscribe) gives up at such an error.
    pub fn is_final(error: &Error) -> bool {
        is_final(error)
    }

    async fn open(self) -> Result<Subscription, Error> {
        match self.session.era() {
            Era::Modern => self.listen().await,
            Era::Legacy => self.join().await,
        }
    }

    async fn listen(self) -> Result<Subscription, Error> {
        let Self { session, filter, timeout, max_events, backoff } = self;
        let feed = Arc::new(Feed::new(filter, max_events));
        let open = listen::open(&session, &feed, timeout).await?;
        let keeping = listen::keep(session, Arc::clone(&feed), open, timeout, backoff);
        Ok(Subscription { feed, _owner: Owner::Task(tokio::spawn(keeping)) })
    }

    async fn join(self) -> Result<Subscription, Error> {
        let Self { session, filter, timeout: limit, max_events, backoff } = self;
        session.inner().receiving.resume();
        let feed = Arc::new(Feed::new(filter, max_events));
        let offered = offered(&feed.filter, session.capabilities());
        let (opening, opened) = oneshot::channel();
        let member = Member::new(Arc::clone(&feed), offered, limit, backoff, opening);
        let (membership, starts_worker) = session.inner().notifications.registry.join(member);
        if starts_worker {
            tokio::spawn(worker::run(session.clone()));
        }
        match timeout(limit, opened).await {
            Ok(Ok(outcome)) => outcome?,
            Ok(Err(_)) => {
                return Err(session.error(ErrorKind::Closed, "the subscription was not opened"));
            }
            Err(_) => {
                let text = format!("the server did not acknowledge it within {limit:?}");
                return Err(session.error(ErrorKind::Timeout, text));
            }
        }
        Ok(Subscription { feed, _owner: Owner::Member(membership) })
    }
}

impl IntoFuture for Subscribe {
    type Output = Result<Subscription, Error>;
    type IntoFuture = Pin<Box<dyn Future<Output = Self::Output> + Send>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.open())
    }
}

/// An open subscription: a stream of [`Event`]s.
///
/// It ends without an error when the server ends it in order, and with one when it was interrupted; with
/// [`resubscribe`](Subscribe::resubscribe) only when that fails for good. It keeps the session open. Dropping
/// it ends it at the server, in the background. Reading is cancel safe, and events that wait do not hold up the
/// session.
pub struct Subscription {
    feed: Arc<Feed>,
    _owner: Owner,
}

/// Ends the subscription when it is dropped.
enum Owner {
    Task(JoinHandle<()>),
    Member(#[expect(dead_code, reason = "its drop ends the subscription")] Membership),
}

impl Subscription {
    /// The part of the filter that the server acknowledged last: no other events are sent.
    pub fn acknowledged(&self) -> SubscriptionFilter {
        self.feed.acknowledged()
    }

    /// The resources that a legacy server refuses, by their URIs, with its answers. A server that offers no
    /// subscriptions, or is of the modern era, leaves them out of what it acknowledges.
    pub fn refused(&self) -> Vec<(String, Error)> {
        self.feed.refused()
    }

    /// The next event; `None` when the subscription is over. Cancel safe.
    pub async fn next(&mut self) -> Option<Result<Event, Error>> {
        poll_fn(|cx| self.feed.backlog.poll_next(cx)).await
    }
}

impl Stream for Subscription {
    type Item = Result<Event, Error>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.feed.backlog.poll_next(cx)
    }
}

impl Drop for Owner {
    fn drop(&mut self) {
        if let Self::Task(task) = self {
            task.abort();
        }
    }
}

impl fmt::Debug for Subscription {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Subscription").field("filter", &self.feed.filter).finish_non_exhaustive()
    }
}

/// The part of a filter that a server with these capabilities sends notifications for.
fn offered(filter: &SubscriptionFilter, capabilities: &ServerCapabilities) -> SubscriptionFilter {
    let ServerCapabilities { tools, prompts, resources, .. } = capabilities;
    let both = |asked: Option<bool>, says: Option<bool>| asked.filter(|_| says == Some(true));
    let mut offered = SubscriptionFilter::default();
    offered.tools_list_changed =
        both(filter.tools_list_changed, tools.as_ref().and_then(|it| it.list_changed));
    offered.prompts_list_changed =
        both(filter.prompts_list_changed, prompts.as_ref().and_then(|it| it.list_changed));
    offered.resources_list_changed =
        both(filter.resources_list_changed, resources.as_ref().and_then(|it| it.list_changed));
    if resources.as_ref().is_some_and(|resources| resources.subscribe == Some(true)) {
        offered.resource_subscriptions = filter.resource_subscriptions.clone();
    }
    offered
}
