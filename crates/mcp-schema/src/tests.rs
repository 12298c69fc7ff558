//! Which values are valid, which schemas are refused, and that both end.

#![allow(clippy::unwrap_used, reason = "tests")]

use serde_json::json;

use super::*;

const STEPS: u64 = 2_000_000;

fn validate(schema: &Value, value: &Value) -> Result<(), ValidationError> {
    match Schema::compile(schema) {
        Ok(schema) => schema.validate(value, STEPS),
        Err(why) => Err(ValidationError::Unusable(why.to_string())),
    }
}

fn invalid(schema: &Value, value: &Value) -> String {
    match validate(schema, value) {
        Err(ValidationError::Invalid(why)) => why,
        other => panic!("{schema} {value}: {other:?}"),
    }
}

fn unusable(schema: &Value, value: &Value) -> String {
    match validate(schema, value) {
        Err(ValidationError::Unusable(why)) => why,
        Err(ValidationError::OutOfSteps(STEPS)) => "steps".to_owned(),
        other => panic!("{schema}: {other:?}"),
    }
}

#[test]
fn values_fit_or_not_as_the_draft_says() {
    let book = json!({
        "type": "object",
        "properties": {
            "title": { "type": "string", "pattern": "^[A-Z]", "minLength": 2 },
            "tags": { "type": "array", "uniqueItems": true },
            "kind": { "enum": ["novel", 1] },
        },
        "required": ["title"],
        "additionalProperties": false,
    });
    let good = json!({ "title": "Dune", "tags": [1, "1", [1], [[1]], { "a": 1 }], "kind": 1.0 });
    assert_eq!(validate(&book, &good), Ok(()));
    for (bad, at) in [
        (json!({ "title": "dune" }), "at /title: "),
        (json!({ "title": "D" }), "at /title: "),
        (
            json!({ "title": "Dune", "tags": [{ "a": 1, "b": 2 }, { "b": 2.0, "a": 1 }] }),
            "at /tags: ",
        ),
        (json!({ "title": "Dune", "kind": 2 }), "at /kind: "),
        (json!({ "tags": [] }), "\"title\" is a required property"),
        (json!({ "title": "Dune", "s3cret": 1 }), "s3cret"),
        (json!([]), "is not of type"),
    ] {
        let why = invalid(&book, &bad);
        assert!(why.contains(at), "{bad}: {why}");
    }
    // The names of members, and any JSON at the root.
    assert!(
        validate(&json!({ "propertyNames": { "maxLength": 1 } }), &json!({ "ab": 1 })).is_err()
    );
    assert_eq!(validate(&json!({ "type": ["array", "null"] }), &json!(null)), Ok(()));
    // In 2020-12 and later alone.
    let tuple = json!({ "prefixItems": [{ "type": "string" }] });
    assert!(validate(&tuple, &json!([1])).is_err());
    let mut seven = json!({ "$schema": "http://json-schema.org/draft-07/schema#" });
    seven["prefixItems"] = tuple["prefixItems"].clone();
    assert_eq!(validate(&seven, &json!([1])), Ok(()));
    seven["items"] = tuple["prefixItems"].clone();
    assert!(validate(&seven, &json!([1])).is_err());
    assert_eq!(validate(&json!({ "format": "ipv4" }), &json!("a note")), Ok(()));
    // As zod writes it.
    let titled = json!({ "$defs": { "a": { "id": "A", "const": 1 } }, "$ref": "#/$defs/a" });
    assert_eq!(validate(&titled, &json!(1)), Ok(()));
    // Members that are called like keywords.
    let named = json!({ "properties": { "id": { "const": 1 }, "$ref": { "type": "string" } } });
    assert_eq!(validate(&named, &json!({ "id": 1, "$ref": "#" })), Ok(()));
    assert!(validate(&named, &json!({ "id": 2 })).is_err());
}

