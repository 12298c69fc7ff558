use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
};

use mcp_core::{
    ClientCapabilities, LoggingLevel, Notification, ProtocolVersion, RawJson,
    ResourceUpdatedNotificationParams, method,
};
use mcp_transport::{Inbound, InboundSender, Limits};

use crate::{
    list_change::ListChange, listener::Listener, meta::LastMeta, pending::Pending, task::OwnedTask,
};

/// A client of a group.
pub(crate) struct GroupClient {
    state: Mutex<State>,
    /// Whether requests are refused until the client opens a connection.
    is_closed: AtomicBool,
    /// The number of open connections of all clients.
    open_connections: Arc<AtomicUsize>,
    /// Requests of servers to this client in the legacy era.
    pending: Arc<Pending>,
    pub(crate) last_meta: LastMeta,
}

#[derive(Default)]
struct State {
    version: Option<ProtocolVersion>,
    capabilities: ClientCapabilities,
    level: Option<LoggingLevel>,
    /// The number of open connections of this client.
    open: usize,
    inbound: Vec<InboundSender>,
    listeners: Vec<Arc<Listener>>,
    /// Legacy subscriptions, by the URI in the group.
    subscriptions: HashMap<String, OwnedTask>,
}

impl GroupClient {
    pub(crate) fn new(open_connections: Arc<AtomicUsize>) -> Self {
        Self {
            state: Mutex::default(),
            is_closed: AtomicBool::new(false),
            open_connections,
            pending: Arc::default(),
            last_meta: LastMeta::default(),
        }
    }

    /// Opens a connection.
    pub(crate) fn open(&self) -> Inbound {
        let (sender, inbound) = Inbound::channel(&Limits::default());
        let mut state = self.lock();
        state.open += 1;
        self.open_connections.fetch_add(1, Ordering::SeqCst);
        state.inbound.push(sender);
        self.is_closed.store(false, Ordering::SeqCst);
        inbound
    }

    /// Closes a connection. Returns whether it was the last one of all clients.
    pub(crate) fn close(&self) -> bool {
        let is_last_of_client = {
            let mut state = self.lock();
            if state.open == 0 {
                return false;
            }
            state.open -= 1;
            state.open == 0
        };
        if is_last_of_client {
            self.end();
        }
        self.open_connections.fetch_sub(1, Ordering::SeqCst) == 1
    }

    /// Closes all connections and subscriptions of the client.
    pub(crate) fn end(&self) {
        self.is_closed.store(true, Ordering::SeqCst);
        self.end_listeners();
        let mut state = self.lock();
        let inbound = std::mem::take(&mut state.inbound);
        let subscriptions = std::mem::take(&mut state.subscriptions);
        drop(state);
        drop((inbound, subscriptions));
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.is_closed.load(Ordering::SeqCst)
    }

    pub(crate) fn pending(&self) -> &Arc<Pending> {
        &self.pending
    }

    /// The capabilities of a legacy client.
    pub(crate) fn capabilities(&self) -> ClientCapabilities {
        self.lock().capabilities.clone()
    }

    /// Records the revision negotiated by `initialize`, and the client's capabilities.
    pub(crate) fn initialized(&self, version: ProtocolVersion, capabilities: ClientCapabilities) {
        let mut state = self.lock();
        state.capabilities = capabilities;
        state.version = Some(version);
        state.level = None;
    }

    /// The revision negotiated by `initialize`.
    pub(crate) fn version(&self) -> Option<ProtocolVersion> {
        self.lock().version
    }

    /// The log level of a legacy client.
    pub(crate) fn level(&self) -> Option<LoggingLevel> {
        self.lock().level.clone()
    }

    pub(crate) fn set_level(&self, level: LoggingLevel) {
        self.lock().level = Some(level);
    }

