use mcp_core::{
    Notification, RawJson, RequestId, ResourceUpdatedNotificationParams, SubscriptionFilter,
    decode_params, method,
};

/// What a [`Subscription`](crate::Subscription) tells.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum Event {
    /// The list of tools changed.
    ToolsListChanged,
    /// The list of prompts changed.
    PromptsListChanged,
    /// The list of resources, or of their templates, changed.
    ResourcesListChanged,
    /// A resource changed.
    ResourceUpdated {
        /// The resource that was subscribed to, or one below it.
        uri: String,
    },
    /// More happened than was read in time: the oldest events are gone. What they were about is to be read
    /// anew.
    Lagged {
        /// How many events are gone.
        missed: u64,
    },
    /// The subscription was interrupted and is open again: whatever happened meanwhile was not told, so
    /// all that it is about is to be read anew.
    Resync,
    /// What an extension tells, which the filter asked for by a key of the extension's.
    Other(Notification),
}

impl Event {
    /// What a notification says, if the filter asks for it.
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
                // It may be one below those that were asked for, which only the server knows.
                filter.resource_subscriptions.as_ref().filter(|uris| !uris.is_empty())?;
                Some(Self::ResourceUpdated { uri: updated(notification)? })
            }
            method::NOTIFICATIONS_MESSAGE | method::NOTIFICATIONS_PROGRESS => None,
            _ => (!filter.extra.is_empty()).then(|| Self::Other(notification.clone())),
        }
    }

    /// How many bytes it takes, beside what every event does.
    pub(super) fn size(&self) -> usize {
        match self {
            Self::ResourceUpdated { uri } => uri.len(),
            Self::Other(notification) => notification.params.as_ref().map_or(0, RawJson::len),
            _ => 0,
        }
    }

    /// Whether the one says no more than the other.
    pub(super) fn repeats(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::ResourceUpdated { uri }, Self::ResourceUpdated { uri: other }) => uri == other,
            (Self::Other(_), _) => false,
            _ => std::mem::discriminant(self) == std::mem::discriminant(other),
        }
    }
}

/// The resource that a notification says has changed.
pub(super) fn updated(notification: &Notification) -> Option<String> {
    if notification.method != method::NOTIFICATIONS_RESOURCES_UPDATED {
        return None;
    }
    let params = decode_params(notification.params.as_ref());
    let params: ResourceUpdatedNotificationParams = params
        .inspect_err(|error| tracing::debug!(%error, "an update that cannot be read"))
        .ok()?;
    Some(params.uri)
}

/// The subscription that a notification says it is of.
pub(super) fn subscription_of(notification: &Notification) -> Option<RequestId> {
    let params = decode_params(notification.params.as_ref());
    let params: mcp_core::NotificationParams = params.ok()?;
    params.meta?.subscription_id()
}
