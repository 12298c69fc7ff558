//! The cost of a schema, computed before it is compiled.
//!
//! A few lines of `allOf` and `$ref` can cause exponential validation time or stack overflow. This counts the schemas
//! that apply to one value, along all references; [`Steps`](crate::counted::Steps) limits how often values are visited.

use std::collections::{HashMap, HashSet};

use serde_json::{Map, Value};

use crate::memory;

/// Maximum number of schemas that may apply to one value.
const MAX_PARTS: u64 = 10_000;

/// Maximum nesting of schemas at one value.
const MAX_HEIGHT: u32 = 64;

/// The cost of a reference to the JSON Schema meta-schema, which the validator has built in.
const META_SCHEMA: Cost = Cost { parts: 256, height: 16 };

/// The cost of a schema at one value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Cost {
    /// The number of subschemas that may be visited.
    pub(crate) parts: u64,
    /// Their nesting depth.
    pub(crate) height: u32,
}

/// The cost for the worst value, or the reason why the schema is not usable.
pub(crate) fn cost(root: &Value) -> Result<Cost, String> {
    let id_keyword = id_keyword(root);
    let mut walk = Walk {
        root,
        id: root.get(id_keyword).and_then(Value::as_str).unwrap_or_default().trim_end_matches('#'),
        id_keyword,
        anchors: HashMap::new(),
        known: HashMap::new(),
        path: HashSet::new(),
    };
    walk.anchors(root, true)?;
    let mut worst = Cost { parts: 1, height: 1 };
    let mut seen = HashSet::new();
    let mut next = vec![root];
    while let Some(schema) = next.pop() {
        if !seen.insert(address(schema)) {
            continue;
        }
        let cost = walk.cost(schema)?;
        worst.parts = worst.parts.max(cost.parts);
        worst.height = worst.height.max(cost.height);
        for (keyword, value) in schema.as_object().into_iter().flatten() {
            match part(keyword) {
                Part::Reference => next.extend(walk.targets(keyword, value)?),
                Part::Value => {}
                Part::Schema { .. } => next.extend(subschemas(value)),
                Part::Named { .. } => {
                    next.extend(value.as_object().into_iter().flat_map(Map::values))
                }
            }
        }
    }
    Ok(worst)
}

/// The kind of a keyword's value.
enum Part {
    /// A schema or a list of schemas; `here` is whether they apply to the same value.
    Schema {
        here: bool,
    },
    /// Schemas by name.
    Named {
        here: bool,
    },
    Reference,
    /// Not a schema.
    Value,
}

fn part(keyword: &str) -> Part {
    match keyword {
        "$ref" | "$dynamicRef" | "$recursiveRef" => Part::Reference,
        "allOf" | "anyOf" | "oneOf" | "not" | "if" | "then" | "else" => Part::Schema { here: true },
        "dependentSchemas" | "dependencies" => Part::Named { here: true },
        "items"
        | "prefixItems"
        | "additionalItems"
        | "contains"
        | "additionalProperties"
        | "propertyNames"
        | "unevaluatedItems"
        | "unevaluatedProperties"
        | "contentSchema" => Part::Schema { here: false },
        "properties" | "patternProperties" | "$defs" | "definitions" => Part::Named { here: false },
        _ => Part::Value,
    }
}

/// The schema itself, or the schemas of a list.
fn subschemas(value: &Value) -> &[Value] {
    match value {
        Value::Array(list) => list,
        one => std::slice::from_ref(one),
    }
}

/// The keyword that identifies a schema. Outside of draft 4, `id` has no meaning, but some libraries write it.
fn id_keyword(root: &Value) -> &'static str {
    let dialect = root.get("$schema").and_then(Value::as_str).unwrap_or_default();
    if dialect.contains("draft-04") { "id" } else { "$id" }
}

fn address(value: &Value) -> usize {
    std::ptr::from_ref(value) as usize
}

struct Walk<'a> {
    root: &'a Value,
    id: &'a str,
    id_keyword: &'static str,
    anchors: HashMap<&'a str, Vec<&'a Value>>,
    /// Costs by the addresses of schemas.
    known: HashMap<usize, Cost>,
    /// Schemas whose cost is being computed.
    path: HashSet<usize>,
}

impl<'a> Walk<'a> {
    /// Collects the anchors of all subschemas.
    fn anchors(&mut self, value: &'a Value, is_root: bool) -> Result<(), String> {
        match value {
            Value::Object(members) => {
                for keyword in ["$anchor", "$dynamicAnchor"] {
                    if let Some(Value::String(name)) = members.get(keyword) {
                        self.anchors.entry(name).or_default().push(value);
                    }
                }
                if let Some(Value::String(id)) = members.get(self.id_keyword)
                    && !is_root
                {
                    // As in draft 7; any other value starts another document.
                    let name = id.strip_prefix('#').ok_or_else(|| {
                        format!("it embeds the schema {id:?}, which is not supported")
                    })?;
                    self.anchors.entry(name).or_default().push(value);
                }
                if members.get("$schema").is_some_and(|it| self.root.get("$schema") != Some(it)) {
                    return Err("it embeds a schema of another dialect".to_owned());
                }
                for (keyword, value) in members {
                    match part(keyword) {
                        Part::Named { .. } => {
                            for schema in value.as_object().into_iter().flat_map(Map::values) {
                                self.anchors(schema, false)?;
                            }
                        }
                        Part::Schema { .. } => self.anchors(value, false)?,
                        Part::Reference | Part::Value => {}
                    }
                }
                Ok(())
            }
            Value::Array(list) => list.iter().try_for_each(|it| self.anchors(it, false)),
            _ => Ok(()),
        }
    }

