//! Hearing of changes: one stream of events for both eras.
//!
//! Spec: basic/patterns/subscriptions

mod backlog;
mod event;
mod hub;
mod legacy;
mod listen;
mod relisten;

use std::{
    fmt,
    future::{IntoFuture, poll_fn},
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll},
    time::Duration,
};

use futures_core::Stream;
use mcp_core::{Era, SubscriptionFilter};
use tokio::{sync::oneshot, task::JoinHandle};

use crate::{Error, Session};
use backlog::Backlog;

pub use event::Event;
pub(crate) use hub::Hub;
pub use relisten::Relisten;

/// How long the server may take to say what it will tell.
const PATIENCE: Duration = Duration::from_secs(30);
/// Events that wait for whoever reads a subscription.
const ROOM: usize = 256;

impl Session {
    /// Asks to hear of changes: of lists, and of the resources that the filter names.
    ///
    /// In the modern era this is one `subscriptions/listen`; in the legacy era a `resources/subscribe` for
    /// each resource, and what the server tells by itself of lists.
    ///
    /// ```
    /// # use mcp_session::{Error, Event, Relisten, Session};
    /// # use mcp_core::SubscriptionFilter;
    /// # async fn watch(session: Session) -> Result<(), Error> {
    /// let filter = SubscriptionFilter::new()
    ///     .with_tools_list_changed(true)
    ///     .with_resource_subscriptions(vec!["file:///notes.txt".to_owned()]);
    /// let mut changes = session.subscribe(filter).relisten(Relisten::default()).await?;
    /// println!("the server tells of {:?}", changes.acknowledged());
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
        let session = self.clone();
        Subscribe { session, filter, timeout: PATIENCE, backlog: ROOM, relisten: None }
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
    backlog: usize,
    relisten: Option<Relisten>,
}

impl Subscribe {
    /// How long the server may take to acknowledge. An open subscription may be silent for ever. Default:
    /// 30 s.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// How many different events may wait to be read before the oldest goes, which
    /// [`Event::Lagged`] tells. Default: 256.
    pub fn backlog(mut self, events: usize) -> Self {
        self.backlog = events;
        self
    }

    /// Opens it again whenever it ends, by the server or by the way to it; [`Event::Resync`] tells. By
    /// default such an end is that of the stream.
    pub fn relisten(mut self, relisten: Relisten) -> Self {
        self.relisten = Some(relisten);
        self
    }

    async fn open(self) -> Result<Subscription, Error> {
        let feed = Arc::new(Feed {
            filter: self.filter.clone(),
            backlog: Backlog::new(self.backlog),
            acknowledged: Mutex::default(),
            refused: Mutex::default(),
        });
        let owner = match self.session.era() {
            Era::Modern => {
                let open = listen::open(&self.session, &feed, self.timeout).await?;
                Owner::Task(tokio::spawn(listen::keep(self, Arc::clone(&feed), open)))
            }
            Era::Legacy => {
                let (dropped, is_dropped) = oneshot::channel();
                let (told, is_told) = oneshot::channel();
                tokio::spawn(legacy::keep(self, Arc::clone(&feed), told, is_dropped));
                let owner = Owner::Sender(dropped);
                // Where the task cannot tell, it has ended with the runtime.
                is_told.await.unwrap_or(Ok(()))?;
                owner
            }
        };
        Ok(Subscription { feed, _owner: owner })
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
/// It ends without an error when the server ends it in order, and with one when it was lost; with
/// [`relisten`](Subscribe::relisten) only where there is no use in opening it again. It keeps the session
/// open. Dropping it tells the server, in the background. Reading is cancel safe, and events that wait do
/// not hold up the session.
pub struct Subscription {
    feed: Arc<Feed>,
    _owner: Owner,
}

/// Ends what feeds a subscription when it is dropped.
enum Owner {
    Task(JoinHandle<()>),
    /// Of a task that has something to take back, and ends by itself then.
    Sender(#[expect(dead_code, reason = "its drop is what tells")] oneshot::Sender<()>),
}

/// What a subscription and what feeds it have in common.
#[derive(Debug)]
pub(crate) struct Feed {
    filter: SubscriptionFilter,
    backlog: Backlog,
    acknowledged: Mutex<SubscriptionFilter>,
    refused: Mutex<Vec<(String, Error)>>,
}

impl Subscription {
    /// The part of the filter that the server tells of, as it said last.
    pub fn acknowledged(&self) -> SubscriptionFilter {
        lock(&self.feed.acknowledged).clone()
    }

    /// The resources that a server of the legacy era refuses to tell of, by their URIs, with its answers. One
    /// that offers no subscriptions, or is of the modern era, leaves them out of what it acknowledges.
    pub fn refused(&self) -> Vec<(String, Error)> {
        lock(&self.feed.refused).clone()
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

impl Feed {
    fn acknowledge(&self, acknowledged: SubscriptionFilter) {
        *lock(&self.acknowledged) = acknowledged;
    }

    fn refuse(&self, refused: impl IntoIterator<Item = (String, Error)>) {
        lock(&self.refused).extend(refused);
    }

    /// Takes what the server says, if it is asked for.
    fn take(&self, notification: &mcp_core::Notification) -> bool {
        let event = Event::of(notification, &self.filter);
        let is_asked_for = event.is_some();
        event.into_iter().for_each(|event| self.backlog.push(event));
        is_asked_for
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
