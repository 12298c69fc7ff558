//! What a schema can cost, found out before it is used.
//!
//! A few lines of `allOf` and `$ref` can ask for more work than there is time, or for a stack that nobody has.
//! What applies to the same value is counted here along all references; how often values are looked at is
//! limited by [`Steps`](super::steps::Steps).
//!
//! Spec: basic/index#json-schema-usage

use std::collections::{HashMap, HashSet};

use serde_json::{Map, Value};

/// The most schemas that may apply to one value.
const MOST_AT_ONCE: u64 = 10_000;

/// How deep schemas may go into one another at one value.
const DEEPEST: u32 = 64;

/// What a reference to one of the schemas of JSON Schema itself stands for, which the validator knows.
const KNOWN: Weight = Weight { cost: 256, height: 16 };

/// What a schema can cost at one value of a result.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Weight {
    /// The parts of schemas that may be looked at.
    pub(crate) cost: u64,
    /// How deep they go into one another.
    pub(crate) height: u32,
}

/// How many bytes a value takes in memory, about.
pub(crate) fn bytes(value: &Value) -> usize {
    const EACH: usize = size_of::<Value>();
    match value {
        Value::String(text) => EACH + text.len(),
        Value::Array(items) => EACH + items.iter().map(bytes).sum::<usize>(),
        Value::Object(members) => EACH + map_bytes(members),
        Value::Null | Value::Bool(_) | Value::Number(_) => EACH,
    }
}

/// The same of an object.
pub(crate) fn map_bytes(members: &Map<String, Value>) -> usize {
    members.iter().map(|(name, value)| 2 * size_of::<String>() + name.len() + bytes(value)).sum()
}

/// Weighs a schema, or tells why it cannot be used.
pub(crate) fn weigh(root: &Value) -> Result<Weight, String> {
    let id_keyword = id_keyword(root);
    let mut scale = Scale {
        root,
        id: root.get(id_keyword).and_then(Value::as_str).unwrap_or_default().trim_end_matches('#'),
        id_keyword,
        anchors: HashMap::new(),
        known: HashMap::new(),
        path: HashSet::new(),
    };
    scale.anchors(root, true)?;
    let mut most = Weight { cost: 1, height: 1 };
    let mut seen = HashSet::new();
    let mut next = vec![root];
    while let Some(schema) = next.pop() {
        if !seen.insert(address(schema)) {
            continue;
        }
        let weight = scale.weight(schema)?;
        most = Weight { cost: most.cost.max(weight.cost), height: most.height.max(weight.height) };
        for (keyword, value) in schema.as_object().into_iter().flatten() {
            match part(keyword) {
                Part::Reference => next.extend(scale.targets(keyword, value)?),
                Part::Value => {}
                Part::Schema { .. } => next.extend(subschemas(value)),
                Part::Named { .. } => {
                    next.extend(value.as_object().into_iter().flat_map(Map::values))
                }
            }
        }
    }
    Ok(most)
}

/// What stands behind a keyword.
enum Part {
    /// A schema or a list of schemas; `here` is whether they apply to the same value.
    Schema {
        here: bool,
    },
    /// Schemas by names.
    Named {
        here: bool,
    },
    Reference,
    /// No schema.
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

/// The schema, or the schemas of a list.
fn subschemas(value: &Value) -> &[Value] {
    match value {
        Value::Array(list) => list,
        one => std::slice::from_ref(one),
    }
}

/// The keyword that names a schema. Elsewhere than in draft 4, `id` says nothing, and some write it.
fn id_keyword(root: &Value) -> &'static str {
    let dialect = root.get("$schema").and_then(Value::as_str).unwrap_or_default();
    if dialect.contains("draft-04") { "id" } else { "$id" }
}

fn address(value: &Value) -> usize {
    std::ptr::from_ref(value) as usize
}

