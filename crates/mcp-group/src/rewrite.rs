//! Rewriting of URIs inside results.

use mcp_core::{RawObject, method};

/// Replaces every URI of a result by the output of `expose`: links and embedded resources in results of tools and
/// prompts, and resource contents.
pub(crate) fn rewrite_uris(method: &str, result: &mut RawObject, expose: impl Fn(&str) -> String) {
    let uri = |object: &mut RawObject| {
        if let Some(uri) = object.text("uri") {
            object.set("uri", &expose(&uri));
        }
    };
    let block = |block: &mut RawObject| match block.text("type").as_deref() {
        Some("resource_link") => uri(block),
        Some("resource") => block.within("resource", uri),
        _ => {}
    };
    match method {
        method::RESOURCES_READ => result.each("contents", uri),
        method::TOOLS_CALL => result.each("content", block),
        method::PROMPTS_GET => result.each("messages", |message| message.within("content", block)),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use mcp_core::RawJson;
    use serde_json::{Value, json};

    use super::*;

    #[test]
    fn only_links_and_contents_are_rewritten() {
        let link = json!({"type": "resource_link", "uri": "a://b", "name": "n"});
        let resource = json!({"type": "resource", "resource": {"uri": "a://b", "text": "a://b"}});
        let text = json!({"type": "text", "text": "a://b", "uri": "a://b"});
        let rewritten = |method: &str, result: Value| -> String {
            let result = RawJson::from_serialize(&result).unwrap();
            let mut object = RawObject::parse(result).unwrap();
            rewrite_uris(method, &mut object, |uri| uri.replace('b', "X"));
            String::from_utf8(object.to_vec()).unwrap()
        };
        assert_eq!(
            rewritten("tools/call", json!({"content": [link, resource, text, 5], "uri": "a://b"})),
            json!({
                "content": [
                    {"type": "resource_link", "uri": "a://X", "name": "n"},
                    {"type": "resource", "resource": {"uri": "a://X", "text": "a://b"}},
                    text,
                    5,
                ],
                "uri": "a://b",
            })
            .to_string()
        );
        assert_eq!(
            rewritten("prompts/get", json!({"messages": [{"role": "user", "content": link}]})),
            json!({"messages": [{"role": "user",
                "content": {"type": "resource_link", "uri": "a://X", "name": "n"}}]})
            .to_string()
        );
        assert_eq!(
            rewritten("resources/read", json!({"contents": [{"uri": "a://b", "blob": "AA=="}]})),
            json!({"contents": [{"uri": "a://X", "blob": "AA=="}]}).to_string()
        );
    }
}
