//! Applies rules to tools and to the arguments of calls.

use std::collections::BTreeSet;

use mcp_core::{ErrorObject, RawJson, RawObject, Tool, error_code};
use serde_json::{Map, Value};

use super::{ArgumentChange, ToolChange, ToolRules};

impl ToolRules {
    /// Whether every tool is offered unchanged.
    pub(crate) fn is_empty(&self) -> bool {
        let Self { include, exclude, include_tags, exclude_tags, tools } = self;
        include.is_none()
            && exclude.is_empty()
            && include_tags.is_none()
            && exclude_tags.is_empty()
            && tools.is_empty()
    }

    /// The tool as offered; `None` if it is not.
    pub(crate) fn offer(&self, mut tool: Tool) -> Option<Tool> {
        let change = self.tools.get(&tool.name);
        let is_included = self.include.as_ref().is_none_or(|names| names.contains(&tool.name));
        let is_enabled = change.is_none_or(|change| change.enabled);
        if !is_included || self.exclude.contains(&tool.name) || !is_enabled {
            return None;
        }
        if self.include_tags.is_some() || !self.exclude_tags.is_empty() {
            let own = change.map(|change| &change.tags).filter(|tags| !tags.is_empty());
            let tags = own.cloned().unwrap_or_else(|| tags_of(&tool));
            let has_one = |wanted: &BTreeSet<String>| !wanted.is_disjoint(&tags);
            if has_one(&self.exclude_tags) || !self.include_tags.as_ref().is_none_or(has_one) {
                return None;
            }
        }
        if let Some(change) = change {
            change.apply(&mut tool);
        }
        Some(tool)
    }

    /// The arguments of a call as the server expects them, for the tool named `name` on the server; `None` if they are
    /// unchanged.
    pub(crate) fn arguments(
        &self,
        name: &str,
        arguments: impl FnOnce() -> Option<RawJson>,
    ) -> Result<Option<RawObject>, ErrorObject> {
        let changes = self.tools.get(name).map(|change| &change.arguments);
        let Some(changes) = changes.filter(|changes| !changes.is_empty()) else {
            return Ok(None);
        };
        let given = arguments().map_or_else(|| Ok(RawObject::default()), RawObject::parse);
        let given = given.map_err(|_| invalid("`arguments` is not an object"))?;
        let mut sent = RawObject::default();
        for (key, value) in given.iter() {
            let renamed = changes.iter().find(|(_, change)| change.name.as_deref() == Some(key));
            let original = match (renamed, changes.get(key)) {
                (Some((original, change)), _) if !change.hide => original,
                (None, Some(change)) if change.name.is_none() && !change.hide => key,
                (None, None) => key,
                _ => return Err(invalid(format!("{name} has no argument {key:?}"))),
            };
            sent.push(original, value.to_vec());
        }
        for (original, change) in changes {
            if let Some(default) = &change.default
                && sent.get(original).is_none()
            {
                sent.set(original, default);
            }
        }
        Ok(Some(sent))
    }
}

impl ToolChange {
    fn apply(&self, tool: &mut Tool) {
        if let Some(name) = &self.name {
            tool.name.clone_from(name);
        }
        if self.title.is_some() {
            tool.title.clone_from(&self.title);
        }
        if self.description.is_some() {
            tool.description.clone_from(&self.description);
        }
        if !self.arguments.is_empty() {
            self.change_schema(&mut tool.input_schema);
        }
    }

    fn change_schema(&self, schema: &mut Map<String, Value>) {
        let mut required: Vec<String> = match schema.get("required") {
            Some(Value::Array(names)) => {
                names.iter().filter_map(|name| name.as_str().map(str::to_owned)).collect()
            }
            _ => Vec::new(),
        };
        let Some(Value::Object(properties)) = schema.get_mut("properties") else { return };
        let mut changed = Map::new();
        for (original, mut property) in std::mem::take(properties) {
            let Some(change) = self.arguments.get(&original) else {
                changed.insert(original, property);
                continue;
            };
            let was_required = required.contains(&original);
            required.retain(|name| *name != original);
            if change.hide {
                if was_required && change.default.is_none() {
                    tracing::warn!(argument = %original, "hidden argument is required and has no default");
                }
                continue;
            }
            change.apply(&mut property);
            let name = change.name.clone().unwrap_or(original);
            if change.required.unwrap_or(was_required && change.default.is_none()) {
                required.push(name.clone());
            }
            changed.insert(name, property);
        }
        *properties = changed;
        match required.is_empty() {
            // In place, to preserve the order of the schema.
            true => drop(schema.shift_remove("required")),
            false => drop(schema.insert("required".to_owned(), required.into())),
        }
    }
}

