//! Results that cannot be decoded as the type of their method.

use mcp_core::{CallToolResult, ContentBlock, PromptMessage, RawJson, ResourceContents, method};
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

/// The path of the first element that cannot be decoded, such as `content[0].text`.
pub(super) fn place(method: &str, raw: &RawJson) -> Option<String> {
    let fields: Map<String, Value> = raw.decode().ok()?;
    match method {
        method::TOOLS_CALL => of_list::<ContentBlock>(&fields, "content"),
        method::PROMPTS_GET => of_list::<PromptMessage>(&fields, "messages"),
        method::RESOURCES_READ => of_list::<ResourceContents>(&fields, "contents"),
        _ => None,
    }
}

fn of_list<T: DeserializeOwned>(fields: &Map<String, Value>, list: &str) -> Option<String> {
    let elements = fields.get(list)?.as_array()?;
    // Through the text, so that each type has one decoder.
    let error = |element: &Value| {
        let raw = RawJson::from_serialize(element).ok()?;
        raw.decode::<T>().err().map(|error| error.to_string())
    };
    let mut wrong = elements.iter().enumerate();
    let (at, element, why) = wrong.find_map(|(at, it)| error(it).map(|why| (at, it, why)))?;
    // The member is missing, or the error is a different one without it.
    let missing = why.strip_prefix("missing member `").and_then(|rest| rest.split('`').next());
    let member = missing.map(str::to_owned).or_else(|| {
        let members = element.as_object()?;
        let without = |name: &str| {
            let mut rest = members.clone();
            rest.remove(name);
            error(&Value::Object(rest))
        };
        let is_needed = |name: &&String| {
            without(name).is_some_and(|it| it.starts_with(&format!("missing member `{name}`")))
        };
        let is_culprit = |name: &&String| *name != "type" && without(name).is_none();
        members.keys().find(is_needed).or_else(|| members.keys().find(is_culprit)).cloned()
    });
    Some(match member {
        Some(member) => format!("{list}[{at}].{member}"),
        None => format!("{list}[{at}]"),
    })
}

/// The first servers responded with `toolResult`, as before the first revision.
pub(super) fn take_old_content(result: &mut CallToolResult) {
    if !result.content.is_empty() || result.structured_content.is_some() {
        return;
    }
    if let Some(old) = result.extra.get("toolResult") {
        let text = old.as_str().map_or_else(|| old.to_string(), str::to_owned);
        result.content.push(ContentBlock::text(text));
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use serde_json::json;

    use super::*;

    #[test]
    fn the_path_of_an_undecodable_element_is_named() {
        let text = json!({ "type": "text", "text": "hi" });
        for (method, result, expected) in [
            (
                "tools/call",
                json!({ "content": [text, { "type": "text" }] }),
                Some("content[1].text"),
            ),
            (
                "tools/call",
                json!({ "content": [{ "type": "text", "text": 7 }] }),
                Some("content[0].text"),
            ),
            ("tools/call", json!({ "content": ["hi"] }), Some("content[0]")),
            (
                "prompts/get",
                json!({ "messages": [{ "role": 1, "content": text }] }),
                Some("messages[0].role"),
            ),
            (
                "resources/read",
                json!({ "contents": [{ "uri": 7, "text": "x" }] }),
                Some("contents[0].uri"),
            ),
            ("tools/call", json!({ "content": 7 }), None),
            ("x/y", json!([]), None),
        ] {
            let raw = RawJson::from_serialize(&result).unwrap();
            assert_eq!(place(method, &raw).as_deref(), expected, "{result}");
        }
    }
}
