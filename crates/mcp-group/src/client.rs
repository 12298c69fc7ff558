use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
};

use mcp_core::{LoggingLevel, ProtocolVersion, RequestId, SubscriptionFilter};
use mcp_transport::{Inbound, InboundSender, Limits};

use crate::{
    hub::{Change, Event},
    subscriptions::Wish,
};

/// One client of a group.
pub(crate) struct Client {
    state: Mutex<State>,
    /// Connections that are open, of all clients together.
    all: Arc<AtomicUsize>,
}

#[derive(Default)]
struct State {
    version: Option<ProtocolVersion>,
    level: Option<LoggingLevel>,
    /// Connections that this client has opened and not closed.
    open: usize,
    inbound: Vec<InboundSender>,
    listeners: Vec<Arc<Listener>>,
    /// What it subscribed to in the way of the legacy era, by the URI in the group.
    subscribed: HashMap<String, Wish>,
}

/// A `subscriptions/listen` of a client's.
pub(crate) struct Listener {
    pub(crate) id: RequestId,
    pub(crate) filter: SubscriptionFilter,
    pub(crate) queue: InboundSender,
}

impl Client {
    pub(crate) fn new(all: Arc<AtomicUsize>) -> Self {
        Self { state: Mutex::default(), all }
    }

    pub(crate) fn open(&self) -> Inbound {
        let (sender, inbound) = Inbound::channel(&Limits::default());
        let mut state = self.lock();
        state.open += 1;
        self.all.fetch_add(1, Ordering::SeqCst);
        state.inbound.push(sender);
        inbound
    }

    /// Whether that was the last connection of the last client.
    pub(crate) fn close(&self) -> bool {
        let mut state = self.lock();
        if state.open == 0 {
            return false;
        }
        state.open -= 1;
        let ended = match state.open {
            0 => {
                state.inbound.clear();
                state.listeners.drain(..).for_each(|listener| listener.queue.end(None));
                std::mem::take(&mut state.subscribed)
            }
            _ => HashMap::new(),
        };
        drop(state);
        drop(ended);
        self.all.fetch_sub(1, Ordering::SeqCst) == 1
    }

    /// `initialize` was answered.
    pub(crate) fn begin(&self, version: ProtocolVersion) {
        let mut state = self.lock();
        state.version = Some(version);
        state.level = None;
    }

    pub(crate) fn version(&self) -> Option<ProtocolVersion> {
        self.lock().version
    }

    pub(crate) fn level(&self) -> Option<LoggingLevel> {
        self.lock().level.clone()
    }

    pub(crate) fn set_level(&self, level: LoggingLevel) {
        self.lock().level = Some(level);
    }

    pub(crate) fn subscribe(&self, uri: String, wish: Wish) {
        let before = self.lock().subscribed.insert(uri, wish);
        drop(before);
    }

    pub(crate) fn unsubscribe(&self, uri: &str) {
        let before = self.lock().subscribed.remove(uri);
        drop(before);
    }

    pub(crate) fn listen(&self, listener: Arc<Listener>) {
        self.lock().listeners.push(listener);
    }

    pub(crate) fn unlisten(&self, listener: &Arc<Listener>) {
        self.lock().listeners.retain(|other| !Arc::ptr_eq(other, listener));
    }

    pub(crate) fn end_listening(&self) {
        self.lock().listeners.drain(..).for_each(|listener| listener.queue.end(None));
    }

    /// Whether it subscribed to this resource, or to one that it is a part of.
    pub(crate) fn wants(&self, uri: &str) -> bool {
        let state = self.lock();
        state.subscribed.keys().any(|wanted| mcp_core::covers_resource(wanted, uri))
            || state.listeners.iter().any(|listener| listener.wants(uri))
    }

    /// By its subscriptions where it has any, else on the connection itself.
    pub(crate) fn tell(&self, event: &Event) {
        let mut state = self.lock();
        if let Event::Changed(_) | Event::Updated(..) = event
            && !state.listeners.is_empty()
        {
            for listener in state.listeners.iter().filter(|listener| listener.hears(event)) {
                // One that does not read is told how much it lost.
                let _ = listener.queue.push(event.notification(Some(&listener.id)).into());
            }
            return;
        }
        let severity = |level: &Option<LoggingLevel>| level.as_ref()?.severity();
        if let Event::Said(level, _) = event
            && severity(level) < severity(&state.level)
        {
            return;
        }
        state.inbound.retain(|queue| match queue.push(event.notification(None).into()) {
            Ok(()) => true,
            Err(rejected) => rejected.is_read,
        });
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        let open = self.lock().open;
        self.all.fetch_sub(open, Ordering::SeqCst);
    }
}

impl Listener {
    fn hears(&self, event: &Event) -> bool {
        let filter = &self.filter;
        match event {
            Event::Changed(Change::Tools) => filter.tools_list_changed == Some(true),
            Event::Changed(Change::Prompts) => filter.prompts_list_changed == Some(true),
            Event::Changed(Change::Resources) => filter.resources_list_changed == Some(true),
            Event::Updated(uri, _) => self.wants(uri),
            Event::Said(..) | Event::Other(_) => false,
        }
    }

    fn wants(&self, uri: &str) -> bool {
        self.filter.covers(uri)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_to_close_is_the_last_connection_of_all() {
        let all = Arc::new(AtomicUsize::new(0));
        let [one, two] = [(); 2].map(|()| Client::new(Arc::clone(&all)));
        let (_a, _b, _c) = (one.open(), one.open(), two.open());
        assert!(!one.close());
        drop(two);
        assert!(one.close());
        assert!(!one.close());
        assert_eq!(all.load(Ordering::SeqCst), 0);
    }
}
