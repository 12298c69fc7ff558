//! Schemas that OpenAI enforces: a subset of JSON Schema, where every object is closed and every property
//! is required.
//!
//! An optional property becomes one that may be `null`, which the conversion of the arguments
//! ([`Restore`]) makes absent again.

use serde_json::{Map, Value};

use super::{
    keywords::STRUCTURAL,
    kind::{Kind, allows_null, can_be, fits_its_type, is_plain_pattern, kind},
    notes::Notes,
    nullable::nullable,
    reference::escaped,
    restore::{Property, Restore},
};
use crate::change::{Change, ChangeKind};

/// Keywords that OpenAI accepts and that are copied unchanged.
const KEPT: &[&str] = &[
    "type",
    "title",
    "description",
    "multipleOf",
    "minimum",
    "maximum",
    "exclusiveMinimum",
    "exclusiveMaximum",
    "minItems",
    "maxItems",
];

const FORMATS: &[&str] =
    &["date-time", "time", "date", "duration", "email", "hostname", "ipv4", "ipv6", "uuid"];

/// Maximum nesting of objects.
const MAX_DEPTH: usize = 10;
/// Maximum number of properties of all objects.
const MAX_PROPERTIES: usize = 5000;
/// Maximum number of values of all `enum`s.
const MAX_ENUM_VALUES: usize = 1000;
/// Maximum number of bytes of all property names and all values of `enum` and `const`.
const MAX_TEXT: usize = 120_000;

/// The strict form of a schema, or the reason why it has none.
pub(crate) fn strict(
    root: &Map<String, Value>,
    changes: &mut Vec<Change>,
) -> Result<(Map<String, Value>, Restore), String> {
    let mut strict = Strict { changes: Vec::new(), properties: 0, enum_values: 0, text: 0 };
    let form = strict.schema(root, "", 0)?;
    for (what, count, limit) in [
        ("properties", strict.properties, MAX_PROPERTIES),
        ("values of `enum`", strict.enum_values, MAX_ENUM_VALUES),
        ("characters of names and values", strict.text, MAX_TEXT),
    ] {
        if count > limit {
            return Err(format!("{count} {what}, of at most {limit}"));
        }
    }
    changes.append(&mut strict.changes);
    Ok(form)
}

struct Strict {
    changes: Vec<Change>,
    properties: usize,
    enum_values: usize,
    text: usize,
}

type Form = (Map<String, Value>, Restore);

impl Strict {
    fn schema(
        &mut self,
        schema: &Map<String, Value>,
        path: &str,
        depth: usize,
    ) -> Result<Form, String> {
        let here = if path.is_empty() { "the root" } else { path };
        let mut form = Map::new();
        let mut restore = Restore::default();
        let mut notes = Notes::default();
        for (keyword, value) in schema {
            match keyword.as_str() {
                keyword if KEPT.contains(&keyword) => {
                    drop(form.insert(keyword.to_owned(), value.clone()))
                }
                "anyOf" | "oneOf" => {
                    if form.contains_key("anyOf") {
                        return Err(format!("both `anyOf` and `oneOf` at {here}"));
                    }
                    if keyword == "oneOf" {
                        self.changes.push(Change::new(
                            path,
                            ChangeKind::Widened,
                            "`oneOf` is `anyOf`",
                        ));
                    }
                    let (parts, undone) = self.union(value, &format!("{path}/anyOf"), depth)?;
                    form.insert("anyOf".to_owned(), parts);
                    restore = undone;
                }
                "enum" => {
                    for value in value.as_array().into_iter().flatten() {
                        self.count_value(value, here)?;
                    }
                    form.insert("enum".to_owned(), value.clone());
                }
                "const" => {
                    self.count_value(value, here)?;
                    form.insert("const".to_owned(), value.clone());
                }
                "properties" | "required" | "additionalProperties" | "items" => {}
                "pattern" if value.as_str().is_some_and(is_plain_pattern) => {
                    form.insert("pattern".to_owned(), value.clone());
                }
                "format" if value.as_str().is_some_and(|it| FORMATS.contains(&it)) => {
                    form.insert("format".to_owned(), value.clone());
                }
                keyword if STRUCTURAL.contains(&keyword) => {
                    return Err(format!("`{keyword}` at {here}"));
                }
                keyword => notes.dropped(&mut self.changes, path, keyword, value),
            }
        }
        if form.contains_key("anyOf") {
            let others = ["type", "enum", "const"].iter().any(|it| form.contains_key(*it))
                || ["properties", "items"].iter().any(|it| schema.contains_key(*it));
            if others {
                return Err(format!("`anyOf` beside other keywords at {here}"));
            }
            notes.write(&mut form);
            return Ok((form, restore));
        }
        let (kind, has_null) = kind(&form, schema).ok_or_else(|| format!("no type at {here}"))?;
        match kind {
            Kind::Object => {
                form.insert("type".to_owned(), "object".into());
                restore = self.object(schema, &mut form, path, depth)?;
            }
            Kind::Array => {
                form.insert("type".to_owned(), "array".into());
                let items = schema.get("items").and_then(Value::as_object);
                let items = items.ok_or_else(|| format!("no `items` at {here}"))?;
                let (items, undone) = self.schema(items, &format!("{path}/items"), depth)?;
                form.insert("items".to_owned(), items.into());
                restore.items = (!undone.is_empty()).then(|| Box::new(undone));
            }
            Kind::Plain(types) => drop(form.insert("type".to_owned(), types)),
        }
        if !fits_its_type(&form) {
            return Err(format!("a constant of another type at {here}"));
        }
        notes.write(&mut form);
        Ok((if has_null { nullable(form) } else { form }, restore))
    }

