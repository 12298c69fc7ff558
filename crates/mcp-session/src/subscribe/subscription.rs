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
    event::Event, feed::Feed, listen, member::Member, poll::Poller, registry::Membership,
    retry::is_final, worker,
};
use crate::{Error, ErrorKind, Session};

/// Default timeout for the server's acknowledgement.
const ACKNOWLEDGE_TIMEOUT: Duration = Duration::from_secs(30);

/// Default maximum number of unread events.
const MAX_EVENTS: usize = 256;

impl Session {
    /// Subscribes to changes of lists, and of the resources in the filter.
    ///
    /// In the modern era this is one `subscriptions/listen`. In the legacy era it is a `resources/subscribe` for each
    /// resource, shared by all subscriptions of a session, and the list notifications that the server sends
    /// unrequested.
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
            poll_interval: None,
        }
    }
}

/// A subscription being built: `.await` it to open it.
///
/// # Errors
/// The server refuses, cannot be reached, or does not acknowledge in time; kind [`Unsupported`](ErrorKind::Unsupported)
/// if it does not support subscriptions and [`poll_interval`](Subscribe::poll_interval) is not set.
#[derive(Debug)]
#[must_use = "the subscription is opened only when this is awaited"]
pub struct Subscribe {
    session: Session,
    filter: SubscriptionFilter,
    timeout: Duration,
    max_events: usize,
    backoff: Option<Backoff>,
    poll_interval: Option<Duration>,
}

impl Subscribe {
    /// A back-off for [`resubscribe`](Self::resubscribe): delays from 500 ms to 30 s, unlimited attempts.
    pub const BACKOFF: Backoff = {
        let mut backoff = Backoff::new(Duration::from_millis(500), Duration::from_secs(30));
        backoff.attempts = None;
        backoff
    };

    /// Sets the timeout for the server's acknowledgement. An open subscription may be silent without limit. Default: 30
    /// s.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// Sets the maximum number of unread events before the oldest is dropped, which [`Event::Lagged`] reports. Default:
    /// 256.
    pub fn backlog(mut self, events: usize) -> Self {
        self.max_events = events;
        self
    }

    /// Resubscribes when the subscription is interrupted or ended by the server; [`Event::Resync`] reports it. An
    /// event, or a subscription that lasted longer than the delay before it, resets the count of attempts. If no
    /// attempts are left, or an error is [permanent](Self::is_final), the stream ends with the last error. Default: any
    /// interruption ends it.
    pub fn resubscribe(mut self, backoff: Backoff) -> Self {
        self.backoff = Some(backoff);
        self
    }

    /// Polls at this interval whatever the server does not report: lists whose changes it does not announce, and
    /// resources it does not acknowledge, or the whole filter if it does not support subscriptions. A list or resource
    /// whose content differs from the previous poll yields the same [`Event`] as a notification. Lists that are not
    /// among the server's capabilities are never polled.
    ///
    /// Opening the subscription reads everything polled once, each within the [`timeout`](Self::timeout). A poll that
    /// fails is retried at the next interval. Minimum: 100 ms. Default: no polling.
    ///
    /// ```no_run
    /// # async fn run(session: mcp_session::Session) -> Result<(), mcp_session::Error> {
    /// # use std::time::Duration;
    /// # let filter = mcp_core::SubscriptionFilter::new().with_tools_list_changed(true);
    /// let mut changes = session.subscribe(filter).poll_interval(Duration::from_secs(60)).await?;
    /// # Ok(()) }
    /// ```
    pub fn poll_interval(mut self, interval: Duration) -> Self {
        self.poll_interval = Some(interval);
        self
    }

    /// Whether another attempt to subscribe in the same session would fail in the same way: the server refuses it, or
    /// the session is closed. [`resubscribe`](Self::resubscribe) stops at such an error.
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
        let Self { session, filter, timeout, max_events, backoff, poll_interval } = self;
        let feed = Arc::new(Feed::new(filter, max_events));
        let owner = match listen::open(&session, &feed, timeout).await {
            Ok(open) => {
                let keeping =
                    listen::keep(session.clone(), Arc::clone(&feed), open, timeout, backoff);
                Some(Owner::Task(tokio::spawn(keeping)))
            }
            Err(error) if poll_interval.is_some() && error.kind() == ErrorKind::Unsupported => None,
            Err(error) => return Err(error),
        };
        Ok(Subscription::start(session, feed, owner, poll_interval, timeout).await)
    }

    async fn join(self) -> Result<Subscription, Error> {
        let Self { session, filter, timeout: limit, max_events, backoff, poll_interval } = self;
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
        let owner = Some(Owner::Member(membership));
        Ok(Subscription::start(session, feed, owner, poll_interval, limit).await)
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
/// It ends without an error when the server ends it gracefully, and with one when it is interrupted; with
/// [`resubscribe`](Subscribe::resubscribe) only when that fails permanently. It keeps the session open. Dropping it
/// ends it at the server, in the background. Reading is cancel safe, and unread events do not delay the session.
pub struct Subscription {
    feed: Arc<Feed>,
    /// The subscription at the server.
    _owner: Option<Owner>,
    _polling: Option<Owner>,
}

/// Ends the subscription when it is dropped.
enum Owner {
    Task(JoinHandle<()>),
    Member(#[expect(dead_code, reason = "its drop ends the subscription")] Membership),
}

impl Subscription {
    /// Starts polling, if it is enabled.
    async fn start(
        session: Session,
        feed: Arc<Feed>,
        owner: Option<Owner>,
        poll_interval: Option<Duration>,
        timeout: Duration,
    ) -> Self {
        let polling = match poll_interval {
            Some(interval) => {
                let poller = Poller::start(interval, timeout, &session, &feed).await;
                let polling = poller.run(session, Arc::clone(&feed), owner.is_none());
                Some(Owner::Task(tokio::spawn(polling)))
            }
            None => None,
        };
        Self { feed, _owner: owner, _polling: polling }
    }

    /// The part of the filter that the server last acknowledged. Changes of the rest are only reported if it is
    /// [polled](Subscribe::poll_interval).
    pub fn acknowledged(&self) -> SubscriptionFilter {
        self.feed.acknowledged()
    }

    /// The resources that a legacy server refuses, by URI, with its errors. A server without subscriptions, or of the
    /// modern era, leaves them out of the acknowledgement instead.
    pub fn refused(&self) -> Vec<(String, Error)> {
        self.feed.refused()
    }

    /// The next event; `None` when the subscription has ended. Cancel safe.
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

/// The part of a filter for which a server with these capabilities sends notifications.
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
