use std::sync::{Arc, Mutex, PoisonError, Weak};

use mcp_core::{LoggingLevel, Notification};

use crate::{client::GroupClient, list_change::ListChange};

/// All clients of a group. Notifications outside calls are delivered to each interested client.
#[derive(Default)]
pub(crate) struct Clients(Mutex<Vec<Weak<GroupClient>>>);

impl Clients {
    pub(crate) fn add(&self, client: &Arc<GroupClient>) {
        let mut clients = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        clients.retain(|client| client.strong_count() > 0);
        clients.push(Arc::downgrade(client));
    }

    pub(crate) fn list_changed(&self, change: ListChange) {
        self.all().iter().for_each(|client| client.list_changed(change));
    }

    /// Delivers an update of a resource, given by its URI in the group. Subscribers receive it through their
    /// subscriptions; an update without a subscriber is delivered to all clients.
    pub(crate) fn resource_updated(&self, uri: &str, notification: impl FnOnce() -> Notification) {
        let clients = self.all();
        if !clients.iter().any(|client| client.is_subscribed_to(uri)) {
            let notification = notification();
            clients.iter().for_each(|client| client.unsolicited_update(&notification));
        }
    }

    pub(crate) fn log(&self, level: Option<&LoggingLevel>, notification: &Notification) {
        self.all().iter().for_each(|client| client.log(level, notification));
    }

    pub(crate) fn send(&self, notification: &Notification) {
        self.all().iter().for_each(|client| client.send(notification));
    }

    /// Closes all connections and subscriptions.
    pub(crate) fn end(&self) {
        self.all().iter().for_each(|client| client.end());
    }

    /// Closes the modern subscriptions gracefully.
    pub(crate) fn end_listeners(&self) {
        self.all().iter().for_each(|client| client.end_listeners());
    }

    fn all(&self) -> Vec<Arc<GroupClient>> {
        let clients = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        clients.iter().filter_map(Weak::upgrade).collect()
    }
}
