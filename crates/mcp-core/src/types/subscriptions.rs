use super::{Meta, ResultType, meta::with_meta, results::server_result};
use crate::RequestId;

wire_struct! {
    /// What a subscription is about. Members of extensions are in `extra`.
    ///
    /// Spec: basic/patterns/subscriptions
    #[derive(Default)]
    pub struct SubscriptionFilter {
        optional {
            /// That the list of tools changed.
            tools_list_changed: bool = "toolsListChanged", with_tools_list_changed;
            /// That the list of prompts changed.
            prompts_list_changed: bool = "promptsListChanged", with_prompts_list_changed;
            /// That the list of resources or of templates changed.
            resources_list_changed: bool = "resourcesListChanged", with_resources_list_changed;
            /// That one of these resources changed.
            resource_subscriptions: Vec<String> = "resourceSubscriptions", with_resource_subscriptions;
        }
    }
}

impl SubscriptionFilter {
    /// Whether a change of this resource is one that is asked for: see [`covers_resource`].
    pub fn covers(&self, uri: &str) -> bool {
        self.resource_subscriptions.iter().flatten().any(|wanted| covers_resource(wanted, uri))
    }
}

/// Whether whoever subscribed to a resource is to hear of `uri`: the resource itself, or one below it.
///
/// Spec: server/resources#subscriptions
pub fn covers_resource(subscribed: &str, uri: &str) -> bool {
    let Some(rest) = uri.strip_prefix(subscribed) else { return false };
    rest.is_empty() || subscribed.ends_with('/') || rest.starts_with(['/', '?', '#'])
}

wire_struct! {
    /// Parameters of `subscriptions/listen`. Since 2026-07-28.
    ///
    /// Spec: basic/patterns/subscriptions
    pub struct SubscriptionsListenRequestParams {
        required {
            /// What to hear about.
            notifications: SubscriptionFilter = "notifications";
        }
        optional {
            /// Required.
            meta: Meta = "_meta", with_meta;
        }
    }
}

wire_struct! {
    /// The answer to `subscriptions/listen`, which ends it gracefully. Since 2026-07-28.
    ///
    /// Spec: basic/patterns/subscriptions#graceful-closure
    #[derive(Default)]
    pub struct SubscriptionsListenResult {
        optional {
            /// Always `complete`.
            result_type: ResultType = "resultType", with_result_type;
            /// Names the subscription.
            meta: Meta = "_meta", with_meta;
        }
    }
}

impl SubscriptionsListenResult {
    /// The end of the subscription that the request of this id opened.
    pub fn of(subscription: impl Into<RequestId>) -> Self {
        Self::new()
            .with_result_type(ResultType::Complete)
            .with_meta(Meta::new().with_subscription_id(subscription))
    }
}

wire_struct! {
    /// Parameters of `notifications/subscriptions/acknowledged`. Since 2026-07-28.
    ///
    /// Spec: basic/patterns/subscriptions#acknowledgment
    pub struct SubscriptionsAcknowledgedNotificationParams {
        required {
            /// The part of what was asked for that the server will tell.
            notifications: SubscriptionFilter = "notifications";
        }
        optional {
            /// Names the subscription.
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
    fn a_part_of_a_resource_belongs_to_it() {
        for (wanted, uri, covered) in [
            ("a://b", "a://b", true),
            ("a://b", "a://b/c", true),
            ("a://b/", "a://b/c", true),
            ("a://b", "a://b#c", true),
            ("a://b", "a://bc", false),
            ("a://b/c", "a://b", false),
        ] {
            let filter = SubscriptionFilter::new();
            let filter = filter.with_resource_subscriptions(vec![wanted.to_owned()]);
            assert_eq!(filter.covers(uri), covered, "{wanted} {uri}");
        }
    }
}
