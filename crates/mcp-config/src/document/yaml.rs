//! YAML: reading, and edits that preserve comments and order.

mod blocks;
mod edit;
mod guard;

use serde_json::Value;
use yaml_serde::Value as Yaml;

use super::SyntaxError;
use crate::lines::Lines;
use blocks::Blocks;

pub(super) use edit::{remove, set};

pub(super) fn parse(text: &str) -> Result<Value, SyntaxError> {
    guard::check(text)?;
    let mut yaml: Yaml = yaml_serde::from_str(text).map_err(|error| {
        let place = error.location().map(|place| (place.line(), place.column()));
        let message = error.to_string();
        let end = message.find(" at line ").unwrap_or(message.len());
        SyntaxError { message: message[..end].to_owned(), place }
    })?;
    if yaml.is_null() {
        return Ok(Value::Object(serde_json::Map::new()));
    }
    yaml.apply_merge().map_err(|error| error.to_string())?;
    serde_json::to_value(yaml).map_err(|error| error.to_string().into())
}

/// The line numbers of block values. Values in flow style have the line of their key.
pub(super) fn lines(text: &str) -> Lines {
    Blocks::of(text).lines()
}
