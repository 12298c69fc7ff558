//! Validation of the messages of a sampling request.

use mcp_core::{ErrorObject, Role, SamplingContent, SamplingMessage, error_code};

/// Checks that tool results are the only content of their message, and match the calls before them.
///
/// Spec: client/sampling#message-content-constraints
pub(super) fn checked(messages: &[SamplingMessage]) -> Result<(), ErrorObject> {
    let mut called: Vec<&str> = Vec::new();
    for message in messages {
        let blocks = message.content.as_slice();
        let results: Vec<&str> = blocks
            .iter()
            .filter_map(|block| match block {
                SamplingContent::ToolResult(result) => Some(&*result.tool_use_id),
                _ => None,
            })
            .collect();
        if !results.is_empty() && (results.len() < blocks.len() || message.role != Role::User) {
            return Err(invalid("a message mixes tool results with other content"));
        }
        let is_answered = called.iter().all(|id| results.contains(id));
        if !is_answered || results.len() != called.len() {
            return Err(invalid("the tool results do not match the preceding calls"));
        }
        called.clear();
        if message.role == Role::Assistant {
            called.extend(blocks.iter().filter_map(|block| match block {
                SamplingContent::ToolUse(call) => Some(&*call.id),
                _ => None,
            }));
        }
    }
    match called.is_empty() {
        true => Ok(()),
        false => Err(invalid("the last tool calls have no results")),
    }
}

fn invalid(text: &'static str) -> ErrorObject {
    ErrorObject::new(error_code::INVALID_PARAMS, text)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use serde_json::{Value, json};

    use super::*;

    fn is_valid(messages: Value) -> bool {
        let messages: Vec<SamplingMessage> = serde_json::from_value(messages).unwrap();
        checked(&messages).is_ok()
    }

    #[test]
    fn sam_07_results_of_tools_stand_alone_and_match_the_calls() {
        let text = json!({ "type": "text", "text": "hi" });
        let call = |id: &str| json!({ "type": "tool_use", "id": id, "name": "x", "input": {} });
        let result = |id: &str| json!({ "type": "tool_result", "toolUseId": id, "content": [] });
        let user = |content: Value| json!({ "role": "user", "content": content });
        let model = |content: Value| json!({ "role": "assistant", "content": content });
        for (messages, expected) in [
            (json!([user(text.clone())]), true),
            (json!([user(text.clone()), model(call("a")), user(result("a"))]), true),
            (
                json!([
                    model(json!([call("a"), call("b"), text])),
                    user(json!([result("b"), result("a")]))
                ]),
                true,
            ),
            (json!([model(call("a")), user(json!([result("a"), text]))]), false),
            (json!([model(json!([call("a"), call("b")])), user(result("a"))]), false),
            (json!([model(call("a")), user(json!([result("a"), result("b")]))]), false),
            (json!([model(call("a")), user(text)]), false),
            (json!([user(result("a"))]), false),
            (json!([model(call("a"))]), false),
            (json!([model(result("a"))]), false),
        ] {
            assert_eq!(is_valid(messages.clone()), expected, "{messages}");
        }
    }
}
