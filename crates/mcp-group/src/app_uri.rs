//! URIs of app pages in the `_meta` of tools.

use mcp_core::Tool;
use serde_json::Value;

/// Replaces the URI of the page that displays a tool's results by its URI in the group, so that the page can be read
/// through the group.
///
/// Spec: ext-apps 2026-01-26#resource-discovery
pub(crate) fn rewrite_app_uri(tool: &mut Tool, expose: impl Fn(&str) -> Option<String>) {
    let Some(meta) = &mut tool.meta else { return };
    if !meta.contains_key("ui") && !meta.contains_key("ui/resourceUri") {
        return;
    }
    let rewrite = |uri: &mut Value| {
        if let Some(exposed) = uri.as_str().and_then(&expose) {
            *uri = exposed.into();
        }
    };
    if let Some(uri) = meta.get_mut("ui").and_then(|ui| ui.get_mut("resourceUri")) {
        rewrite(uri);
    }
    // The key used before the extension was final.
    if let Some(uri) = meta.get_mut("ui/resourceUri") {
        rewrite(uri);
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use serde_json::json;

    use super::*;

    #[test]
    fn uris_of_apps_are_those_of_the_group() {
        for (meta, expected) in [
            (
                json!({"ui": {"resourceUri": "ui://a"}, "x": 1}),
                json!({"ui": {"resourceUri": "ui://s/a"}, "x": 1}),
            ),
            (json!({"ui/resourceUri": "ui://a"}), json!({"ui/resourceUri": "ui://s/a"})),
            (json!({"ui": {"visibility": ["app"]}}), json!({"ui": {"visibility": ["app"]}})),
            (json!({"ui": {"resourceUri": 5}}), json!({"ui": {"resourceUri": 5}})),
            (json!({"other": "ui://a"}), json!({"other": "ui://a"})),
        ] {
            let tool = json!({"name": "t", "inputSchema": {}, "_meta": meta});
            let mut tool: Tool = serde_json::from_value(tool).unwrap();
            rewrite_app_uri(&mut tool, |uri| Some(uri.replace("ui://", "ui://s/")));
            assert_eq!(serde_json::to_value(tool.meta).unwrap(), expected);
        }
    }
}
