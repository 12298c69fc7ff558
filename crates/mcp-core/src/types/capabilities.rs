use serde_json::{Map, Value};

use super::tasks_2025_11_25::TasksCapability;

wire_struct! {
    /// The capabilities of a client. A capability is declared by the presence of its member, even as `{}`.
    ///
    /// Spec: [Capability
    /// negotiation](https://modelcontextprotocol.io/specification/2026-07-28/basic/versioning#capability-negotiation)
    #[derive(Default)]
    pub struct ClientCapabilities {
        optional {
            /// Elicitation: input from the user. Since 2025-06-18.
            elicitation: ElicitationCapability = "elicitation", with_elicitation;
            /// Sampling: messages from a model. Deprecated since 2026-07-28.
            sampling: SamplingCapability = "sampling", with_sampling;
            /// Roots. Deprecated since 2026-07-28.
            roots: RootsCapability = "roots", with_roots;
            /// Tasks. Only in 2025-11-25.
            tasks: TasksCapability = "tasks", with_tasks;
            /// Extensions and their settings, by name. Since 2026-07-28.
            extensions: Map<String, Value> = "extensions", with_extensions;
            /// Experimental capabilities outside the protocol, by name.
            experimental: Map<String, Value> = "experimental", with_experimental;
        }
    }
}

wire_struct! {
    /// The capabilities of a server. A capability is declared by the presence of its member, even as `{}`.
    ///
    /// Spec: [Capability
    /// negotiation](https://modelcontextprotocol.io/specification/2026-07-28/basic/versioning#capability-negotiation)
    #[derive(Default)]
    pub struct ServerCapabilities {
        optional {
            /// Tools.
            tools: ListCapability = "tools", with_tools;
            /// Prompts.
            prompts: ListCapability = "prompts", with_prompts;
            /// Resources.
            resources: ResourcesCapability = "resources", with_resources;
            /// Completion of arguments. Since 2025-03-26.
            completions: Map<String, Value> = "completions", with_completions;
            /// Log messages. Deprecated since 2026-07-28.
            logging: Map<String, Value> = "logging", with_logging;
            /// Tasks. Only in 2025-11-25.
            tasks: TasksCapability = "tasks", with_tasks;
            /// Extensions and their settings, by name. Since 2026-07-28.
            extensions: Map<String, Value> = "extensions", with_extensions;
            /// Experimental capabilities outside the protocol, by name.
            experimental: Map<String, Value> = "experimental", with_experimental;
        }
    }
}

wire_struct! {
    /// The capability for tools or prompts.
    ///
    /// Spec: [ServerCapabilities](https://modelcontextprotocol.io/specification/2026-07-28/schema#servercapabilities)
    #[derive(Default)]
    pub struct ListCapability {
        optional {
            /// Whether the server notifies about changes of the list. Default: false.
            list_changed: bool = "listChanged", with_list_changed;
        }
    }
}

wire_struct! {
    /// The capability for resources.
    ///
    /// Spec: [ServerCapabilities](https://modelcontextprotocol.io/specification/2026-07-28/schema#servercapabilities)
    #[derive(Default)]
    pub struct ResourcesCapability {
        optional {
            /// Whether clients can subscribe to changes of a resource. Default: false.
            subscribe: bool = "subscribe", with_subscribe;
            /// Whether the server notifies about changes of the list. Default: false.
            list_changed: bool = "listChanged", with_list_changed;
        }
    }
}

wire_struct! {
    /// The capability for elicitation. An empty one means forms, as in 2025-06-18.
    ///
    /// Spec: [Elicitation](https://modelcontextprotocol.io/specification/2026-07-28/client/elicitation)
    #[derive(Default)]
    pub struct ElicitationCapability {
        optional {
            /// Forms. Since 2025-11-25.
            form: Map<String, Value> = "form", with_form;
            /// Web pages. Since 2025-11-25.
            url: Map<String, Value> = "url", with_url;
        }
    }
}

impl ElicitationCapability {
    /// Whether forms are supported.
    pub fn supports_form(&self) -> bool {
        self.form.is_some() || self.url.is_none()
    }
}

wire_struct! {
    /// The capability for sampling. Deprecated since 2026-07-28.
    ///
    /// Spec: [Sampling](https://modelcontextprotocol.io/specification/2026-07-28/client/sampling)
    #[derive(Default)]
    pub struct SamplingCapability {
        optional {
            /// Support for `includeContext`. Since 2025-11-25.
            context: Map<String, Value> = "context", with_context;
            /// Support for tools. Since 2025-11-25.
            tools: Map<String, Value> = "tools", with_tools;
        }
    }
}

wire_struct! {
    /// The capability for roots. Deprecated since 2026-07-28.
    ///
    /// Spec: [Roots](https://modelcontextprotocol.io/specification/2026-07-28/client/roots)
    #[derive(Default)]
    pub struct RootsCapability {
        optional {
            /// Whether the client notifies about changes of the roots. Until 2025-11-25. Default: false.
            list_changed: bool = "listChanged", with_list_changed;
        }
    }
}