#[test]
fn references_within_the_schema_are_followed() {
    let tree = json!({
        "$defs": {
            "a/b ": { "type": "object", "properties": {
                "left": { "$ref": "#/$defs/a~1b%20" }, "right": { "$ref": "#node" } },
                "required": ["value"] },
            "again": { "$anchor": "node", "$ref": "#/$defs/a~1b%20" },
        },
        "$ref": "#/$defs/a~1b%20",
    });
    let good = json!({ "value": 1, "left": { "value": 2, "right": { "value": 3 } } });
    assert_eq!(validate(&tree, &good), Ok(()));
    let bad = json!({ "value": 1, "left": { "value": 2, "right": {} } });
    assert!(invalid(&tree, &bad).contains("at /left/right: "));
    let list = json!({
        "$id": "https://example.com/list", "$dynamicAnchor": "node",
        "properties": { "next": { "$dynamicRef": "#node" }, "first": { "$ref": "https://example.com/list#" } },
        "required": ["value"],
    });
    assert_eq!(validate(&list, &json!({ "value": 1, "next": { "value": 2 } })), Ok(()));
    assert!(validate(&list, &json!({ "value": 1, "next": {} })).is_err());
    assert!(validate(&list, &json!({ "value": 1, "first": {} })).is_err());
    let schema = json!({ "$ref": "https://json-schema.org/draft/2020-12/schema" });
    assert_eq!(validate(&schema, &json!({ "type": "object" })), Ok(()));
    assert!(validate(&schema, &json!({ "type": 5 })).is_err());
}

#[test]
fn unusable_schemas_say_why() {
    for (schema, why) in [
        (json!({ "$ref": "https://example.com/other.json" }), "not followed"),
        (json!({ "$ref": "other.json#/a" }), "not followed"),
        (json!({ "$ref": "file:///etc/passwd" }), "not followed"),
        (json!({ "properties": { "a": { "$ref": "#/$defs/none" } } }), "leads nowhere"),
        (json!({ "$ref": "#none" }), "leads nowhere"),
        (json!({ "$ref": 5 }), "not a string"),
        (json!({ "$ref": "#" }), "refers to itself"),
        (json!({ "$defs": { "a": { "anyOf": [{ "$ref": "#/$defs/a" }] } } }), "refers to itself"),
        (json!({ "$defs": { "a": { "$id": "https://example.com/a" } } }), "it embeds the schema"),
        (
            json!({ "$schema": "http://json-schema.org/draft-04/schema#",
                "properties": { "a": { "id": "http://json-schema.org/a" } } }),
            "it embeds the schema",
        ),
        (
            json!({ "$id": "HTTP://json-schema.org/a", "$ref": "http://json-schema.org/a" }),
            "not followed",
        ),
        (
            json!({ "$schema": "http://json-schema.org/draft-04/schema#",
                "id": "http://json-schema.org/a", "allOf": [{ "$ref": "http://json-schema.org/a" }] }),
            "refers to itself",
        ),
        (
            json!({ "items": { "$schema": "http://json-schema.org/draft-04/schema#" } }),
            "another dialect",
        ),
        (json!({ "type": "text" }), "type"),
        (json!({ "pattern": "(" }), "regex"),
        (json!({ "pattern": "(((a{1,99}){1,99}){1,99}){1,99}" }), "regex"),
        (json!({ "$schema": "https://example.com/my-own" }), "my-own"),
    ] {
        let found = unusable(&schema, &json!({}));
        assert!(found.contains(why), "{schema}: {found}");
        assert!(found.len() < 400, "{found}");
    }
}

/// `links` definitions, each of which is made of the next by `link`, and the last is `end`.
fn chain(links: usize, link: impl Fn(Value) -> Value, end: Value) -> Value {
    let next = |n: usize| json!({ "$ref": format!("#/$defs/{n}") });
    let mut defs: serde_json::Map<_, _> =
        (0..links).map(|n| (n.to_string(), link(next(n + 1)))).collect();
    defs.insert(links.to_string(), end);
    json!({ "$defs": defs, "$ref": "#/$defs/0" })
}

/// As on the smallest stack that a task may have to do with.
fn on_a_small_stack(test: impl FnOnce() + Send + 'static) {
    let thread = std::thread::Builder::new().stack_size(2 << 20).spawn(test).unwrap();
    thread.join().unwrap();
}

#[test]
fn schemas_that_multiply_are_refused() {
    on_a_small_stack(|| {
        for keyword in ["allOf", "anyOf", "oneOf"] {
            let double = |next: Value| json!({ keyword: [next.clone(), next] });
            let schema = chain(25, double, json!(true));
            assert!(unusable(&schema, &json!(1)).contains("apply to one value"));
            assert!(
                validate(&chain(5, double, json!({})), &json!(1)).is_ok() || keyword == "oneOf"
            );
        }
        let deep = chain(5000, |next| json!({ "allOf": [next] }), json!({}));
        assert!(unusable(&deep, &json!(1)).contains("are nested"));
    });
}

