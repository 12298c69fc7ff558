use mcp_core::{
    Meta, Notification, NotificationParams, RawJson, RequestId, ResourceUpdatedNotificationParams,
    SubscriptionFilter, method,
};
use mcp_transport::InboundSender;
use serde::Serialize;

use crate::list_change::ListChange;

/// A `subscriptions/listen` of a client.
pub(crate) struct Listener {
    id: RequestId,
    filter: SubscriptionFilter,
    sender: InboundSender,
}

impl Listener {
    pub(crate) fn new(id: RequestId, filter: SubscriptionFilter, sender: InboundSender) -> Self {
        Self { id, filter, sender }
    }

    pub(crate) fn id(&self) -> &RequestId {
        &self.id
    }

    pub(crate) fn filter(&self) -> &SubscriptionFilter {
        &self.filter
    }

    /// Whether it asks for this resource, or for one that it is a part of.
    pub(crate) fn covers(&self, uri: &str) -> bool {
        self.filter.covers(uri)
    }

    /// Sends that a list has changed, if that was asked for.
    pub(crate) fn list_changed(&self, change: ListChange) {
        let filter = &self.filter;
        let is_wanted = match change {
            ListChange::Tools => filter.tools_list_changed,
            ListChange::Prompts => filter.prompts_list_changed,
            ListChange::Resources => filter.resources_list_changed,
        };
        if is_wanted == Some(true) {
            self.send(change.method(), &NotificationParams::default().with_meta(self.meta()));
        }
    }

    /// Sends that a resource has changed.
    pub(crate) fn resource_updated(&self, uri: &str) {
        let params = ResourceUpdatedNotificationParams::new(uri).with_meta(self.meta());
        self.send(method::NOTIFICATIONS_RESOURCES_UPDATED, &params);
    }

    /// Ends it in order, after what waits to be read.
    pub(crate) fn end(&self) {
        self.sender.end(None);
    }

    fn meta(&self) -> Meta {
        Meta::new().with_subscription_id(self.id.clone())
    }

    fn send(&self, method: &'static str, params: &impl Serialize) {
        let params = RawJson::from_serialize(params).expect("protocol types are JSON");
        // A client that does not read gets to know how much it missed.
        let _ = self.sender.push(Notification::new(method).with_params(params).into());
    }
}
