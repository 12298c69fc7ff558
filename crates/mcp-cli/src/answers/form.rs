//! Forms, filled in at the terminal or by options.

use std::io;

use dialoguer::{Confirm, Input, MultiSelect, Select, console::Term};
use mcp_client::{
    check_form_field,
    types::{ElicitAction, ElicitRequestFormParams, ElicitResult, ElicitSchema},
};
use serde_json::{Map, Value};

use crate::{
    arguments,
    escape::{block, line},
};

/// The fields of a form: their names and schemas, as JSON.
fn fields(schema: &ElicitSchema) -> Vec<(String, Value)> {
    let fields = schema.properties.iter();
    fields
        .map(|(name, field)| (name.to_owned(), serde_json::to_value(field).unwrap_or_default()))
        .collect()
}

/// The values of `--answer` for fields of this form, with the types of the fields.
pub(super) fn given(
    answers: &[String],
    schema: &ElicitSchema,
) -> Result<Map<String, Value>, String> {
    let fields = fields(schema);
    let mut given = Map::new();
    for answer in answers {
        let Some((name, text)) = answer.split_once('=') else {
            return Err(format!("--answer {}: write FIELD=VALUE", line(answer)));
        };
        let Some((_, field)) = fields.iter().find(|(it, _)| it == name) else { continue };
        let value = arguments::value(text, Some(field), None)
            .map_err(|expected| format!("{}: expected {expected}", line(name)))?;
        given.insert(name.to_owned(), value);
    }
    Ok(given)
}

/// Required fields without a value or a default.
pub(super) fn missing(given: &Map<String, Value>, schema: &ElicitSchema) -> Vec<String> {
    let fields = fields(schema);
    let has_default =
        |name: &str| fields.iter().any(|(it, field)| it == name && field.get("default").is_some());
    let required = schema.required.iter().flatten();
    let missing = required.filter(|name| !given.contains_key(*name) && !has_default(name));
    missing.map(|name| line(name).into_owned()).collect()
}

/// Prompts for each field without a value. Escape cancels.
pub(super) fn ask(
    server: &str,
    params: &ElicitRequestFormParams,
    mut content: Map<String, Value>,
) -> io::Result<ElicitResult> {
    let term = Term::stderr();
    // A progress line may be here.
    term.clear_line()?;
    term.write_line(&format!("{server} requests: {}", block(&params.message)))?;
    let schema = &params.requested_schema;
    for (name, field) in fields(schema) {
        if content.contains_key(&name) {
            continue;
        }
        let is_required = schema.required.iter().flatten().any(|it| *it == name);
        let check = |value: &Value| check_form_field(schema, &name, value);
        match field_value(&term, &name, &field, is_required, &check)? {
            Answer::Value(value) => {
                content.insert(name, value);
            }
            Answer::None => {}
            Answer::Cancelled => return Ok(ElicitResult::new(ElicitAction::Cancel)),
        }
    }
    let send = Confirm::new().with_prompt("Send this?").default(true).interact_on_opt(&term)?;
    Ok(match send {
        Some(true) => ElicitResult::new(ElicitAction::Accept).with_content(content),
        Some(false) => ElicitResult::new(ElicitAction::Decline),
        None => ElicitResult::new(ElicitAction::Cancel),
    })
}

enum Answer {
    Value(Value),
    /// The field is omitted.
    None,
    Cancelled,
}