    fn object(
        &mut self,
        schema: &Map<String, Value>,
        form: &mut Map<String, Value>,
        path: &str,
        depth: usize,
    ) -> Result<Restore, String> {
        let here = if path.is_empty() { "the root" } else { path };
        if depth >= MAX_DEPTH {
            return Err(format!("more than {MAX_DEPTH} objects within one another"));
        }
        let is_closed = match schema.get("additionalProperties") {
            None => false,
            Some(Value::Bool(false)) => true,
            Some(_) => return Err(format!("properties of any name at {here}")),
        };
        let none = Map::new();
        let properties = schema.get("properties").and_then(Value::as_object).unwrap_or(&none);
        if properties.is_empty() && !is_closed && depth > 0 {
            return Err(format!("properties of any name at {here}"));
        }
        let required: Vec<&str> = schema
            .get("required")
            .and_then(Value::as_array)
            .map(|all| all.iter().filter_map(Value::as_str).collect())
            .unwrap_or_default();
        if let Some(name) = required.iter().find(|name| !properties.contains_key(**name)) {
            return Err(format!("the required {name:?} is not described at {here}"));
        }
        self.properties += properties.len();
        let mut restore = Restore::default();
        let mut all = Map::new();
        for (name, property) in properties {
            self.text += name.len();
            let below = format!("{path}/properties/{}", escaped(name));
            let property = property.as_object().ok_or_else(|| format!("no type at {below}"))?;
            let (mut property, value) = self.schema(property, &below, depth + 1)?;
            let drops_null = !required.contains(&name.as_str()) && !allows_null(&property);
            if drops_null {
                property = nullable(property);
            }
            restore.insert(name, Property { name: None, drops_null, value });
            all.insert(name.clone(), property.into());
        }
        let names: Vec<Value> = all.keys().map(|name| name.clone().into()).collect();
        form.insert("properties".to_owned(), all.into());
        form.insert("required".to_owned(), names.into());
        form.insert("additionalProperties".to_owned(), false.into());
        Ok(restore)
    }

    /// The parts of an `anyOf`, and the conversion of a value that is valid for one of them.
    fn union(
        &mut self,
        parts: &Value,
        path: &str,
        depth: usize,
    ) -> Result<(Value, Restore), String> {
        let mut forms: Vec<Value> = Vec::new();
        let mut all = Restore::default();
        let (mut objects, mut arrays) = (0, 0);
        for (at, part) in parts.as_array().into_iter().flatten().enumerate() {
            let below = format!("{path}/{at}");
            let part = part.as_object().ok_or_else(|| format!("no type at {below}"))?;
            let (form, restore) = self.schema(part, &below, depth)?;
            objects += usize::from(can_be(&form, "object"));
            arrays += usize::from(can_be(&form, "array"));
            all.properties.extend(restore.properties);
            all.items = all.items.or(restore.items);
            forms.push(form.into());
        }
        // The part that a value belongs to would be ambiguous.
        if objects > 1 && !all.properties.is_empty() || arrays > 1 && all.items.is_some() {
            return Err(format!("optional properties in several parts of the `anyOf` at {path}"));
        }
        Ok((forms.into(), all))
    }

    fn count_value(&mut self, value: &Value, here: &str) -> Result<(), String> {
        self.enum_values += 1;
        match value {
            Value::String(text) => self.text += text.len(),
            Value::Array(_) | Value::Object(_) => {
                return Err(format!("a constant object at {here}"));
            }
            _ => {}
        }
        Ok(())
    }
}