#[test]
fn long_chains_over_many_values_need_no_stack() {
    on_a_small_stack(|| {
        let long = chain(3000, |next| json!({ "properties": { "a": next } }), json!({}));
        assert_eq!(validate(&long, &json!({ "a": { "a": 1 } })), Ok(()));
    });
}

fn nested(depth: usize) -> Value {
    (0..depth).fold(json!({}), |inner, _| json!({ "a": inner, "b": 1 }))
}

#[test]
fn deep_values_are_validated_as_far_as_the_stack_reaches() {
    on_a_small_stack(|| {
        let wrap = |next: Value| json!({ "allOf": [{ "anyOf": [next] }] });
        for height in [0, 2, 10, 20] {
            let mut schema = chain(
                height,
                wrap,
                json!({
                "properties": { "a": { "$ref": "#" }, "b": { "type": "string" } } }),
            );
            schema["$defs"]["x"] = schema.clone();
            let schema = Schema::compile(&schema).unwrap();
            for depth in [3, 20, 60, 120] {
                let value = nested(depth);
                let frames = (depth as u64 + 2) * u64::from(schema.cost.height);
                let fits = frames <= MAX_FRAMES;
                match schema.validate(&value, STEPS) {
                    Err(ValidationError::Invalid(_)) => assert!(fits, "{height} {depth}"),
                    Err(ValidationError::Unusable(why)) => {
                        assert!(!fits, "{height} {depth}: {why}");
                    }
                    Err(ValidationError::OutOfSteps(_)) => {}
                    Ok(()) => panic!("{height} {depth}: b is no text"),
                }
            }
        }
    });
}

#[test]
fn work_that_grows_with_the_value_ends() {
    on_a_small_stack(|| {
        // Twice as much work for each level.
        let schema = json!({
            "$defs": { "s": { "oneOf": [
                { "properties": { "a": { "$ref": "#/$defs/s" } }, "required": ["c"] },
                { "properties": { "a": { "$ref": "#/$defs/s" } }, "required": ["b"] },
                { "properties": { "a": { "$ref": "#/$defs/s" } }, "required": ["d"] },
            ] } },
            "$ref": "#/$defs/s",
        });
        // Whatever the outcome, there is one.
        let _ = validate(&schema, &nested(60));
        let words: Vec<_> = (0..100_000).map(|n| json!({ "a": n })).collect();
        let words = Value::Array(words);
        assert_eq!(validate(&json!({ "uniqueItems": true }), &words), Ok(()));
        let each = json!({ "items": chain(8, |next| json!({ "anyOf": [next.clone(), next] }), json!({})) });
        let each = json!({ "$defs": each["items"]["$defs"], "items": { "$ref": "#/$defs/0" } });
        assert!(unusable(&each, &words).contains("steps"));
        let why = invalid(&json!({ "items": { "type": "string" } }), &words);
        assert!(
            why.contains("at /0: ") && why.ends_with("and more") || why.contains("too large"),
            "{why}"
        );
        assert!(why.len() < 2000);
    });
}

#[test]
fn patterns_with_look_around_are_understood_and_bounded() {
    // As libraries write it for e-mail addresses.
    let mail = json!({ "pattern":
        r"^(?!\.)(?!.*\.\.)([A-Za-z0-9_'+\-\.]*)[A-Za-z0-9_+-]@([A-Za-z0-9][A-Za-z0-9\-]*\.)+[A-Za-z]{2,}$"
    });
    assert_eq!(validate(&mail, &json!("ann@example.com")), Ok(()));
    for wrong in [".ann@example.com", "ann..b@example.com", "ann"] {
        invalid(&mail, &json!(wrong));
    }
    // One that would backtrack for ever.
    let endless = json!({ "pattern": r"^(?=(a|b|ab)*c)(a|a)*(?<!x)c$" });
    invalid(&endless, &json!("ab".repeat(5_000)));
}

#[test]
fn descriptions_are_short_and_show_no_values() {
    let schema = json!({ "additionalProperties": false, "properties": { "a": { "const": 1 } } });
    let mut value = serde_json::Map::new();
    value.insert("a".into(), json!("s3cret"));
    let why = invalid(&schema, &Value::Object(value.clone()));
    assert!(!why.contains("s3cret"), "{why}");
    value.extend((0..10_000).map(|n| (format!("member{n}"), json!(n))));
    assert!(invalid(&schema, &Value::Object(value)).len() < 1000);
}
