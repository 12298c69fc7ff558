//! Schemas of any form become schemas that each API accepts.

use mcp_agent::{Api, Declaration};
use mcp_core::Tool;
use proptest::prelude::*;
use serde_json::{Map, Value, json};

const APIS: [Api; 4] = [Api::OpenAiChat, Api::OpenAiResponses, Api::Anthropic, Api::Gemini];

/// Values for keywords that expect others.
fn anything() -> impl Strategy<Value = Value> {
    prop_oneof![
        Just(json!(null)),
        any::<bool>().prop_map(Value::from),
        any::<i32>().prop_map(Value::from),
        "[a-z#/$]{0,6}".prop_map(Value::from),
        Just(json!([])),
        Just(json!({})),
        Just(json!(["a", "b"])),
    ]
}

fn leaf() -> impl Strategy<Value = Value> {
    prop_oneof![
        Just(json!({"type": "string", "format": "uri", "pattern": "(?=a)", "minLength": 1})),
        Just(json!({"type": "integer", "exclusiveMinimum": 0, "default": 3})),
        Just(json!({"type": ["number", "null"], "multipleOf": 0.5})),
        Just(json!({"enum": ["a", 1, null, {"x": 1}]})),
        Just(json!({"const": true})),
        Just(json!({"$ref": "#"})),
        Just(json!({"$ref": "#/properties/a", "minLength": 2})),
        Just(json!({"$ref": "#/$defs/D"})),
        Just(json!({"$ref": "elsewhere.json"})),
        Just(json!(true)),
        Just(json!(false)),
        anything(),
    ]
}

fn schema() -> impl Strategy<Value = Value> {
    leaf().prop_recursive(4, 40, 4, |inner| {
        let named = prop::collection::btree_map("[a-d$.\\[ ]{1,3}", inner.clone(), 0..4);
        let many = prop::collection::vec(inner.clone(), 0..4);
        let keyword = prop::sample::select(vec![
            "anyOf",
            "oneOf",
            "allOf",
            "not",
            "items",
            "additionalProperties",
            "patternProperties",
            "prefixItems",
            "if",
            "required",
            "type",
            "dependencies",
            "$defs",
            "nullable",
            "examples",
        ]);
        let odd = (keyword, prop_oneof![inner, anything()]);
        (
            named,
            many,
            prop::sample::select(vec!["anyOf", "oneOf", "allOf", "items"]),
            prop::option::of(odd),
            any::<bool>(),
        )
            .prop_map(|(named, many, keyword, odd, is_closed)| {
                let required: Vec<&String> = named.keys().take(2).collect();
                let mut schema =
                    json!({"type": "object", "required": required, "properties": named});
                if !many.is_empty() {
                    schema[keyword] = many.into();
                }
                if is_closed {
                    schema["additionalProperties"] = false.into();
                }
                if let Some((keyword, value)) = odd {
                    schema[keyword] = value;
                }
                schema
            })
    })
}

/// Every schema within a schema, itself included.
fn each(schema: &Value, check: &mut dyn FnMut(&Map<String, Value>)) {
    let Value::Object(map) = schema else { return };
    check(map);
    for (keyword, value) in map {
        match (keyword.as_str(), value) {
            ("properties" | "patternProperties" | "dependentSchemas", Value::Object(named)) => {
                named.values().for_each(|it| each(it, check));
            }
            ("anyOf" | "oneOf" | "allOf" | "prefixItems", Value::Array(parts)) => {
                parts.iter().for_each(|it| each(it, check));
            }
            ("items" | "additionalProperties" | "not" | "if" | "then" | "else", schema) => {
                each(schema, check);
            }
            _ => {}
        }
    }
}

fn check(api: Api, declaration: &Declaration) {
    let json = declaration.json();
    let pointer = match api {
        Api::OpenAiChat => "/function/parameters",
        Api::OpenAiResponses => "/parameters",
        Api::Anthropic => "/input_schema",
        _ => "/parametersJsonSchema",
    };
    let Some(schema) = json.pointer(pointer) else {
        assert_eq!(api, Api::Gemini);
        return;
    };
    assert_eq!(schema["type"], "object");
    assert!(schema["properties"].is_object());
    for refused in ["anyOf", "oneOf", "allOf", "not", "enum", "const"] {
        assert!(schema.get(refused).is_none(), "{api:?} at the root: {schema}");
    }
    let names = schema["properties"].as_object().unwrap().keys();
    for name in names {
        let is_fine = |extra: &str| {
            name.len() <= 64
                && name.chars().all(|it| it.is_ascii_alphanumeric() || extra.contains(it))
        };
        assert!(api != Api::Anthropic || is_fine("_.-"), "{name}");
        assert!(api != Api::Gemini || is_fine("_"), "{name}");
    }
    let strict = declaration.is_strict();
    each(schema, &mut |schema| {
        assert!(!schema.contains_key("$ref") && !schema.contains_key("$defs"), "{schema:?}");
        assert!(schema.get("required").is_none_or(Value::is_array));
        if api == Api::Gemini {
            let known = [
                "type",
                "title",
                "description",
                "format",
                "enum",
                "items",
                "prefixItems",
                "minItems",
                "maxItems",
                "minimum",
                "maximum",
                "anyOf",
                "oneOf",
                "properties",
                "additionalProperties",
                "required",
                "propertyOrdering",
            ];
            assert!(schema.keys().all(|it| known.contains(&it.as_str())), "{schema:?}");
        }
        if strict {
            let is_object = schema.get("type").is_some_and(|it| it == "object");
            let mut properties: Vec<&str> = schema
                .get("properties")
                .and_then(Value::as_object)
                .map(|it| it.keys().map(String::as_str).collect())
                .unwrap_or_default();
            let mut required: Vec<&str> = schema
                .get("required")
                .and_then(Value::as_array)
                .map(|it| it.iter().filter_map(Value::as_str).collect())
                .unwrap_or_default();
            properties.sort_unstable();
            required.sort_unstable();
            assert_eq!(properties, required);
            assert_eq!(is_object, schema.get("additionalProperties") == Some(&Value::Bool(false)));
            assert!(schema.contains_key("type") || schema.contains_key("anyOf"), "{schema:?}");
            for refused in ["default", "allOf", "oneOf", "not", "minLength", "prefixItems"] {
                assert!(!schema.contains_key(refused), "{schema:?}");
            }
        }
    });
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn any_schema_is_adapted_to_each_api(root in schema(), definition in schema()) {
        let mut root = root;
        if let Value::Object(root) = &mut root {
            root.insert("$defs".to_owned(), json!({"D": definition}));
        }
        let tool = Tool::new("t", root.as_object().cloned().unwrap_or_default());
        for api in APIS {
            let declaration = Declaration::new(api, "t", &tool);
            check(api, &declaration);
            let again = Declaration::new(api, "t", &tool);
            prop_assert_eq!(declaration.json(), again.json());
        }
    }

    #[test]
    fn any_text_is_arguments_or_an_error(text in ".{0,40}|\\{\"a\": .{0,10}\\}|\\{\"a\": (null|1|\"x\"), \"b\": null\\}") {
        let schema = json!({"type": "object", "properties": {"a": {"type": "string"}, "b": {"type": "string"}}});
        let tool = Tool::new("t", schema.as_object().cloned().unwrap_or_default());
        for api in APIS {
            if let Ok(arguments) = Declaration::new(api, "t", &tool).arguments(&text) {
                prop_assert!(arguments.decode::<Map<String, Value>>().is_ok(), "{text}");
            }
        }
    }
}