    /// The possible targets of a reference; none if the validator has it built in.
    fn targets(&self, keyword: &str, reference: &Value) -> Result<Vec<&'a Value>, String> {
        let reference = reference.as_str().ok_or_else(|| format!("{keyword} is not a string"))?;
        let (document, fragment) = reference.split_once('#').unwrap_or((reference, ""));
        if !document.is_empty() && document != self.id {
            let rest = document.strip_prefix("http").map(|it| it.strip_prefix('s').unwrap_or(it));
            let is_known = rest.is_some_and(|it| it.starts_with("://json-schema.org/"));
            // Only a schema without an id cannot impersonate a meta-schema.
            return match is_known && self.id.is_empty() {
                true => Ok(Vec::new()),
                false => Err(format!(
                    "{keyword} {reference:?} refers to another document, which is not supported"
                )),
            };
        }
        let found = match fragment {
            "" => vec![self.root],
            _ if fragment.starts_with('/') => {
                let pointer = percent_decoded(fragment);
                self.root.pointer(&pointer).into_iter().collect()
            }
            name => self.anchors.get(name).cloned().unwrap_or_default(),
        };
        match found.is_empty() {
            true => Err(format!("{keyword} {reference:?} cannot be resolved")),
            false => Ok(found),
        }
    }

    /// The cost of a schema at one value.
    fn cost(&mut self, schema: &'a Value) -> Result<Cost, String> {
        let Value::Object(members) = schema else { return Ok(Cost { parts: 1, height: 1 }) };
        let address = address(schema);
        if let Some(known) = self.known.get(&address) {
            return Ok(*known);
        }
        if !self.path.insert(address) {
            return Err("it refers to itself for the same value".to_owned());
        }
        if self.path.len() > MAX_HEIGHT as usize {
            return Err(too_nested());
        }
        let mut parts = 1_u64;
        let mut height = 0;
        for (keyword, value) in members {
            let here: Vec<&'a Value> = match part(keyword) {
                Part::Schema { here: true } => subschemas(value).iter().collect(),
                Part::Named { here: true } => {
                    value.as_object().into_iter().flat_map(Map::values).collect()
                }
                Part::Reference => {
                    let targets = self.targets(keyword, value)?;
                    if targets.is_empty() {
                        parts = parts.saturating_add(META_SCHEMA.parts);
                        height = height.max(META_SCHEMA.height);
                    }
                    targets
                }
                Part::Schema { here: false } | Part::Named { here: false } | Part::Value => {
                    parts = parts.saturating_add(entries(keyword, value));
                    continue;
                }
            };
            for schema in here {
                let cost = self.cost(schema)?;
                parts = parts.saturating_add(cost.parts);
                height = height.max(cost.height);
            }
        }
        // These keywords visit values a second time.
        for twice in ["unevaluatedItems", "unevaluatedProperties"] {
            if members.contains_key(twice) {
                parts = parts.saturating_mul(2);
            }
        }
        self.path.remove(&address);
        let cost = Cost { parts, height: height + 1 };
        if cost.parts > MAX_PARTS {
            return Err(format!("more than {MAX_PARTS} schemas of it apply to one value"));
        }
        if cost.height > MAX_HEIGHT {
            return Err(too_nested());
        }
        self.known.insert(address, cost);
        Ok(cost)
    }
}

fn too_nested() -> String {
    format!("more than {MAX_HEIGHT} schemas of it are nested at one value")
}

/// The number of elements of a keyword's value visited each time.
fn entries(keyword: &str, value: &Value) -> u64 {
    match (keyword, value) {
        ("$defs" | "definitions", _) => 0,
        ("properties" | "patternProperties", Value::Object(members)) => members.len() as u64,
        ("items" | "prefixItems", Value::Array(list)) => list.len() as u64,
        ("required", Value::Array(list)) => list.len() as u64,
        ("enum" | "const" | "dependentRequired", _) => {
            (memory::of(value) / size_of::<Value>()) as u64
        }
        _ => 1,
    }
}

/// Decodes the fragment of a URI.
fn percent_decoded(fragment: &str) -> String {
    let mut rest = fragment.as_bytes();
    let mut out = Vec::with_capacity(rest.len());
    while let [first, after @ ..] = rest {
        let digit = |at: usize| char::from(*after.get(at)?).to_digit(16);
        rest = match (first, digit(0), digit(1)) {
            (b'%', Some(high), Some(low)) => {
                out.push((high * 16 + low) as u8);
                &after[2..]
            }
            _ => {
                out.push(*first);
                after
            }
        };
    }
    String::from_utf8_lossy(&out).into_owned()
}
