//! Other names for arguments whose names an API refuses.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::restore::{Property, Restore};
use crate::{
    change::{Change, ChangeKind},
    names::Alphabet,
};

/// Keywords whose schemas apply to the same object.
const IN_PLACE: &[&str] = &["not", "if", "then", "else"];
const ALL_IN_PLACE: &[&str] = &["allOf", "anyOf", "oneOf"];

/// Renames the properties of the root whose names the API refuses, in alphabetical order. APIs check only
/// the names at the root.
pub(crate) fn rename(
    root: &mut Map<String, Value>,
    alphabet: Alphabet,
    changes: &mut Vec<Change>,
) -> Restore {
    let Some(Value::Object(properties)) = root.get("properties") else { return Restore::default() };
    let mut names = BTreeMap::new();
    let mut refused: Vec<&String> =
        properties.keys().filter(|name| !alphabet.accepts(name)).collect();
    refused.sort();
    for name in refused {
        let is_taken =
            |other: &str| properties.contains_key(other) || names.values().any(|it| it == other);
        let other = alphabet.fit(name, is_taken);
        names.insert(name.clone(), other);
    }
    let mut restore = Restore::default();
    for (name, other) in &names {
        let detail = format!("{name:?} is {other:?} for the model");
        changes.push(Change::new(&format!("/properties/{other}"), ChangeKind::Renamed, detail));
        restore.insert(other, Property { name: Some(name.clone()), ..Property::default() });
    }
    if !names.is_empty() {
        write(root, &names);
    }
    restore
}

fn write(schema: &mut Map<String, Value>, names: &BTreeMap<String, String>) {
    let renamed = |name: &String| names.get(name).unwrap_or(name).clone();
    let list = |list: &mut Value| {
        for name in list.as_array_mut().into_iter().flatten() {
            if let Some(other) = name.as_str().and_then(|name| names.get(name)) {
                *name = other.clone().into();
            }
        }
    };
    for (keyword, value) in schema.iter_mut() {
        match (keyword.as_str(), &mut *value) {
            ("required", required) => list(required),
            ("properties" | "dependentSchemas", Value::Object(named)) => {
                *named = std::mem::take(named)
                    .into_iter()
                    .map(|(name, it)| (renamed(&name), it))
                    .collect();
            }
            ("dependentRequired", Value::Object(named)) => {
                named.values_mut().for_each(list);
                *named = std::mem::take(named)
                    .into_iter()
                    .map(|(name, it)| (renamed(&name), it))
                    .collect();
            }
            (keyword, Value::Object(schema)) if IN_PLACE.contains(&keyword) => write(schema, names),
            (keyword, Value::Array(parts)) if ALL_IN_PLACE.contains(&keyword) => {
                parts.iter_mut().filter_map(Value::as_object_mut).for_each(|it| write(it, names));
            }
            _ => {}
        }
        if keyword == "dependentSchemas" {
            let schemas = value.as_object_mut().into_iter().flat_map(|it| it.values_mut());
            schemas.filter_map(Value::as_object_mut).for_each(|it| write(it, names));
        }
    }
}
