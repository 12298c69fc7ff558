//! Converts a text to a value of the type in a schema.

use serde_json::{Map, Value};

use crate::output::type_name;

/// Maximum number of references in a chain.
const MAX_REFERENCES: usize = 8;

/// Returns the value, or the expected type. Without a type in the schema, the value is a string.
pub(crate) fn value(
    text: &str,
    schema: Option<&Value>,
    root: Option<&Map<String, Value>>,
) -> Result<Value, String> {
    let Some(schema) = schema else { return Ok(text.into()) };
    let schema = followed(schema, root);
    let kinds = kinds(schema, root);
    if kinds.is_empty() {
        return Ok(text.into());
    }
    let is = |kind: &str| kinds.iter().any(|it| it == kind);
    let json: Option<Value> = serde_json::from_str(text).ok();
    let fits = |value: &Value| match value {
        Value::Null => is("null"),
        Value::Bool(_) => is("boolean"),
        Value::Number(number) => {
            is("number") || (is("integer") && (number.is_i64() || number.is_u64()))
        }
        Value::Array(_) => is("array"),
        Value::Object(_) => is("object"),
        // Quotes belong to the text.
        Value::String(_) => false,
    };
    if let Some(value) = json.filter(fits) {
        return Ok(value);
    }
    if is("string") {
        return Ok(text.into());
    }
    if is("array") {
        // A single item of a list.
        return value(text, schema.get("items"), root).map(|item| Value::Array(vec![item]));
    }
    Err(type_name(schema))
}

/// Resolves a reference within the document.
fn followed<'a>(mut schema: &'a Value, root: Option<&'a Map<String, Value>>) -> &'a Value {
    for _ in 0..MAX_REFERENCES {
        let path = schema.get("$ref").and_then(Value::as_str).and_then(|it| it.strip_prefix("#/"));
        let Some((path, root)) = path.zip(root) else { break };
        let mut steps = path.split('/');
        let first = steps.next().and_then(|step| root.get(step));
        match first.and_then(|it| steps.try_fold(it, |it, step| it.get(step))) {
            Some(found) => schema = found,
            None => break,
        }
    }
    schema
}

/// The types that a value may have; empty if the schema has none.
fn kinds(schema: &Value, root: Option<&Map<String, Value>>) -> Vec<String> {
    let mut kinds = Vec::new();
    match schema.get("type") {
        Some(Value::String(kind)) => kinds.push(kind.clone()),
        Some(Value::Array(several)) => {
            kinds.extend(several.iter().filter_map(Value::as_str).map(str::to_owned));
        }
        _ => {}
    }
    for value in schema.get("enum").and_then(Value::as_array).into_iter().flatten() {
        let kind = match value {
            Value::Null => "null",
            Value::Bool(_) => "boolean",
            Value::Number(_) => "number",
            Value::String(_) => "string",
            Value::Array(_) => "array",
            Value::Object(_) => "object",
        };
        if schema.get("type").is_none() {
            kinds.push(kind.to_owned());
        }
    }
    for key in ["anyOf", "oneOf"] {
        for alternative in schema.get(key).and_then(Value::as_array).into_iter().flatten() {
            let alternative = followed(alternative, root);
            match alternative.get("type") {
                Some(Value::String(kind)) => kinds.push(kind.clone()),
                // Any type.
                _ => return Vec::new(),
            }
        }
    }
    kinds
}
