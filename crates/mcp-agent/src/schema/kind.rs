//! The types of schemas in the strict subset.

use serde_json::{Map, Value};

use super::merge::types;

/// The type of a schema.
pub(crate) enum Kind {
    Object,
    Array,
    /// The value of `type`.
    Plain(Value),
}

/// The type of a schema, stated or inferred, and whether `null` is allowed in addition.
pub(crate) fn kind(form: &Map<String, Value>, schema: &Map<String, Value>) -> Option<(Kind, bool)> {
    let inferred = || -> Option<Value> {
        let constant = form.get("const").map(std::slice::from_ref);
        let values = constant.or_else(|| form.get("enum")?.as_array().map(Vec::as_slice));
        if let Some(values) = values {
            let mut types: Vec<&str> = values.iter().map(type_of).collect();
            types.sort_unstable();
            types.dedup();
            return Some(if let [one] = types[..] { one.into() } else { types.into() });
        }
        let is_object = schema.contains_key("properties");
        let is_array = schema.contains_key("items");
        is_object.then_some("object").or(is_array.then_some("array")).map(Value::from)
    };
    let value = form.get("type").cloned().or_else(inferred)?;
    let all = types(&value)?;
    let others: Vec<&str> = all.iter().copied().filter(|it| *it != "null").collect();
    let has_null = others.len() < all.len();
    Some(match others[..] {
        ["object"] => (Kind::Object, has_null),
        ["array"] => (Kind::Array, has_null),
        // An object or array among several types has to be a part of an `anyOf`.
        _ if others.contains(&"object") || others.contains(&"array") => return None,
        _ => (Kind::Plain(value), false),
    })
}

/// Whether the constants of a schema are of its type. A schema with others is contradictory.
pub(crate) fn fits_its_type(form: &Map<String, Value>) -> bool {
    let Some(types) = form.get("type").and_then(types) else { return true };
    let fits = |value: &Value| {
        let kind = type_of(value);
        types.contains(&kind) || kind == "integer" && types.contains(&"number")
    };
    let values = form.get("enum").and_then(Value::as_array);
    form.get("const").into_iter().chain(values.into_iter().flatten()).all(fits)
}

fn type_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(number) if number.is_f64() => "number",
        Value::Number(_) => "integer",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}

pub(crate) fn can_be(form: &Map<String, Value>, kind: &str) -> bool {
    let is = form.get("type").and_then(types).is_some_and(|types| types.contains(&kind));
    let parts = form.get("anyOf").and_then(Value::as_array);
    is || parts.into_iter().flatten().filter_map(Value::as_object).any(|it| can_be(it, kind))
}

pub(crate) fn allows_null(form: &Map<String, Value>) -> bool {
    let among_values = |values: Option<&Value>| {
        values.and_then(Value::as_array).is_none_or(|values| values.contains(&Value::Null))
    };
    let constant = form.get("const").is_none_or(Value::is_null);
    let parts = form.get("anyOf").and_then(Value::as_array);
    match parts {
        Some(parts) => parts.iter().filter_map(Value::as_object).any(allows_null),
        None => can_be(form, "null") && constant && among_values(form.get("enum")),
    }
}

/// Whether a pattern has neither lookaround nor backreferences, which OpenAI refuses.
pub(crate) fn is_plain_pattern(pattern: &str) -> bool {
    let refers = pattern
        .as_bytes()
        .windows(2)
        .any(|it| it[0] == b'\\' && matches!(it[1], b'1'..=b'9' | b'k'));
    !refers && !["(?=", "(?!", "(?<"].iter().any(|group| pattern.contains(group))
}
