//! Expansion of references, and conversion of older drafts to draft 2020-12.

use serde_json::{Map, Value};

use super::{
    keywords::{ANNOTATIONS, IDENTIFIERS, MANY, NAMED, ONE, is_well_formed},
    merge::fold,
    nullable::nullable,
    reference::{escaped, outline, resolve},
};
use crate::change::{Change, ChangeKind};

/// Maximum size of an expanded schema, in approximate bytes of JSON. References can multiply without bound.
const MAX_BYTES: usize = 256 * 1024;

/// Maximum nesting of schemas.
const MAX_DEPTH: usize = 64;

/// Expands every reference, and converts the notation of older drafts to draft 2020-12.
///
/// A reference to an enclosing schema is not expanded: see [`ChangeKind::Recursion`].
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
    /// The targets of the references that are being expanded, and the root.
    open: Vec<String>,
    /// Bytes that are left of [`MAX_BYTES`].
    left: usize,
    changes: &'a mut Vec<Change>,
}

impl Expander<'_> {
    fn schema(&mut self, schema: &Value, path: &str, depth: usize) -> Value {
        match schema {
            Value::Object(schema) => self.object(schema, path, depth).into(),
            Value::Bool(false) => serde_json::json!({"not": {}}),
            // Not a schema.
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
                // A keyword of OpenAPI 3.0, handled below.
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

    /// For keywords whose value is often `true` or `false`, which the APIs accept there.
    fn flag_or_schema(&mut self, value: &Value, path: &str, depth: usize) -> Value {
        match value {
            Value::Bool(_) => value.clone(),
            schema => self.schema(schema, path, depth + 1),
        }
    }

    /// Splits the keyword of draft 7 into its two successors.
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

    /// The expanded target of a reference; `None` if it does not resolve.
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

    /// Subtracts from the remaining bytes. Once they do not suffice, nothing remains.
    fn spend(&mut self, bytes: usize) -> bool {
        let is_room = self.left >= bytes;
        self.left = if is_room { self.left - bytes } else { 0 };
        is_room
    }
}

/// The target of a reference, combined with the sibling keywords of the reference.
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