struct Scale<'a> {
    root: &'a Value,
    id: &'a str,
    id_keyword: &'static str,
    anchors: HashMap<&'a str, Vec<&'a Value>>,
    /// By the addresses of schemas.
    known: HashMap<usize, Weight>,
    /// The schemas that are being weighed.
    path: HashSet<usize>,
}

impl<'a> Scale<'a> {
    /// Finds the names of schemas, wherever a schema may be.
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
                    // As draft 7 has it; anything else makes a document of its own.
                    let name = id.strip_prefix('#').ok_or_else(|| {
                        format!("it holds a schema of its own, {id:?}, which is not supported")
                    })?;
                    self.anchors.entry(name).or_default().push(value);
                }
                if members.get("$schema").is_some_and(|it| self.root.get("$schema") != Some(it)) {
                    return Err("it holds a schema of another dialect".to_owned());
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

    /// What a reference may stand for; nothing where the validator knows it without us.
    fn targets(&self, keyword: &str, reference: &Value) -> Result<Vec<&'a Value>, String> {
        let reference = reference.as_str().ok_or_else(|| format!("{keyword} is no text"))?;
        let (document, fragment) = reference.split_once('#').unwrap_or((reference, ""));
        if !document.is_empty() && document != self.id {
            let rest = document.strip_prefix("http").map(|it| it.strip_prefix('s').unwrap_or(it));
            let is_known = rest.is_some_and(|it| it.starts_with("://json-schema.org/"));
            // Only a schema without a name cannot pretend to be one of these.
            return match is_known && self.id.is_empty() {
                true => Ok(Vec::new()),
                false => Err(format!("{keyword} {reference:?} is outside of it, and not followed")),
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
            true => Err(format!("{keyword} {reference:?} leads nowhere")),
            false => Ok(found),
        }
    }

    /// What a schema costs at one value.
    fn weight(&mut self, schema: &'a Value) -> Result<Weight, String> {
        let Value::Object(members) = schema else { return Ok(Weight { cost: 1, height: 1 }) };
        let address = address(schema);
        if let Some(known) = self.known.get(&address) {
            return Ok(*known);
        }
        if !self.path.insert(address) {
            return Err("it goes round at one and the same value".to_owned());
        }
        if self.path.len() > DEEPEST as usize {
            return Err(format!("more than {DEEPEST} schemas go into one another in it"));
        }
        let mut cost = 1_u64;
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
                        cost = cost.saturating_add(KNOWN.cost);
                        height = height.max(KNOWN.height);
                    }
                    targets
                }
                Part::Schema { here: false } | Part::Named { here: false } | Part::Value => {
                    cost = cost.saturating_add(entries(keyword, value));
                    continue;
                }
            };
            for schema in here {
                let weight = self.weight(schema)?;
                cost = cost.saturating_add(weight.cost);
                height = height.max(weight.height);
            }
        }
        // These look a second time at what the others have seen.
        for twice in ["unevaluatedItems", "unevaluatedProperties"] {
            if members.contains_key(twice) {
                cost = cost.saturating_mul(2);
            }
        }
        self.path.remove(&address);
        let weight = Weight { cost, height: height + 1 };
        if weight.cost > MOST_AT_ONCE {
            return Err(format!("more than {MOST_AT_ONCE} schemas of it apply to one value"));
        }
        if weight.height > DEEPEST {
            return Err(format!("more than {DEEPEST} schemas go into one another in it"));
        }
        self.known.insert(address, weight);
        Ok(weight)
    }
}

/// How much of a keyword's value is looked at each time.
fn entries(keyword: &str, value: &Value) -> u64 {
    match (keyword, value) {
        ("$defs" | "definitions", _) => 0,
        ("properties" | "patternProperties", Value::Object(members)) => members.len() as u64,
        ("items" | "prefixItems", Value::Array(list)) => list.len() as u64,
        ("required", Value::Array(list)) => list.len() as u64,
        ("enum" | "const" | "dependentRequired", _) => (bytes(value) / size_of::<Value>()) as u64,
        _ => 1,
    }
}

/// A fragment of a URI as the text that it stands for.
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
