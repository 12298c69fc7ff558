//! Schemas that the API passes to the model without enforcing them.

use serde_json::{Map, Value};

use super::{
    keywords::{MANY, NAMED, ONE},
    notes::Notes,
    nullable::nullable,
    reference::escaped,
};
use crate::change::Change;

/// The part of JSON Schema that an API accepts.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Dialect {
    /// Accepted keywords; `None` for all.
    pub(crate) keywords: Option<&'static [&'static str]>,
    /// Accepted formats, where the keywords are limited.
    pub(crate) formats: &'static [&'static str],
}

/// Removes the parts that the API refuses.
pub(crate) fn loose(
    schema: &Map<String, Value>,
    dialect: Dialect,
    changes: &mut Vec<Change>,
) -> Map<String, Value> {
    Loose { dialect, changes }.schema(schema, "")
}

struct Loose<'a> {
    dialect: Dialect,
    changes: &'a mut Vec<Change>,
}

impl Loose<'_> {
    fn value(&mut self, value: &Value, path: &str) -> Value {
        match value {
            Value::Object(schema) => self.schema(schema, path).into(),
            other => other.clone(),
        }
    }

    fn schema(&mut self, schema: &Map<String, Value>, path: &str) -> Map<String, Value> {
        let mut adapted = Map::new();
        let mut notes = Notes::default();
        let mut allows_null = false;
        for (keyword, value) in schema {
            let below = format!("{path}/{}", escaped(keyword));
            let keyword = keyword.as_str();
            if let Some(accepted) = self.dialect.keywords
                && !self.accepts(accepted, keyword, value)
            {
                match similar(keyword, value, schema) {
                    Some((other, value, with_null)) => {
                        adapted.insert(other.to_owned(), value);
                        allows_null |= with_null;
                    }
                    None => notes.dropped(self.changes, path, keyword, value),
                }
                continue;
            }
            let value = match value {
                schema @ Value::Object(_) if ONE.contains(&keyword) => self.value(schema, &below),
                Value::Array(parts) if MANY.contains(&keyword) => {
                    let parts = parts.iter().enumerate();
                    parts.map(|(at, it)| self.value(it, &format!("{below}/{at}"))).collect()
                }
                Value::Object(named) if NAMED.contains(&keyword) => {
                    let named = named.iter().map(|(name, it)| {
                        let below = format!("{below}/{}", escaped(name));
                        (name.clone(), self.value(it, &below))
                    });
                    Value::Object(named.collect())
                }
                other => other.clone(),
            };
            adapted.insert(keyword.to_owned(), value);
        }
        // OpenAI and Gemini refuse an array without a schema of its elements.
        if adapted.get("type").is_some_and(|kind| kind == "array")
            && !adapted.contains_key("items")
            && !adapted.contains_key("prefixItems")
        {
            adapted.insert("items".to_owned(), Map::new().into());
        }
        notes.write(&mut adapted);
        if allows_null { nullable(adapted) } else { adapted }
    }

    fn accepts(&self, accepted: &[&str], keyword: &str, value: &Value) -> bool {
        accepted.contains(&keyword)
            && match keyword {
                "format" => value.as_str().is_some_and(|it| self.dialect.formats.contains(&it)),
                "enum" => value.as_array().is_some_and(|all| all.iter().all(is_text_or_number)),
                "items" => value.is_object(),
                _ => true,
            }
    }
}

/// An accepted keyword of the same meaning, its value, and whether `null` has to be allowed as well.
fn similar(
    keyword: &str,
    value: &Value,
    schema: &Map<String, Value>,
) -> Option<(&'static str, Value, bool)> {
    match keyword {
        "const" if is_text_or_number(value) => Some(("enum", vec![value.clone()].into(), false)),
        "enum" => {
            let all = value.as_array()?;
            let others: Vec<Value> = all.iter().filter(|it| !it.is_null()).cloned().collect();
            let fits = !others.is_empty() && others.iter().all(is_text_or_number);
            (fits && others.len() < all.len()).then(|| ("enum", others.into(), true))
        }
        "exclusiveMinimum" if is_integer(schema) && !schema.contains_key("minimum") => {
            Some(("minimum", value.as_i64()?.checked_add(1)?.into(), false))
        }
        "exclusiveMaximum" if is_integer(schema) && !schema.contains_key("maximum") => {
            Some(("maximum", value.as_i64()?.checked_sub(1)?.into(), false))
        }
        _ => None,
    }
}

fn is_integer(schema: &Map<String, Value>) -> bool {
    schema.get("type").is_some_and(|kind| kind == "integer")
}

fn is_text_or_number(value: &Value) -> bool {
    value.is_string() || value.is_number()
}
