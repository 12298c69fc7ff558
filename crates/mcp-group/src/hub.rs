//! What servers say outside calls, on its way to the clients of the group.

use std::{
    borrow::Cow,
    sync::{Arc, Mutex, PoisonError, Weak},
};

use mcp_core::{LoggingLevel, Notification, method};

use crate::{client::Client, object::Object};

/// A list that can change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Change {
    Tools,
    Prompts,
    /// The resources, or their templates.
    Resources,
}

impl Change {
    pub(crate) const ALL: [Self; 3] = [Self::Tools, Self::Prompts, Self::Resources];

    pub(crate) fn of(method: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|change| change.method() == method)
    }

    pub(crate) fn method(self) -> &'static str {
        match self {
            Self::Tools => method::NOTIFICATIONS_TOOLS_LIST_CHANGED,
            Self::Prompts => method::NOTIFICATIONS_PROMPTS_LIST_CHANGED,
            Self::Resources => method::NOTIFICATIONS_RESOURCES_LIST_CHANGED,
        }
    }
}

/// Something that happened on a server.
#[derive(Debug, Clone)]
pub(crate) enum Event {
    Changed(Change),
    /// A resource changed, by its URI in the group; with all parameters.
    Updated(String, Object),
    /// A log message.
    Said(Option<LoggingLevel>, Notification),
    /// Anything else.
    Other(Notification),
}

impl Event {
    /// As a notification; with a subscription's id where it is for one.
    pub(crate) fn notification(&self, subscription: Option<&mcp_core::RequestId>) -> Notification {
        let (method, mut params): (Cow<'static, str>, _) = match self {
            Self::Changed(change) => (change.method().into(), Object::default()),
            Self::Updated(_, params) => {
                (method::NOTIFICATIONS_RESOURCES_UPDATED.into(), params.clone())
            }
            Self::Said(_, notification) | Self::Other(notification) => return notification.clone(),
        };
        if let Some(id) = subscription {
            let mut meta = params.object("_meta");
            meta.set(mcp_core::meta_key::SUBSCRIPTION_ID, id);
            params.set("_meta", &meta);
        }
        let notification = Notification::new(method);
        match params.iter().next().is_some() {
            true => notification.with_params(params.to_json()),
            false => notification,
        }
    }
}

/// All clients of a group.
#[derive(Default)]
pub(crate) struct Hub(Mutex<Vec<Weak<Client>>>);

impl Hub {
    pub(crate) fn join(&self, client: &Arc<Client>) {
        let mut clients = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        clients.retain(|client| client.strong_count() > 0);
        clients.push(Arc::downgrade(client));
    }

    /// Tells whoever wants to hear it.
    pub(crate) fn tell(&self, event: &Event) {
        let clients = self.clients();
        // An update goes to those who subscribed to it. One that nobody subscribed to is the server's own
        // idea, and for everybody.
        let is_wanted = match event {
            Event::Updated(uri, _) => clients.iter().any(|client| client.wants(uri)),
            _ => false,
        };
        for client in clients {
            match event {
                Event::Updated(uri, _) if is_wanted && !client.wants(uri) => {}
                _ => client.tell(event),
            }
        }
    }

    /// Ends all subscriptions of the modern era, gracefully.
    pub(crate) fn end_listening(&self) {
        self.clients().iter().for_each(|client| client.end_listening());
    }

    fn clients(&self) -> Vec<Arc<Client>> {
        let clients = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        clients.iter().filter_map(Weak::upgrade).collect()
    }
}
