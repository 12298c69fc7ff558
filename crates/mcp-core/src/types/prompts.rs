use std::collections::BTreeMap;

use super::{
    CacheScope, ContentBlock, Entries, Icon, InputResponse, LenientList, Meta, ResultType, Role,
    meta::with_meta,
    results::{cacheable, page, server_result},
};

wire_struct! {
    /// A prompt, or a template of a prompt, that a server offers.
    ///
    /// ```
    /// use mcp_core::{Prompt, PromptArgument};
    ///
    /// let prompt = Prompt::new("review_code")
    ///     .with_title("Review code")
    ///     .with_arguments([PromptArgument::new("code").with_required(true)]);
    /// assert_eq!(prompt.display_name(), "Review code");
    /// ```
    ///
    /// Spec: [Prompt](https://modelcontextprotocol.io/specification/2026-07-28/server/prompts#prompt)
    pub struct Prompt {
        required {
            /// The unique name, used in `prompts/get`.
            name: String = "name";
        }
        optional {
            /// The human-readable name. Since 2025-06-18.
            title: String = "title", with_title;
            /// The description.
            description: String = "description", with_description;
            /// The arguments of the template.
            arguments: Vec<PromptArgument> = "arguments", with_arguments;
            /// Icons to be shown to users. Since 2025-11-25.
            icons: Vec<Icon> = "icons", with_icons;
            /// Metadata. Since 2025-06-18.
            meta: Meta = "_meta", with_meta;
        }
    }
}

impl Prompt {
    /// The name to be shown to users: the title, or the name if there is no title.
    pub fn display_name(&self) -> &str {
        self.title.as_deref().unwrap_or(&self.name)
    }
}

wire_struct! {
    /// An argument of a prompt template.
    ///
    /// Spec: [PromptArgument](https://modelcontextprotocol.io/specification/2026-07-28/schema#promptargument)
    pub struct PromptArgument {
        required {
            /// The name.
            name: String = "name";
        }
        optional {
            /// The human-readable name. Since 2025-06-18.
            title: String = "title", with_title;
            /// The description.
            description: String = "description", with_description;
            /// Whether the argument is required. Default: false.
            required: bool = "required", with_required;
        }
    }
}

wire_struct! {
    /// One message of a prompt.
    ///
    /// Spec: [PromptMessage](https://modelcontextprotocol.io/specification/2026-07-28/schema#promptmessage)
    pub struct PromptMessage {
        required {
            /// The role of the author.
            role: Role = "role";
            /// The content: one block.
            content: ContentBlock = "content";
        }
    }
}

impl PromptMessage {
    /// Creates a message of the user.
    pub fn user(content: impl Into<ContentBlock>) -> Self {
        Self::new(Role::User, content)
    }

    /// Creates a message of the model.
    pub fn assistant(content: impl Into<ContentBlock>) -> Self {
        Self::new(Role::Assistant, content)
    }
}

wire_struct! {
    /// The result of `prompts/list`: one page.
    ///
    /// Spec: [Prompts](https://modelcontextprotocol.io/specification/2026-07-28/server/prompts)
    pub struct ListPromptsResult {
        required {
            /// The prompts of this page.
            prompts: LenientList<Prompt> = "prompts";
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
    /// Parameters of `prompts/get`.
    ///
    /// Spec: [Getting a
    /// prompt](https://modelcontextprotocol.io/specification/2026-07-28/server/prompts#getting-a-prompt)
    pub struct GetPromptRequestParams {
        required {
            /// The name of the prompt.
            name: String = "name";
        }
        optional {
            /// The arguments of the template.
            arguments: BTreeMap<String, String> = "arguments", with_arguments;
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
    /// The result of `prompts/get`.
    ///
    /// Spec: [Getting a
    /// prompt](https://modelcontextprotocol.io/specification/2026-07-28/server/prompts#getting-a-prompt)
    pub struct GetPromptResult {
        required {
            /// The messages of the prompt, with the arguments inserted.
            messages: Vec<PromptMessage> = "messages";
        }
        optional {
            /// The description.
            description: String = "description", with_description;
            /// The kind of the result. Since 2026-07-28. Default: complete.
            result_type: ResultType = "resultType", with_result_type;
            /// Metadata.
            meta: Meta = "_meta", with_meta;
        }
    }
}

with_meta!(GetPromptRequestParams);
server_result!(ListPromptsResult, GetPromptResult);
cacheable!(ListPromptsResult);
page!(ListPromptsResult of Prompt = prompts by name);
