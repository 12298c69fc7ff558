//! Schemas that OpenAI enforces: a subset of JSON Schema, where every object is closed and every property
//! is required.
//!
//! An optional property becomes one that may be `null`, which the [way back](Back) makes absent again.

use serde_json::{Map, Value};

use super::{
    back::{Back, Property},
    expand::{escaped, nullable},
    keywords::STRUCTURAL,
    merge::types,
    notes::Notes,
};
use crate::change::{Change, ChangeKind};

/// What OpenAI accepts and has the meaning that it has elsewhere.
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

/// Objects within one another.
const MAX_DEPTH: usize = 10;
/// Properties of all objects together.
const MAX_PROPERTIES: usize = 5000;
/// Values of all `enum`s together.
const MAX_ENUM_VALUES: usize = 1000;
/// Characters of all names of properties, and values of `enum` and `const`, together.
const MAX_TEXT: usize = 120_000;

/// The strict form of a schema, or why it has none.
pub(crate) fn strict(
    root: &Map<String, Value>,
    changes: &mut Vec<Change>,
) -> Result<(Map<String, Value>, Back), String> {
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

type Form = (Map<String, Value>, Back);

impl Strict {
    fn schema(
        &mut self,
        schema: &Map<String, Value>,
        path: &str,
        depth: usize,
    ) -> Result<Form, String> {
        let here = if path.is_empty() { "the root" } else { path };
        let mut form = Map::new();
        let mut back = Back::default();
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
                    back = undone;
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
            return Ok((form, back));
        }
        let (kind, has_null) = kind(&form, schema).ok_or_else(|| format!("no type at {here}"))?;
        match kind {
            Kind::Object => {
                form.insert("type".to_owned(), "object".into());
                back = self.object(schema, &mut form, path, depth)?;
            }
            Kind::Array => {
                form.insert("type".to_owned(), "array".into());
                let items = schema.get("items").and_then(Value::as_object);
                let items = items.ok_or_else(|| format!("no `items` at {here}"))?;
                let (items, undone) = self.schema(items, &format!("{path}/items"), depth)?;
                form.insert("items".to_owned(), items.into());
                back.items = (!undone.is_empty()).then(|| Box::new(undone));
            }
            Kind::Plain(types) => drop(form.insert("type".to_owned(), types)),
        }
        if !fits_its_type(&form) {
            return Err(format!("a constant of another type at {here}"));
        }
        notes.write(&mut form);
        Ok((if has_null { nullable(form) } else { form }, back))
    }

    fn object(
        &mut self,
        schema: &Map<String, Value>,
        form: &mut Map<String, Value>,
        path: &str,
        depth: usize,
    ) -> Result<Back, String> {
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
        let mut back = Back::default();
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
            back.insert(name, Property { name: None, drops_null, value });
            all.insert(name.clone(), property.into());
        }
        let names: Vec<Value> = all.keys().map(|name| name.clone().into()).collect();
        form.insert("properties".to_owned(), all.into());
        form.insert("required".to_owned(), names.into());
        form.insert("additionalProperties".to_owned(), false.into());
        Ok(back)
    }

    /// The parts of an `anyOf`, and what has to be undone in a value that fits one of them.
    fn union(&mut self, parts: &Value, path: &str, depth: usize) -> Result<(Value, Back), String> {
        let mut forms: Vec<Value> = Vec::new();
        let mut all = Back::default();
        let (mut objects, mut arrays) = (0, 0);
        for (at, part) in parts.as_array().into_iter().flatten().enumerate() {
            let below = format!("{path}/{at}");
            let part = part.as_object().ok_or_else(|| format!("no type at {below}"))?;
            let (form, back) = self.schema(part, &below, depth)?;
            objects += usize::from(can_be(&form, "object"));
            arrays += usize::from(can_be(&form, "array"));
            all.properties.extend(back.properties);
            all.items = all.items.or(back.items);
            forms.push(form.into());
        }
        // It could not be known which part a value is of.
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

enum Kind {
    Object,
    Array,
    Plain(Value),
}

/// What a schema is of, by its type or else by what it says; and whether `null` is allowed besides.
fn kind(form: &Map<String, Value>, schema: &Map<String, Value>) -> Option<(Kind, bool)> {
    let inferred = || -> Option<Value> {
        let constant = form.get("const").map(std::slice::from_ref);
        let values = constant.or_else(|| form.get("enum")?.as_array().map(Vec::as_slice));
        if let Some(values) = values {
            let mut types: Vec<&str> = values.iter().map(type_of).collect();
            types.sort_unstable();
            types.dedup();
            return Some(if let [one] = types[..] { one.into() } else { types.into() });
        }
        let is_object = schema.contains_key("properties");
        let is_array = schema.contains_key("items");
        is_object.then_some("object").or(is_array.then_some("array")).map(Value::from)
    };
    let value = form.get("type").cloned().or_else(inferred)?;
    let all = types(&value)?;
    let others: Vec<&str> = all.iter().copied().filter(|it| *it != "null").collect();
    let has_null = others.len() < all.len();
    Some(match others[..] {
        ["object"] => (Kind::Object, has_null),
        ["array"] => (Kind::Array, has_null),
        // The parts of a union say more of objects and arrays than a list of types.
        _ if others.contains(&"object") || others.contains(&"array") => return None,
        _ => (Kind::Plain(value), false),
    })
}

/// Whether the constants of a schema are of its type: where they are not, it does not mean what it says.
fn fits_its_type(form: &Map<String, Value>) -> bool {
    let Some(types) = form.get("type").and_then(types) else { return true };
    let fits = |value: &Value| {
        let kind = type_of(value);
        types.contains(&kind) || kind == "integer" && types.contains(&"number")
    };
    let values = form.get("enum").and_then(Value::as_array);
    form.get("const").into_iter().chain(values.into_iter().flatten()).all(fits)
}

fn type_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(number) if number.is_f64() => "number",
        Value::Number(_) => "integer",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}

fn can_be(form: &Map<String, Value>, kind: &str) -> bool {
    let is = form.get("type").and_then(types).is_some_and(|types| types.contains(&kind));
    let parts = form.get("anyOf").and_then(Value::as_array);
    is || parts.into_iter().flatten().filter_map(Value::as_object).any(|it| can_be(it, kind))
}

fn allows_null(form: &Map<String, Value>) -> bool {
    let among_values = |values: Option<&Value>| {
        values.and_then(Value::as_array).is_none_or(|values| values.contains(&Value::Null))
    };
    let constant = form.get("const").is_none_or(Value::is_null);
    let parts = form.get("anyOf").and_then(Value::as_array);
    match parts {
        Some(parts) => parts.iter().filter_map(Value::as_object).any(allows_null),
        None => can_be(form, "null") && constant && among_values(form.get("enum")),
    }
}

/// Whether a pattern has neither a look at what is around nor a reference to what was matched.
fn is_plain_pattern(pattern: &str) -> bool {
    let refers = pattern
        .as_bytes()
        .windows(2)
        .any(|it| it[0] == b'\\' && matches!(it[1], b'1'..=b'9' | b'k'));
    !refers && !["(?=", "(?!", "(?<"].iter().any(|group| pattern.contains(group))
}
