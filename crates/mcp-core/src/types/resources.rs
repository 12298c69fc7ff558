use super::{
    Annotations, CacheScope, Entries, Icon, InputResponse, LenientList, Meta, ResourceContents,
    ResultType,
    meta::with_meta,
    results::{cacheable, page, server_result},
};

wire_struct! {
    /// A resource that a server offers.
    ///
    /// ```
    /// use mcp_core::Resource;
    ///
    /// let resource = Resource::new("file:///notes.md", "notes")
    ///     .with_title("Notes")
    ///     .with_mime_type("text/markdown");
    /// assert_eq!(resource.display_name(), "Notes");
    /// ```
    ///
    /// Spec: [Resource](https://modelcontextprotocol.io/specification/2026-07-28/server/resources#resource)
    pub struct Resource {
        required {
            /// The unique URI, used in `resources/read`. Not parsed: servers define their own schemes.
            uri: String = "uri";
            /// The programmatic name.
            name: String = "name";
        }
        optional {
            /// The human-readable name. Since 2025-06-18.
            title: String = "title", with_title;
            /// The description of the contents.
            description: String = "description", with_description;
            /// The MIME type of the contents.
            mime_type: String = "mimeType", with_mime_type;
            /// The size of the contents in bytes, before any encoding.
            size: i64 = "size" via Integer, with_size;
            /// Icons to be shown to users. Since 2025-11-25.
            icons: Vec<Icon> = "icons", with_icons;
            /// Hints for the use of the content.
            annotations: Annotations = "annotations", with_annotations;
            /// Metadata. Since 2025-06-18.
            meta: Meta = "_meta", with_meta;
        }
    }
}

impl Resource {
    /// The name to be shown to users: the title, or the name if there is no title.
    pub fn display_name(&self) -> &str {
        self.title.as_deref().unwrap_or(&self.name)
    }
}

wire_struct! {
    /// A template for the URIs of a set of resources.
    ///
    /// Spec: [Resource
    /// templates](https://modelcontextprotocol.io/specification/2026-07-28/server/resources#resource-templates)
    pub struct ResourceTemplate {
        required {
            /// The URI template, in the syntax of RFC 6570. Not parsed.
            uri_template: String = "uriTemplate";
            /// The programmatic name.
            name: String = "name";
        }
        optional {
            /// The human-readable name. Since 2025-06-18.
            title: String = "title", with_title;
            /// The description of these resources.
            description: String = "description", with_description;
            /// The MIME type of the contents, if all have the same.
            mime_type: String = "mimeType", with_mime_type;
            /// Icons to be shown to users. Since 2025-11-25.
            icons: Vec<Icon> = "icons", with_icons;
            /// Hints for the use of the contents.
            annotations: Annotations = "annotations", with_annotations;
            /// Metadata. Since 2025-06-18.
            meta: Meta = "_meta", with_meta;
        }
    }
}

impl ResourceTemplate {
    /// The name to be shown to users: the title, or the name if there is no title.
    pub fn display_name(&self) -> &str {
        self.title.as_deref().unwrap_or(&self.name)
    }
}

wire_struct! {
    /// The result of `resources/list`: one page.
    ///
    /// Spec: [Resources](https://modelcontextprotocol.io/specification/2026-07-28/server/resources)
    pub struct ListResourcesResult {
        required {
            /// The resources of this page.
            resources: LenientList<Resource> = "resources";
        }
        optional {
            /// The cursor of the next page, opaque. Absent on the last page.
            next_cursor: String = "nextCursor", with_next_cursor;
            /// How long the result is fresh, in milliseconds; see [`Cacheable`](super::Cacheable). Since
            /// 2026-07-28.
            ttl_ms: i64 = "ttlMs" via Milliseconds, with_ttl_ms;
            /// Who may share the cached result. Since 2026-07-28.
            cache_scope: CacheScope = "cacheScope" via Hint, with_cache_scope;
            /// The kind of the result. Since 2026-07-28. Default: complete.
            result_type: ResultType = "resultType", with_result_type;
            /// Metadata.
            meta: Meta = "_meta", with_meta;
        }
    }
}

