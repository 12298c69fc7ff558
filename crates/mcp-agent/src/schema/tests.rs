#![allow(clippy::unwrap_used, reason = "tests")]

use serde_json::json;

use super::*;

fn adapted(api: Api, schema: Value) -> Adapted {
    adapt(api, schema.as_object().unwrap(), true)
}

/// The declared properties and the changes.
fn properties(api: Api, properties: Value) -> (Value, Vec<String>) {
    let names: Vec<&String> = properties.as_object().unwrap().keys().collect();
    let schema = json!({"type": "object", "properties": properties, "required": names});
    let Adapted { mut schema, changes, .. } = adapted(api, schema);
    (schema["properties"].take(), changes.iter().map(ToString::to_string).collect())
}

fn kinds(adapted: &Adapted) -> Vec<ChangeKind> {
    adapted.changes.iter().map(|it| it.kind).collect()
}

#[test]
fn references_are_expanded_with_their_sibling_keywords() {
    let schema = json!({
        "$schema": "http://json-schema.org/draft-07/schema#",
        "$id": "https://example.com/tool.json",
        "type": "object",
        "properties": {
            "from": {"$ref": "#/definitions/Place", "description": "Where it begins"},
            "to": {"$ref": "https://example.com/tool.json#/definitions/Place"},
            "via": {"type": "array", "items": {"$ref": "#/definitions/a~1b%20c"}},
            "short": {"$ref": "#/definitions/Name", "maxLength": 3},
        },
        "definitions": {
            "Place": {"type": "string", "description": "A city"},
            "a/b c": {"$ref": "#/definitions/Place"},
            "Name": {"type": "string", "maxLength": 9},
        },
    });
    let adapted = adapted(Api::Anthropic, schema);
    assert_eq!(
        Value::Object(adapted.schema),
        json!({
            "type": "object",
            "properties": {
                "from": {"type": "string", "description": "Where it begins"},
                "to": {"type": "string", "description": "A city"},
                "via": {"type": "array", "items": {"type": "string", "description": "A city"}},
                "short": {"maxLength": 3, "type": "string"},
            },
        })
    );
    assert_eq!(adapted.changes, []);
}

#[test]
fn the_root_may_be_a_reference() {
    let schema = json!({
        "$ref": "#/definitions/Args",
        "definitions": {"Args": {"type": "object", "properties": {"a": {"type": "string"}}, "required": ["a"]}},
    });
    let adapted = adapted(Api::OpenAiChat, schema);
    assert!(adapted.is_strict && adapted.changes.is_empty());
    assert_eq!(adapted.schema["properties"], json!({"a": {"type": "string"}}));
}

#[test]
fn recursion_is_cut_at_the_first_repetition() {
    let schema = json!({
        "type": "object",
        "properties": {"tree": {"$ref": "#/$defs/Node"}, "all": {"$ref": "#"}},
        "$defs": {"Node": {
            "type": "object",
            "properties": {
                "value": {"type": "string"},
                "children": {"type": "array", "items": {"$ref": "#/$defs/Node"}},
            },
        }},
    });
    for api in [Api::OpenAiChat, Api::OpenAiResponses, Api::Anthropic, Api::Gemini] {
        let adapted = adapted(api, schema.clone());
        assert_eq!(
            adapted.schema["properties"],
            json!({
                "tree": {"type": "object", "properties": {
                    "value": {"type": "string"},
                    "children": {"type": "array", "items": {
                        "type": "object", "description": "The same as the `Node` around it",
                    }},
                }},
                "all": {"type": "object", "description": "The same as all of the arguments"},
            }),
            "{api:?}"
        );
        assert!(!adapted.is_strict);
        let cut = &adapted.changes[0];
        assert_eq!(
            (cut.path.as_str(), cut.kind, cut.detail.as_str()),
            ("/properties/tree/properties/children/items", ChangeKind::Recursion, "#/$defs/Node")
        );
    }
}

#[test]
fn unresolved_references_allow_anything_and_are_reported() {
    for reference in ["https://example.com/x.json", "#/$defs/none", "other.json#/x", "#anchor", ""]
    {
        let schema = json!({"properties": {"a": {"$ref": reference, "title": "A"}}});
        let adapted = adapted(Api::Anthropic, schema);
        assert_eq!(adapted.schema["properties"], json!({"a": {"title": "A"}}));
        assert_eq!(kinds(&adapted), [ChangeKind::Unresolved], "{reference}");
    }
}

