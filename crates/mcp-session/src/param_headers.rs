//! Tool arguments that HTTP mirrors in headers, by annotations in the tools' schemas.
//!
//! Spec: basic/transports/streamable-http#custom-headers

use std::{
    collections::{HashMap, HashSet},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use mcp_core::{Excerpt, ListToolsResult, Tool};
use serde_json::{Map, Value};

const ANNOTATION: &str = "x-mcp-header";

/// Maximum number of stored tools. Others are called without such headers.
const MAX_TOOLS: usize = 10_000;

/// Maximum number of tools of one page that are logged individually.
const MAX_LOGGED: usize = 10;

/// The largest integer that every JSON parser reads exactly.
const MAX_INTEGER: u64 = (1 << 53) - 1;

/// The annotated tools of a server, as listed.
#[derive(Debug, Default)]
pub(crate) struct ParamTable(Mutex<HashMap<String, Arc<[Annotated]>>>);

/// An argument that is mirrored in a header.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Annotated {
    path: Vec<String>,
    header: String,
}

impl ParamTable {
    /// Stores the annotations of the tools, and removes tools with invalid ones from the list.
    pub(crate) fn learn(&self, server: &str, list: &mut ListToolsResult) {
        let mut known = self.lock();
        let mut left_out = 0_usize;
        list.tools.retain(|tool| match annotations(&tool.input_schema) {
            Ok(found) if found.is_empty() => {
                known.remove(&tool.name);
                true
            }
            Ok(found) => {
                if known.len() < MAX_TOOLS || known.contains_key(&tool.name) {
                    known.insert(tool.name.clone(), found.into());
                }
                true
            }
            Err(why) => {
                let Tool { name, .. } = tool;
                left_out += 1;
                if left_out <= MAX_LOGGED {
                    let (tool, why) = (Excerpt(name), Excerpt(&why));
                    tracing::warn!(server, %tool, "left out of the list: {why}");
                }
                known.remove(name);
                false
            }
        });
        if let Some(more) = left_out.checked_sub(MAX_LOGGED).filter(|more| *more > 0) {
            tracing::warn!(server, more, "further tools are left out of the list");
        }
    }

