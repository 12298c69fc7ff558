//! Entries with nested objects or lists where others have plain fields.

use serde_json::{Map, Value};

use crate::fields::Fields;

/// Moves the fields of nested objects to the level of the entry.
pub(super) fn flatten(fields: &mut Fields<'_>) {
    transport(fields);
    command(fields);
    request_options(fields);
}

/// `"transport": {"type": "http", "url": …}`
fn transport(fields: &mut Fields<'_>) {
    if !fields.get("transport").is_some_and(Value::is_object) {
        return;
    }
    let path = fields.at("transport");
    if let Some((_, Value::Object(transport))) = fields.take(&["transport"]) {
        for (name, value) in transport {
            fields.move_in(&name, value, path.key(&name));
        }
    }
}

/// A program with its arguments: a list in OpenCode, an object in older versions of Zed.
fn command(fields: &mut Fields<'_>) {
    let path = fields.at("command");
    match fields.get("command") {
        Some(Value::Object(_)) => {
            if let Some((_, Value::Object(command))) = fields.take(&["command"]) {
                for (name, value) in command {
                    let plain = if name == "path" { "command" } else { &name };
                    fields.move_in(plain, value, path.key(&name));
                }
            }
        }
        Some(Value::Array(_)) => {
            let Some(mut words) = fields.texts(&["command"]) else { return };
            let program = if words.is_empty() { String::new() } else { words.remove(0) };
            fields.move_in("command", program.into(), path.clone());
            let more = fields.texts(&["args"]).unwrap_or_default();
            words.extend(more);
            if !words.is_empty() {
                fields.move_in("args", words.into(), path);
            }
        }
        _ => {}
    }
}

/// `"requestOptions": {"headers": …}` of Continue; its other members stay where they are.
fn request_options(fields: &mut Fields<'_>) {
    if !fields.get("requestOptions").is_some_and(Value::is_object) {
        return;
    }
    let path = fields.at("requestOptions");
    if let Some((name, Value::Object(mut options))) = fields.take(&["requestOptions"]) {
        if let Some(headers) = options.shift_remove("headers") {
            fields.move_in("headers", headers, path.key("headers"));
        }
        let rest: Map<String, Value> = options;
        if !rest.is_empty() {
            fields.move_in(name, rest.into(), path);
        }
    }
}
