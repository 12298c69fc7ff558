//! TOML: reading, and edits that preserve comments and order.

use serde_json::{Map, Value};
use toml_edit::{Array, Document, DocumentMut, InlineTable, Item, Table, TomlError};

use super::SyntaxError;
use crate::error::{Error, ErrorKind};
use crate::lines::{LineStarts, Lines};
use crate::path::Step;

pub(super) fn parse(text: &str) -> Result<Value, SyntaxError> {
    // The parser limits the depth of a document.
    let document = Document::parse(text).map_err(|error| syntax_error(text, &error))?;
    Ok(table(document.as_table().iter()))
}

/// The line numbers of all values. Values within lists and inline tables have the line of the list or table.
pub(super) fn lines(text: &str) -> Lines {
    let starts = LineStarts::new(text);
    let mut lines = Lines::at(1);
    if let Ok(document) = Document::parse(text) {
        members(document.as_table(), &starts, &mut lines);
    }
    lines
}

fn members(table: &Table, starts: &LineStarts, lines: &mut Lines) {
    for (key, item) in table.iter() {
        let line = item.span().map_or(1, |span| starts.line(span.start));
        let member = lines.insert(Step::Key(key.to_owned()), Lines::at(line));
        match item {
            Item::Table(table) => members(table, starts, member),
            Item::ArrayOfTables(tables) => {
                for (index, table) in tables.iter().enumerate() {
                    let line = table.span().map_or(line, |span| starts.line(span.start));
                    let element = member.insert(Step::Index(index), Lines::at(line));
                    members(table, starts, element);
                }
            }
            Item::None | Item::Value(_) => {}
        }
    }
}

pub(super) fn set(
    text: &str,
    container: &[String],
    slot: &Step,
    value: &Value,
) -> Result<String, Error> {
    let mut document = editable(text)?;
    let mut here: &mut Table = document.as_table_mut();
    for key in container {
        let missing = || {
            let mut table = Table::new();
            table.set_implicit(true);
            Item::Table(table)
        };
        here = here.entry(key).or_insert_with(missing).as_table_mut().ok_or_else(inline)?;
    }
    here.insert(name(slot)?, item(value));
    Ok(document.to_string())
}

pub(super) fn remove(text: &str, container: &[String], slot: &Step) -> Result<String, Error> {
    let mut document = editable(text)?;
    let mut here: &mut Table = document.as_table_mut();
    for key in container {
        let Some(next) = here.get_mut(key) else { return Ok(text.to_owned()) };
        here = next.as_table_mut().ok_or_else(inline)?;
    }
    here.remove(name(slot)?);
    Ok(document.to_string())
}

fn name(slot: &Step) -> Result<&str, Error> {
    match slot {
        Step::Key(name) => Ok(name),
        Step::Index(_) => Err(inline()),
    }
}

fn editable(text: &str) -> Result<DocumentMut, Error> {
    text.parse().map_err(|error| {
        let SyntaxError { message, place } = syntax_error(text, &error);
        Error::new(ErrorKind::Syntax, message).at(place)
    })
}

fn inline() -> Error {
    let message = "the servers are in an inline table or a list, which cannot be edited: write them as [tables]";
    Error::new(ErrorKind::Shape, message)
}

fn syntax_error(text: &str, error: &TomlError) -> SyntaxError {
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

/// Objects become tables, or inline tables within lists. Null values are left out, since TOML has none.
fn item(value: &Value) -> Item {
    match value {
        Value::Object(map) => {
            let mut table = Table::new();
            // Scalars come first: keys after a table header belong to that table.
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
