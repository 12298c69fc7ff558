//! Parses the arguments of a tool, and validates them before anything is sent.

mod check;
mod typed;

use std::{fs, io::Read, path::Path};

use mcp_client::types::Tool;
use serde_json::{Map, Value};

pub(crate) use check::check;
pub(crate) use typed::value;

use crate::{escape::line, failure::Failure};

/// Parses `key=value`, `key:=JSON` and `key=@FILE`, in addition to `args`: JSON, `@FILE` or `-`. Values have the types in
/// the schema of the tool; without a schema they are strings.
pub(crate) fn read(
    words: &[String],
    args: Option<&str>,
    tool: Option<&Tool>,
) -> Result<Map<String, Value>, Failure> {
    let mut arguments = match args {
        Some(text) => object(text)?,
        None => Map::new(),
    };
    let mut given = Vec::new();
    for word in words {
        let (key, value) = pair(word, tool)?;
        match (arguments.get_mut(&key), given.contains(&key)) {
            // A repeated key is a list.
            (Some(Value::Array(items)), true) => match value {
                Value::Array(mut more) => items.append(&mut more),
                value => items.push(value),
            },
            (Some(_), true) => {
                let key = line(&key);
                return Err(Failure::usage(format!("{key} is given twice, but is not a list")));
            }
            _ => {
                arguments.insert(key.clone(), value);
                given.push(key);
            }
        }
    }
    Ok(arguments)
}

fn pair(word: &str, tool: Option<&Tool>) -> Result<(String, Value), Failure> {
    let Some((key, value)) = word.split_once('=') else {
        let hint = "write key=value, key:=JSON or key=@FILE, or pass all with --args JSON";
        return Err(Failure::usage(format!("{} is not an argument: {hint}", line(word))));
    };
    if let Some(key) = key.strip_suffix(':') {
        let value = serde_json::from_str(value)
            .map_err(|error| Failure::usage(format!("{}: not JSON: {error}", line(key))))?;
        return Ok((key.to_owned(), value));
    }
    let contents;
    let text = match value.strip_prefix('@') {
        Some(file) => {
            contents = file_text(Path::new(file))?;
            &contents
        }
        None => value,
    };
    let schema = tool.and_then(|tool| tool.input_schema.get("properties")?.get(key));
    let root = tool.map(|tool| &tool.input_schema);
    let value = typed::value(text, schema, root).map_err(|expected| {
        let found = if text.len() > 60 { "a longer text" } else { &*line(text) };
        Failure::usage(format!("{}: expected {expected}, found {found}", line(key)))
    })?;
    Ok((key.to_owned(), value))
}

fn object(text: &str) -> Result<Map<String, Value>, Failure> {
    let read = match text.strip_prefix('@') {
        Some(file) => file_text(Path::new(file))?,
        None if text == "-" => {
            let mut input = String::new();
            std::io::stdin().read_to_string(&mut input)?;
            input
        }
        None => text.to_owned(),
    };
    serde_json::from_str(&read)
        .map_err(|error| Failure::usage(format!("--args is not a JSON object: {error}")))
}

fn file_text(file: &Path) -> Result<String, Failure> {
    fs::read_to_string(file).map_err(|error| Failure::usage(format!("{}: {error}", file.display())))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn tool() -> Tool {
        let schema = json!({
            "type": "object",
            "properties": {
                "text": { "type": "string" },
                "count": { "type": "integer" },
                "on": { "type": "boolean" },
                "tags": { "type": "array", "items": { "type": "string" } },
                "maybe": { "anyOf": [{ "type": "number" }, { "type": "null" }] },
                "point": { "$ref": "#/$defs/Point" },
            },
            "$defs": { "Point": { "type": "object" } },
        });
        match schema {
            Value::Object(schema) => Tool::new("t", schema),
            _ => unreachable!("it is an object"),
        }
    }

    fn all(words: &[&str]) -> Result<Value, String> {
        let words: Vec<String> = words.iter().map(|it| (*it).to_owned()).collect();
        let read = read(&words, None, Some(&tool()));
        read.map(Value::Object).map_err(|it| it.message().unwrap_or_default())
    }

    #[test]
    fn values_have_the_types_of_the_schema() {
        let words = [
            "text=12",
            "count=12",
            "on=true",
            "tags=a",
            "tags=b",
            "maybe=null",
            "point={\"x\": 1}",
            "more:=[1, 2]",
            "unknown=1",
        ];
        let wanted = json!({
            "text": "12", "count": 12, "on": true, "tags": ["a", "b"], "maybe": null,
            "point": { "x": 1 }, "more": [1, 2], "unknown": "1",
        });
        assert_eq!(all(&words), Ok(wanted));
        assert_eq!(all(&["tags=[\"a, b\"]"]), Ok(json!({ "tags": ["a, b"] })));
        assert_eq!(all(&["text=a=b"]), Ok(json!({ "text": "a=b" })));
    }

    #[test]
    fn what_does_not_fit_is_named() {
        for (words, wanted) in [
            (&["count=x"][..], "count: expected integer, found x"),
            (&["count=1.5"], "count: expected integer, found 1.5"),
            (&["on=yes"], "on: expected boolean, found yes"),
            (&["maybe=x"], "maybe: expected number | null, found x"),
            (&["text=a", "text=b"], "text is given twice, but is not a list"),
            (&["text"], "text is not an argument: write key=value"),
            (&["more:=x"], "more: not JSON: expected value"),
        ] {
            let found = all(words);
            assert!(found.as_ref().is_err_and(|it| it.starts_with(wanted)), "{found:?}");
        }
    }

    #[test]
    fn words_are_put_on_top_of_the_object() {
        let words = ["count=2".to_owned()];
        let read = read(&words, Some(r#"{"count": 1, "text": "a"}"#), Some(&tool()));
        let wanted = json!({ "count": 2, "text": "a" });
        assert_eq!(read.ok().map(Value::Object), Some(wanted));
    }
}
