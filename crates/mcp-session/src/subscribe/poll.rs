//! Polling: detects changes that the server does not report.

use std::{
    collections::HashMap,
    hash::{BuildHasher, RandomState},
    sync::Arc,
    time::Duration,
};

use mcp_core::{ServerCapabilities, SubscriptionFilter};
use serde::Serialize;
use tokio::time::sleep;

use super::{event::Event, feed::Feed};
use crate::{CacheMode, Error, Session};

/// Minimum interval.
const MIN_INTERVAL: Duration = Duration::from_millis(100);

/// Polls the part of a filter that the server did not acknowledge, and compares each response with the previous one.
#[derive(Debug)]
pub(super) struct Poller {
    interval: Duration,
    /// Timeout of each request.
    timeout: Duration,
    /// The hashes of the last responses.
    seen: HashMap<Item, u64>,
    hasher: RandomState,
}

/// A polled list or resource.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Item {
    Tools,
    Prompts,
    Resources,
    Resource(String),
}

impl Poller {
    /// Reads everything once, to compare later responses with.
    pub(super) async fn start(
        interval: Duration,
        timeout: Duration,
        session: &Session,
        feed: &Feed,
    ) -> Self {
        let (seen, hasher) = (HashMap::new(), RandomState::new());
        let mut poller = Self { interval: interval.max(MIN_INTERVAL), timeout, seen, hasher };
        for item in unreported(&feed.filter, &feed.acknowledged(), session.capabilities()) {
            poller.has_changed(session, &item).await;
        }
        poller
    }

    /// Polls until the session is closed or the subscription has ended. `is_alone`: there is no subscription at the
    /// server, so that the end of the session must be reported here.
    pub(super) async fn run(mut self, session: Session, feed: Arc<Feed>, is_alone: bool) {
        let polling = async {
            while !feed.backlog.is_over() {
                sleep(self.interval).await;
                self.poll(&session, &feed).await;
            }
        };
        if let Err(closed) = session.until_closed(polling).await
            && is_alone
        {
            feed.backlog.end(Err(closed));
        }
    }

    async fn poll(&mut self, session: &Session, feed: &Feed) {
        // A subscription that was reopened may have another acknowledgement.
        for item in unreported(&feed.filter, &feed.acknowledged(), session.capabilities()) {
            if self.has_changed(session, &item).await {
                feed.backlog.push(item.event());
            }
        }
    }

    /// Reads an item. A transient failure is not a change.
    async fn has_changed(&mut self, session: &Session, item: &Item) -> bool {
        let content = match self.content(session, item).await {
            Ok(content) => content,
            // A resource that is removed responds with an error.
            Err(error) if error.answer().is_some() => self.hasher.hash_one(error.to_string()),
            Err(error) => {
                tracing::debug!(server = session.name(), %error, "a poll failed");
                return false;
            }
        };
        self.seen.insert(item.clone(), content) != Some(content)
    }

    /// The hash of a response, which is also stored in the cache of the session.
    async fn content(&self, session: &Session, item: &Item) -> Result<u64, Error> {
        let (mode, limit) = (CacheMode::Refresh, self.timeout);
        Ok(match item {
            Item::Tools => self.hash(&session.list_tools().cache(mode).timeout(limit).await?),
            Item::Prompts => self.hash(&session.list_prompts().cache(mode).timeout(limit).await?),
            Item::Resources => {
                let resources = session.list_resources().cache(mode).timeout(limit).await?;
                let templates = session.list_resource_templates().cache(mode).timeout(limit);
                // Servers may have resources and no templates.
                self.hash(&(resources, templates.await.unwrap_or_default()))
            }
            Item::Resource(uri) => {
                self.hash(&session.read_resource(uri).cache(mode).timeout(limit).await?.contents)
            }
        })
    }

    fn hash(&self, content: &impl Serialize) -> u64 {
        self.hasher.hash_one(serde_json::to_vec(content).unwrap_or_default())
    }
}

impl Item {
    fn event(self) -> Event {
        match self {
            Self::Tools => Event::ToolsListChanged,
            Self::Prompts => Event::PromptsListChanged,
            Self::Resources => Event::ResourcesListChanged,
            Self::Resource(uri) => Event::ResourceUpdated { uri },
        }
    }
}

/// The part of a filter that the server has, but does not report.
fn unreported(
    filter: &SubscriptionFilter,
    acknowledged: &SubscriptionFilter,
    capabilities: &ServerCapabilities,
) -> Vec<Item> {
    let is_missing = |wanted: Option<bool>, reported: Option<bool>| {
        wanted.unwrap_or_default() && !reported.unwrap_or_default()
    };
    let has_resources = capabilities.resources.is_some();
    let lists = [
        (
            Item::Tools,
            capabilities.tools.is_some(),
            is_missing(filter.tools_list_changed, acknowledged.tools_list_changed),
        ),
        (
            Item::Prompts,
            capabilities.prompts.is_some(),
            is_missing(filter.prompts_list_changed, acknowledged.prompts_list_changed),
        ),
        (
            Item::Resources,
            has_resources,
            is_missing(filter.resources_list_changed, acknowledged.resources_list_changed),
        ),
    ];
    let lists = lists
        .into_iter()
        .filter_map(|(it, is_offered, is_missing)| (is_offered && is_missing).then_some(it));
    let uris = filter.resource_subscriptions.iter().flatten().filter(|_| has_resources);
    let uris = uris.filter(|uri| !acknowledged.covers(uri)).cloned().map(Item::Resource);
    lists.chain(uris).collect()
}