impl ArgumentChange {
    fn apply(&self, property: &mut Value) {
        if self.description.is_none() && self.default.is_none() {
            return;
        }
        if !property.is_object() {
            *property = Value::Object(Map::new());
        }
        if let Some(description) = &self.description {
            property["description"] = description.as_str().into();
        }
        if let Some(default) = &self.default {
            property["default"] = default.clone();
        }
    }
}

fn tags_of(tool: &Tool) -> BTreeSet<String> {
    let said = tool.meta.as_ref().and_then(|meta| {
        let said = meta.get("fastmcp").or_else(|| meta.get("_fastmcp"))?;
        said.get("tags")?.as_array()
    });
    let tags = said.into_iter().flatten().filter_map(Value::as_str);
    tags.map(str::to_owned).collect()
}

fn invalid(message: impl Into<String>) -> ErrorObject {
    ErrorObject::new(error_code::INVALID_PARAMS, message)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use serde_json::json;

    use super::*;

    fn tool(name: &str, tags: &[&str]) -> Tool {
        serde_json::from_value(json!({
            "name": name,
            "inputSchema": {
                "type": "object",
                "properties": {
                    "city": {"type": "string"}, "key": {"type": "string"}, "days": true,
                },
                "required": ["city", "key", "days"],
                "additionalProperties": false,
            },
            "_meta": {"_fastmcp": {"tags": tags}},
        }))
        .unwrap()
    }

    #[test]
    fn names_and_tags_decide_what_is_offered() {
        let offered = |rules: &ToolRules| -> Vec<String> {
            let all = [tool("a", &["x"]), tool("b", &["x", "y"]), tool("c", &[])];
            all.into_iter().filter_map(|tool| rules.offer(tool)).map(|tool| tool.name).collect()
        };
        let none = ToolRules::default;
        assert_eq!(offered(&none()), ["a", "b", "c"]);
        assert_eq!(offered(&none().with_include(["a", "z"])), ["a"]);
        assert_eq!(offered(&none().with_include(["a", "b"]).with_exclude(["a"])), ["b"]);
        assert_eq!(offered(&none().with_include_tags(["x"])), ["a", "b"]);
        assert_eq!(offered(&none().with_exclude_tags(["y"])), ["a", "c"]);
        let tagged = ToolChange::default().with_tags(["y"]);
        assert_eq!(offered(&none().with_include_tags(["y"]).with_tool("c", tagged)), ["b", "c"]);
        let off = ToolChange::default().with_enabled(false);
        assert_eq!(offered(&none().with_tool("b", off)), ["a", "c"]);
    }

    fn changed() -> ToolRules {
        let argument = ArgumentChange::default;
        let change = ToolChange::default()
            .with_name("forecast")
            .with_title("Forecast")
            .with_description("Tells")
            .with_argument("city", argument().with_name("place"))
            .with_argument("key", argument().with_hide(true).with_default("k"))
            .with_argument("days", argument().with_description("how many").with_default(3));
        ToolRules::default().with_tool("a", change)
    }

    #[test]
    fn the_schema_has_the_remaining_arguments() {
        let offered = changed().offer(tool("a", &[])).unwrap();
        assert_eq!(
            (offered.name.as_str(), offered.title.as_deref()),
            ("forecast", Some("Forecast"))
        );
        assert_eq!(
            serde_json::to_string(&offered.input_schema).unwrap(),
            json!({
                "type": "object",
                "properties": {
                    "place": {"type": "string"},
                    "days": {"description": "how many", "default": 3},
                },
                "required": ["place"],
                "additionalProperties": false,
            })
            .to_string()
        );
    }

    #[test]
    fn arguments_are_converted_back_for_the_server() {
        let rules = changed();
        let sent = |name: &str, given: Option<&str>| {
            let given = given.map(|text| RawJson::from_text(text.to_owned()).unwrap());
            let sent = rules.arguments(name, || given);
            sent.map(|sent| sent.map(|sent| String::from_utf8(sent.to_vec()).unwrap()))
        };
        assert_eq!(sent("b", Some(r#"{"key":1}"#)).unwrap(), None, "nothing is changed or copied");
        assert_eq!(sent("b", None).unwrap(), None);
        assert_eq!(
            sent("a", Some(r#"{"place":"Köln","more":1.0}"#)).unwrap().unwrap(),
            r#"{"city":"Köln","more":1.0,"days":3,"key":"k"}"#
        );
        assert_eq!(sent("a", Some(r#"{"days":1}"#)).unwrap().unwrap(), r#"{"days":1,"key":"k"}"#);
        assert_eq!(sent("a", None).unwrap().unwrap(), r#"{"days":3,"key":"k"}"#);
        for wrong in [r#"{"key":"stolen"}"#, r#"{"city":"old name"}"#, "[]"] {
            assert_eq!(sent("a", Some(wrong)).unwrap_err().code, error_code::INVALID_PARAMS);
        }
    }
}
