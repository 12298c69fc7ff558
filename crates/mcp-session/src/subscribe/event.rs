use mcp_core::{
    Notification, RawJson, RequestId, ResourceUpdatedNotificationParams, SubscriptionFilter,
    decode_params, method,
};

/// One event of a [`Subscription`](crate::Subscription).
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum Event {
    /// The list of tools changed.
    ToolsListChanged,
    /// The list of prompts changed.
    PromptsListChanged,
    /// The list of resources or resource templates changed.
    ResourcesListChanged,
    /// A resource changed.
    ResourceUpdated {
        /// The subscribed resource, or one below it.
        uri: String,
    },
    /// Events were dropped because they were not read in time. Read everything that the subscription covers again.
    Lagged {
        /// The number of dropped events.
        missed: u64,
    },
    /// The subscription was interrupted and is open again. Read everything that it covers again, since events may be
    /// missing.
    Resync,
    /// A notification of an extension, for a filter key of that extension.
    Other(Notification),
}

impl Event {
    /// The event of a notification, if the filter includes it.
    pub(super) fn of(notification: &Notification, filter: &SubscriptionFilter) -> Option<Self> {
        let wanted = |wants: Option<bool>, event| wants.unwrap_or_default().then_some(event);
        match &*notification.method {
            method::NOTIFICATIONS_TOOLS_LIST_CHANGED => {
                wanted(filter.tools_list_changed, Self::ToolsListChanged)
            }
            method::NOTIFICATIONS_PROMPTS_LIST_CHANGED => {
                wanted(filter.prompts_list_changed, Self::PromptsListChanged)
            }
            method::NOTIFICATIONS_RESOURCES_LIST_CHANGED => {
                wanted(filter.resources_list_changed, Self::ResourcesListChanged)
            }
            method::NOTIFICATIONS_RESOURCES_UPDATED => {
                // It may be below one in the filter, which only the server knows.
                filter.resource_subscriptions.as_ref().filter(|uris| !uris.is_empty())?;
                Some(Self::ResourceUpdated { uri: updated(notification)? })
            }
            method::NOTIFICATIONS_MESSAGE | method::NOTIFICATIONS_PROGRESS => None,
            _ => (!filter.extra.is_empty()).then(|| Self::Other(notification.clone())),
        }
    }

    /// The size in addition to the fixed size of an event, in bytes.
    pub(super) fn size(&self) -> usize {
        match self {
            Self::ResourceUpdated { uri } => uri.len(),
            Self::Other(notification) => notification.params.as_ref().map_or(0, RawJson::len),
            _ => 0,
        }
    }

    /// Whether one event contains no more information than the other.
    pub(super) fn repeats(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::ResourceUpdated { uri }, Self::ResourceUpdated { uri: other }) => uri == other,
            (Self::Other(_), _) => false,
            _ => std::mem::discriminant(self) == std::mem::discriminant(other),
        }
    }
}

/// The changed resource, if the notification is an update.
pub(super) fn updated(notification: &Notification) -> Option<String> {
    if notification.method != method::NOTIFICATIONS_RESOURCES_UPDATED {
        return None;
    }
    let params = decode_params(notification.params.as_ref());
    let params: ResourceUpdatedNotificationParams = params
        .inspect_err(|error| tracing::debug!(%error, "cannot decode a resource update"))
        .ok()?;
    Some(params.uri)
}

/// The subscription id of a notification, if present.
pub(super) fn subscription_of(notification: &Notification) -> Option<RequestId> {
    let params = decode_params(notification.params.as_ref());
    let params: mcp_core::NotificationParams = params.ok()?;
    params.meta?.subscription_id()
}
