//! Reads the fields of one object and collects problems.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::{Map, Value};

use crate::ProblemKind;
use crate::error::Finding;
use crate::path::Path;

/// The unread fields of one object. `null` counts as absent.
pub(crate) struct Fields<'a> {
    left: Map<String, Value>,
    path: Path,
    /// The original paths of fields moved here from a nested object.
    moved: Vec<(String, Path)>,
    findings: &'a mut Vec<Finding>,
}

impl<'a> Fields<'a> {
    pub(crate) fn new(
        fields: Map<String, Value>,
        path: Path,
        findings: &'a mut Vec<Finding>,
    ) -> Self {
        Self { left: fields, path, moved: Vec::new(), findings }
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// The path of a field in the document.
    pub(crate) fn at(&self, name: &str) -> Path {
        let moved = self.moved.iter().find(|(it, _)| it == name);
        moved.map_or_else(|| self.path.key(name), |(_, path)| path.clone())
    }

    /// Adds a field from elsewhere in the document, unless there is one of that name.
    pub(crate) fn move_in(&mut self, name: &str, value: Value, path: Path) {
        if !self.has(name) {
            self.left.insert(name.to_owned(), value);
            self.moved.push((name.to_owned(), path));
        }
    }

    pub(crate) fn get(&self, name: &str) -> Option<&Value> {
        self.left.get(name).filter(|value| !value.is_null())
    }

    pub(crate) fn has(&self, name: &str) -> bool {
        self.get(name).is_some()
    }

    /// The first of `names` that is present.
    pub(crate) fn take<'n>(&mut self, names: &[&'n str]) -> Option<(&'n str, Value)> {
        let name = names.iter().copied().find(|name| self.has(name))?;
        Some((name, self.left.shift_remove(name)?))
    }

    pub(crate) fn text(&mut self, names: &[&str]) -> Option<String> {
        self.convert(names, "text", |value| match value {
            Value::String(text) => Ok(text),
            other => Err(other),
        })
    }

    pub(crate) fn flag(&mut self, names: &[&str]) -> Option<bool> {
        self.convert(names, "true or false", |value| value.as_bool().ok_or(value))
    }

    pub(crate) fn object<'n>(
        &mut self,
        names: &[&'n str],
    ) -> Option<(&'n str, Map<String, Value>)> {
        let (name, value) = self.take(names)?;
        match value {
            Value::Object(map) => Some((name, map)),
            // Some programs write an empty object as an empty list.
            Value::Array(items) if items.is_empty() => Some((name, Map::new())),
            other => {
                self.wrong(&self.at(name), &other, "an object");
                None
            }
        }
    }

    pub(crate) fn texts(&mut self, names: &[&str]) -> Option<Vec<String>> {
        let (name, value) = self.take(names)?;
        let path = self.at(name);
        self.text_list(value, &path)
    }

    pub(crate) fn text_list(&mut self, value: Value, path: &Path) -> Option<Vec<String>> {
        let Value::Array(items) = value else {
            let is_empty = value.as_object().is_some_and(Map::is_empty);
            if !is_empty {
                self.wrong(path, &value, "a list of texts");
            }
            return is_empty.then(Vec::new);
        };
        let mut texts = Vec::new();
        for (index, item) in items.into_iter().enumerate() {
            match item {
                Value::String(text) => texts.push(text),
                Value::Number(_) | Value::Bool(_) => {
                    self.wrong(&path.index(index), &item, "text: put it in quotes");
                }
                _ => self.wrong(&path.index(index), &item, "text"),
            }
        }
        Some(texts)
    }

    /// Strings by name. Numbers and booleans are converted to strings; `null` counts as absent.
    pub(crate) fn texts_by_name(&mut self, names: &[&str]) -> BTreeMap<String, String> {
        let Some((name, map)) = self.object(names) else { return BTreeMap::new() };
        let path = self.at(name);
        let mut texts = BTreeMap::new();
        for (key, value) in map {
            match value {
                Value::Null => {}
                Value::String(text) => {
                    texts.insert(key, text);
                }
                Value::Number(_) | Value::Bool(_) => {
                    texts.insert(key, value.to_string());
                }
                _ => self.wrong(&path.key(&key), &value, "text"),
            }
        }
        texts
    }

    /// A positive duration, in units of `unit`.
    pub(crate) fn time(&mut self, name: &str, unit: Duration) -> Option<Duration> {
        let unit_name = if unit.as_secs() == 1 { "seconds" } else { "milliseconds" };
        self.convert(&[name], &format!("a number of {unit_name} above zero"), |value| {
            let seconds = value.as_f64().map(|number| number * unit.as_secs_f64());
            let time = seconds.and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
            time.filter(|time| !time.is_zero()).ok_or(value)
        })
    }

    fn convert<T>(
        &mut self,
        names: &[&str],
        expected: &str,
        convert: impl FnOnce(Value) -> Result<T, Value>,
    ) -> Option<T> {
        let (name, value) = self.take(names)?;
        convert(value).map_err(|value| self.wrong(&self.at(name), &value, expected)).ok()
    }

    pub(crate) fn wrong(&mut self, path: &Path, found: &Value, expected: &str) {
        self.invalid(path.clone(), format!("found {}, expected {expected}", kind(found)));
    }

    pub(crate) fn invalid(&mut self, path: Path, message: impl Into<String>) {
        self.find(ProblemKind::Invalid, path, message);
    }

    pub(crate) fn doubt(&mut self, path: Path, message: impl Into<String>) {
        self.find(ProblemKind::Doubtful, path, message);
    }

    pub(crate) fn find(&mut self, kind: ProblemKind, path: Path, message: impl Into<String>) {
        self.findings.push(Finding { kind, path, message: message.into() });
    }

    /// The findings of nested objects are collected together with those of this object.
    pub(crate) fn findings(&mut self) -> &mut Vec<Finding> {
        self.findings
    }

    /// The unread fields.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&str, &Value)> {
        self.left.iter().map(|(name, value)| (name.as_str(), value))
    }

    pub(crate) fn into_rest(self) -> Map<String, Value> {
        self.left
    }
}

/// Describes a value without its content, which may be a secret.
pub(crate) fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "true or false",
        Value::Number(_) => "a number",
        Value::String(_) => "text",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}

/// Whether a value is empty: `null`, or an empty string, list or object.
pub(crate) fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::String(text) => text.is_empty(),
        Value::Array(items) => items.is_empty(),
        Value::Object(map) => map.is_empty(),
        Value::Bool(_) | Value::Number(_) => false,
    }
}
