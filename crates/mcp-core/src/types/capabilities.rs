use serde_json::{Map, Value};

use super::tasks_2025_11_25::TasksCapability;

wire_struct! {
    /// What a client can do for a server. A member that is present, even as `{}`, says yes.
    ///
    /// Spec: basic/versioning#capability-negotiation
    #[derive(Default)]
    pub struct ClientCapabilities {
        optional {
            /// It asks people. Since 2025-06-18.
            elicitation: ElicitationCapability = "elicitation", with_elicitation;
            /// It asks models. Deprecated since 2026-07-28.
            sampling: SamplingCapability = "sampling", with_sampling;
            /// It names roots. Deprecated since 2026-07-28.
            roots: RootsCapability = "roots", with_roots;
            /// It runs tasks. In 2025-11-25 alone.
            tasks: TasksCapability = "tasks", with_tasks;
            /// Extensions and their settings, by name. Since 2026-07-28.
            extensions: Map<String, Value> = "extensions", with_extensions;
            /// What is not in the protocol, by name.
            experimental: Map<String, Value> = "experimental", with_experimental;
        }
    }
}

wire_struct! {
    /// What a server offers. A member that is present, even as `{}`, says yes.
    ///
    /// Spec: basic/versioning#capability-negotiation
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
            /// Tasks. In 2025-11-25 alone.
            tasks: TasksCapability = "tasks", with_tasks;
            /// Extensions and their settings, by name. Since 2026-07-28.
            extensions: Map<String, Value> = "extensions", with_extensions;
            /// What is not in the protocol, by name.
            experimental: Map<String, Value> = "experimental", with_experimental;
        }
    }
}

wire_struct! {
    /// How a list, of tools or of prompts, is offered.
    #[derive(Default)]
    pub struct ListCapability {
        optional {
            /// Whether it says when the list changes. Absent means no.
            list_changed: bool = "listChanged", with_list_changed;
        }
    }
}

wire_struct! {
    /// How resources are offered.
    #[derive(Default)]
    pub struct ResourcesCapability {
        optional {
            /// Whether it says when a resource changes that a client subscribed to. Absent means no.
            subscribe: bool = "subscribe", with_subscribe;
            /// Whether it says when the list changes. Absent means no.
            list_changed: bool = "listChanged", with_list_changed;
        }
    }
}

wire_struct! {
    /// How people are asked. Without a member, by forms, as in 2025-06-18.
    #[derive(Default)]
    pub struct ElicitationCapability {
        optional {
            /// By forms.
            form: Map<String, Value> = "form", with_form;
            /// On web pages.
            url: Map<String, Value> = "url", with_url;
        }
    }
}

impl ElicitationCapability {
    /// Whether forms can be shown.
    pub fn supports_form(&self) -> bool {
        self.form.is_some() || self.url.is_none()
    }
}

wire_struct! {
    /// How models are asked.
    #[derive(Default)]
    pub struct SamplingCapability {
        optional {
            /// `includeContext` is heeded.
            context: Map<String, Value> = "context", with_context;
            /// Tools can be given. Since 2025-11-25.
            tools: Map<String, Value> = "tools", with_tools;
        }
    }
}

wire_struct! {
    /// How roots are named.
    #[derive(Default)]
    pub struct RootsCapability {
        optional {
            /// Whether it says when they change. Until 2025-11-25. Absent means no.
            list_changed: bool = "listChanged", with_list_changed;
        }
    }
}
