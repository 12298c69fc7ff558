use std::collections::BTreeMap;

use super::{Meta, ResultType, meta::with_meta, results::server_result};

tagged_enum! {
    /// The prompt or resource template whose argument is completed.
    ///
    /// Spec: [Reference
    /// types](https://modelcontextprotocol.io/specification/2026-07-28/server/utilities/completion#reference-types)
    pub enum CompletionReference by "type" {
        /// A prompt.
        Prompt(PromptReference) = "ref/prompt",
        /// A resource template.
        Resource(ResourceTemplateReference) = "ref/resource",
    }
}

wire_struct! {
    /// A reference to a prompt.
    ///
    /// Spec: [Reference
    /// types](https://modelcontextprotocol.io/specification/2026-07-28/server/utilities/completion#reference-types)
    pub struct PromptReference {
        tag "type" = "ref/prompt";
        required {
            /// The name of the prompt.
            name: String = "name";
        }
        optional {
            /// The human-readable name. Since 2025-06-18.
            title: String = "title", with_title;
        }
    }
}

wire_struct! {
    /// A reference to a resource template or a resource.
    ///
    /// Spec: [Reference
    /// types](https://modelcontextprotocol.io/specification/2026-07-28/server/utilities/completion#reference-types)
    pub struct ResourceTemplateReference {
        tag "type" = "ref/resource";
        required {
            /// The URI template or the URI. Not parsed.
            uri: String = "uri";
        }
    }
}

wire_struct! {
    /// Parameters of `completion/complete`.
    ///
    /// Spec: [Completion](https://modelcontextprotocol.io/specification/2026-07-28/server/utilities/completion)
    pub struct CompleteRequestParams {
        required {
            /// The prompt or resource template.
            reference: CompletionReference = "ref";
            /// The argument to be completed.
            argument: CompletionArgument = "argument";
        }
        optional {
            /// The arguments that are already set. Since 2025-06-18.
            context: CompletionContext = "context", with_context;
            /// Metadata. Required since 2026-07-28.
            meta: Meta = "_meta", with_meta;
        }
    }
}

impl CompleteRequestParams {
    /// Creates parameters to complete an argument of a prompt. `value` is the input so far.
    ///
    /// ```
    /// use mcp_core::CompleteRequestParams;
    ///
    /// let params = CompleteRequestParams::prompt("review", "framework", "fla")
    ///     .with_settled("language", "python");
    /// ```
    pub fn prompt(
        prompt: impl Into<String>,
        argument: impl Into<String>,
        value: impl Into<String>,
    ) -> Self {
        Self::new(PromptReference::new(prompt), CompletionArgument::new(argument, value))
    }

    /// Creates parameters to complete a variable of a resource template. `value` is the input so far.
    pub fn resource(
        uri_template: impl Into<String>,
        variable: impl Into<String>,
        value: impl Into<String>,
    ) -> Self {
        Self::new(
            ResourceTemplateReference::new(uri_template),
            CompletionArgument::new(variable, value),
        )
    }

    /// Adds an argument that is already set to the [`context`](Self::context). Servers use it since
    /// 2025-06-18.
    ///
    /// Spec: [Completion
    /// context](https://modelcontextprotocol.io/specification/2026-07-28/server/utilities/completion#completion-context)
    #[must_use]
    pub fn with_settled(mut self, argument: impl Into<String>, value: impl Into<String>) -> Self {
        let context = self.context.get_or_insert_default();
        let arguments = context.arguments.get_or_insert_default();
        arguments.insert(argument.into(), value.into());
        self
    }
}

wire_struct! {
    /// An argument to be completed.
    ///
    /// Spec: [Completion](https://modelcontextprotocol.io/specification/2026-07-28/server/utilities/completion)
    pub struct CompletionArgument {
        required {
            /// The name of the argument.
            name: String = "name";
            /// The input so far.
            value: String = "value";
        }
    }
}

wire_struct! {
    /// The context of a completion. Since 2025-06-18.
    ///
    /// Spec: [Completion
    /// context](https://modelcontextprotocol.io/specification/2026-07-28/server/utilities/completion#completion-context)
    #[derive(Default)]
    pub struct CompletionContext {
        optional {
            /// The arguments that are already set.
            arguments: BTreeMap<String, String> = "arguments", with_arguments;
        }
    }
}

wire_struct! {
    /// The result of `completion/complete`.
    ///
    /// Spec: [Completion
    /// results](https://modelcontextprotocol.io/specification/2026-07-28/server/utilities/completion#completion-results)
    pub struct CompleteResult {
        required {
            /// The suggestions.
            completion: Completion = "completion";
        }
        optional {
            /// The kind of the result. Since 2026-07-28. Default: complete.
            result_type: ResultType = "resultType", with_result_type;
            /// Metadata.
            meta: Meta = "_meta", with_meta;
        }
    }
}

wire_struct! {
    /// Suggestions for the value of an argument.
    ///
    /// Spec: [Completion
    /// results](https://modelcontextprotocol.io/specification/2026-07-28/server/utilities/completion#completion-results)
    pub struct Completion {
        required {
            /// The best suggestions, at most 100.
            values: Vec<String> = "values";
        }
        optional {
            /// The total number of suggestions.
            total: i64 = "total" via Integer, with_total;
            /// Whether there are more suggestions than in this result.
            has_more: bool = "hasMore", with_has_more;
        }
    }
}

with_meta!(CompleteRequestParams);
server_result!(CompleteResult);