    /// The annotated arguments of a tool; `None` if it has none.
    pub(crate) fn of(&self, tool: impl FnOnce() -> Option<String>) -> Option<Arc<[Annotated]>> {
        let known = self.lock();
        match known.is_empty() {
            true => None,
            false => known.get(&tool()?).cloned(),
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, Arc<[Annotated]>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The headers for these arguments.
pub(crate) fn headers(
    annotated: &[Annotated],
    arguments: &Map<String, Value>,
) -> Result<Vec<(String, String)>, serde_json::Error> {
    let mut headers = Vec::new();
    for Annotated { path, header } in annotated {
        let (first, rest) = path.split_first().unwrap_or_else(|| unreachable!("no path is empty"));
        let found = rest
            .iter()
            .try_fold(arguments.get(first), |value, key| value.map(|value| value.get(key)));
        let text = match found.flatten() {
            None | Some(Value::Null) => continue,
            Some(Value::String(text)) => text.clone(),
            Some(Value::Bool(value)) => value.to_string(),
            Some(Value::Number(number)) => {
                integer(number).ok_or_else(|| unfit(path, "an integer within ±(2^53-1)"))?
            }
            Some(_) => return Err(unfit(path, "a string, an integer or a boolean")),
        };
        headers.push((header.clone(), text));
    }
    Ok(headers)
}

fn integer(number: &serde_json::Number) -> Option<String> {
    if let Some(integer) = number.as_i64() {
        return (integer.unsigned_abs() <= MAX_INTEGER).then(|| integer.to_string());
    }
    // A value such as 42.0 is an integer in JSON Schema.
    let float = number.as_f64().filter(|it| it.fract() == 0.0 && it.abs() <= MAX_INTEGER as f64)?;
    Some(format!("{float:.0}"))
}

fn unfit(path: &[String], wanted: &str) -> serde_json::Error {
    let path = path.join(".");
    serde::ser::Error::custom(format!("{path} is sent in a header and must be {wanted}"))
}

/// The annotations of a schema, or the error in one of them.
pub(crate) fn annotations(schema: &Map<String, Value>) -> Result<Vec<Annotated>, String> {
    let mut found = Vec::new();
    collect(schema, &mut Vec::new(), true, &mut found)?;
    let mut names = HashSet::new();
    match found.iter().find(|it| !names.insert(it.header.to_ascii_lowercase())) {
        Some(twice) => Err(format!("{ANNOTATION} {:?} is used twice", twice.header)),
        None => Ok(found),
    }
}

/// `direct` is whether only `properties` led here.
fn collect(
    schema: &Map<String, Value>,
    path: &mut Vec<String>,
    direct: bool,
    found: &mut Vec<Annotated>,
) -> Result<(), String> {
    if let Some(annotation) = schema.get(ANNOTATION) {
        let header = annotation.as_str().unwrap_or_default();
        if header.is_empty() || !header.bytes().all(is_token) {
            return Err(format!("{ANNOTATION} {annotation} is not a header name"));
        }
        let kind = schema.get("type").and_then(Value::as_str).unwrap_or_default();
        if !matches!(kind, "string" | "integer" | "boolean") {
            return Err(format!("{ANNOTATION} {header:?} is on the type {kind:?}"));
        }
        if !direct || path.is_empty() {
            return Err(format!("{ANNOTATION} {header:?} is not on a property of the arguments"));
        }
        found.push(Annotated { path: path.clone(), header: header.to_owned() });
    }
    for (key, value) in schema {
        match (key.as_str(), value) {
            ("properties", Value::Object(properties)) => {
                for (name, property) in properties {
                    if let Value::Object(property) = property {
                        path.push(name.clone());
                        collect(property, path, direct, found)?;
                        path.pop();
                    }
                }
            }
            // Values, not schemas.
            ("const" | "default" | "enum" | "examples", _) => {}
            (_, Value::Object(inner)) => collect(inner, path, false, found)?,
            (_, Value::Array(inner)) => {
                for inner in inner.iter().filter_map(Value::as_object) {
                    collect(inner, path, false, found)?;
                }
            }
            _ => {}
        }
    }
    Ok(())
}

/// Whether the byte is valid in a header name.
fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use serde_json::json;

    use super::*;

    fn object(value: Value) -> Map<String, Value> {
        value.as_object().unwrap().clone()
    }

    fn read(properties: Value) -> Result<Vec<Annotated>, String> {
        annotations(&object(json!({ "type": "object", "properties": properties })))
    }

    #[test]
    fn the_number_of_stored_tools_is_bounded() {
        let list = |tools: std::ops::Range<usize>, header: &str| {
            let property = json!({ "a": { "type": "string", "x-mcp-header": header } });
            let schema = object(json!({ "type": "object", "properties": property }));
            let tools = tools.map(|n| Tool::new(n.to_string(), schema.clone()));
            ListToolsResult::new(tools.collect::<Vec<_>>())
        };
        let table = ParamTable::default();
        let mut first = list(0..MAX_TOOLS + 1, "A");
        table.learn("shop", &mut first);
        assert_eq!((table.lock().len(), first.tools.len()), (MAX_TOOLS, MAX_TOOLS + 1));
        // A tool without annotations is removed, and a known one can be replaced.
        table.learn("shop", &mut list(0..1, "B"));
        assert_eq!(table.of(|| Some("0".to_owned())).unwrap()[0].header, "B");
        let plain = Tool::new("0", object(json!({ "type": "object" })));
        table.learn("shop", &mut ListToolsResult::new(vec![plain]));
        table.learn("shop", &mut list(MAX_TOOLS..MAX_TOOLS + 1, "A"));
        assert!(table.of(|| Some(MAX_TOOLS.to_string())).is_some());
    }

    #[test]
    fn arguments_become_headers() {
        let annotated = read(json!({
            "region": { "type": "string", "x-mcp-header": "Region" },
            "count": { "type": "integer", "x-mcp-header": "Count" },
            "dry": { "type": "boolean", "x-mcp-header": "Dry" },
            "deep": { "properties": { "er": { "type": "string", "x-mcp-header": "Deeper" } } },
            "plain": { "type": "string", "default": { "x-mcp-header": "no schema" } },
        }))
        .unwrap();
        let sent = |arguments: Value| {
            let headers = headers(&annotated, &object(arguments)).map_err(|it| it.to_string())?;
            let pairs = headers.into_iter().map(|(name, value)| format!("{name}={value}"));
            Ok::<_, String>(pairs.collect::<Vec<_>>().join(" "))
        };
        let all = json!({ "region": "eu", "count": 42.0, "dry": false, "deep": { "er": "" } });
        assert_eq!(sent(all).unwrap(), "Region=eu Count=42 Dry=false Deeper=");
        assert_eq!(sent(json!({ "region": null, "plain": "x", "deep": 1 })).unwrap(), "");
        assert_eq!(
            sent(json!({ "count": -9007199254740991_i64 })).unwrap(),
            "Count=-9007199254740991"
        );
        for wrong in [json!({ "count": 9007199254740992_i64 }), json!({ "count": 0.5 })] {
            assert!(sent(wrong).unwrap_err().contains("count is sent in a header"));
        }
        assert!(sent(json!({ "region": ["eu"] })).unwrap_err().contains("must be a string"));
    }

    #[test]
    fn wrong_annotations_are_reported() {
        let on =
            |kind: &str, header: Value| json!({ "a": { "type": kind, "x-mcp-header": header } });
        for (properties, why) in [
            (on("string", json!("")), "not a header name"),
            (on("string", json!("a b")), "not a header name"),
            (on("string", json!("a:b")), "not a header name"),
            (on("string", json!("é")), "not a header name"),
            (on("string", json!(1)), "not a header name"),
            (on("number", json!("A")), "on the type"),
            (on("object", json!("A")), "on the type"),
            (json!({ "a": { "x-mcp-header": "A" } }), "on the type"),
            (
                json!({
                    "a": { "type": "string", "x-mcp-header": "Same" },
                    "b": { "type": "string", "x-mcp-header": "same" },
                }),
                "twice",
            ),
            (json!({ "a": { "items": { "type": "string", "x-mcp-header": "A" } } }), "not on a"),
            (json!({ "a": { "anyOf": [{ "type": "string", "x-mcp-header": "A" }] } }), "not on a"),
        ] {
            let error = read(properties.clone()).unwrap_err();
            assert!(error.contains(why), "{properties}: {error}");
        }
        assert!(read(json!({ "a": { "type": "string" } })).unwrap().is_empty());
    }
}
