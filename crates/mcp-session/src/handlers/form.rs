//! Form content: completed with the defaults of the form, and validated against it.

use mcp_core::{ElicitAction, ElicitResult, ElicitSchema, ErrorObject};
use serde_json::{Map, Value};

use super::{format, reply::internal};

/// The result to send.
///
/// Spec: client/elicitation#requested-schema
pub(super) fn checked(
    mut result: ElicitResult,
    schema: &ElicitSchema,
) -> Result<ElicitResult, ErrorObject> {
    if result.action != ElicitAction::Accept {
        return Ok(without_content(result));
    }
    // Forms are small, and one JSON representation is simpler than nine types.
    let fields = serde_json::to_value(&schema.properties).map_err(|it| internal(it.to_string()))?;
    let Value::Object(fields) = fields else {
        return Err(internal("the form has no fields"));
    };
    let content = result.content.get_or_insert_default();
    for (name, field) in &fields {
        if let (false, Some(default)) = (content.contains_key(name), field.get("default")) {
            content.insert(name.clone(), default.clone());
        }
    }
    let required = schema.required.iter().flatten();
    match required
        .map(|name| present(content, name))
        .chain(content.iter().map(|(name, value)| match fields.get(name) {
            Some(field) => fits(field, value).map_err(|why| format!("{name:?} {why}")),
            None => Err(format!("{name:?} is not a field of the form")),
        }))
        .find_map(Result::err)
    {
        Some(why) => Err(internal(format!("the content does not match the form: {why}"))),
        None => Ok(result),
    }
}

/// A result without content.
pub(super) fn without_content(mut result: ElicitResult) -> ElicitResult {
    result.content = None;
    result
}

/// Checks a value of one field of a form, such as one that a user has just typed. An accepted response with a value that
/// does not pass is replaced by an error before it is sent.
///
/// # Errors
/// A sentence without its subject, such as `must be at most 9`. Also if the form has no such field.
///
/// Spec: client/elicitation#requested-schema
pub fn check_form_field(schema: &ElicitSchema, name: &str, value: &Value) -> Result<(), String> {
    let Some(field) = schema.properties.get(name) else {
        return Err("is not a field of the form".to_owned());
    };
    fits(&serde_json::to_value(field).map_err(|error| error.to_string())?, value)
}

fn present(content: &Map<String, Value>, name: &str) -> Result<(), String> {
    match content.contains_key(name) {
        true => Ok(()),
        false => Err(format!("{name:?} is missing")),
    }
}

fn fits(field: &Value, value: &Value) -> Result<(), String> {
    let kind = field.get("type").and_then(Value::as_str).unwrap_or_default();
    match (kind, value) {
        ("string", Value::String(text)) => {
            within(field, "minLength", "maxLength", text.chars().count() as f64, "characters")?;
            format::matches_format(field, text)?;
            format::matches_pattern(field, text)?;
            chosen(field, "oneOf", text)
        }
        ("number", Value::Number(number)) => {
            within(field, "minimum", "maximum", number.as_f64().unwrap_or_default(), "")
        }
        ("integer", Value::Number(number))
            if number.as_f64().is_some_and(|it| it.fract() == 0.0) =>
        {
            within(field, "minimum", "maximum", number.as_f64().unwrap_or_default(), "")
        }
        ("boolean", Value::Bool(_)) => Ok(()),
        ("array", Value::Array(values)) => {
            within(field, "minItems", "maxItems", values.len() as f64, "values")?;
            let items = field.get("items").unwrap_or(&Value::Null);
            values.iter().try_for_each(|value| match value {
                Value::String(text) => chosen(items, "anyOf", text),
                _ => Err("holds a value that is not a string".to_owned()),
            })
        }
        ("string" | "number" | "integer" | "boolean" | "array", _) => {
            Err(format!("is of another type than {kind}"))
        }
        _ => Ok(()),
    }
}

/// Checks that a number is within the bounds in these members, if present.
fn within(field: &Value, least: &str, most: &str, found: f64, unit: &str) -> Result<(), String> {
    let limit = |name| field.get(name).and_then(Value::as_f64);
    let (bound, limit) = match (limit(least), limit(most)) {
        (Some(least), _) if found < least => ("least", least),
        (_, Some(most)) if found > most => ("most", most),
        _ => return Ok(()),
    };
    Err(format!("must be at {bound} {limit} {unit}").trim_end().to_owned())
}