#[test]
fn multiplying_references_end_at_the_limit() {
    // Doubles forty times.
    let mut defs = serde_json::Map::new();
    for step in 0..40 {
        let next = json!({"$ref": format!("#/$defs/d{}", step + 1)});
        defs.insert(
            format!("d{step}"),
            json!({"type": "object", "properties": {"a": next, "b": next}}),
        );
    }
    defs.insert("d40".to_owned(), json!({"type": "string", "description": "x".repeat(1000)}));
    let schema = json!({"properties": {"a": {"$ref": "#/$defs/d0"}}, "$defs": defs});
    let adapted = adapted(Api::Gemini, schema);
    assert!(kinds(&adapted).contains(&ChangeKind::TooLarge));
    let bytes = Value::Object(adapted.schema).to_string().len();
    assert!(bytes < 1 << 20, "{bytes}");

    // Nests two hundred times.
    let mut defs = serde_json::Map::new();
    for step in 0..200 {
        let next = json!({"$ref": format!("#/$defs/d{}", step + 1)});
        defs.insert(format!("d{step}"), json!({"type": "array", "items": next}));
    }
    let schema = json!({"properties": {"a": {"$ref": "#/$defs/d0"}}, "$defs": defs});
    assert!(kinds(&super::tests::adapted(Api::Anthropic, schema)).contains(&ChangeKind::TooLarge));
}

#[test]
fn older_drafts_are_converted_to_draft_2020_12() {
    let (declared, changes) = properties(
        Api::Anthropic,
        json!({
            "pair": {"type": "array", "items": [{"type": "string"}, true], "additionalItems": false},
            "over": {"type": "number", "minimum": 0, "exclusiveMinimum": true},
            "maybe": {"type": "string", "nullable": true},
            "one": {"type": "string", "enum": ["a"], "nullable": true, "description": "A"},
            "after": {"type": "object", "dependencies": {"a": ["b"], "c": {"required": ["d"]}}},
        }),
    );
    assert_eq!(
        declared,
        json!({
            "pair": {"type": "array", "prefixItems": [{"type": "string"}, {}], "items": false},
            "over": {"type": "number", "exclusiveMinimum": 0},
            "maybe": {"type": ["string", "null"]},
            "one": {"description": "A", "anyOf": [{"type": "string", "enum": ["a"]}, {"type": "null"}]},
            "after": {"type": "object", "dependentRequired": {"a": ["b"]},
                "dependentSchemas": {"c": {"required": ["d"]}}},
        })
    );
    assert_eq!(changes, [""; 0]);
}

#[test]
fn malformed_keywords_are_dropped_and_reported() {
    let (declared, changes) = properties(
        Api::Anthropic,
        json!({
            "a": {"type": "any", "required": true, "description": 5, "enum": []},
            "b": {"type": "string", "minLength": -1, "anyOf": []},
            "c": "text",
        }),
    );
    assert_eq!(declared, json!({"a": {}, "b": {"type": "string"}, "c": {}}));
    assert_eq!(
        changes,
        [
            "/properties/a: dropped: type: \"any\"",
            "/properties/a: dropped: required: true",
            "/properties/a: dropped: description: 5",
            "/properties/a: dropped: enum: []",
            "/properties/b: dropped: minLength: -1",
            "/properties/b: dropped: anyOf: []",
        ]
    );
}

