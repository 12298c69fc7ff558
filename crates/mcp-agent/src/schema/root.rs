//! The root of a schema in the form that every API requires: one object, without alternatives.

use serde_json::{Map, Value};

use super::{
    merge::{merge, types},
    notes::Notes,
};
use crate::change::{Change, ChangeKind};

/// Keywords that no API accepts at the root.
const REFUSED: &[&str] = &["enum", "const", "not"];

/// Converts the root into an object with properties. Alternatives are merged into one object that allows
/// all of them, and quoted in the description.
pub(crate) fn flatten(
    mut root: Map<String, Value>,
    changes: &mut Vec<Change>,
) -> Map<String, Value> {
    let mut notes = Notes::default();
    for keyword in REFUSED {
        if let Some(value) = root.shift_remove(*keyword) {
            notes.dropped(changes, "", keyword, &value);
        }
    }
    for keyword in ["allOf", "anyOf", "oneOf"] {
        let Some(value) = root.shift_remove(keyword) else { continue };
        changes.push(Change::of_keyword("", ChangeKind::Merged, keyword, &value));
        notes.quote(keyword, &value);
        let parts = value.as_array().map(Vec::as_slice).unwrap_or_default();
        let objects: Vec<&Map<String, Value>> =
            parts.iter().filter_map(Value::as_object).filter(|it| is_object(it)).collect();
        absorb(&mut root, &objects, keyword == "allOf");
    }
    root.insert("type".to_owned(), "object".into());
    root.entry("properties").or_insert_with(|| Map::new().into());
    notes.write(&mut root);
    root
}

/// Whether a schema allows objects.
fn is_object(schema: &Map<String, Value>) -> bool {
    let kinds = schema.get("type").and_then(types);
    kinds.is_none_or(|kinds| kinds.contains(&"object"))
}

/// Adds the properties of all parts to the root. A property is required if all parts require it, or with
/// `do_all_hold` if any part does.
fn absorb(root: &mut Map<String, Value>, parts: &[&Map<String, Value>], do_all_hold: bool) {
    let mut required: Vec<Value> = array(root.get("required"));
    for (at, part) in parts.iter().enumerate() {
        for name in array(part.get("required")) {
            let is_in_all = || parts.iter().all(|part| array(part.get("required")).contains(&name));
            if !required.contains(&name) && (do_all_hold || at == 0 && is_in_all()) {
                required.push(name);
            }
        }
        let root = root.entry("properties").or_insert_with(|| Map::new().into());
        let (Some(own), Some(Value::Object(properties))) =
            (root.as_object_mut(), part.get("properties"))
        else {
            continue;
        };
        for (name, property) in properties {
            let both = match own.get(name) {
                Some(before) if before != property => either(before, property, do_all_hold),
                _ => property.clone(),
            };
            own.insert(name.clone(), both);
        }
    }
    if !required.is_empty() {
        root.insert("required".to_owned(), required.into());
    }
    // Each part excludes the properties of the others, so that only their union can be closed.
    let is_closed =
        |part: &&Map<String, Value>| part.get("additionalProperties") == Some(&Value::Bool(false));
    if !root.contains_key("additionalProperties")
        && !parts.is_empty()
        && parts.iter().all(is_closed)
    {
        root.insert("additionalProperties".to_owned(), false.into());
    }
}

/// The schema of a property for which two parts have different schemas.
fn either(first: &Value, second: &Value, do_all_hold: bool) -> Value {
    if let (true, Some(first), Some(second)) = (do_all_hold, first.as_object(), second.as_object())
        && let Some(merged) = merge(first, second)
    {
        return merged.into();
    }
    let mut parts = match first.get("anyOf") {
        Some(Value::Array(parts)) if first.as_object().is_some_and(|it| it.len() == 1) => {
            parts.clone()
        }
        _ => vec![first.clone()],
    };
    if !parts.contains(second) {
        parts.push(second.clone());
    }
    serde_json::json!({ "anyOf": parts })
}

fn array(value: Option<&Value>) -> Vec<Value> {
    value.and_then(Value::as_array).cloned().unwrap_or_default()
}