wire_struct! {
    /// The result of `resources/templates/list`: one page.
    ///
    /// Spec: [Resource
    /// templates](https://modelcontextprotocol.io/specification/2026-07-28/server/resources#resource-templates)
    pub struct ListResourceTemplatesResult {
        required {
            /// The resource templates of this page.
            resource_templates: LenientList<ResourceTemplate> = "resourceTemplates";
        }
        optional {
            /// The cursor of the next page, opaque. Absent on the last page.
            next_cursor: String = "nextCursor", with_next_cursor;
            /// How long the result is fresh, in milliseconds; see [`Cacheable`](super::Cacheable). Since
            /// 2026-07-28.
            ttl_ms: i64 = "ttlMs" via Milliseconds, with_ttl_ms;
            /// Who may share the cached result. Since 2026-07-28.
            cache_scope: CacheScope = "cacheScope" via Hint, with_cache_scope;
            /// The kind of the result. Since 2026-07-28. Default: complete.
            result_type: ResultType = "resultType", with_result_type;
            /// Metadata.
            meta: Meta = "_meta", with_meta;
        }
    }
}

wire_struct! {
    /// Parameters of `resources/read`.
    ///
    /// Spec: [Reading
    /// resources](https://modelcontextprotocol.io/specification/2026-07-28/server/resources#reading-resources)
    pub struct ReadResourceRequestParams {
        required {
            /// The URI of the resource.
            uri: String = "uri";
        }
        optional {
            /// The responses to the input requests of the previous result, by their names. Since 2026-07-28.
            input_responses: Entries<InputResponse> = "inputResponses", with_input_responses;
            /// The state of the previous result, unchanged. Since 2026-07-28.
            request_state: String = "requestState", with_request_state;
            /// Metadata. Required since 2026-07-28.
            meta: Meta = "_meta", with_meta;
        }
    }
}

wire_struct! {
    /// The result of `resources/read`.
    ///
    /// Spec: [Reading
    /// resources](https://modelcontextprotocol.io/specification/2026-07-28/server/resources#reading-resources)
    pub struct ReadResourceResult {
        required {
            /// The contents. There are several if the resource has parts.
            contents: Vec<ResourceContents> = "contents";
        }
        optional {
            /// How long the result is fresh, in milliseconds; see [`Cacheable`](super::Cacheable). Since
            /// 2026-07-28.
            ttl_ms: i64 = "ttlMs" via Milliseconds, with_ttl_ms;
            /// Who may share the cached result. Since 2026-07-28.
            cache_scope: CacheScope = "cacheScope" via Hint, with_cache_scope;
            /// The kind of the result. Since 2026-07-28. Default: complete.
            result_type: ResultType = "resultType", with_result_type;
            /// Metadata.
            meta: Meta = "_meta", with_meta;
        }
    }
}

wire_struct! {
    /// Parameters of `resources/subscribe` and `resources/unsubscribe`. Until 2025-11-25.
    ///
    /// Spec:
    /// [Subscriptions](https://modelcontextprotocol.io/specification/2025-11-25/server/resources#subscriptions)
    pub struct ResourceRequestParams {
        required {
            /// The URI of the resource.
            uri: String = "uri";
        }
        optional {
            /// Metadata.
            meta: Meta = "_meta", with_meta;
        }
    }
}

wire_struct! {
    /// Parameters of `notifications/resources/updated`.
    ///
    /// Spec:
    /// [Subscriptions](https://modelcontextprotocol.io/specification/2026-07-28/server/resources#subscriptions)
    pub struct ResourceUpdatedNotificationParams {
        required {
            /// The URI of the changed resource: the subscribed one, or a part of it.
            uri: String = "uri";
        }
        optional {
            /// Metadata. Since 2026-07-28 with the id of the subscription.
            meta: Meta = "_meta", with_meta;
        }
    }
}

with_meta!(ReadResourceRequestParams, ResourceRequestParams, ResourceUpdatedNotificationParams);
server_result!(ListResourcesResult, ListResourceTemplatesResult, ReadResourceResult);
cacheable!(ListResourcesResult, ListResourceTemplatesResult, ReadResourceResult);
page! {
    ListResourcesResult of Resource = resources by uri,
    ListResourceTemplatesResult of ResourceTemplate = resource_templates by uri_template,
}
