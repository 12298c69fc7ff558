//! YAML: read, and rewritten. Order and unknown keys stay; comments do not.

use serde_json::Value;
use yaml_serde::{Mapping, Value as Yaml};

use super::SyntaxError;
use crate::error::{Error, ErrorKind};

pub(crate) fn parse(text: &str) -> Result<Value, SyntaxError> {
    let yaml = read(text)?;
    if yaml.is_null() {
        return Ok(Value::Object(serde_json::Map::new()));
    }
    serde_json::to_value(yaml).map_err(|error| error.to_string().into())
}

pub(crate) fn set(
    text: &str,
    container: &[String],
    name: &str,
    value: &Value,
) -> Result<String, Error> {
    edit(text, container, |servers| {
        let value = yaml_serde::to_value(value).map_err(|error| Error::edit(error.to_string()))?;
        servers.insert(name.into(), value);
        Ok(())
    })
}

pub(crate) fn remove(text: &str, container: &[String], name: &str) -> Result<String, Error> {
    edit(text, container, |servers| {
        servers.shift_remove(name);
        Ok(())
    })
}

fn edit(
    text: &str,
    container: &[String],
    change: impl FnOnce(&mut Mapping) -> Result<(), Error>,
) -> Result<String, Error> {
    let mut root = read(text).map_err(|SyntaxError { message, place }| {
        Error::new(ErrorKind::Syntax, message).at(place)
    })?;
    let mut here = &mut root;
    for key in container {
        here = mapping(here)?.entry(key.as_str().into()).or_insert(Yaml::Null);
    }
    change(mapping(here)?)?;
    yaml_serde::to_string(&root).map_err(|error| Error::edit(error.to_string()))
}

/// A key without a value is an empty mapping.
fn mapping(value: &mut Yaml) -> Result<&mut Mapping, Error> {
    if value.is_null() {
        *value = Yaml::Mapping(Mapping::new());
    }
    value.as_mapping_mut().ok_or_else(|| Error::edit("the servers are no mapping".to_owned()))
}

fn read(text: &str) -> Result<Yaml, SyntaxError> {
    yaml_serde::from_str(text).map_err(|error| {
        let place = error.location().map(|place| (place.line(), place.column()));
        let message = error.to_string();
        let end = message.find(" at line ").unwrap_or(message.len());
        SyntaxError { message: message[..end].to_owned(), place }
    })
}
