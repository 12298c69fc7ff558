//! Takes the fields of one object, and notes all that is wrong with them.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::{Map, Value};

use crate::ProblemKind;
use crate::error::Finding;
use crate::path::Path;
use crate::suggest;

/// The fields of one object that are not yet taken. `null` counts as absent.
pub(crate) struct Fields<'a> {
    left: Map<String, Value>,
    path: Path,
    findings: &'a mut Vec<Finding>,
}

impl<'a> Fields<'a> {
    pub(crate) fn new(
        fields: Map<String, Value>,
        path: Path,
        findings: &'a mut Vec<Finding>,
    ) -> Self {
        Self { left: fields, path, findings }
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    pub(crate) fn has(&self, name: &str) -> bool {
        self.left.get(name).is_some_and(|value| !value.is_null())
    }

    /// The first of `names` that is there.
    pub(crate) fn take(&mut self, names: &[&'static str]) -> Option<(&'static str, Value)> {
        let name = names.iter().copied().find(|name| self.has(name))?;
        Some((name, self.left.shift_remove(name)?))
    }

    pub(crate) fn text(&mut self, names: &[&'static str]) -> Option<String> {
        self.convert(names, "text", |value| match value {
            Value::String(text) => Ok(text),
            other => Err(other),
        })
    }

    pub(crate) fn flag(&mut self, names: &[&'static str]) -> Option<bool> {
        self.convert(names, "true or false", |value| value.as_bool().ok_or(value))
    }

    pub(crate) fn object(
        &mut self,
        names: &[&'static str],
    ) -> Option<(&'static str, Map<String, Value>)> {
        let (name, value) = self.take(names)?;
        match value {
            Value::Object(map) => Some((name, map)),
            other => {
                self.wrong(&self.path.key(name), &other, "an object");
                None
            }
        }
    }

    pub(crate) fn texts(&mut self, names: &[&'static str]) -> Option<Vec<String>> {
        let (name, value) = self.take(names)?;
        let path = self.path.key(name);
        let Value::Array(items) = value else {
            self.wrong(&path, &value, "a list of texts");
            return None;
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

    /// Texts by name; numbers and booleans become text.
    pub(crate) fn texts_by_name(&mut self, names: &[&'static str]) -> BTreeMap<String, String> {
        let Some((name, map)) = self.object(names) else { return BTreeMap::new() };
        let path = self.path.key(name);
        let mut texts = BTreeMap::new();
        for (key, value) in map {
            match value {
                Value::String(text) => texts.insert(key, text),
                Value::Number(_) | Value::Bool(_) => texts.insert(key, value.to_string()),
                _ => {
                    self.wrong(&path.key(&key), &value, "text");
                    None
                }
            };
        }
        texts
    }

    /// A time above zero, in units of `unit`.
    pub(crate) fn time(&mut self, names: &[&'static str], unit: Duration) -> Option<Duration> {
        let unit_name = if unit.as_secs() == 1 { "seconds" } else { "milliseconds" };
        self.convert(names, &format!("a number of {unit_name} above zero"), |value| {
            let seconds = value.as_f64().map(|number| number * unit.as_secs_f64());
            let time = seconds.and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
            time.filter(|time| !time.is_zero()).ok_or(value)
        })
    }

    fn convert<T>(
        &mut self,
        names: &[&'static str],
        expected: &str,
        convert: impl FnOnce(Value) -> Result<T, Value>,
    ) -> Option<T> {
        let (name, value) = self.take(names)?;
        convert(value).map_err(|value| self.wrong(&self.path.key(name), &value, expected)).ok()
    }

    /// What nobody took. A name that is nearly one of `known` is doubtful.
    pub(crate) fn rest(self, known: &[&str]) -> Map<String, Value> {
        for name in self.left.keys().filter(|name| !known.contains(&name.as_str())) {
            if let Some(near) = suggest::nearest(name, known.iter().copied()) {
                let message = format!("unknown field {name:?}, did you mean {near:?}?");
                let path = self.path.key(name);
                self.findings.push(Finding { kind: ProblemKind::Doubtful, path, message });
            }
        }
        self.left
    }

    pub(crate) fn wrong(&mut self, path: &Path, found: &Value, expected: &str) {
        self.invalid(path.clone(), format!("found {}, expected {expected}", kind(found)));
    }

    pub(crate) fn invalid(&mut self, path: Path, message: impl Into<String>) {
        self.find(ProblemKind::Invalid, path, message);
    }

    pub(crate) fn find(&mut self, kind: ProblemKind, path: Path, message: impl Into<String>) {
        self.findings.push(Finding { kind, path, message: message.into() });
    }

    /// Findings of objects within this one go where its own go.
    pub(crate) fn findings(&mut self) -> &mut Vec<Finding> {
        self.findings
    }

    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.left.keys().map(String::as_str)
    }
}

/// What a value is, without its content: it may be a secret.
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
