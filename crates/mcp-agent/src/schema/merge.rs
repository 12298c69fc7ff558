//! The conjunction of schemas as one schema.

use serde_json::{Map, Value};

use super::keywords::ANNOTATIONS;

/// Merges the schemas of `allOf`, and the only schema of an `anyOf` or `oneOf`, into the enclosing schema,
/// where one schema can express the same.
pub(crate) fn fold(schema: &mut Map<String, Value>) {
    for keyword in ["allOf", "anyOf", "oneOf"] {
        let Some(Value::Array(parts)) = schema.get(keyword) else { continue };
        if keyword != "allOf" && parts.len() != 1 {
            continue;
        }
        let mut rest = schema.clone();
        rest.shift_remove(keyword);
        let merged = parts.iter().try_fold(rest, |all, part| merge(&all, part.as_object()?));
        if let Some(merged) = merged {
            *schema = merged;
        }
    }
}

/// The schema of the values that are valid for both; annotations are taken from the first. `None` if one
/// plain schema cannot express it.
///
/// Two closed objects become a closed object with the properties of both.
pub(crate) fn merge(
    first: &Map<String, Value>,
    second: &Map<String, Value>,
) -> Option<Map<String, Value>> {
    let mut merged = first.clone();
    for (keyword, value) in second {
        let Some(own) = merged.get_mut(keyword) else {
            merged.insert(keyword.clone(), value.clone());
            continue;
        };
        if own == value || ANNOTATIONS.contains(&keyword.as_str()) {
            continue;
        }
        match keyword.as_str() {
            "type" => *own = common_types(own, value)?,
            "enum" => {
                let (own, value) = (own.as_array_mut()?, value.as_array()?);
                own.retain(|it| value.contains(it));
                if own.is_empty() {
                    return None;
                }
            }
            "required" => {
                let own = own.as_array_mut()?;
                own.extend(
                    value
                        .as_array()?
                        .iter()
                        .filter(|it| !own.contains(it))
                        .cloned()
                        .collect::<Vec<_>>(),
                );
            }
            "properties" => {
                let own = own.as_object_mut()?;
                for (name, property) in value.as_object()? {
                    let both = match own.get(name) {
                        Some(before) => merge(before.as_object()?, property.as_object()?)?.into(),
                        None => property.clone(),
                    };
                    own.insert(name.clone(), both);
                }
            }
            "additionalProperties" => match (&*own, value) {
                (Value::Bool(true), _) => *own = value.clone(),
                (_, Value::Bool(true)) | (Value::Bool(false), _) => {}
                (_, Value::Bool(false)) => *own = false.into(),
                _ => return None,
            },
            "minimum" | "exclusiveMinimum" | "minLength" | "minItems" | "minProperties" => {
                if value.as_f64()? > own.as_f64()? {
                    *own = value.clone();
                }
            }
            "maximum" | "exclusiveMaximum" | "maxLength" | "maxItems" | "maxProperties" => {
                if value.as_f64()? < own.as_f64()? {
                    *own = value.clone();
                }
            }
            _ => return None,
        }
    }
    Some(merged)
}

/// The types that are valid for both.
fn common_types(first: &Value, second: &Value) -> Option<Value> {
    let (first, second) = (types(first)?, types(second)?);
    let has = |all: &[&str], one: &str| all.contains(&one);
    let both = |one: &&str| {
        has(&first, one) && has(&second, one)
            || *one == "integer" && (has(&first, "number") || has(&second, "number"))
    };
    let all = first.iter().chain(&second);
    let mut common: Vec<&str> = Vec::new();
    for one in all.copied().filter(|it| both(it)) {
        if !common.contains(&one) {
            common.push(one);
        }
    }
    match common.as_slice() {
        [] => None,
        [one] => Some((*one).into()),
        many => Some(many.to_vec().into()),
    }
}

/// The types in the value of the keyword `type`.
pub(crate) fn types(value: &Value) -> Option<Vec<&str>> {
    match value {
        Value::String(one) => Some(vec![one]),
        Value::Array(many) => many.iter().map(Value::as_str).collect(),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use serde_json::json;

    use super::*;

    fn merged(first: Value, second: Value) -> Option<Value> {
        merge(first.as_object().unwrap(), second.as_object().unwrap()).map(Value::Object)
    }

    #[test]
    fn merging_gives_the_schema_of_the_values_that_are_valid_for_both() {
        let table = [
            (
                json!({"type": "string"}),
                json!({"minLength": 1}),
                json!({"type": "string", "minLength": 1}),
            ),
            (
                json!({"minimum": 1, "maximum": 9}),
                json!({"minimum": 3, "maximum": 10}),
                json!({"minimum": 3, "maximum": 9}),
            ),
            (
                json!({"type": "number"}),
                json!({"type": ["integer", "null"]}),
                json!({"type": "integer"}),
            ),
            (json!({"enum": ["a", "b"]}), json!({"enum": ["b", "c"]}), json!({"enum": ["b"]})),
            (
                json!({"description": "outer"}),
                json!({"description": "inner", "title": "t"}),
                json!({"description": "outer", "title": "t"}),
            ),
            (
                json!({"properties": {"a": {"type": "string"}}, "required": ["a"], "additionalProperties": false}),
                json!({"properties": {"a": {"maxLength": 3}, "b": {}}, "required": ["b", "a"]}),
                json!({"properties": {"a": {"type": "string", "maxLength": 3}, "b": {}}, "required": ["a", "b"],
                    "additionalProperties": false}),
            ),
        ];
        for (first, second, both) in table {
            assert_eq!(merged(first, second), Some(both));
        }
        for (first, second) in [
            (json!({"type": "string"}), json!({"type": "number"})),
            (json!({"pattern": "^a"}), json!({"pattern": "b$"})),
            (json!({"enum": ["a"]}), json!({"enum": ["b"]})),
            (json!({"not": {}}), json!({"not": {"type": "null"}})),
        ] {
            assert_eq!(merged(first, second), None);
        }
    }

    #[test]
    fn parts_that_cannot_be_merged_stay_unchanged() {
        let fold = |schema: Value| {
            let Value::Object(mut schema) = schema else { unreachable!() };
            super::fold(&mut schema);
            Value::Object(schema)
        };
        assert_eq!(
            fold(json!({"title": "x", "allOf": [{"type": "string"}, {"minLength": 1}]})),
            json!({"title": "x", "type": "string", "minLength": 1})
        );
        assert_eq!(fold(json!({"anyOf": [{"type": "string"}]})), json!({"type": "string"}));
        let kept = json!({"allOf": [{"pattern": "^a"}, {"pattern": "b$"}], "anyOf": [{}, {}]});
        assert_eq!(fold(kept.clone()), kept);
    }
}
