//! Tools and prompts as signatures, and schemas as types: `add(a: number, b?: number = 1)`.

use mcp_client::types::{Prompt, Tool};
use serde_json::{Map, Value};

use crate::escape::line;

/// Maximum depth of a schema in a signature.
const MAX_DEPTH: usize = 3;
/// Maximum number of alternatives in a signature.
const MAX_ALTERNATIVES: usize = 8;

/// The parameters of a tool, required ones first: `(a: number, b?: number = 1)`.
pub(crate) fn of_tool(tool: &Tool) -> String {
    let schema = &tool.input_schema;
    let required: Vec<&str> = match schema.get("required") {
        Some(Value::Array(names)) => names.iter().filter_map(Value::as_str).collect(),
        _ => Vec::new(),
    };
    let empty = Map::new();
    let properties = schema.get("properties").and_then(Value::as_object).unwrap_or(&empty);
    let is_required = |name: &str| required.contains(&name);
    let parameter = |(name, of): (&String, &Value)| {
        let mark = if is_required(name) { "" } else { "?" };
        let default = match of.get("default") {
            Some(value) => format!(" = {}", line(&value.to_string())),
            None => String::new(),
        };
        format!("{}{mark}: {}{default}", line(name), type_name(of))
    };
    let first = properties.iter().filter(|(name, _)| is_required(name)).map(parameter);
    let then = properties.iter().filter(|(name, _)| !is_required(name)).map(parameter);
    format!("({})", first.chain(then).collect::<Vec<_>>().join(", "))
}

/// The arguments of a prompt.
pub(crate) fn of_prompt(prompt: &Prompt) -> String {
    let arguments = prompt.arguments.as_deref().unwrap_or_default().iter();
    let arguments = arguments.map(|it| match it.required {
        Some(true) => line(&it.name).into_owned(),
        _ => format!("{}?", line(&it.name)),
    });
    format!("({})", arguments.collect::<Vec<_>>().join(", "))
}

/// The type of a schema as text.
pub(crate) fn type_name(schema: &Value) -> String {
    typed(schema, MAX_DEPTH)
}

fn typed(schema: &Value, depth: usize) -> String {
    if depth == 0 {
        return "…".to_owned();
    }
    if let Some(Value::Array(values)) = schema.get("enum") {
        return alternatives(values.iter().map(|it| line(&it.to_string()).into_owned()));
    }
    if let Some(value) = schema.get("const") {
        return line(&value.to_string()).into_owned();
    }
    for key in ["anyOf", "oneOf"] {
        if let Some(Value::Array(schemas)) = schema.get(key) {
            return alternatives(schemas.iter().map(|it| typed(it, depth - 1)));
        }
    }
    match schema.get("type") {
        Some(Value::Array(types)) => {
            alternatives(types.iter().filter_map(Value::as_str).map(|it| line(it).into_owned()))
        }
        Some(Value::String(it)) if it == "array" => match schema.get("items") {
            Some(items) => {
                let of = typed(items, depth - 1);
                if of.contains(" | ") { format!("({of})[]") } else { format!("{of}[]") }
            }
            None => "array".to_owned(),
        },
        Some(Value::String(it)) => line(it).into_owned(),
        _ => match schema.get("$ref").and_then(Value::as_str) {
            Some(path) => line(path.rsplit('/').next().unwrap_or(path)).into_owned(),
            None => "any".to_owned(),
        },
    }
}

fn alternatives(of: impl Iterator<Item = String>) -> String {
    let mut all: Vec<String> = of.collect();
    if all.len() > MAX_ALTERNATIVES {
        all.truncate(MAX_ALTERNATIVES);
        all.push("…".to_owned());
    }
    all.join(" | ")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn schemas_are_types() {
        for (schema, wanted) in [
            (json!({ "type": "string" }), "string"),
            (json!({ "type": ["string", "null"] }), "string | null"),
            (json!({ "enum": ["a", 1] }), "\"a\" | 1"),
            (json!({ "type": "array", "items": { "type": "integer" } }), "integer[]"),
            (
                json!({ "type": "array", "items": { "anyOf": [{ "type": "null" }, { "const": 1 }] } }),
                "(null | 1)[]",
            ),
            (json!({ "$ref": "#/$defs/Point" }), "Point"),
            (json!(true), "any"),
            (json!({ "type": "a\u{1b}" }), "a\\u{1b}"),
        ] {
            assert_eq!(type_name(&schema), wanted, "{schema}");
        }
    }

    #[test]
    fn required_parameters_come_first() {
        let schema = json!({
            "type": "object",
            "properties": { "b": { "type": "number", "default": 1 }, "a": { "type": "number" } },
            "required": ["a"],
        });
        let Value::Object(schema) = schema else { unreachable!("it is an object") };
        assert_eq!(of_tool(&Tool::new("add", schema)), "(a: number, b?: number = 1)");
        assert_eq!(of_tool(&Tool::new("now", Map::new())), "()");
    }
}
