//! Schemas without references and without the notation of older drafts.

use std::borrow::Cow;

use percent_encoding::percent_decode_str;
use serde_json::{Map, Value};

use super::{
    keywords::{ANNOTATIONS, IDENTIFIERS, MANY, NAMED, ONE, is_well_formed},
    merge::fold,
};
use crate::change::{Change, ChangeKind};

/// Bytes that a schema may have with its references written out, roughly as JSON. A server can make
/// references that grow without end.
const MAX_BYTES: usize = 256 * 1024;

/// Schemas within one another.
const MAX_DEPTH: usize = 64;

/// Writes out every reference, and says in the notation of draft 2020-12 what older drafts said otherwise.
///
/// A schema that refers to one around it is cut there: see [`ChangeKind::Recursion`].
pub(crate) fn expand(root: &Map<String, Value>, changes: &mut Vec<Change>) -> Map<String, Value> {
    let mut expander = Expander { root, open: vec![String::new()], left: MAX_BYTES, changes };
    let expanded = expander.object(root, "", 0);
    if expander.left == 0 {
        let detail = format!("more than {MAX_BYTES} bytes");
        changes.push(Change::new("", ChangeKind::TooLarge, detail));
    }
    expanded
}

struct Expander<'a> {
    root: &'a Map<String, Value>,
    /// The targets of the references that are being written out, with the root.
    open: Vec<String>,
    /// How many bytes may still be written.
    left: usize,
    changes: &'a mut Vec<Change>,
}

