use serde_json::{Map, Value};

/// Allows `null` in addition.
pub(crate) fn nullable(mut schema: Map<String, Value>) -> Map<String, Value> {
    let null = || serde_json::json!({"type": "null"});
    if let Some(Value::Array(parts)) = schema.get_mut("anyOf") {
        if !parts.contains(&null()) {
            parts.push(null());
        }
        return schema;
    }
    let is_plain = !["enum", "const", "properties", "items", "allOf", "oneOf", "not", "if"]
        .iter()
        .any(|keyword| schema.contains_key(*keyword));
    match schema.get_mut("type") {
        Some(kind) if is_plain && kind.is_string() => {
            *kind = vec![kind.take(), "null".into()].into();
            schema
        }
        Some(Value::Array(kinds)) if is_plain => {
            if !kinds.contains(&"null".into()) {
                kinds.push("null".into());
            }
            schema
        }
        _ => {
            let mut union = Map::new();
            for annotation in ["title", "description", "default"] {
                if let Some(value) = schema.shift_remove(annotation) {
                    union.insert(annotation.to_owned(), value);
                }
            }
            union.insert("anyOf".to_owned(), vec![schema.into(), null()].into());
            union
        }
    }
}