/// Checks that a text is one of the choices, if there are any: plain ones, or with titles.
fn chosen(field: &Value, titled: &str, text: &str) -> Result<(), String> {
    let plain = field.get("enum").and_then(Value::as_array);
    let titled = field.get(titled).and_then(Value::as_array);
    let is_one = match (plain, titled) {
        (Some(values), _) => values.iter().any(|value| value == text),
        (None, Some(options)) => {
            options.iter().any(|option| option.get("const").is_some_and(|value| value == text))
        }
        (None, None) => true,
    };
    match is_one {
        true => Ok(()),
        false => Err(format!("is {text:?}, which is not one of the choices")),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use serde_json::json;

    use super::*;

    #[test]
    fn one_field_is_checked() {
        let schema: ElicitSchema = serde_json::from_value(json!({
            "type": "object",
            "properties": {
                "age": { "type": "integer", "maximum": 150 },
                "mail": { "type": "string", "format": "email" },
            },
        }))
        .unwrap();
        let check = |name, value: Value| check_form_field(&schema, name, &value);
        assert_eq!(check("age", json!(150)), Ok(()));
        assert_eq!(check("age", json!(151)), Err("must be at most 150".to_owned()));
        assert!(check("mail", json!("x")).unwrap_err().contains("email"));
        assert!(check("other", json!(1)).unwrap_err().contains("not a field"));
    }

    fn outcome(content: Value) -> Result<Value, String> {
        let schema: ElicitSchema = serde_json::from_value(json!({
            "type": "object",
            "required": ["name"],
            "properties": {
                "name": { "type": "string", "default": "Ann", "minLength": 2, "maxLength": 5 },
                "age": { "type": "integer", "minimum": 0, "maximum": 150, "default": 30 },
                "score": { "type": "number", "default": 1.5 },
                "ok": { "type": "boolean", "default": true },
                "size": { "type": "string", "enum": ["s", "m"], "default": "m" },
                "tone": { "type": "string", "oneOf": [{ "const": "a", "title": "A" }] },
                "mail": { "type": "string", "format": "email" },
                "code": { "type": "string", "pattern": "^[0-9]+$" },
                "tags": { "type": "array", "items": { "type": "string", "enum": ["x", "y"] }, "maxItems": 1 },
            },
        }))
        .unwrap();
        let result = ElicitResult::new(ElicitAction::Accept)
            .with_content(content.as_object().unwrap().clone());
        checked(result, &schema)
            .map(|result| Value::Object(result.content.unwrap()))
            .map_err(|error| error.message)
    }

    #[test]
    fn defaults_fill_missing_fields() {
        let defaults = json!({ "name": "Ann", "age": 30, "score": 1.5, "ok": true, "size": "m" });
        assert_eq!(outcome(json!({})).unwrap(), defaults);
        assert_eq!(outcome(json!({ "name": "Bo" })).unwrap()["name"], "Bo");
    }

    #[test]
    fn misfits_are_named() {
        for (content, why) in [
            (json!({ "name": 1 }), "\"name\" is of another type than string"),
            (json!({ "name": "A" }), "at least 2 characters"),
            (json!({ "name": "Annabel" }), "at most 5 characters"),
            (json!({ "age": 1.5 }), "\"age\" is of another type"),
            (json!({ "age": 151 }), "at most 150"),
            (json!({ "ok": "yes" }), "another type than boolean"),
            (json!({ "size": "l" }), "\"l\", which is not one of the choices"),
            (json!({ "tone": "b" }), "not one of the choices"),
            (json!({ "tags": ["x", "y"] }), "at most 1 values"),
            (json!({ "tags": ["z"] }), "not one of the choices"),
            (json!({ "tags": [1] }), "not a string"),
            (json!({ "other": 1 }), "\"other\" is not a field"),
            (json!({ "mail": "ann" }), "\"mail\" is \"ann\", which is not a valid email"),
            #[cfg(feature = "validation")]
            (json!({ "code": "a1" }), "does not match the pattern"),
        ] {
            let error = outcome(content.clone()).unwrap_err();
            assert!(error.contains(why), "{content}: {error}");
        }
        assert!(outcome(json!({ "age": 7.0, "tone": "a", "tags": ["y"] })).is_ok());
    }

    #[test]
    fn a_declined_form_sends_nothing() {
        let schema = ElicitSchema::default().with_required(vec!["name".to_owned()]);
        let result = ElicitResult::new(ElicitAction::Decline).with_content(Map::new());
        assert_eq!(checked(result, &schema).unwrap().content, None);
        let accepted = ElicitResult::new(ElicitAction::Accept);
        assert!(checked(accepted, &schema).unwrap_err().message.contains("\"name\" is missing"));
    }
}
