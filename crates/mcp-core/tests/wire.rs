//! Messages of peers that the examples of the specification do not cover.

#![allow(missing_docs, clippy::unwrap_used, reason = "tests")]

use mcp_core::{tasks_2025_11_25::*, *};
use proptest::{collection::btree_map, prelude::*};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::{Map, Value, json};

fn decode<T: DeserializeOwned>(value: &Value) -> T {
    serde_json::from_str(&value.to_string()).unwrap_or_else(|error| panic!("{value}: {error}"))
}

fn encode(value: impl Serialize) -> Value {
    serde_json::to_value(value).unwrap()
}

#[track_caller]
fn unchanged<T: Serialize + DeserializeOwned>(value: Value) -> T {
    let decoded: T = decode(&value);
    assert_eq!(encode(&decoded), value);
    decoded
}

#[test]
fn objects_of_unknown_kinds_are_preserved_with_the_tag_in_any_position() {
    for block in [
        json!({"type": "hologram", "beams": [1, 2.0, null]}),
        json!({"beams": {"type": "text"}, "type": "hologram"}),
        json!({"beams": 1}),
        json!({}),
    ] {
        let decoded: ContentBlock = unchanged(block.clone());
        assert_eq!(decoded.kind(), block.get("type").and_then(Value::as_str).unwrap_or_default());
        assert!(matches!(decoded, ContentBlock::Unknown(_)), "{decoded:?}");
    }
    let late: ContentBlock = unchanged(json!({"text": "hello", "x": 1, "type": "text"}));
    assert_eq!(late.as_text(), Some("hello"));
    assert!(serde_json::from_str::<TextContent>(r#"{"type":"image","text":"x"}"#).is_err());
    let error = serde_json::from_str::<ContentBlock>(r#"{"type":"image","data":""}"#).unwrap_err();
    assert!(error.to_string().starts_with("missing member `mimeType` of ImageContent"), "{error}");
    // The position is that in the received text, wherever the tag is.
    let error =
        serde_json::from_str::<ContentBlock>("{\"data\":5,\n\"type\":\"image\"}").unwrap_err();
    assert_eq!(
        error.to_string(),
        "invalid type: integer `5`, expected a string at line 2 column 15"
    );
    let requests: Entries<InputRequest> = unchanged(
        json!({"z": {"method": "dream/share", "params": [1]}, "a": {"method": "roots/list"}}),
    );
    assert!(matches!(requests.get("z"), Some(InputRequest::Unknown(_))));
    assert_eq!(requests.iter().map(|(name, _)| name).collect::<Vec<_>>(), ["z", "a"]);
}

#[test]
fn the_kind_of_resource_contents_is_determined_by_its_members() {
    let text: ResourceContents = unchanged(json!({"uri": "a:b", "text": "", "x": 1}));
    assert_eq!((text.uri(), text.as_text()), ("a:b", Some("")));
    let blob: ResourceContents = unchanged(json!({"uri": "a:b", "blob": "AA=="}));
    assert!(matches!(blob, ResourceContents::Blob(_)));
    for odd in [
        json!({"uri": "a:b", "text": "x", "blob": "AA==", "_meta": {}}),
        json!({"uri": "a:b", "mimeType": "x/y", "later": [1]}),
        json!({"text": "x"}),
    ] {
        assert!(matches!(unchanged(odd), ResourceContents::Unknown(_)));
    }
}

#[test]
fn the_form_of_one_or_many_values_is_preserved() {
    let one: SamplingMessage =
        unchanged(json!({"role": "user", "content": {"type": "text", "text": "a"}}));
    let many: SamplingMessage =
        unchanged(json!({"role": "moderator", "content": [{"type": "text", "text": "a"}]}));
    assert_eq!(one.content.as_slice(), many.content.as_slice());
    assert_ne!(one.content, many.content);
    assert_eq!(many.role, Role::Other("moderator".to_owned()));
    let none: SamplingMessage = unchanged(json!({"role": "user", "content": []}));
    assert!(none.content.into_vec().is_empty());
    let later: SamplingMessage =
        unchanged(json!({"role": "user", "content": [{"type": "thought"}]}));
    assert!(matches!(later.content.as_slice(), [SamplingContent::Unknown(_)]));
}

#[test]
fn the_form_of_numbers_is_preserved_and_integers_may_be_written_as_floats() {
    for number in [json!(50), json!(50.0), json!(0.1), json!(-1), json!(u64::MAX), json!(1e300)] {
        let params = json!({"progressToken": 1, "progress": number, "total": 100});
        unchanged::<ProgressNotificationParams>(params);
    }
    let progress: ProgressNotificationParams =
        decode(&json!({"progressToken": "a", "progress": 50, "total": 200}));
    assert_eq!(progress.fraction(), Some(0.25));
    assert_eq!(encode(Number::from(f64::NAN)), json!(0));

    let sized: Resource = decode(&json!({"uri": "a:b", "name": "a", "size": 50.0}));
    assert_eq!(sized.size, Some(50));
    let params: CreateMessageRequestParams = decode(&json!({"messages": [], "maxTokens": 50.0}));
    assert_eq!(params.max_tokens, 50);
    for bad in [json!(50.5), json!("50"), json!(u64::MAX), json!(1e19)] {
        let params = json!({"messages": [], "maxTokens": bad}).to_string();
        assert!(serde_json::from_str::<CreateMessageRequestParams>(&params).is_err(), "{bad}");
    }
}

#[test]
fn null_absent_and_empty_members_are_distinguished_where_required() {
    let capabilities: ServerCapabilities = unchanged(json!({"logging": {}, "tools": {"later": 1}}));
    assert!(capabilities.logging.is_some() && capabilities.completions.is_none());
    let nulls: ServerCapabilities = decode(&json!({"logging": null, "tools": null}));
    assert_eq!(nulls, ServerCapabilities::new());
    let legacy_form: ClientCapabilities = unchanged(json!({"elicitation": {}}));
    assert!(legacy_form.elicitation.unwrap().supports_form());
    unchanged::<CallToolResult>(json!({"content": [], "structuredContent": null}));
    let forever = json!({"taskId": "1", "status": "paused", "createdAt": "", "lastUpdatedAt": "", "ttl": null});
    let task: Task = unchanged(forever);
    assert_eq!((task.ttl, task.status.is_terminal()), (None, false));
    let page: ListToolsResult = decode(&json!({"tools": [], "nextCursor": null}));
    assert_eq!(page.next_cursor(), None);
}

#[test]
fn the_kind_of_a_result_is_determined_by_its_result_type() {
    fn result<R: MethodResult>(value: Value) -> Result<R, String> {
        R::decode(&RawJson::from_serialize(&value).unwrap()).map_err(|error| error.to_string())
    }
    type Called = Outcome<CallToolResult>;

    for complete in [json!({"content": []}), json!({"content": [], "resultType": "complete"})] {
        assert!(matches!(result::<Called>(complete), Ok(Outcome::Complete(_))));
    }
    let more = json!({"inputRequests": {}, "requestState": "s", "resultType": "input_required"});
    let Ok(Outcome::InputRequired(more)) = result::<Called>(more) else { panic!() };
    assert_eq!(more.request_state.as_deref(), Some("s"));
    let more = json!({"resultType": "input_required"});
    assert!(matches!(result::<Outcome<ReadResourceResult>>(more), Ok(Outcome::InputRequired(_))));
    let task = json!({"resultType": "task", "taskId": "1"});
    let Ok(Outcome::Other { result_type, raw }) = result::<Called>(task.clone()) else { panic!() };
    assert_eq!((result_type.as_str(), raw.decode::<Value>().unwrap()), ("task", task.clone()));
    unchanged::<Called>(task);

    assert!(result::<Called>(json!({"content": [], "resultType": 5})).is_err());
    assert!(result::<Outcome<ReadResourceResult>>(json!({})).unwrap_err().contains("contents"));
    let error = result::<ListToolsResult>(json!({"tools": [], "resultType": "task"})).unwrap_err();
    assert_eq!(error, "unexpected resultType \"task\"");
    assert!(result::<EmptyResult>(json!({"resultType": "input_required"})).is_err());
}

#[test]
fn caching_hints_are_clamped() {
    let result = |ttl: Value| -> ListToolsResult { decode(&json!({"tools": [], "ttlMs": ttl})) };
    assert_eq!(result(json!(1500)).ttl().as_millis(), 1500);
    assert_eq!(result(json!(-5)).ttl().as_millis(), 0);
    assert_eq!(result(Value::Null).ttl().as_millis(), 0);
    assert!(!result(json!(1)).is_shareable());
    let hinted: ListToolsResult =
        unchanged(json!({"tools": [], "ttlMs": -5, "cacheScope": "planet"}));
    assert!(!hinted.is_shareable());
}

#[test]
fn form_fields_of_unknown_kinds_are_preserved() {
    for odd in [
        json!({"type": "object", "properties": {}}),
        json!({"type": "string", "enum": [1, 2]}),
        json!({"items": {"anyOf": [{"const": "a"}]}, "type": "array"}),
        json!({"title": "?"}),
    ] {
        assert!(matches!(unchanged(odd), PrimitiveSchema::Unknown(_)));
    }
    let form: ElicitRequestParams = unchanged(json!({
        "message": "?",
        "requestedSchema": {"type": "object", "properties": {"b": {"type": "string", "format": "iban"},
            "a": {"type": "number", "minimum": 0.5, "default": 1}}},
    }));
    let ElicitRequestParams::Form(form) = form else { panic!("{form:?}") };
    let names: Vec<_> = form.requested_schema.properties.iter().map(|(name, _)| name).collect();
    assert_eq!(names, ["b", "a"]);
    let other: ElicitRequestParams =
        unchanged(json!({"message": "?", "mode": "smell", "strength": 3}));
    assert_eq!((other.message(), other.meta()), ("?", None));
    // The official schema allows only integers in `content`; the specification allows any number.
    unchanged::<ElicitResult>(json!({"action": "accept", "content": {"age": 30.5}}));
    // The official schema allows no `null` inside settings; the specification does.
    unchanged::<ClientCapabilities>(json!({"experimental": {"x": {"y": null, "z": 1.5}}}));
}

#[test]
fn a_list_of_another_type_is_an_error() {
    for bad in [json!({"tools": {}}), json!({"tools": null}), json!({})] {
        assert!(serde_json::from_str::<ListToolsResult>(&bad.to_string()).is_err(), "{bad}");
    }
    let from_value: ListToolsResult = serde_json::from_value(json!({"tools": [1]})).unwrap();
    assert_eq!(from_value.tools.skipped().len(), 1);
}

fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>()
            .prop_filter("JSON has no such numbers", |f| f.is_finite())
            .prop_map(Value::from),
        ".{0,12}".prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 16, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            btree_map("[a-z]{1,4}", inner, 0..4)
                .prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

/// Members with names that no definition has.
fn unknown_members() -> impl Strategy<Value = Map<String, Value>> {
    btree_map("x-[a-z\"\\\\é]{0,6}", any_json(), 0..5)
        .prop_map(|members| members.into_iter().collect())
}

/// Adds members to an object, rotated so that they appear in any position.
fn mixed(known: Value, unknown: Map<String, Value>, seed: usize) -> Value {
    let Value::Object(known) = known else { panic!("not an object") };
    let mut members: Vec<_> = known.into_iter().chain(unknown).collect();
    let len = members.len();
    members.rotate_left(seed % len);
    Value::Object(members.into_iter().collect())
}

proptest! {
    #[test]
    fn unknown_members_are_preserved_in_any_position(
        extra in unknown_members(),
        seed: usize,
        text in ".*",
    ) {
        let with_extra = |known: Value| mixed(known, extra.clone(), seed);

        let annotations = with_extra(json!({"priority": 1}));
        let block = with_extra(json!({"type": "text", "text": text, "annotations": annotations}));
        let decoded: ContentBlock = unchanged(block.clone());
        prop_assert_eq!(decoded.as_text(), Some(text.as_str()));

        let schema = with_extra(json!({"type": "object"}));
        let tool = with_extra(json!({"name": "t", "inputSchema": schema, "_meta": extra}));
        let list: ListToolsResult = unchanged(with_extra(json!({"tools": [tool]})));
        prop_assert_eq!(&*list.extra, &extra);

        let result = json!({"content": [block], "structuredContent": extra, "isError": false});
        let decoded: Outcome<CallToolResult> = unchanged(with_extra(result));
        prop_assert!(decoded.into_complete().is_some());
        unchanged::<ServerCapabilities>(with_extra(json!({"tools": extra})));
    }

    #[test]
    fn any_value_is_content_or_an_error(value in any_json()) {
        // Decoding does not panic, and a decoded value is encoded unchanged.
        if let Ok(block) = ContentBlock::deserialize(&value) {
            prop_assert_eq!(&encode(block), &value);
        }
        if let Ok(contents) = ResourceContents::deserialize(&value) {
            prop_assert_eq!(&encode(contents), &value);
        }
        prop_assert_eq!(encode(decode::<InputResponse>(&value)), value);
    }
}

#[test]
fn an_invalid_hint_does_not_reject_the_result() {
    for (hint, milliseconds) in [
        ("1.5", Some(2)),
        ("1e30", Some(i64::MAX)),
        ("-1e30", Some(i64::MIN)),
        ("99999999999999999999", Some(i64::MAX)),
        (r#"" 250 ""#, Some(250)),
        (r#""soon""#, None),
        ("null", None),
        ("[1]", None),
        ("true", None),
    ] {
        let raw = format!(r#"{{"ttlMs":{hint},"cacheScope":{hint},"tools":[]}}"#);
        let raw = RawJson::from_text(raw).unwrap();
        let result = ListToolsResult::decode(&raw).unwrap_or_else(|it| panic!("{hint}: {it}"));
        assert_eq!(result.ttl_ms, milliseconds, "{hint}");
        assert!(!result.is_shareable());
    }
}

#[test]
fn an_invalid_decoration_does_not_reject_the_tool() {
    let raw = json!({ "tools": [
        { "name": "a", "inputSchema": {}, "annotations": "none", "title": "A" },
        { "name": "b", "inputSchema": {}, "annotations": 1, "icons": 2, "_meta": [] },
        { "inputSchema": {} },
    ]});
    let result: ListToolsResult = decode(&raw);
    let titles: Vec<_> = result.tools.iter().map(|it| (&*it.name, it.title.as_deref())).collect();
    assert_eq!(titles, [("a", Some("A")), ("b", None)]);
    assert_eq!(result.tools.skipped().len(), 1);
}

#[test]
fn result_type_is_ignored_in_the_legacy_era() {
    for kind in [json!("task"), json!("input_required"), json!(7)] {
        let raw = RawJson::from_serialize(&json!({ "content": [], "resultType": kind })).unwrap();
        assert!(CallToolResult::decode_in(&raw, ProtocolVersion::V2026_07_28).is_err(), "{kind}");
        let mut result = CallToolResult::decode_in(&raw, ProtocolVersion::V2025_11_25).unwrap();
        assert_eq!(result.result_type, None);
        if kind.is_string() {
            assert_eq!(encode(&result), json!({ "content": [], "resultType": kind }));
        }
        result.set_result_type(Some(ResultType::Complete));
        assert_eq!(encode(&result), json!({ "content": [], "resultType": "complete" }));
    }
}
