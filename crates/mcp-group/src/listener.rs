use mcp_core::{
    Meta, Notification, NotificationParams, RawJson, RequestId, ResourceUpdatedNotificationParams,
    SubscriptionFilter, method,
};
use mcp_transport::InboundSender;
use serde::Serialize;

use crate::list_change::ListChange;

/// A `subscriptions/listen` request of a client.
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

    /// Whether the filter includes this resource or one that contains it.
    pub(crate) fn covers(&self, uri: &str) -> bool {
        self.filter.covers(uri)
    }

    /// Sends a list change, if requested.
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

    /// Sends an update of a resource.
    pub(crate) fn resource_updated(&self, uri: &str) {
        let params = ResourceUpdatedNotificationParams::new(uri).with_meta(self.meta());
        self.send(method::NOTIFICATIONS_RESOURCES_UPDATED, &params);
    }

    /// Ends the stream after its queued messages.
    pub(crate) fn end(&self) {
        self.sender.end(None);
    }

    fn meta(&self) -> Meta {
        Meta::new().with_subscription_id(self.id.clone())
    }

    fn send(&self, method: &'static str, params: &impl Serialize) {
        let params = RawJson::from_serialize(params).expect("protocol types are JSON");
        // The queue reports to a slow client how many messages were dropped.
        let _ = self.sender.push(Notification::new(method).with_params(params).into());
    }
}