fn field_value(
    term: &Term,
    name: &str,
    field: &Value,
    is_required: bool,
    check: &dyn Fn(&Value) -> Result<(), String>,
) -> io::Result<Answer> {
    let text = |key: &str| field.get(key).and_then(Value::as_str);
    let mut prompt = line(text("title").unwrap_or(name)).into_owned();
    if let Some(about) = text("description") {
        // Not in the prompt, of which only the last line is redrawn.
        term.write_line(&line(about))?;
    }
    let default = field.get("default");
    if field.get("type") == Some(&"boolean".into()) {
        let is_set = default.and_then(Value::as_bool).unwrap_or_default();
        let answer = Confirm::new().with_prompt(prompt).default(is_set).interact_on_opt(term)?;
        return Ok(answer.map_or(Answer::Cancelled, |it| Answer::Value(it.into())));
    }
    let choices = choices(field.get("items").unwrap_or(field));
    if !choices.is_empty() {
        let labels: Vec<&str> = choices.iter().map(|(_, label)| label.as_str()).collect();
        if field.get("items").is_some() {
            let is_set = |value: &String| {
                let set = default.and_then(Value::as_array);
                set.is_some_and(|set| set.iter().any(|it| it.as_str() == Some(value)))
            };
            let set: Vec<bool> = choices.iter().map(|(value, _)| is_set(value)).collect();
            let select = MultiSelect::new()
                .with_prompt(format!("{prompt} (space selects, enter continues)"))
                .items(&labels)
                .defaults(&set);
            loop {
                let Some(chosen) = select.clone().interact_on_opt(term)? else {
                    return Ok(Answer::Cancelled);
                };
                let values = chosen.into_iter().map(|at| Value::from(choices[at].0.as_str()));
                let values = values.collect();
                match check(&values) {
                    Ok(()) => return Ok(Answer::Value(values)),
                    Err(why) => term.write_line(&line(&why))?,
                }
            }
        }
        let set = choices.iter().position(|(value, _)| default == Some(&value.as_str().into()));
        let select = Select::new().with_prompt(prompt).items(&labels).default(set.unwrap_or(0));
        let chosen = select.interact_on_opt(term)?;
        return Ok(
            chosen.map_or(Answer::Cancelled, |at| Answer::Value(choices[at].0.as_str().into()))
        );
    }
    if !is_required && default.is_none() {
        prompt.push_str(" (optional)");
    }
    let shown = default.map(|it| it.as_str().map_or_else(|| it.to_string(), str::to_owned));
    loop {
        let mut input = Input::<String>::new().with_prompt(&prompt).allow_empty(true);
        if let Some(shown) = &shown {
            input = input.default(line(shown).into_owned());
        }
        let typed = input.interact_text_on(term)?;
        if typed.is_empty() {
            if !is_required {
                return Ok(Answer::None);
            }
            term.write_line("it is required")?;
            continue;
        }
        match arguments::value(&typed, Some(field), None) {
            Ok(value) => match check(&value) {
                Ok(()) => return Ok(Answer::Value(value)),
                Err(why) => term.write_line(&line(&why))?,
            },
            Err(expected) => term.write_line(&format!("expected {expected}"))?,
        }
    }
}

/// The choices with their labels.
fn choices(schema: &Value) -> Vec<(String, String)> {
    let list = |key: &str| schema.get(key).and_then(Value::as_array);
    if let Some(options) = list("oneOf").or_else(|| list("anyOf")) {
        let pair = |option: &Value| {
            let value = option.get("const")?.as_str()?;
            let label = option.get("title").and_then(Value::as_str).unwrap_or(value);
            Some((value.to_owned(), line(label).into_owned()))
        };
        return options.iter().filter_map(pair).collect();
    }
    let values = list("enum").into_iter().flatten().filter_map(Value::as_str);
    let names = list("enumNames").map_or(&[][..], Vec::as_slice);
    let label = |at: usize| names.get(at).and_then(Value::as_str);
    let pairs = values.enumerate();
    pairs.map(|(at, it)| (it.to_owned(), line(label(at).unwrap_or(it)).into_owned())).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn schema() -> ElicitSchema {
        let schema = json!({
            "type": "object",
            "properties": {
                "name": { "type": "string" },
                "count": { "type": "integer", "default": 1 },
                "colour": { "type": "string", "enum": ["r", "g"], "enumNames": ["red", "green"] },
                "sizes": { "type": "array", "items": { "anyOf": [{ "const": "s", "title": "small" }] } },
            },
            "required": ["name", "count"],
        });
        serde_json::from_value(schema).unwrap_or_default()
    }

    #[test]
    fn answers_have_the_types_of_the_fields() {
        let answers = ["name=12".to_owned(), "count=12".to_owned(), "other=1".to_owned()];
        let given = given(&answers, &schema()).map(Value::Object);
        assert_eq!(given, Ok(json!({ "name": "12", "count": 12 })));
        let wrong = super::given(&["count=x".to_owned()], &schema());
        assert_eq!(wrong, Err("count: expected integer".to_owned()));
        assert_eq!(missing(&Map::new(), &schema()), ["name"]);
    }

    #[test]
    fn choices_have_labels() {
        let fields = fields(&schema());
        let pair = |value: &str, label: &str| (value.to_owned(), label.to_owned());
        assert_eq!(choices(&fields[2].1), [pair("r", "red"), pair("g", "green")]);
        assert_eq!(choices(&fields[3].1["items"]), [pair("s", "small")]);
        assert_eq!(choices(&fields[0].1), []);
    }
}
