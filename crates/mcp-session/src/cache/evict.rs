//! What makes results stale before their time.
//!
//! Spec: server/utilities/caching#interaction-with-notifications

use mcp_core::{
    Notification, ResourceUpdatedNotificationParams, SubscriptionsAcknowledgedNotificationParams,
    method,
};

use super::{SessionCache, subject::Kind};

impl SessionCache {
    /// Forgets what the server says has changed. Has to be done before anybody else is told.
    pub(crate) fn heard(&self, notification: &Notification) {
        match &*notification.method {
            method::NOTIFICATIONS_TOOLS_LIST_CHANGED => self.changed(Kind::Tools),
            method::NOTIFICATIONS_PROMPTS_LIST_CHANGED => self.changed(Kind::Prompts),
            method::NOTIFICATIONS_RESOURCES_LIST_CHANGED => {
                self.changed(Kind::Resources);
                self.changed(Kind::Templates);
            }
            method::NOTIFICATIONS_RESOURCES_UPDATED => {
                let params = mcp_core::decode_params(notification.params.as_ref());
                let params: Result<ResourceUpdatedNotificationParams, _> = params;
                match params {
                    Ok(params) => self.updated(&params.uri),
                    Err(_) => self.changed(Kind::Reads),
                }
            }
            method::NOTIFICATIONS_SUBSCRIPTIONS_ACKNOWLEDGED => self.acknowledged(notification),
            _ => return,
        }
        self.subscriptions_work();
    }

    /// The server may have said something that never arrived.
    pub(crate) fn missed(&self) {
        Kind::ALL.into_iter().for_each(|kind| self.changed(kind));
    }

    /// The server has other tools than it said.
    pub(crate) fn tools_changed(&self) {
        self.changed(Kind::Tools);
    }

    pub(super) fn changed(&self, kind: Kind) {
        self.site.changed(kind);
    }

    /// A server may name a part of what was subscribed to, and nothing says what it is a part of.
    fn updated(&self, uri: &str) {
        match self.is_subscribed(uri) {
            true => self.memory.updated(&self.site, uri),
            false => self.changed(Kind::Reads),
        }
    }

    /// Changes are told from here on; those before may not have been.
    fn acknowledged(&self, notification: &Notification) {
        let params = mcp_core::decode_params(notification.params.as_ref());
        let params: Result<SubscriptionsAcknowledgedNotificationParams, _> = params;
        let Ok(params) = params else { return self.missed() };
        let honoured = params.notifications;
        if honoured.tools_list_changed == Some(true) {
            self.changed(Kind::Tools);
        }
        if honoured.prompts_list_changed == Some(true) {
            self.changed(Kind::Prompts);
        }
        if honoured.resources_list_changed == Some(true) {
            self.changed(Kind::Resources);
            self.changed(Kind::Templates);
        }
        if let Some(uris) = honoured.resource_subscriptions {
            self.changed(Kind::Reads);
            if let Some(subscription) = params.meta.and_then(|meta| meta.subscription_id()) {
                self.subscribed(&subscription, uris);
            }
        }
    }
}