impl Expander<'_> {
    fn schema(&mut self, schema: &Value, path: &str, depth: usize) -> Value {
        match schema {
            Value::Object(schema) => self.object(schema, path, depth).into(),
            Value::Bool(false) => serde_json::json!({"not": {}}),
            // What is no schema says nothing.
            _ => Map::new().into(),
        }
    }

    fn object(
        &mut self,
        schema: &Map<String, Value>,
        path: &str,
        depth: usize,
    ) -> Map<String, Value> {
        if depth > MAX_DEPTH {
            let detail = format!("more than {MAX_DEPTH} schemas within one another");
            self.changes.push(Change::new(path, ChangeKind::TooLarge, detail));
            return Map::new();
        }
        if !self.spend(16) {
            return Map::new();
        }
        let mut expanded = Map::new();
        let mut target = None;
        for (keyword, value) in schema {
            let below = format!("{path}/{}", escaped(keyword));
            match (keyword.as_str(), value) {
                ("$ref" | "$dynamicRef" | "$recursiveRef", Value::String(reference)) => {
                    target = self.reference(reference, path, depth);
                }
                (identifier, _) if IDENTIFIERS.contains(&identifier) => {}
                ("items", Value::Array(parts)) => {
                    let parts = self.each(parts, &below, depth);
                    expanded.insert("prefixItems".to_owned(), parts);
                }
                ("additionalItems", rest) if schema.get("items").is_some_and(Value::is_array) => {
                    let rest = self.flag_or_schema(rest, &below, depth);
                    expanded.insert("items".to_owned(), rest);
                }
                ("additionalItems", _) => {}
                ("dependencies", Value::Object(all)) => {
                    self.dependencies(all, &below, depth, &mut expanded)
                }
                ("exclusiveMinimum" | "exclusiveMaximum", Value::Bool(_)) => {}
                ("minimum" | "maximum", limit @ Value::Number(_)) => {
                    let exclusive = match keyword.as_str() {
                        "minimum" => "exclusiveMinimum",
                        _ => "exclusiveMaximum",
                    };
                    let is_exclusive = schema.get(exclusive) == Some(&Value::Bool(true));
                    let keyword = if is_exclusive { exclusive } else { keyword };
                    expanded.insert(keyword.to_owned(), limit.clone());
                }
                // Of OpenAPI 3.0.
                ("nullable", Value::Bool(true)) => {}
                (keyword, value) if !is_well_formed(keyword, value) => {
                    self.changes.push(Change::of_keyword(
                        path,
                        ChangeKind::Dropped,
                        keyword,
                        value,
                    ));
                }
                (keyword, value) if ONE.contains(&keyword) => {
                    let value = self.flag_or_schema(value, &below, depth);
                    expanded.insert(keyword.to_owned(), value);
                }
                (keyword, Value::Array(parts)) if MANY.contains(&keyword) => {
                    let parts = self.each(parts, &below, depth);
                    expanded.insert(keyword.to_owned(), parts);
                }
                (keyword, Value::Object(named)) if NAMED.contains(&keyword) => {
                    let named = named.iter().map(|(name, schema)| {
                        self.spend(name.len());
                        let below = format!("{below}/{}", escaped(name));
                        (name.clone(), self.schema(schema, &below, depth + 1))
                    });
                    let named: Map<String, Value> = named.collect();
                    expanded.insert(keyword.to_owned(), named.into());
                }
                (keyword, value) => {
                    if self.spend(keyword.len() + size(value)) {
                        expanded.insert(keyword.to_owned(), value.clone());
                    }
                }
            }
        }
        if let Some(target) = target {
            expanded = beside(target, expanded);
        }
        fold(&mut expanded);
        if schema.get("nullable") == Some(&Value::Bool(true)) {
            nullable(expanded)
        } else {
            expanded
        }
    }

    fn each(&mut self, parts: &[Value], path: &str, depth: usize) -> Value {
        let parts = parts.iter().enumerate();
        parts.map(|(at, part)| self.schema(part, &format!("{path}/{at}"), depth + 1)).collect()
    }

    /// Where `true` and `false` are usual, and the APIs know them.
    fn flag_or_schema(&mut self, value: &Value, path: &str, depth: usize) -> Value {
        match value {
            Value::Bool(_) => value.clone(),
            schema => self.schema(schema, path, depth + 1),
        }
    }

    /// Draft 7 had one keyword for two things.
    fn dependencies(
        &mut self,
        all: &Map<String, Value>,
        path: &str,
        depth: usize,
        out: &mut Map<String, Value>,
    ) {
        let (mut required, mut schemas) = (Map::new(), Map::new());
        for (name, value) in all {
            match value {
                Value::Array(_) => drop(required.insert(name.clone(), value.clone())),
                schema => {
                    let below = format!("{path}/{}", escaped(name));
                    schemas.insert(name.clone(), self.schema(schema, &below, depth + 1));
                }
            }
        }
        for (keyword, all) in [("dependentRequired", required), ("dependentSchemas", schemas)] {
            if !all.is_empty() {
                out.insert(keyword.to_owned(), all.into());
            }
        }
    }

    /// The schema that a reference stands for; `None` where it says nothing.
    fn reference(
        &mut self,
        reference: &str,
        path: &str,
        depth: usize,
    ) -> Option<Map<String, Value>> {
        let Some((pointer, target)) = resolve(self.root, reference) else {
            self.changes.push(Change::new(path, ChangeKind::Unresolved, reference));
            return None;
        };
        if self.open.contains(&pointer) {
            self.changes.push(Change::new(path, ChangeKind::Recursion, reference));
            return Some(outline(target, &pointer));
        }
        self.open.push(pointer);
        let expanded = self.object(target, path, depth + 1);
        self.open.pop();
        Some(expanded)
    }

    /// Whether there is room; it is used up as soon as there is not.
    fn spend(&mut self, bytes: usize) -> bool {
        let is_room = self.left >= bytes;
        self.left = if is_room { self.left - bytes } else { 0 };
        is_room
    }
}

