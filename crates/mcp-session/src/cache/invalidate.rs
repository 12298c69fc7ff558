//! Eviction of results by notifications.
//!
//! Spec: server/utilities/caching#interaction-with-notifications

use mcp_core::{
    Notification, ResourceUpdatedNotificationParams, SubscriptionsAcknowledgedNotificationParams,
    decode_params, method,
};

use super::{key::Kind, session::SessionCache};

impl SessionCache {
    /// Evicts the results that a notification makes stale. Must be called before other receivers see it.
    pub(crate) fn invalidate(&self, notification: &Notification) {
        match &*notification.method {
            method::NOTIFICATIONS_TOOLS_LIST_CHANGED => self.server.evict(Kind::Tools),
            method::NOTIFICATIONS_PROMPTS_LIST_CHANGED => self.server.evict(Kind::Prompts),
            method::NOTIFICATIONS_RESOURCES_LIST_CHANGED => self.evict_resource_lists(),
            method::NOTIFICATIONS_RESOURCES_UPDATED => {
                let params = decode_params(notification.params.as_ref());
                let params: Result<ResourceUpdatedNotificationParams, _> = params;
                match params {
                    // A server may name a part of a subscribed resource, without saying of which one.
                    Ok(params) if self.is_subscribed(&params.uri) => {
                        self.memory.evict_resource(&self.server, &params.uri);
                    }
                    _ => self.server.evict(Kind::Reads),
                }
            }
            method::NOTIFICATIONS_SUBSCRIPTIONS_ACKNOWLEDGED => self.acknowledged(notification),
            _ => return,
        }
        self.subscriptions_work();
    }

    /// Changes are reported from now on; earlier ones may have been missed.
    fn acknowledged(&self, notification: &Notification) {
        let params = decode_params(notification.params.as_ref());
        let params: Result<SubscriptionsAcknowledgedNotificationParams, _> = params;
        let Ok(params) = params else { return self.evict_all() };
        let filter = params.notifications;
        if filter.tools_list_changed == Some(true) {
            self.server.evict(Kind::Tools);
        }
        if filter.prompts_list_changed == Some(true) {
            self.server.evict(Kind::Prompts);
        }
        if filter.resources_list_changed == Some(true) {
            self.evict_resource_lists();
        }
        if let Some(uris) = filter.resource_subscriptions {
            self.server.evict(Kind::Reads);
            if let Some(subscription) = params.meta.and_then(|meta| meta.subscription_id()) {
                self.subscribed(&subscription, uris);
            }
        }
    }

    fn evict_resource_lists(&self) {
        self.server.evict(Kind::Resources);
        self.server.evict(Kind::Templates);
        self.server.evict(Kind::Skills);
    }
}