#[test]
fn alternatives_at_the_root_are_merged_into_one_object() {
    let schema = json!({
        "description": "Where from",
        "anyOf": [
            {"type": "object", "properties": {"at": {"type": "string"}, "url": {"type": "string"}}, "required": ["at", "url"]},
            {"type": "object", "properties": {"at": {"type": "number"}, "id": {"type": "string"}}, "required": ["id", "at"]},
            {"type": "null"},
        ],
        "not": {"required": ["url", "id"]},
    });
    for api in [Api::OpenAiChat, Api::Anthropic, Api::Gemini] {
        let adapted = adapted(api, schema.clone());
        assert_eq!(
            adapted.schema["properties"]["at"],
            json!({"anyOf": [{"type": "string"}, {"type": "number"}]})
        );
        assert_eq!(adapted.schema["properties"].as_object().unwrap().len(), 3);
        assert_eq!(
            (&adapted.schema["required"], &adapted.schema["type"]),
            (&json!(["at"]), &json!("object"))
        );
        assert!(
            ["anyOf", "oneOf", "allOf", "not"].iter().all(|it| !adapted.schema.contains_key(*it))
        );
        let description = adapted.schema["description"].as_str().unwrap();
        assert!(
            description.starts_with("Where from (not: {\"required\":[\"url\",\"id\"]}"),
            "{description}"
        );
        assert_eq!(kinds(&adapted)[..2], [ChangeKind::Dropped, ChangeKind::Merged]);
    }
    // The alternatives are quoted.
    let either = json!({
        "type": "object",
        "properties": {"a": {"type": "string"}, "b": {"type": "string"}},
        "oneOf": [{"required": ["a"]}, {"required": ["b"]}],
    });
    let adapted = adapted(Api::Anthropic, either);
    assert_eq!(
        adapted.schema["description"],
        r#"(oneOf: [{"required":["a"]},{"required":["b"]}])"#
    );
    assert!(!adapted.schema.contains_key("required"));
}

#[test]
fn all_of_at_the_root_is_merged_without_a_change() {
    let schema = json!({
        "type": "object",
        "allOf": [
            {"properties": {"a": {"type": "string"}}, "required": ["a"]},
            {"properties": {"b": {"type": "string"}}, "required": ["b"]},
        ],
    });
    let adapted = adapted(Api::OpenAiChat, schema);
    assert!(adapted.is_strict && adapted.changes.is_empty(), "{:?}", adapted.changes);
    assert_eq!(adapted.schema["required"], json!(["a", "b"]));
}

