use std::collections::BTreeMap;

use super::{Meta, ResultType, meta::with_meta, results::server_result};

tagged_enum! {
    /// What an argument to be completed belongs to.
    ///
    /// Spec: server/utilities/completion#reference-types
    pub enum CompletionReference by "type" {
        /// A prompt.
        Prompt(PromptReference) = "ref/prompt",
        /// A resource template.
        Resource(ResourceTemplateReference) = "ref/resource",
    }
}

wire_struct! {
    /// Names a prompt.
    pub struct PromptReference {
        tag "type" = "ref/prompt";
        required {
            /// The prompt's name.
            name: String = "name";
        }
        optional {
            /// Its name for people. Since 2025-06-18.
            title: String = "title", with_title;
        }
    }
}

wire_struct! {
    /// Names a resource template, or a resource.
    pub struct ResourceTemplateReference {
        tag "type" = "ref/resource";
        required {
            /// The URI, or the pattern of URIs. Not parsed.
            uri: String = "uri";
        }
    }
}

wire_struct! {
    /// Parameters of `completion/complete`.
    ///
    /// Spec: server/utilities/completion
    pub struct CompleteRequestParams {
        required {
            /// What the argument belongs to.
            reference: CompletionReference = "ref";
            /// The argument.
            argument: CompletionArgument = "argument";
        }
        optional {
            /// What is known already. Since 2025-06-18.
            context: CompletionContext = "context", with_context;
            /// Required since 2026-07-28.
            meta: Meta = "_meta", with_meta;
        }
    }
}

impl CompleteRequestParams {
    /// Asks for an argument of a prompt; `value` is what has been typed so far.
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

    /// Asks for a variable of a resource template; `value` is what has been typed so far.
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

    /// Names another argument that is settled already, beside those named before. Servers take it into
    /// account since 2025-06-18.
    ///
    /// Spec: server/utilities/completion#completion-context
    #[must_use]
    pub fn with_settled(mut self, argument: impl Into<String>, value: impl Into<String>) -> Self {
        let context = self.context.get_or_insert_default();
        let settled = context.arguments.get_or_insert_default();
        settled.insert(argument.into(), value.into());
        self
    }
}

wire_struct! {
    /// An argument to be completed.
    pub struct CompletionArgument {
        required {
            /// Its name.
            name: String = "name";
            /// What has been typed so far.
            value: String = "value";
        }
    }
}

wire_struct! {
    /// What is known while an argument is completed. Since 2025-06-18.
    #[derive(Default)]
    pub struct CompletionContext {
        optional {
            /// The arguments that are settled.
            arguments: BTreeMap<String, String> = "arguments", with_arguments;
        }
    }
}

wire_struct! {
    /// The answer to `completion/complete`.
    pub struct CompleteResult {
        required {
            /// The proposals.
            completion: Completion = "completion";
        }
        optional {
            /// Since 2026-07-28.
            result_type: ResultType = "resultType", with_result_type;
            /// Anything else there is to say.
            meta: Meta = "_meta", with_meta;
        }
    }
}

wire_struct! {
    /// Proposals for the value of an argument.
    pub struct Completion {
        required {
            /// The best ones, at most 100.
            values: Vec<String> = "values";
        }
        optional {
            /// How many there are in all.
            total: i64 = "total" via Integer, with_total;
            /// Whether there are more than are given here.
            has_more: bool = "hasMore", with_has_more;
        }
    }
}

with_meta!(CompleteRequestParams);
server_result!(CompleteResult);
