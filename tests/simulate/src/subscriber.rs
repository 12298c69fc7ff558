//! A subscription of the world: no change is lost silently.

use std::time::Duration;

use mcp_core::SubscriptionFilter;
use mcp_session::{Session, Subscribe, Subscription};
use tokio::time::timeout;

use crate::{plan::Carrier, world::World};

/// A subscriber to changes of the list of tools.
pub(crate) struct Subscriber<'a> {
    world: &'a World,
    subscription: Option<Subscription>,
    /// The known version of the list: it is read at each event.
    known: u64,
}

impl<'a> Subscriber<'a> {
    pub(crate) fn new(world: &'a World) -> Self {
        Self { world, subscription: None, known: 0 }
    }

    /// Subscribes, and follows the events until the subscription ends.
    pub(crate) async fn follow(&mut self, session: &Session) {
        let filter = SubscriptionFilter::new().with_tools_list_changed(true);
        let mut subscribe = session.subscribe(filter);
        if self.world.random(|random| random.chance(70)) {
            subscribe = subscribe.resubscribe(Subscribe::BACKOFF.with_jitter(0.0));
        }
        match self.world.wakers().track(subscribe.into_future()).await {
            Ok(subscription) => {
                self.known = self.world.version();
                self.world.note(format_args!("subscribed, version {}", self.known));
                self.subscription = Some(subscription);
                self.read().await;
            }
            Err(error) => self.world.note(format_args!("not subscribed: {error}")),
        }
    }

    /// Reads until the subscription ends.
    async fn read(&mut self) {
        while let Some(subscription) = &mut self.subscription {
            match subscription.next().await {
                Some(Ok(event)) => {
                    self.known = self.world.version();
                    self.world.note(format_args!("{event:?}, version {}", self.known));
                }
                end => {
                    self.world.note(format_args!("the subscription ended: {end:?}"));
                    self.subscription = None;
                }
            }
        }
    }

    /// After a quiet time it knows the last change, or the subscription has ended.
    pub(crate) async fn check(&mut self, quiet: Duration) {
        let _ = timeout(quiet, self.read()).await;
        let plan = self.world.plan();
        // Such a server cannot report changes.
        let is_silent = plan.carrier == Carrier::Http && !plan.has_server_stream;
        let version = self.world.version();
        if self.subscription.is_some() && self.known != version && !is_silent {
            let known = self.known;
            self.world.violation(format!("knows version {known} of the tools, not {version}"));
        }
    }
}
