use mcp_core::Tool;
use serde_json::Value;

use crate::error::{AgentError, AgentErrorKind};

/// The key of the URI before the extension was final.
const FLAT_KEY: &str = "ui/resourceUri";

/// The metadata of a tool about its app, in `_meta.ui`.
///
/// ```
/// use mcp_agent::apps::ToolUi;
///
/// let tool = serde_json::from_str(r#"{"name": "refresh", "inputSchema": {"type": "object"},
///     "_meta": {"ui": {"resourceUri": "ui://weather/page", "visibility": ["app"]}}}"#)?;
/// let ui = ToolUi::of(&tool)?.unwrap_or_default();
/// assert_eq!(ui.resource_uri.as_deref(), Some("ui://weather/page"));
/// assert!(ui.visibility.app && !ui.visibility.model);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// Spec: ext-apps 2026-01-26#resource-discovery
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct ToolUi {
    /// The URI of the page that displays the results of the tool.
    pub resource_uri: Option<String>,
    /// The callers of the tool.
    pub visibility: Visibility,
}

impl ToolUi {
    /// The metadata of a tool; `None` without an app.
    ///
    /// # Errors
    /// Kind [`AppMeta`](AgentErrorKind::AppMeta) when it is malformed, such as a URI that is not `ui://…`.
    pub fn of(tool: &Tool) -> Result<Option<Self>, AgentError> {
        let Some(meta) = &tool.meta else { return Ok(None) };
        let malformed = |what: &str, value: &Value| {
            let message = format!("malformed {what}: {value}");
            AgentError::new(AgentErrorKind::AppMeta, message).about(&tool.name)
        };
        let ui = meta.get("ui");
        if let Some(ui) = ui.filter(|ui| !ui.is_object()) {
            return Err(malformed("_meta.ui", ui));
        }
        let uri = ui.and_then(|ui| ui.get("resourceUri")).or_else(|| meta.get(FLAT_KEY));
        if ui.is_none() && uri.is_none() {
            return Ok(None);
        }
        let resource_uri = match uri {
            None => None,
            Some(Value::String(uri)) if is_app_uri(uri) => Some(uri.clone()),
            Some(other) => return Err(malformed("resourceUri", other)),
        };
        Ok(Some(Self { resource_uri, visibility: Visibility::of(tool) }))
    }
}

pub(crate) fn is_app_uri(uri: &str) -> bool {
    uri.strip_prefix("ui://").is_some_and(|rest| !rest.is_empty())
}

/// The callers of a tool. Default: the model and the app.
///
/// Spec: ext-apps 2026-01-26#visibility
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Visibility {
    /// The model can call the tool.
    pub model: bool,
    /// An app of the same server can call the tool.
    pub app: bool,
}

impl Visibility {
    /// The callers of this tool.
    pub fn of(tool: &Tool) -> Self {
        let ui = tool.meta.as_ref().and_then(|meta| meta.get("ui"));
        match ui.and_then(|ui| ui.get("visibility")) {
            Some(Value::Array(all)) => {
                Self { model: all.contains(&"model".into()), app: all.contains(&"app".into()) }
            }
            Some(Value::String(one)) => Self { model: one == "model", app: one == "app" },
            _ => Self::default(),
        }
    }
}

impl Default for Visibility {
    fn default() -> Self {
        Self { model: true, app: true }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use serde_json::json;

    use super::*;

    fn tool(meta: Value) -> Tool {
        serde_json::from_value(json!({"name": "t", "inputSchema": {}, "_meta": meta})).unwrap()
    }

    #[test]
    fn uris_are_read_from_the_final_key_and_the_flat_one() {
        for (meta, uri) in [
            (json!({"ui": {"resourceUri": "ui://a/b"}}), Some("ui://a/b")),
            (json!({"ui/resourceUri": "ui://a/b"}), Some("ui://a/b")),
            (
                json!({"ui/resourceUri": "ui://old", "ui": {"resourceUri": "ui://new"}}),
                Some("ui://new"),
            ),
            (json!({"ui": {"visibility": ["app"]}}), None),
        ] {
            assert_eq!(ToolUi::of(&tool(meta)).unwrap().unwrap().resource_uri.as_deref(), uri);
        }
        assert_eq!(ToolUi::of(&tool(json!({"other": 1}))).unwrap(), None);
        assert_eq!(ToolUi::of(&Tool::new("t", serde_json::Map::new())).unwrap(), None);
        for meta in [
            json!({"ui": {"resourceUri": "https://a/b"}}),
            json!({"ui": {"resourceUri": "ui://"}}),
            json!({"ui": {"resourceUri": 5}}),
            json!({"ui": "ui://a/b"}),
            json!({"ui/resourceUri": "file:///etc/passwd"}),
        ] {
            let error = ToolUi::of(&tool(meta.clone())).unwrap_err();
            assert_eq!(
                (error.kind(), error.subject()),
                (AgentErrorKind::AppMeta, Some("t")),
                "{meta}"
            );
        }
    }

    #[test]
    fn tools_are_visible_to_both_by_default() {
        for (visibility, model, app) in [
            (json!(null), true, true),
            (json!(["model", "app"]), true, true),
            (json!(["app"]), false, true),
            (json!(["model"]), true, false),
            (json!("app"), false, true),
            (json!([]), false, false),
            (json!(["robot"]), false, false),
        ] {
            let seen = Visibility::of(&tool(json!({"ui": {"visibility": visibility}})));
            assert_eq!((seen.model, seen.app), (model, app), "{visibility}");
        }
    }
}
