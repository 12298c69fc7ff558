//! TOML: read, and edited so that comments and order stay.

use serde_json::{Map, Value};
use toml_edit::{Array, Document, DocumentMut, InlineTable, Item, Table, TomlError};

use super::SyntaxError;
use crate::error::{Error, ErrorKind};
use crate::path::{Path, Step};

pub(crate) fn parse(text: &str) -> Result<Value, SyntaxError> {
    let document = Document::parse(text).map_err(|error| told(text, &error))?;
    Ok(table(document.as_table().iter()))
}

pub(crate) fn line_of(text: &str, path: &Path) -> Option<usize> {
    let document = Document::parse(text).ok()?;
    let mut here: Option<&Item> = Some(document.as_item());
    let mut shown = 0;
    for step in path.steps() {
        let next = match step {
            Step::Key(key) => here.and_then(|item| item.get(key)),
            Step::Index(index) => here.and_then(|item| item.get(index)),
        };
        // An element of an array is no item: the array's own line is near enough.
        let Some(next) = next else { break };
        shown = next.span().map_or(shown, |span| span.start);
        here = Some(next);
    }
    Some(text.get(..shown)?.bytes().filter(|byte| *byte == b'\n').count() + 1)
}

pub(crate) fn set(
    text: &str,
    container: &[String],
    name: &str,
    value: &Value,
) -> Result<String, Error> {
    let mut document = editable(text)?;
    let mut here: &mut Table = document.as_table_mut();
    for key in container {
        let made = || {
            let mut table = Table::new();
            table.set_implicit(true);
            Item::Table(table)
        };
        here = here.entry(key).or_insert_with(made).as_table_mut().ok_or_else(inline)?;
    }
    here.insert(name, item(value));
    Ok(document.to_string())
}

pub(crate) fn remove(text: &str, container: &[String], name: &str) -> Result<String, Error> {
    let mut document = editable(text)?;
    let mut here: &mut Table = document.as_table_mut();
    for key in container {
        let Some(next) = here.get_mut(key) else { return Ok(text.to_owned()) };
        here = next.as_table_mut().ok_or_else(inline)?;
    }
    here.remove(name);
    Ok(document.to_string())
}

fn editable(text: &str) -> Result<DocumentMut, Error> {
    text.parse().map_err(|error| {
        let SyntaxError { message, place } = told(text, &error);
        Error::new(ErrorKind::Syntax, message).at(place)
    })
}

fn inline() -> Error {
    Error::new(ErrorKind::Shape, "the servers stand in an inline table, which is not edited")
}

fn told(text: &str, error: &TomlError) -> SyntaxError {
    let place = error.span().and_then(|span| text.get(..span.start)).map(|before| {
        let line = before.bytes().filter(|byte| *byte == b'\n').count() + 1;
        (line, before.rsplit('\n').next().unwrap_or_default().chars().count() + 1)
    });
    SyntaxError { message: error.message().trim().replace('\n', ", "), place }
}

fn table<'a>(members: impl Iterator<Item = (&'a str, &'a Item)>) -> Value {
    let members = members.map(|(key, item)| (key.to_owned(), from_item(item)));
    Value::Object(members.collect())
}

fn from_item(item: &Item) -> Value {
    match item {
        Item::None => Value::Null,
        Item::Value(value) => from_value(value),
        Item::Table(it) => table(it.iter()),
        Item::ArrayOfTables(tables) => tables.iter().map(|it| table(it.iter())).collect(),
    }
}

fn from_value(value: &toml_edit::Value) -> Value {
    match value {
        toml_edit::Value::String(text) => text.value().as_str().into(),
        toml_edit::Value::Integer(number) => (*number.value()).into(),
        toml_edit::Value::Float(number) => (*number.value()).into(),
        toml_edit::Value::Boolean(it) => (*it.value()).into(),
        toml_edit::Value::Datetime(time) => time.value().to_string().into(),
        toml_edit::Value::Array(items) => items.iter().map(from_value).collect(),
        toml_edit::Value::InlineTable(table) => {
            let members = table.iter().map(|(key, value)| (key.to_owned(), from_value(value)));
            Value::Object(members.collect::<Map<_, _>>())
        }
    }
}

/// Objects become tables; within lists, inline ones. TOML has no null: it is left out.
fn item(value: &Value) -> Item {
    match value {
        Value::Object(map) => {
            let mut table = Table::new();
            // Plain values come first: what follows a table's header belongs to that table.
            let (tables, plain): (Vec<_>, Vec<_>) = map.iter().partition(|(_, it)| it.is_object());
            for (key, value) in plain.into_iter().chain(tables) {
                if !value.is_null() {
                    table.insert(key, item(value));
                }
            }
            Item::Table(table)
        }
        other => in_line(other).map_or(Item::None, Item::Value),
    }
}

fn in_line(value: &Value) -> Option<toml_edit::Value> {
    Some(match value {
        Value::Null => return None,
        Value::Bool(it) => (*it).into(),
        Value::Number(number) => match number.as_i64() {
            Some(whole) => whole.into(),
            None => number.as_f64()?.into(),
        },
        Value::String(text) => text.as_str().into(),
        Value::Array(items) => items.iter().filter_map(in_line).collect::<Array>().into(),
        Value::Object(map) => {
            let members = map.iter().filter_map(|(key, value)| Some((key, in_line(value)?)));
            members.collect::<InlineTable>().into()
        }
    })
}