#[test]
fn strict_closes_every_object_and_requires_every_property() {
    let schema = json!({
        "type": "object",
        "properties": {
            "text": {"type": "string", "description": "Words", "minLength": 1, "default": "x"},
            "kind": {"enum": ["a", "b"]},
            "one": {"const": 1, "type": "integer"},
            "when": {"anyOf": [{"type": "string", "format": "date"}, {"type": "null"}], "default": null},
            "tags": {"type": "array", "items": {"type": "string", "format": "uri"}, "maxItems": 3},
            "size": {"type": "object", "description": "Size", "properties": {"w": {"type": "number"}}},
            "any": {"oneOf": [{"type": "string"}, {"type": "integer"}]},
        },
        "required": ["text"],
    });
    let adapted = adapted(Api::OpenAiResponses, schema);
    assert!(adapted.is_strict);
    assert_eq!(
        Value::Object(adapted.schema),
        json!({
            "type": "object",
            "required": ["text", "kind", "one", "when", "tags", "size", "any"],
            "properties": {
                "text": {"type": "string", "description": r#"Words (minLength: 1; default: "x")"#},
                "kind": {"anyOf": [{"enum": ["a", "b"], "type": "string"}, {"type": "null"}]},
                "one": {"anyOf": [{"const": 1, "type": "integer"}, {"type": "null"}]},
                "when": {"anyOf": [{"type": "string", "format": "date"}, {"type": "null"}]},
                "tags": {"anyOf": [
                    {"type": "array", "maxItems": 3,
                        "items": {"type": "string", "description": r#"(format: "uri")"#}},
                    {"type": "null"},
                ]},
                "size": {"description": "Size", "anyOf": [
                    {"type": "object", "required": ["w"],
                        "properties": {"w": {"type": ["number", "null"]}}, "additionalProperties": false},
                    {"type": "null"},
                ]},
                "any": {"anyOf": [{"type": "string"}, {"type": "integer"}, {"type": "null"}]},
            },
            "additionalProperties": false,
        })
    );
    assert_eq!(
        adapted.changes.iter().map(|it| (it.kind, it.path.as_str())).collect::<Vec<_>>(),
        [
            (ChangeKind::Dropped, "/properties/text"),
            (ChangeKind::Dropped, "/properties/text"),
            (ChangeKind::Dropped, "/properties/when"),
            (ChangeKind::Dropped, "/properties/tags/items"),
            (ChangeKind::Widened, "/properties/any"),
        ]
    );
    // Only optional properties that cannot be `null` drop it.
    let restore = &adapted.restore;
    assert!(
        ["kind", "one", "tags", "size", "any"].iter().all(|it| restore.properties[*it].drops_null)
    );
    assert!(!restore.properties.contains_key("text") && !restore.properties.contains_key("when"));
    assert!(restore.properties["size"].value.properties["w"].drops_null);
}

#[test]
fn schemas_beyond_the_strict_subset_are_not_strict_for_a_reason() {
    let deep = (0..11).fold(
        json!({"type": "string"}),
        |inner, _| json!({"type": "object", "properties": {"x": inner}}),
    );
    let variant = |name: &str| json!({"type": "object", "properties": {name: {"type": "string"}}});
    let many: Vec<u32> = (0..1001).collect();
    for (property, why) in [
        (json!({}), "no type at /properties/p"),
        (json!({"type": "object"}), "properties of any name at /properties/p"),
        (
            json!({"type": "object", "additionalProperties": {"type": "string"}}),
            "properties of any name",
        ),
        (json!({"type": "array"}), "no `items`"),
        (json!({"type": "array", "items": {}}), "no type at /properties/p/items"),
        (
            json!({"type": "array", "prefixItems": [{"type": "string"}]}),
            "`prefixItems` at /properties/p",
        ),
        (json!({"type": "string", "not": {"const": "x"}}), "`not` at"),
        (json!({"type": ["string", "object"]}), "no type"),
        (json!({"allOf": [{"pattern": "^a"}, {"pattern": "b$"}], "type": "string"}), "`allOf`"),
        (json!({"enum": [{"a": 1}]}), "a constant object"),
        (
            json!({"type": "object", "properties": {}, "required": ["x"], "additionalProperties": false}),
            "\"x\" is not described",
        ),
        (json!({"anyOf": [variant("a"), variant("b")]}), "optional properties in several parts"),
        (
            json!({"anyOf": [{"type": "string"}, {"type": "null"}], "type": "string"}),
            "`anyOf` beside other keywords",
        ),
        (json!({"type": "string", "enum": ["a", null]}), "a constant of another type"),
        (deep, "more than 10 objects"),
        (json!({"enum": many}), "1001 values of `enum`"),
    ] {
        let schema = json!({"type": "object", "properties": {"p": property}, "required": ["p"]});
        let adapted = adapted(Api::OpenAiChat, schema.clone());
        let [change] = &adapted.changes[..] else { panic!("{schema}: {:?}", adapted.changes) };
        assert!(!adapted.is_strict && change.kind == ChangeKind::NotStrict);
        assert!(change.detail.contains(why), "{schema}: {change}");
        assert!(adapted.restore.is_empty());
        // The whole schema is declared.
        if !schema.to_string().contains("\"array\"") {
            assert_eq!(Value::Object(adapted.schema), schema);
        }
    }
    assert!(!adapt(Api::OpenAiChat, &serde_json::Map::new(), false).is_strict);
    assert!(adapt(Api::OpenAiChat, &serde_json::Map::new(), true).is_strict);
}

#[test]
fn one_object_in_a_union_can_have_optional_properties() {
    let schema = json!({"type": "object", "required": ["p"], "properties": {"p": {"anyOf": [
        {"type": "object", "properties": {"a": {"type": "string"}}},
        {"type": "array", "items": {"type": "object", "properties": {"b": {"type": "string"}}}},
        {"type": "string"},
    ]}}});
    let adapted = adapted(Api::OpenAiChat, schema);
    assert!(adapted.is_strict, "{:?}", adapted.changes);
    let value = &adapted.restore.properties["p"].value;
    assert!(value.properties["a"].drops_null);
    assert!(value.items.as_ref().unwrap().properties["b"].drops_null);
}

#[test]
fn patterns_with_lookaround_are_quoted_instead() {
    for (pattern, is_kept) in [
        ("^[a-z]+$", true),
        (r"\d{1,3}\.", true),
        ("(?i)x", true),
        ("(?=a)", false),
        ("(?<!a)b", false),
        (r"(a)\1", false),
    ] {
        let (declared, changes) =
            properties(Api::OpenAiChat, json!({"p": {"type": "string", "pattern": pattern}}));
        assert_eq!(declared["p"].get("pattern").is_some(), is_kept, "{pattern}");
        assert_eq!(changes.is_empty(), is_kept);
    }
}

#[test]
fn gemini_receives_documented_keywords_and_quotes_of_the_others() {
    let (declared, changes) = properties(
        Api::Gemini,
        json!({
            "n": {"type": "integer", "format": "uint32", "exclusiveMinimum": 0, "exclusiveMaximum": 10, "multipleOf": 2},
            "x": {"type": "number", "exclusiveMinimum": 0.5},
            "s": {"type": "string", "description": "Text.", "pattern": "^a", "format": "uri", "x-hint": 1},
            "d": {"type": "string", "format": "date-time"},
            "c": {"const": "only"},
            "b": {"const": true},
            "e": {"enum": ["a", 1, null], "description": "E"},
            "o": {"oneOf": [{"type": "string", "maxLength": 3}, {"type": "null"}]},
            "l": {"type": "array", "uniqueItems": true},
            "t": {"type": "array", "prefixItems": [{"type": "string"}], "items": false},
            "m": {"type": "object", "additionalProperties": {"type": "string", "minLength": 1}},
            "i": {"if": {"type": "string"}, "then": {"minLength": 1}},
        }),
    );
    assert_eq!(
        declared,
        json!({
            "n": {"type": "integer", "minimum": 1, "maximum": 9, "description": "(multipleOf: 2)"},
            "x": {"type": "number", "description": "(exclusiveMinimum: 0.5)"},
            "s": {"type": "string", "description": r#"Text. (pattern: "^a"; format: "uri")"#},
            "d": {"type": "string", "format": "date-time"},
            "c": {"enum": ["only"]},
            "b": {"description": "(const: true)"},
            "e": {"description": "E", "anyOf": [{"enum": ["a", 1]}, {"type": "null"}]},
            "o": {"oneOf": [{"type": "string", "description": "(maxLength: 3)"}, {"type": "null"}]},
            "l": {"type": "array", "items": {}, "description": "(uniqueItems: true)"},
            "t": {"type": "array", "prefixItems": [{"type": "string"}]},
            "m": {"type": "object", "additionalProperties": {"type": "string", "description": "(minLength: 1)"}},
            "i": {"description": r#"(if: {"type":"string"}; then: {"minLength":1})"#},
        })
    );
    assert_eq!(changes.len(), 13, "{changes:#?}");
    assert!(changes.contains(&"/properties/s: dropped: x-hint: 1".to_owned()));
}

#[test]
fn refused_names_of_arguments_are_renamed_and_restored() {
    let long = "x".repeat(70);
    let schema = json!({
        "type": "object",
        "properties": {
            "filter[id]": {"type": "string", "properties": {"$inner": {}}},
            "$top": {"type": "integer"},
            "user.name": {"type": "string"},
            "1st": {"type": "string"},
            long: {"type": "string"},
        },
        "required": ["$top", "user.name"],
        "dependentRequired": {"$top": ["filter[id]"]},
        "if": {"required": ["filter[id]"]},
        "then": {"properties": {"$top": {"maximum": 5}}},
    });
    let anthropic = adapted(Api::Anthropic, schema.clone());
    let names: Vec<&str> =
        anthropic.schema["properties"].as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(names[0], "filter_id__c355ebcb");
    assert_eq!(names[1..4], ["_top_5f48dd15", "user.name", "1st"]);
    assert!(names[4].len() == 64, "{names:?}");
    assert_eq!(anthropic.schema["required"], json!([names[1], "user.name"]));
    assert_eq!(anthropic.schema["dependentRequired"], json!({names[1]: [names[0]]}));
    assert_eq!(anthropic.schema["if"], json!({"required": [names[0]]}));
    assert_eq!(anthropic.schema["then"], json!({"properties": {names[1]: {"maximum": 5}}}));
    // Nested names are not checked.
    assert_eq!(anthropic.schema["properties"][names[0]]["properties"], json!({"$inner": {}}));
    assert_eq!(anthropic.restore.properties[names[0]].name.as_deref(), Some("filter[id]"));
    assert_eq!(kinds(&anthropic), [ChangeKind::Renamed; 3]);

    let gemini = adapted(Api::Gemini, schema.clone());
    assert_eq!(gemini.restore.properties.len(), 5);
    let open_ai = adapted(Api::OpenAiChat, schema.clone());
    assert_eq!(open_ai.schema["properties"], schema["properties"]);
}