/// A schema of this document, with the pointer to it.
fn resolve<'a>(
    root: &'a Map<String, Value>,
    reference: &str,
) -> Option<(String, &'a Map<String, Value>)> {
    let id = root.get("$id").and_then(Value::as_str).unwrap_or_default();
    let own = id.trim_end_matches('#');
    let fragment = reference.strip_prefix(own).unwrap_or(reference).strip_prefix('#')?;
    let pointer = percent_decode_str(fragment).decode_utf8().ok()?.into_owned();
    if pointer.is_empty() {
        return Some((pointer, root));
    }
    let mut target = root;
    let mut tokens = pointer.strip_prefix('/')?.split('/').map(unescaped).peekable();
    loop {
        let mut value = target.get(&*tokens.next()?)?;
        while let (Value::Array(parts), Some(at)) = (value, tokens.peek()) {
            value = parts.get(at.parse::<usize>().ok()?)?;
            tokens.next();
        }
        target = value.as_object()?;
        if tokens.peek().is_none() {
            return Some((pointer, target));
        }
    }
}

/// The schema that a reference stands for, with what stands beside the reference.
fn beside(mut target: Map<String, Value>, beside: Map<String, Value>) -> Map<String, Value> {
    if beside.keys().all(|keyword| ANNOTATIONS.contains(&keyword.as_str())) {
        target.extend(beside);
        return target;
    }
    let mut both = beside;
    let all = both.entry("allOf").or_insert_with(|| Value::Array(Vec::new()));
    if let Value::Array(all) = all {
        all.insert(0, target.into());
    }
    both
}

/// What is said of a schema within itself.
fn outline(target: &Map<String, Value>, pointer: &str) -> Map<String, Value> {
    let mut outline = Map::new();
    match target.get("type") {
        Some(kind) => drop(outline.insert("type".to_owned(), kind.clone())),
        None if target.contains_key("properties") => {
            outline.insert("type".to_owned(), "object".into());
        }
        None => {}
    }
    let description = match pointer.rsplit('/').next() {
        None | Some("") => "The same as all of the arguments".to_owned(),
        Some(name) => format!("The same as the `{}` around it", unescaped(name)),
    };
    outline.insert("description".to_owned(), description.into());
    outline
}

/// The schema with `null` besides, unless it allows that.
pub(crate) fn nullable(mut schema: Map<String, Value>) -> Map<String, Value> {
    let null = || serde_json::json!({"type": "null"});
    if let Some(Value::Array(parts)) = schema.get_mut("anyOf") {
        if !parts.contains(&null()) {
            parts.push(null());
        }
        return schema;
    }
    let is_plain = !["enum", "const", "properties", "items", "allOf", "oneOf", "not", "if"]
        .iter()
        .any(|keyword| schema.contains_key(*keyword));
    match schema.get_mut("type") {
        Some(kind) if is_plain && kind.is_string() => {
            *kind = vec![kind.take(), "null".into()].into();
            schema
        }
        Some(Value::Array(kinds)) if is_plain => {
            if !kinds.contains(&"null".into()) {
                kinds.push("null".into());
            }
            schema
        }
        _ => {
            let mut union = Map::new();
            for annotation in ["title", "description", "default"] {
                if let Some(value) = schema.shift_remove(annotation) {
                    union.insert(annotation.to_owned(), value);
                }
            }
            union.insert("anyOf".to_owned(), vec![schema.into(), null()].into());
            union
        }
    }
}

fn size(value: &Value) -> usize {
    match value {
        Value::String(text) => text.len() + 2,
        Value::Array(parts) => parts.iter().map(|it| size(it) + 1).sum::<usize>() + 2,
        Value::Object(members) => {
            members.iter().map(|(name, it)| name.len() + size(it) + 4).sum::<usize>() + 2
        }
        _ => 8,
    }
}

/// A token of a JSON pointer.
pub(crate) fn escaped(token: &str) -> Cow<'_, str> {
    match token.contains(['~', '/']) {
        true => token.replace('~', "~0").replace('/', "~1").into(),
        false => token.into(),
    }
}

fn unescaped(token: &str) -> Cow<'_, str> {
    match token.contains('~') {
        true => token.replace("~1", "/").replace("~0", "~").into(),
        false => token.into(),
    }
}
