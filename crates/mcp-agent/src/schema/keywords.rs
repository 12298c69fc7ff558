//! The keywords of JSON Schema, by kind.

use serde_json::Value;

const TYPES: &[&str] = &["null", "boolean", "object", "array", "number", "integer", "string"];

/// Keywords with one schema as the value.
pub(crate) const ONE: &[&str] = &[
    "items",
    "additionalItems",
    "additionalProperties",
    "contains",
    "not",
    "if",
    "then",
    "else",
    "propertyNames",
    "unevaluatedItems",
    "unevaluatedProperties",
    "contentSchema",
];

/// Keywords with an array of schemas.
pub(crate) const MANY: &[&str] = &["allOf", "anyOf", "oneOf", "prefixItems"];

/// Keywords with schemas by name.
pub(crate) const NAMED: &[&str] = &["properties", "patternProperties", "dependentSchemas"];

/// Keywords that identify schemas and do not constrain values.
pub(crate) const IDENTIFIERS: &[&str] = &[
    "$schema",
    "$id",
    "$anchor",
    "$dynamicAnchor",
    "$recursiveAnchor",
    "$vocabulary",
    "$comment",
    "$defs",
    "definitions",
];

/// Keywords that describe a value.
pub(crate) const ANNOTATIONS: &[&str] =
    &["title", "description", "default", "examples", "deprecated", "readOnly", "writeOnly"];

/// Keywords that are useful to a model, so that the description quotes those that are dropped.
pub(crate) const QUOTED: &[&str] = &[
    "default",
    "examples",
    "const",
    "enum",
    "format",
    "pattern",
    "minLength",
    "maxLength",
    "minimum",
    "maximum",
    "exclusiveMinimum",
    "exclusiveMaximum",
    "multipleOf",
    "minItems",
    "maxItems",
    "uniqueItems",
    "minContains",
    "maxContains",
    "minProperties",
    "maxProperties",
    "contentEncoding",
    "contentMediaType",
    "allOf",
    "anyOf",
    "oneOf",
    "not",
    "if",
    "then",
    "else",
    "contains",
    "prefixItems",
    "propertyNames",
    "patternProperties",
    "dependentRequired",
    "dependentSchemas",
    "unevaluatedItems",
    "unevaluatedProperties",
];

/// Keywords that combine schemas, which a description cannot replace.
pub(crate) const STRUCTURAL: &[&str] = &[
    "allOf",
    "not",
    "if",
    "then",
    "else",
    "contains",
    "prefixItems",
    "propertyNames",
    "patternProperties",
    "dependentRequired",
    "dependentSchemas",
    "unevaluatedItems",
    "unevaluatedProperties",
];

/// Whether the value of a keyword has the type that JSON Schema requires. APIs refuse whole requests
/// otherwise.
pub(crate) fn is_well_formed(keyword: &str, value: &Value) -> bool {
    let is_texts =
        |value: &Value| value.as_array().is_some_and(|all| all.iter().all(Value::is_string));
    match keyword {
        "type" => match value {
            Value::String(kind) => TYPES.contains(&kind.as_str()),
            Value::Array(kinds) => {
                let is_type = |kind: &Value| kind.as_str().is_some_and(|it| TYPES.contains(&it));
                !kinds.is_empty() && kinds.iter().all(is_type)
            }
            _ => false,
        },
        "title" | "description" | "format" | "pattern" | "contentEncoding" | "contentMediaType" => {
            value.is_string()
        }
        "required" => is_texts(value),
        "dependentRequired" => value.as_object().is_some_and(|all| all.values().all(is_texts)),
        "enum" => value.as_array().is_some_and(|all| !all.is_empty()),
        "examples" => value.is_array(),
        "minimum" | "maximum" | "exclusiveMinimum" | "exclusiveMaximum" | "multipleOf" => {
            value.is_number()
        }
        "minLength" | "maxLength" | "minItems" | "maxItems" | "minProperties" | "maxProperties"
        | "minContains" | "maxContains" => value.is_u64(),
        "uniqueItems" | "deprecated" | "readOnly" | "writeOnly" => value.is_boolean(),
        keyword if ONE.contains(&keyword) => value.is_object() || value.is_boolean(),
        keyword if MANY.contains(&keyword) => value.as_array().is_some_and(|all| !all.is_empty()),
        keyword if NAMED.contains(&keyword) => value.is_object(),
        _ => true,
    }
}
