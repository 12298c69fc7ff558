//! Validates sample values against the official JSON Schemas, which `cargo xtask setup` unpacks.
//!
//! The generator of those schemas has two known faults: they have `integer` in some places where the
//! specification has `number`, and their `JSONValue` has no `null`. The sample values avoid both; unit tests of
//! the types cover them.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
};

use serde_json::{Value, json};

use crate::{
    round_trip::round_trip,
    values::{Case, Revision, values},
    workspace_root,
};

/// Definitions without a sample value, with the reason.
const EXCEPTIONS: &[(&str, &str)] = &[
    ("BaseMetadata", "members shared by other definitions"),
    ("Cursor", "a plain string"),
    ("Icons", "a member shared by other definitions"),
    ("JSONArray", "any JSON: a type of serde_json"),
    ("JSONObject", "any JSON: a type of serde_json"),
    ("JSONValue", "any JSON: a type of serde_json"),
];

/// The definitions of a revision, or `None` if the schemas are not installed.
fn definitions(revision: Revision) -> Option<Value> {
    let file = workspace_root().join(".peers/schema").join(format!("{}.json", revision.name()));
    if !file.exists() {
        let message = "no schemas in .peers/schema: run `cargo xtask setup`";
        assert!(std::env::var("CI").as_deref() != Ok("true"), "{message}");
        eprintln!("skipped: {message}");
        return None;
    }
    let mut schema: Value = serde_json::from_slice(&fs::read(file).unwrap()).unwrap();
    Some(schema["$defs"].take())
}

fn check(revision: Revision) {
    let Some(definitions) = definitions(revision) else {
        return;
    };
    let schema = json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$defs": definitions,
    });
    let registry = jsonschema::Registry::new().add("urn:mcp", &schema).unwrap().prepare().unwrap();
    let cases: Vec<Case> =
        values().into_iter().filter(|case| case.revisions.contains(&revision)).collect();
    let mut failures = Vec::new();
    for Case { definition, value, .. } in &cases {
        if definitions.get(definition).is_none() {
            failures.push(format!("{definition} is not in the schema"));
            continue;
        }
        let schema = json!({"$ref": format!("urn:mcp#/$defs/{definition}")});
        let validator = jsonschema::options().with_registry(&registry).build(&schema).unwrap();
        for error in validator.iter_errors(value) {
            failures.push(format!("{definition} at {}: {error}", error.instance_path()));
        }
    }
    failures.extend(uncovered(&definitions, &cases));
    assert!(failures.is_empty(), "{} failures:\n{}", failures.len(), failures.join("\n"));
}

/// The definitions, and the members of definitions, without a sample value.
fn uncovered(definitions: &Value, cases: &[Case]) -> Vec<String> {
    let mut covered: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for case in cases {
        let members = covered.entry(case.definition).or_default();
        members.extend(case.value.as_object().into_iter().flatten().map(|(name, _)| name.as_str()));
    }
    let mut missing = Vec::new();
    for (definition, schema) in definitions.as_object().unwrap() {
        let excepted = EXCEPTIONS.iter().any(|(name, _)| name == definition);
        let Some(members) = covered.get(definition.as_str()) else {
            if !excepted {
                missing.push(format!("{definition} has no value"));
            }
            continue;
        };
        assert!(!excepted, "{definition} is excepted and has a value");
        let properties = schema.get("properties").and_then(Value::as_object);
        for (member, _) in properties.into_iter().flatten() {
            if !members.contains(member.as_str()) {
                missing.push(format!("{definition}.{member} is in no value"));
            }
        }
    }
    missing
}

#[test]
fn values_are_valid_and_complete_in_2025_11_25() {
    check(Revision::Legacy);
}

#[test]
fn values_are_valid_and_complete_in_2026_07_28() {
    check(Revision::Modern);
}

#[test]
fn values_are_unchanged_by_a_round_trip() {
    for Case { definition, value, .. } in values() {
        // Unions of messages have no type here: the method determines it.
        if UNIONS.contains(&definition) {
            continue;
        }
        assert_eq!(round_trip(definition, &value).as_ref(), Ok(&value), "{definition}");
    }
}

const UNIONS: &[&str] = &[
    "ClientNotification",
    "ClientRequest",
    "ClientResult",
    "ServerNotification",
    "ServerRequest",
    "ServerResult",
];
