use super::{Meta, ResultType, meta::with_meta, results::server_result};
use crate::RequestId;

wire_struct! {
    /// The notifications of a subscription. Members of extensions are in `extra`. Since 2026-07-28.
    ///
    /// Spec: [Subscriptions](https://modelcontextprotocol.io/specification/2026-07-28/basic/patterns/subscriptions)
    #[derive(Default)]
    pub struct SubscriptionFilter {
        optional {
            /// Changes of the list of tools. Default: false.
            tools_list_changed: bool = "toolsListChanged", with_tools_list_changed;
            /// Changes of the list of prompts. Default: false.
            prompts_list_changed: bool = "promptsListChanged", with_prompts_list_changed;
            /// Changes of the lists of resources and of resource templates. Default: false.
            resources_list_changed: bool = "resourcesListChanged", with_resources_list_changed;
            /// Changes of the resources with these URIs.
            resource_subscriptions: Vec<String> = "resourceSubscriptions", with_resource_subscriptions;
        }
    }
}

impl SubscriptionFilter {
    /// Whether the filter includes changes of this resource; see [`covers_resource`].
    pub fn covers(&self, uri: &str) -> bool {
        let mut subscribed = self.resource_subscriptions.iter().flatten();
        subscribed.any(|subscribed| covers_resource(subscribed, uri))
    }
}

/// Whether a subscription of one resource includes changes of `uri`: the same resource, or a part of it.
///
/// Spec: [Subscriptions](https://modelcontextprotocol.io/specification/2026-07-28/server/resources#subscriptions)
pub fn covers_resource(subscribed: &str, uri: &str) -> bool {
    let Some(rest) = uri.strip_prefix(subscribed) else { return false };
    rest.is_empty() || subscribed.ends_with('/') || rest.starts_with(['/', '?', '#'])
}

wire_struct! {
    /// Parameters of `subscriptions/listen`. Since 2026-07-28.
    ///
    /// Spec: [Subscriptions](https://modelcontextprotocol.io/specification/2026-07-28/basic/patterns/subscriptions)
    pub struct SubscriptionsListenRequestParams {
        required {
            /// The requested notifications.
            notifications: SubscriptionFilter = "notifications";
        }
        optional {
            /// Metadata. Required.
            meta: Meta = "_meta", with_meta;
        }
    }
}

wire_struct! {
    /// The result of `subscriptions/listen`, which ends the subscription gracefully. Since 2026-07-28.
    ///
    /// Spec: [Graceful
    /// closure](https://modelcontextprotocol.io/specification/2026-07-28/basic/patterns/subscriptions#graceful-closure)
    #[derive(Default)]
    pub struct SubscriptionsListenResult {
        optional {
            /// Always `complete`.
            result_type: ResultType = "resultType", with_result_type;
            /// Metadata with the id of the subscription.
            meta: Meta = "_meta", with_meta;
        }
    }
}

impl SubscriptionsListenResult {
    /// Creates the result of the `subscriptions/listen` request with this id.
    pub fn of(subscription: impl Into<RequestId>) -> Self {
        Self::new()
            .with_result_type(ResultType::Complete)
            .with_meta(Meta::new().with_subscription_id(subscription))
    }
}

wire_struct! {
    /// Parameters of `notifications/subscriptions/acknowledged`. Since 2026-07-28.
    ///
    /// Spec:
    /// [Acknowledgment](https://modelcontextprotocol.io/specification/2026-07-28/basic/patterns/subscriptions#acknowledgment)
    pub struct SubscriptionsAcknowledgedNotificationParams {
        required {
            /// The requested notifications that the server will send.
            notifications: SubscriptionFilter = "notifications";
        }
        optional {
            /// Metadata with the id of the subscription.
            meta: Meta = "_meta", with_meta;
        }
    }
}

with_meta!(SubscriptionsListenRequestParams, SubscriptionsAcknowledgedNotificationParams);
server_result!(SubscriptionsListenResult);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_subscription_covers_the_parts_of_its_resource() {
        for (subscribed, uri, covered) in [
            ("a://b", "a://b", true),
            ("a://b", "a://b/c", true),
            ("a://b/", "a://b/c", true),
            ("a://b", "a://b#c", true),
            ("a://b", "a://bc", false),
            ("a://b/c", "a://b", false),
        ] {
            let filter = SubscriptionFilter::new();
            let filter = filter.with_resource_subscriptions(vec![subscribed.to_owned()]);
            assert_eq!(filter.covers(uri), covered, "{subscribed} {uri}");
        }
    }
}
