use serde_json::{Map, Value};

use super::keywords::QUOTED;
use crate::change::{Change, ChangeKind, quoted};

const NUMBER_FORMATS: &[&str] = &[
    "int", "int8", "int16", "int32", "int64", "uint", "uint8", "uint16", "uint32", "uint64",
    "float", "double",
];

/// The dropped keywords of one schema, to be quoted in its description for the model.
#[derive(Debug, Default)]
pub(crate) struct Notes(Vec<String>);

impl Notes {
    /// Reports a keyword as dropped.
    pub(crate) fn dropped(
        &mut self,
        changes: &mut Vec<Change>,
        path: &str,
        keyword: &str,
        value: &Value,
    ) {
        changes.push(Change::of_keyword(path, ChangeKind::Dropped, keyword, value));
        // `null` as the default, and the width of a number, add nothing.
        let is_useful = match keyword {
            "default" => !value.is_null(),
            "format" => !value.as_str().is_some_and(|it| NUMBER_FORMATS.contains(&it)),
            _ => true,
        };
        if is_useful && QUOTED.contains(&keyword) {
            self.quote(keyword, value);
        }
    }

    /// Quotes a keyword, unless its value is long.
    pub(crate) fn quote(&mut self, keyword: &str, value: &Value) {
        self.0.extend(quoted(keyword, value));
    }

    /// Appends the quotes to the description.
    pub(crate) fn write(self, schema: &mut Map<String, Value>) {
        if self.0.is_empty() {
            return;
        }
        let notes = format!("({})", self.0.join("; "));
        let description = match schema.get("description").and_then(Value::as_str) {
            Some(text) if !text.is_empty() => format!("{text} {notes}"),
            _ => notes,
        };
        schema.insert("description".to_owned(), description.into());
    }
}
