use std::collections::BTreeMap;

use super::{
    CacheScope, ContentBlock, Entries, Icon, InputResponse, List, Meta, ResultType, Role,
    meta::with_meta,
    results::{cacheable, page, server_result},
};

wire_struct! {
    /// A prompt, or a template of one, that a server offers.
    ///
    /// Spec: server/prompts#prompt
    pub struct Prompt {
        required {
            /// Its name, by which it is asked for.
            name: String = "name";
        }
        optional {
            /// Its name for people. Since 2025-06-18.
            title: String = "title", with_title;
            /// What it is for.
            description: String = "description", with_description;
            /// What can be filled in.
            arguments: Vec<PromptArgument> = "arguments", with_arguments;
            /// Since 2025-11-25.
            icons: Vec<Icon> = "icons", with_icons;
            /// Since 2025-06-18.
            meta: Meta = "_meta", with_meta;
        }
    }
}

impl Prompt {
    /// What to show to people: the title, or else the name.
    pub fn display_name(&self) -> &str {
        self.title.as_deref().unwrap_or(&self.name)
    }
}

wire_struct! {
    /// Something to fill in a prompt.
    pub struct PromptArgument {
        required {
            /// Its name.
            name: String = "name";
        }
        optional {
            /// Its name for people. Since 2025-06-18.
            title: String = "title", with_title;
            /// What it is for.
            description: String = "description", with_description;
            /// Whether it must be given. Absent means no.
            required: bool = "required", with_required;
        }
    }
}

wire_struct! {
    /// One message of a prompt.
    pub struct PromptMessage {
        required {
            /// Whose message it is.
            role: Role = "role";
            /// What it says: one block.
            content: ContentBlock = "content";
        }
    }
}

impl PromptMessage {
    /// A message of the user.
    pub fn user(content: impl Into<ContentBlock>) -> Self {
        Self::new(Role::User, content)
    }

    /// A message of the model.
    pub fn assistant(content: impl Into<ContentBlock>) -> Self {
        Self::new(Role::Assistant, content)
    }
}

wire_struct! {
    /// The answer to `prompts/list`.
    pub struct ListPromptsResult {
        required {
            /// This page of the prompts.
            prompts: List<Prompt> = "prompts";
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
    /// Parameters of `prompts/get`.
    ///
    /// Spec: server/prompts#getting-a-prompt
    pub struct GetPromptRequestParams {
        required {
            /// Which prompt.
            name: String = "name";
        }
        optional {
            /// What to fill in.
            arguments: BTreeMap<String, String> = "arguments", with_arguments;
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
    /// The answer to `prompts/get`.
    pub struct GetPromptResult {
        required {
            /// The prompt, filled in.
            messages: Vec<PromptMessage> = "messages";
        }
        optional {
            /// What it is for.
            description: String = "description", with_description;
            /// Since 2026-07-28.
            result_type: ResultType = "resultType", with_result_type;
            /// Anything else there is to say.
            meta: Meta = "_meta", with_meta;
        }
    }
}

with_meta!(GetPromptRequestParams);
server_result!(ListPromptsResult, GetPromptResult);
cacheable!(ListPromptsResult);
page!(ListPromptsResult of Prompt = prompts);
