use std::sync::{Arc, Mutex, PoisonError, Weak};

use mcp_core::{LoggingLevel, Notification};

use crate::{client::GroupClient, list_change::ListChange};

/// All clients of a group: what servers send outside calls goes to each that wants it.
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

    /// Takes the update of a resource, by its URI in the group. The subscriptions of clients receive those
    /// that they ask for; one that no client subscribed to is for all of them.
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

    /// Ends all that clients receive, in order.
    pub(crate) fn end(&self) {
        self.all().iter().for_each(|client| client.end());
    }

    /// Ends the subscriptions of the modern era, in order.
    pub(crate) fn end_listeners(&self) {
        self.all().iter().for_each(|client| client.end_listeners());
    }

    fn all(&self) -> Vec<Arc<GroupClient>> {
        let clients = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        clients.iter().filter_map(Weak::upgrade).collect()
    }
}
