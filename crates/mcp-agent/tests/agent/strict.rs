//! Arguments that a strict schema accepts are valid for the tool.

use mcp_agent::{Api, Declaration};
use mcp_core::Tool;
use proptest::prelude::*;
use serde_json::{Map, Value, json};

/// Schemas within the strict subset.
fn schema() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(json!({"type": "string"})),
        Just(json!({"type": ["integer", "null"]})),
        Just(json!({"type": "number", "minimum": 3})),
        Just(json!({"enum": ["a", 1, true]})),
        Just(json!({"enum": ["a", null]})),
        Just(json!({"const": "c"})),
        Just(json!({"type": "string", "nullable": true})),
        Just(json!({"$ref": "#/$defs/D"})),
        Just(json!({"anyOf": [{"type": "boolean"}, {"type": "null"}]})),
    ];
    leaf.prop_recursive(3, 24, 3, |inner| {
        let named = prop::collection::btree_map("[a-d]", inner.clone(), 1..4);
        let object = (named, 0_usize..4).prop_map(|(named, required)| {
            let required: Vec<&String> = named.keys().take(required).collect();
            json!({"type": "object", "properties": named, "required": required})
        });
        prop_oneof![
            object.clone(),
            inner.clone().prop_map(|items| json!({"type": "array", "items": items})),
            prop::collection::vec(inner, 2..4).prop_map(|parts| json!({"anyOf": parts})),
            (object.clone(), object)
                .prop_map(|(one, two)| json!({"type": "object", "allOf": [one, two]})),
        ]
    })
}

/// A value that is valid for a strict schema, chosen by the bits of `choice`.
fn value(schema: &Value, choice: &mut u64) -> Value {
    let mut pick = |count: usize| {
        *choice = choice.wrapping_mul(0x5851_f42d_4c95_7f2d).wrapping_add(0x1405_7b7e_f767_814f);
        usize::try_from(*choice >> 33).unwrap() % count
    };
    if let Some(parts) = schema["anyOf"].as_array() {
        return value(&parts[pick(parts.len())], choice);
    }
    if let Some(constant) = schema.get("const") {
        return constant.clone();
    }
    if let Some(all) = schema["enum"].as_array() {
        return all[pick(all.len())].clone();
    }
    let kind = match &schema["type"] {
        Value::Array(kinds) => &kinds[pick(kinds.len())],
        kind => kind,
    };
    match kind.as_str().unwrap() {
        "null" => Value::Null,
        "boolean" => true.into(),
        "integer" => 5.into(),
        "number" => 7.5.into(),
        "string" => "text".into(),
        "array" => (0..pick(3)).map(|_| value(&schema["items"], choice)).collect(),
        "object" => {
            let properties = schema["properties"].as_object().unwrap().iter();
            let all = properties.map(|(name, schema)| (name.clone(), value(schema, choice)));
            all.collect::<Map<_, _>>().into()
        }
        other => panic!("{other}"),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn arguments_of_strict_functions_are_valid_for_the_tool(
        properties in prop::collection::btree_map("[a-f]", schema(), 0..4),
        required in 0_usize..4,
        definition in prop_oneof![Just(json!({"type": "string"})), Just(json!({"type": "object",
            "properties": {"x": {"type": "integer"}, "y": {"type": ["string", "null"]}}}))],
        choice in any::<u64>(),
    ) {
        let required: Vec<&String> = properties.keys().take(required).collect();
        let schema = json!({"type": "object", "properties": properties, "required": required,
            "$defs": {"D": definition}});
        let tool = Tool::new("t", schema.as_object().cloned().unwrap_or_default());
        let declaration = Declaration::new(Api::OpenAiResponses, "t", &tool);
        if !declaration.is_strict() || !declaration.changes().is_empty() {
            return Ok(());
        }
        let mut choice = choice;
        let written = value(&declaration.json()["parameters"], &mut choice);
        let arguments = declaration.arguments(&written.to_string()).unwrap();
        let arguments: Value = arguments.decode().unwrap();
        let schema = openapi(&schema);
        let validator = jsonschema::validator_for(&schema).unwrap();
        prop_assert!(validator.is_valid(&arguments), "{schema:#}\n{written}\n{arguments}");
    }
}

/// The schema with `nullable` in the notation of JSON Schema.
fn openapi(schema: &Value) -> Value {
    match schema {
        Value::Array(parts) => parts.iter().map(openapi).collect(),
        Value::Object(map) if map.contains_key("nullable") => {
            json!({"type": [map["type"], "null"]})
        }
        Value::Object(map) => {
            Value::Object(map.iter().map(|(name, it)| (name.clone(), openapi(it))).collect())
        }
        other => other.clone(),
    }
}
