//! What a server says, inside its calls and outside.

use std::{
    collections::BTreeSet,
    sync::atomic::{AtomicU8, Ordering},
};

use mcp_core::{Notification, meta_key, method};
use tokio::sync::Notify;

use crate::{
    hub::{Change, Event},
    member::Member,
    object::Object,
    relay,
};

impl Member {
    /// Something may have been missed: lists are read again, and those who subscribed to resources told.
    pub(crate) fn missed(&self, subscribed: &BTreeSet<String>) {
        self.lists.doubt();
        self.marks.doubt();
        for uri in subscribed {
            let shown = self.expose_uri(uri);
            let mut params = Object::default();
            params.set("uri", &shown);
            self.hub.tell(&Event::Updated(shown, params));
        }
    }

    /// Takes what the server says, inside a call or outside.
    pub(crate) fn heard(&self, notification: &Notification) {
        let method = &*notification.method;
        if let Some(change) = Change::of(method) {
            self.marks.mark(change);
            return;
        }
        match method {
            // Whoever listens has read it.
            method::NOTIFICATIONS_SUBSCRIPTIONS_ACKNOWLEDGED => {}
            method::NOTIFICATIONS_RESOURCES_UPDATED => {
                let mut params = Object::of(notification.params.as_ref()).unwrap_or_default();
                let Some(uri) = params.text("uri") else { return };
                let shown = self.expose_uri(&uri);
                params.set("uri", &shown);
                // That of the subscription of ours.
                params.within("_meta", |meta| meta.remove(meta_key::SUBSCRIPTION_ID));
                self.hub.tell(&Event::Updated(shown, params));
            }
            method::NOTIFICATIONS_MESSAGE => {
                let mut params = Object::of(notification.params.as_ref()).unwrap_or_default();
                let level = params.decode("level");
                let mut notification = notification.clone();
                if !self.plain {
                    let logger = match params.text("logger") {
                        Some(logger) => format!("{}/{logger}", self.name),
                        None => self.name.to_string(),
                    };
                    params.set("logger", &logger);
                    notification.params = Some(params.to_json());
                }
                if let Some(notification) = relay::log(notification) {
                    self.hub.tell(&Event::Said(level, notification));
                }
            }
            _ => {
                if let Some(notification) = relay::say(notification.clone()) {
                    self.hub.tell(&Event::Other(notification));
                }
            }
        }
    }
}

/// Lists that the server says have changed, or may have without a word, until somebody has read them again.
#[derive(Default)]
pub(crate) struct Marks {
    /// A bit for each change, and above them one for each that is only possible.
    bits: AtomicU8,
    notify: Notify,
}

/// Where the bits of what is only possible begin.
const PERHAPS: u8 = 4;

impl Marks {
    fn mark(&self, change: Change) {
        self.set(1 << change as u8);
    }

    /// Something may have been missed.
    pub(crate) fn doubt(&self) {
        self.set(
            Change::ALL.into_iter().fold(0, |bits, change| bits | 1 << (change as u8 + PERHAPS)),
        );
    }

    fn set(&self, bits: u8) {
        self.bits.fetch_or(bits, Ordering::SeqCst);
        self.notify.notify_one();
    }

    pub(crate) fn is_marked(&self, change: Change) -> bool {
        self.bits.load(Ordering::SeqCst) & (1 << change as u8) != 0
    }

    /// Waits for some, and takes them, each with whether it is certain.
    pub(crate) async fn take(&self) -> impl Iterator<Item = (Change, bool)> + use<> {
        let bits = loop {
            match self.bits.swap(0, Ordering::SeqCst) {
                0 => self.notify.notified().await,
                bits => break bits,
            }
        };
        Change::ALL.into_iter().filter_map(move |change| {
            let is_certain = bits & (1 << change as u8) != 0;
            let is_possible = bits & (1 << (change as u8 + PERHAPS)) != 0;
            (is_certain || is_possible).then_some((change, is_certain))
        })
    }
}
