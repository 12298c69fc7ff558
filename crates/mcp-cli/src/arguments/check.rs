//! Validates arguments against the schema of a tool.

use mcp_client::{
    schema::{Schema, ValidationError},
    types::{Tool, nearest},
};
use serde_json::{Map, Value};

use crate::{
    escape::line,
    failure::Failure,
    output::{of_tool, type_name},
};

/// Limit on the work of a validation.
const MAX_STEPS: u64 = 10_000_000;

/// Validates the names and the values of the arguments.
pub(crate) fn check(tool: &Tool, arguments: &Map<String, Value>) -> Result<(), Failure> {
    let schema = &tool.input_schema;
    let properties = schema.get("properties").and_then(Value::as_object);
    let mut wrong = Vec::new();
    for key in arguments.keys() {
        let Some(properties) = properties.filter(|it| !it.contains_key(key)) else { continue };
        let hint = match nearest(key, properties.keys().map(String::as_str)) {
            Some(name) => format!(", did you mean {}?", line(name)),
            None => String::new(),
        };
        // Other names are accepted only if the schema allows them and they are not misspelled.
        let takes_others = schema.contains_key("additionalProperties")
            && schema.get("additionalProperties") != Some(&Value::Bool(false))
            || schema.contains_key("patternProperties");
        if !takes_others {
            wrong.push(format!("there is no argument {}{hint}", line(key)));
        }
    }
    for name in schema.get("required").and_then(Value::as_array).into_iter().flatten() {
        let Some(name) = name.as_str().filter(|name| !arguments.contains_key(*name)) else {
            continue;
        };
        let of = properties.and_then(|it| it.get(name)).map_or("any".to_owned(), type_name);
        wrong.push(format!("{} is missing: {of}", line(name)));
    }
    if wrong.is_empty() {
        wrong.extend(violations(schema, arguments));
    }
    match wrong.is_empty() {
        true => Ok(()),
        false => Err(Failure::usage(format!("{}: {}", line(&tool.name), wrong.join("; ")))
            .and(format!("usage: {}{}", line(&tool.name), of_tool(tool)))),
    }
}

/// The violations that a validator finds. An invalid schema finds none: the server validates then.
fn violations(schema: &Map<String, Value>, arguments: &Map<String, Value>) -> Option<String> {
    let schema = Schema::compile(&Value::Object(schema.clone())).ok()?;
    match schema.validate(&Value::Object(arguments.clone()), MAX_STEPS) {
        Err(ValidationError::Invalid(why)) => Some(why),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn found(schema: Value, arguments: Value) -> String {
        let (Value::Object(schema), Value::Object(arguments)) = (schema, arguments) else {
            unreachable!("they are objects")
        };
        let checked = check(&Tool::new("echo", schema), &arguments);
        checked.err().and_then(|it| it.message()).unwrap_or_default()
    }

    #[test]
    fn slips_are_found_before_anything_is_sent() {
        let schema = json!({
            "type": "object",
            "properties": { "message": { "type": "string" }, "n": { "type": "integer", "minimum": 1 } },
            "required": ["message"],
        });
        let usage = "\nusage: echo(message: string, n?: integer)";
        let of = |arguments| found(schema.clone(), arguments);
        assert_eq!(of(json!({ "message": "a" })), "");
        assert_eq!(
            of(json!({ "mesage": "a" })),
            format!(
                "echo: there is no argument mesage, did you mean message?; message is missing: \
                 string{usage}"
            )
        );
        assert!(of(json!({ "message": "a", "n": 0 })).starts_with("echo: at /n: "));
        let mut open = schema.clone();
        open["additionalProperties"] = json!(true);
        assert_eq!(found(open, json!({ "message": "a", "other": 1 })), "");
        assert_eq!(found(json!({ "type": "object" }), json!({ "other": 1 })), "");
    }
}
