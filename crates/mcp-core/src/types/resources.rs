use super::{
    Annotations, CacheScope, Entries, Icon, InputResponse, List, Meta, ResourceContents,
    ResultType,
    meta::with_meta,
    results::{cacheable, page, server_result},
};

wire_struct! {
    /// Something a server lets be read.
    ///
    /// Spec: server/resources#resource
    pub struct Resource {
        required {
            /// Where it is. Not parsed: schemes and forms are the server's own.
            uri: String = "uri";
            /// Its name for programs.
            name: String = "name";
        }
        optional {
            /// Its name for people. Since 2025-06-18.
            title: String = "title", with_title;
            /// What it holds.
            description: String = "description", with_description;
            /// The type of its contents.
            mime_type: String = "mimeType", with_mime_type;
            /// Bytes of the contents, before any encoding.
            size: i64 = "size" via Integer, with_size;
            /// Since 2025-11-25.
            icons: Vec<Icon> = "icons", with_icons;
            /// Hints for its use.
            annotations: Annotations = "annotations", with_annotations;
            /// Since 2025-06-18.
            meta: Meta = "_meta", with_meta;
        }
    }
}

impl Resource {
    /// What to show to people: the title, or else the name.
    pub fn display_name(&self) -> &str {
        self.title.as_deref().unwrap_or(&self.name)
    }
}

wire_struct! {
    /// A family of resources whose URIs follow a pattern.
    ///
    /// Spec: server/resources#resource-templates
    pub struct ResourceTemplate {
        required {
            /// The pattern, an RFC 6570 template. Not parsed.
            uri_template: String = "uriTemplate";
            /// Its name for programs.
            name: String = "name";
        }
        optional {
            /// Its name for people. Since 2025-06-18.
            title: String = "title", with_title;
            /// What these resources are for.
            description: String = "description", with_description;
            /// The type of the contents, where all share one.
            mime_type: String = "mimeType", with_mime_type;
            /// Since 2025-11-25.
            icons: Vec<Icon> = "icons", with_icons;
            /// Hints for their use.
            annotations: Annotations = "annotations", with_annotations;
            /// Since 2025-06-18.
            meta: Meta = "_meta", with_meta;
        }
    }
}

impl ResourceTemplate {
    /// What to show to people: the title, or else the name.
    pub fn display_name(&self) -> &str {
        self.title.as_deref().unwrap_or(&self.name)
    }
}

wire_struct! {
    /// The answer to `resources/list`.
    pub struct ListResourcesResult {
        required {
            /// This page of the resources.
            resources: List<Resource> = "resources";
        }
        optional {
            /// Where the next page begins. Opaque.
            next_cursor: String = "nextCursor", with_next_cursor;
            /// Milliseconds for which the result is fresh; see [`Cacheable`](super::Cacheable).
            ttl_ms: i64 = "ttlMs" via Integer, with_ttl_ms;
            /// Who may share it.
            cache_scope: CacheScope = "cacheScope", with_cache_scope;
            /// Since 2026-07-28.
            result_type: ResultType = "resultType", with_result_type;
            /// Anything else there is to say.
            meta: Meta = "_meta", with_meta;
        }
    }
}

wire_struct! {
    /// The answer to `resources/templates/list`.
    pub struct ListResourceTemplatesResult {
        required {
            /// This page of the templates.
            resource_templates: List<ResourceTemplate> = "resourceTemplates";
        }
        optional {
            /// Where the next page begins. Opaque.
            next_cursor: String = "nextCursor", with_next_cursor;
            /// Milliseconds for which the result is fresh; see [`Cacheable`](super::Cacheable).
            ttl_ms: i64 = "ttlMs" via Integer, with_ttl_ms;
            /// Who may share it.
            cache_scope: CacheScope = "cacheScope", with_cache_scope;
            /// Since 2026-07-28.
            result_type: ResultType = "resultType", with_result_type;
            /// Anything else there is to say.
            meta: Meta = "_meta", with_meta;
        }
    }
}

wire_struct! {
    /// Parameters of `resources/read`.
    ///
    /// Spec: server/resources#reading-resources
    pub struct ReadResourceRequestParams {
        required {
            /// Which resource.
            uri: String = "uri";
        }
        optional {
            /// Answers to what the server asked for in the round before. Since 2026-07-28.
            input_responses: Entries<InputResponse> = "inputResponses", with_input_responses;
            /// What the server said in the round before, unchanged. Since 2026-07-28.
            request_state: String = "requestState", with_request_state;
            /// Required since 2026-07-28.
            meta: Meta = "_meta", with_meta;
        }
    }
}

wire_struct! {
    /// The answer to `resources/read`.
    pub struct ReadResourceResult {
        required {
            /// The contents: several where the resource has parts.
            contents: Vec<ResourceContents> = "contents";
        }
        optional {
            /// Milliseconds for which the result is fresh; see [`Cacheable`](super::Cacheable).
            ttl_ms: i64 = "ttlMs" via Integer, with_ttl_ms;
            /// Who may share it.
            cache_scope: CacheScope = "cacheScope", with_cache_scope;
            /// Since 2026-07-28.
            result_type: ResultType = "resultType", with_result_type;
            /// Anything else there is to say.
            meta: Meta = "_meta", with_meta;
        }
    }
}

wire_struct! {
    /// Parameters of `resources/subscribe` and `resources/unsubscribe`. Until 2025-11-25.
    pub struct ResourceRequestParams {
        required {
            /// Which resource.
            uri: String = "uri";
        }
        optional {
            /// Anything else there is to say.
            meta: Meta = "_meta", with_meta;
        }
    }
}

wire_struct! {
    /// Parameters of `notifications/resources/updated`.
    ///
    /// Spec: server/resources#subscriptions
    pub struct ResourceUpdatedNotificationParams {
        required {
            /// What changed: the resource subscribed to, or a part of it.
            uri: String = "uri";
        }
        optional {
            /// Names the subscription since 2026-07-28.
            meta: Meta = "_meta", with_meta;
        }
    }
}

with_meta!(ReadResourceRequestParams, ResourceRequestParams, ResourceUpdatedNotificationParams);
server_result!(ListResourcesResult, ListResourceTemplatesResult, ReadResourceResult);
cacheable!(ListResourcesResult, ListResourceTemplatesResult, ReadResourceResult);
page! {
    ListResourcesResult of Resource = resources,
    ListResourceTemplatesResult of ResourceTemplate = resource_templates,
}