    /// Stores a legacy subscription.
    pub(crate) fn subscribe(&self, uri: String, subscription: OwnedTask) {
        let mut state = self.lock();
        let replaced = match self.is_closed() {
            // The client was closed in the meantime.
            true => Some(subscription),
            false => state.subscriptions.insert(uri, subscription),
        };
        drop(state);
        drop(replaced);
    }

    pub(crate) fn unsubscribe(&self, uri: &str) {
        let removed = self.lock().subscriptions.remove(uri);
        drop(removed);
    }

    pub(crate) fn add_listener(&self, listener: Arc<Listener>) {
        let mut state = self.lock();
        match self.is_closed() {
            // The client was closed in the meantime.
            true => listener.end(),
            false => state.listeners.push(listener),
        }
    }

    pub(crate) fn remove_listener(&self, listener: &Arc<Listener>) {
        self.lock().listeners.retain(|other| !Arc::ptr_eq(other, listener));
    }

    /// Closes the modern subscriptions gracefully.
    pub(crate) fn end_listeners(&self) {
        self.lock().listeners.drain(..).for_each(|listener| listener.end());
    }

    /// Whether the client subscribed to this resource or one that contains it.
    pub(crate) fn is_subscribed_to(&self, uri: &str) -> bool {
        let state = self.lock();
        state.subscriptions.keys().any(|own| mcp_core::covers_resource(own, uri))
            || state.listeners.iter().any(|listener| listener.covers(uri))
    }

    /// Notifies the client of a changed list: its listeners, or its connections if it has none.
    pub(crate) fn list_changed(&self, change: ListChange) {
        let mut state = self.lock();
        match state.listeners.is_empty() {
            true => state.send(&Notification::new(change.method())),
            false => state.listeners.iter().for_each(|listener| listener.list_changed(change)),
        }
    }

    /// Notifies the client of a changed resource that it subscribed to in the legacy era.
    pub(crate) fn resource_updated(&self, uri: &str) {
        let params = ResourceUpdatedNotificationParams::new(uri);
        let params = RawJson::from_serialize(&params).expect("protocol types are JSON");
        let updated = Notification::new(method::NOTIFICATIONS_RESOURCES_UPDATED);
        self.lock().send(&updated.with_params(params));
    }

    /// Sends an update of a resource without subscribers, unless the client listens for other resources.
    pub(crate) fn unsolicited_update(&self, notification: &Notification) {
        let mut state = self.lock();
        if state.listeners.is_empty() {
            state.send(notification);
        }
    }

    /// Sends a log message, unless it is below the client's level.
    pub(crate) fn log(&self, level: Option<&LoggingLevel>, notification: &Notification) {
        let mut state = self.lock();
        let severity = |level: Option<&LoggingLevel>| level?.severity();
        if severity(level) >= severity(state.level.as_ref()) {
            state.send(notification);
        }
    }

    /// Sends a notification on all connections of the client.
    pub(crate) fn send(&self, notification: &Notification) {
        self.lock().send(notification);
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn send(&mut self, notification: &Notification) {
        // Removes connections that were dropped.
        self.inbound.retain(|sender| match sender.push(notification.clone().into()) {
            Ok(()) => true,
            Err(rejected) => rejected.is_read,
        });
    }
}

impl Drop for GroupClient {
    fn drop(&mut self) {
        let open = self.lock().open;
        self.open_connections.fetch_sub(open, Ordering::SeqCst);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_to_close_is_the_last_connection_of_all() {
        let all = Arc::new(AtomicUsize::new(0));
        let [one, two] = [(); 2].map(|()| GroupClient::new(Arc::clone(&all)));
        let (_a, _b, _c) = (one.open(), one.open(), two.open());
        assert!(!one.close());
        assert!(!one.is_closed());
        drop(two);
        assert!(one.close());
        assert!(one.is_closed());
        assert!(!one.close());
        assert_eq!(all.load(Ordering::SeqCst), 0);
        let _a = one.open();
        assert!(!one.is_closed());
    }
}
