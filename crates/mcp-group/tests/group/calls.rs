use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use mcp_core::{
    CompleteRequestParams, CompletionArgument, ElicitAction, ElicitResult, LoggingLevel, Meta,
    PromptReference, ResourceTemplateReference,
};
use mcp_group::{ArgumentChange, Backend, Group, SERVER_META_KEY, ToolChange, ToolRules};
use mcp_session::{EraPolicy, ErrorKind, Handlers, SessionOptions, Timeout};
use mcp_testkit::scripted::{Peer, Reply, notification};
use mcp_transport::Binding;
use serde_json::{Value, json};
use tokio::time::Instant;

use crate::fixture::{backend, names, open, open_legacy, open_receiving, two, until};

/// A peer with the tool `t`, grouped with a server in memory.
fn beside(peer: &Peer) -> Group {
    Group::builder().backend(Backend::new("p", peer.clone())).backend(backend("a")).build()
}

/// A modern peer with the tool `t`; `call` responds to its calls.
fn tool(call: impl Fn(&Value) -> Reply + Send + Sync + 'static) -> Peer {
    Peer::modern(json!({ "tools": {} }), move |_, message| match message["method"].as_str() {
        Some("tools/list") => Reply::tools(message, &["t"]),
        Some("tools/call") => call(message),
        _ => Reply::Nothing,
    })
}

fn done(request: &Value) -> Reply {
    Reply::result(request, json!({ "resultType": "complete", "content": [] }))
}

#[tokio::test]
async fn each_call_goes_to_its_server_in_its_own_era() {
    let group = two();
    for session in [open(&group).await, open_legacy(&group).await] {
        for name in ["weather", "news"] {
            // Also without listing first.
            let echo = format!("{name}_echo");
            let result = session.call_tool(&echo).arg("text", "x").await.unwrap();
            assert_eq!(result.text(), format!("{name}: x"));
            let prompt = session.get_prompt(&format!("{name}_recommend")).arg("text", "y").await;
            let text = prompt.unwrap().messages[0].content.as_text().unwrap().to_owned();
            assert_eq!(text, format!("{name} y"));
            let argument = CompletionArgument::new("text", "z");
            for params in [
                CompleteRequestParams::new(
                    PromptReference::new(format!("{name}_recommend")),
                    argument.clone(),
                ),
                CompleteRequestParams::new(
                    ResourceTemplateReference::new(format!("{name}://{name}/books/{{title}}")),
                    argument.clone(),
                ),
            ] {
                let completed = session.complete(&params).await.unwrap();
                assert_eq!(completed.completion.values, [format!("{name} z")]);
            }
        }
    }
    let status = group.status();
    let versions: Vec<_> = status.iter().map(|it| it.protocol_version.unwrap().as_str()).collect();
    assert_eq!(versions, ["2026-07-28", "2025-11-25"]);
}

#[tokio::test]
async fn the_error_of_a_result_that_is_not_json_names_its_server() {
    let peer = tool(|message| {
        let progress = r#"{"jsonrpc":"2.0","method":"notifications/progress","params":{"progressToken":TOKEN,"progress":1}}"#;
        let token = &message["params"]["_meta"]["progressToken"];
        let before = match token.is_null() {
            true => String::new(),
            false => progress.replace("TOKEN", &token.to_string()) + "\n",
        };
        let broken = r#"{"resultType":"complete","content":[}"#;
        let id = &message["id"];
        let response = format!(r#"{{"jsonrpc":"2.0","id":{id},"result":{broken}}}"#);
        Reply::Raw(format!("{before}{response}\n"))
    });
    let session = open(&beside(&peer)).await;
    // Before and after the tool is known.
    for _ in 0..2 {
        let raw = session.request("tools/call", &json!({ "name": "p_t" }));
        for error in [
            session.call_tool("p_t").await.unwrap_err(),
            session.call_tool("p_t").on_progress(|_| {}).await.unwrap_err(),
            raw.await.unwrap_err(),
        ] {
            assert_eq!(error.kind(), ErrorKind::Protocol, "{error}");
            assert_eq!(error.delivery(), mcp_transport::Delivery::Answered);
            let cause = error.transport().unwrap();
            assert_eq!(cause.to_string(), "server \"p\" failed");
            let mut causes =
                std::iter::successors(Some(cause as &dyn std::error::Error), |it| it.source());
            let text = "the response is not valid JSON-RPC: ";
            assert!(causes.any(|it| it.to_string().contains(text)), "{error:?}");
        }
    }
    assert!(session.call_tool("a_echo").arg("text", "x").await.is_ok());
}

#[tokio::test]
async fn mirrored_arguments_are_mirrored_to_the_server() {
    let schema = json!({
        "type": "object",
        "properties": { "region": { "type": "string", "x-mcp-header": "Region" } },
    });
    let peer =
        Peer::modern(json!({ "tools": {} }), move |_, message| match message["method"].as_str() {
            Some("tools/list") => {
                let tools = json!([{ "name": "t", "inputSchema": schema }]);
                Reply::result(message, json!({ "resultType": "complete", "tools": tools }))
            }
            Some("tools/call") => done(message),
            _ => Reply::Nothing,
        });
    let peer = peer.bound(Binding::StreamableHttp);
    let session = open(&beside(&peer)).await;
    session.list_tools().await.unwrap();
    session.call_tool("p_t").arg("region", "eu").await.unwrap();
    let sent: Vec<_> = peer.sent().into_iter().filter_map(|it| Some(it.routing?.params)).collect();
    assert_eq!(sent, [[("Region".to_owned(), "eu".to_owned())]]);
}

#[tokio::test]
async fn results_have_the_era_of_the_client() {
    let group = two();
    for (modern, session) in [(true, open(&group).await), (false, open_legacy(&group).await)] {
        for name in ["weather", "news"] {
            let params = json!({ "name": format!("{name}_echo"), "arguments": { "text": "x" } });
            let result = session.request("tools/call", &params).await.unwrap();
            let result: Value = result.decode().unwrap();
            assert_eq!(result.get("resultType").is_some(), modern, "{name} {result}");
            let server = &result["_meta"]["io.modelcontextprotocol/serverInfo"]["name"];
            if modern {
                assert_eq!(server, name);
            }
            let params = json!({ "uri": format!("{name}://{name}/hours") });
            let result = session.request("resources/read", &params).await.unwrap();
            let result: Value = result.decode().unwrap();
            assert_eq!(result.get("ttlMs").is_some(), modern, "{name} {result}");
        }
    }
}

#[tokio::test]
async fn progress_arrives_in_order_and_before_the_response() {
    let group = two();
    for session in [open(&group).await, open_legacy(&group).await] {
        for name in ["weather", "news"] {
            let told = Arc::new(Mutex::new(Vec::new()));
            let into = Arc::clone(&told);
            let count = format!("{name}_count");
            let call = session.call_tool(&count).on_progress(move |progress| {
                into.lock().unwrap().push(progress.message.unwrap());
            });
            assert_eq!(call.await.unwrap().text(), "counted");
            let expected = [1, 2, 3].map(|n| format!("{name} {n}"));
            assert_eq!(*told.lock().unwrap(), expected);
        }
    }
}

#[tokio::test]
async fn a_burst_of_progress_does_not_lose_the_result() {
    let peer = tool(|message| {
        let token = &message["params"]["_meta"]["progressToken"];
        let progress = |step| {
            let params = json!({ "progressToken": token, "progress": step });
            notification("notifications/progress", params)
        };
        let Reply::Lines(answer) = done(message) else { unreachable!() };
        Reply::Lines((1..=5000).map(progress).chain(answer).collect())
    });
    let session = open(&beside(&peer)).await;
    let told = Arc::new(Mutex::new(Vec::new()));
    let into = Arc::clone(&told);
    let call = session.call_tool("p_t").on_progress(move |progress| {
        into.lock().unwrap().push(progress.progress.to_f64());
    });
    call.await.unwrap();
    assert_eq!(told.lock().unwrap().last(), Some(&5000.0));
}

#[tokio::test]
async fn log_messages_name_their_server() {
    let group = two();
    let (session, received) = open_receiving(&group, EraPolicy::Auto).await;
    let message = "notifications/message";
    session.call_tool("weather_count").await.unwrap();
    assert_eq!(received.count(message), 0);
    let meta = || Meta::new().with_log_level(LoggingLevel::Debug);
    for name in ["weather", "news"] {
        let before = received.count(message);
        session.call_tool(&format!("{name}_count")).meta(meta()).await.unwrap();
        let told = received.params(message).split_off(before);
        assert_eq!(told.len(), 3);
        for (n, params) in told.iter().enumerate() {
            assert_eq!(params["logger"], name);
            assert_eq!(params["data"], format!("{name} {}", n + 1));
        }
    }
    // A legacy connection has one level for all requests.
    let (session, received) = open_receiving(&group, EraPolicy::Legacy).await;
    let level = |level: &str| json!({ "level": level });
    session.request("logging/setLevel", &level("error")).await.unwrap();
    session.call_tool("weather_count").await.unwrap();
    session.call_tool("news_count").await.unwrap();
    assert_eq!(received.count(message), 0);
    session.request("logging/setLevel", &level("info")).await.unwrap();
    session.call_tool("weather_count").await.unwrap();
    session.call_tool("news_count").await.unwrap();
    assert_eq!(received.count(message), 6);
    let error = session.request("logging/setLevel", &level("loud")).await.unwrap_err();
    assert_eq!(error.answer().unwrap().code, -32602);
}

#[tokio::test(start_paused = true)]
async fn a_log_level_is_set_once_per_connection() {
    let peer = Peer::legacy(json!({ "tools": {}, "logging": {} }), |_, message| {
        match message["method"].as_str() {
            Some("tools/list") => Reply::tools(message, &["t"]),
            Some("tools/call") => done(message),
            Some("logging/setLevel") => Reply::result(message, json!({})),
            _ => Reply::Nothing,
        }
    });
    let group = beside(&peer);
    let (session, received) = open_receiving(&group, EraPolicy::Auto).await;
    for level in [LoggingLevel::Info, LoggingLevel::Info, LoggingLevel::Error] {
        session.call_tool("p_t").meta(Meta::new().with_log_level(level)).await.unwrap();
    }
    let levels = || -> Vec<Value> {
        let asked = peer.asked("logging/setLevel").into_iter();
        asked.map(|message| message["params"]["level"].clone()).collect()
    };
    assert_eq!(levels(), ["info", "error"]);
    peer.exit();
    until(|| levels().len() == 3).await;
    assert_eq!(levels()[2], "error");
    peer.say(notification(
        "notifications/message",
        json!({ "level": "error", "data": 1, "logger": "x" }),
    ));
    received.wait("notifications/message", 1).await;
    assert_eq!(received.params("notifications/message")[0]["logger"], "p/x");

    let (session, received) = open_receiving(&group, EraPolicy::Legacy).await;
    session.request("logging/setLevel", &json!({ "level": "error" })).await.unwrap();
    for level in ["info", "alert"] {
        peer.say(notification("notifications/message", json!({ "level": level, "data": 1 })));
    }
    received.wait("notifications/message", 1).await;
    tokio::time::sleep(Duration::from_secs(1)).await;
    let levels = received.params("notifications/message");
    assert_eq!(levels.len(), 1);
    assert_eq!((&levels[0]["level"], &levels[0]["logger"]), (&json!("alert"), &json!("p")));
}

#[tokio::test]
async fn dropping_a_call_cancels_it_at_its_server() {
    let peer = tool(|_| Reply::Nothing);
    let group = beside(&peer);
    let session = open(&group).await;
    let call = tokio::spawn(session.call_tool("p_t").into_future());
    until(|| peer.asked("tools/call").len() == 1).await;
    call.abort();
    until(|| peer.asked("notifications/cancelled").len() == 1).await;
    let id = &peer.asked("tools/call")[0]["id"];
    assert_eq!(peer.asked("notifications/cancelled")[0]["params"]["requestId"], *id);
    assert_eq!(session.call_tool("a_echo").arg("text", "x").await.unwrap().text(), "a: x");
}

#[tokio::test]
async fn an_error_of_a_server_is_forwarded_unchanged() {
    let peer = tool(|message| {
        let error =
            json!({ "code": -7, "message": "no", "data": { "big": 12345678901234567890_u64 } });
        Reply::Lines(vec![json!({ "jsonrpc": "2.0", "id": message["id"], "error": error })])
    });
    let error = open(&beside(&peer)).await.call_tool("p_t").await.unwrap_err();
    let answer = error.answer().unwrap();
    assert_eq!((answer.code, answer.message.as_str()), (-7, "no"));
    assert_eq!(answer.data.as_ref().unwrap().as_bytes(), br#"{"big":12345678901234567890}"#);
}

#[tokio::test]
async fn unknown_items_get_the_error_of_a_server() {
    let group = two();
    let session = open(&group).await;
    for name in ["echo", "weather_nothing", "weather", ""] {
        let error = session.call_tool(name).await.unwrap_err();
        assert_eq!(error.answer().unwrap().code, -32602, "{name}");
        let error = session.get_prompt(name).await.unwrap_err();
        assert_eq!(error.answer().unwrap().code, -32602, "{name}");
    }
    for (session, code) in [(open(&group).await, -32602), (open_legacy(&group).await, -32002)] {
        let error = session.read_resource("weather://hours").await.unwrap_err();
        assert_eq!(error.answer().unwrap().code, code);
        let error = session.request("made/up", &json!({})).await.unwrap_err();
        assert_eq!(error.answer().unwrap().code, -32601);
        let error = session.request("tools/call", &json!({})).await.unwrap_err();
        assert_eq!(error.answer().unwrap().code, -32602);
    }
}

#[tokio::test]
async fn input_requests_of_a_server_are_forwarded_unchanged() {
    let peer = tool(|message| match message["params"].get("requestState") {
        None => Reply::result(
            message,
            json!({
                "resultType": "input_required",
                "inputRequests": { "who": { "method": "elicitation/create", "params": { "n": 1.5 } } },
                "requestState": "sé",
            }),
        ),
        Some(_) => done(message),
    });
    let group = beside(&peer);
    let session = open(&group).await;
    let params = json!({ "name": "p_t", "arguments": { "a": [1] } });
    let result: Value = session.request("tools/call", &params).await.unwrap().decode().unwrap();
    assert_eq!(result["resultType"], "input_required");
    assert_eq!(result["_meta"][SERVER_META_KEY], "p");
    assert_eq!(result["requestState"], "sé");
    assert_eq!(result["inputRequests"]["who"]["params"]["n"].to_string(), "1.5");
    let mut params = params;
    params["requestState"] = result["requestState"].clone();
    params["inputResponses"] = json!({ "who": { "action": "accept", "content": { "name": "x" } } });
    let result: Value = session.request("tools/call", &params).await.unwrap().decode().unwrap();
    assert_eq!(result["resultType"], "complete");
    let mut sent = peer.asked("tools/call")[1]["params"].clone();
    sent.as_object_mut().unwrap().remove("_meta");
    params["name"] = "t".into();
    assert_eq!(sent, params);

    let error = open_legacy(&group).await.call_tool("p_t").await.unwrap_err();
    let answer = error.answer().unwrap();
    assert!(answer.code == -32603 && answer.message.contains("\"p\" needs input"), "{answer}");
}

#[tokio::test]
async fn only_custom_meta_keys_are_forwarded() {
    let answers = |message: &Value| match message["method"].as_str() {
        Some("tools/list") => Reply::tools(message, &["t"]),
        Some("tools/call") => Reply::result(message, json!({ "content": [] })),
        _ => Reply::Nothing,
    };
    let old = Peer::legacy(json!({ "tools": {} }), move |_, message| answers(message));
    let new = tool(done);
    let group = Group::builder()
        .backend(Backend::new("old", old.clone()))
        .backend(Backend::new("new", new.clone()))
        .build();
    let session = open(&group).await;
    for tool in ["old_t", "new_t"] {
        let meta = Meta::new().with("traceparent", "00-1").with("com.example/x", json!({ "n": 1 }));
        session.call_tool(tool).meta(meta).on_progress(|_| {}).await.unwrap();
    }
    let meta = |peer: &Peer| peer.asked("tools/call")[0]["params"]["_meta"].clone();
    let mut keys: Vec<_> = meta(&old).as_object().unwrap().keys().cloned().collect();
    keys.sort();
    assert_eq!(keys, ["com.example/x", "progressToken", "traceparent"]);
    assert_eq!(meta(&new)["com.example/x"], json!({ "n": 1 }));
    assert_eq!(meta(&new)["io.modelcontextprotocol/clientInfo"]["name"], "mcp-client");
    assert_eq!(meta(&new)["io.modelcontextprotocol/protocolVersion"], "2026-07-28");
}

#[tokio::test(start_paused = true)]
async fn a_server_has_its_own_timeout_unless_the_client_sets_one() {
    let peer = tool(|message| Reply::Later(Duration::from_secs(20), Box::new(done(message))));
    let mut options = SessionOptions::default();
    options.timeout = Timeout::idle(Duration::from_secs(5));
    let group = Group::builder()
        .backend(Backend::new("p", peer.clone()).options(options))
        .backend(backend("a"))
        .build();
    let session = open(&group).await;
    names(&session).await;
    let error = session.call_tool("p_t").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Timeout);
    assert!(
        error.to_string().contains("\"p\" failed: p: tools/call t: no answer within 5s"),
        "{error}"
    );
    tokio::time::sleep(Duration::from_secs(60)).await;
    assert!(session.call_tool("p_t").timeout(Timeout::NONE).await.is_ok());
}

/// A tool of a legacy server that requests input from a user, who takes this long.
fn group_with_a_form(person: Duration) -> (Group, Peer) {
    let peer = Peer::legacy(json!({ "tools": {} }), |_, message| {
        match message["method"].as_str() {
            Some("tools/list") => Reply::tools(message, &["t"]),
            Some("tools/call") => Reply::Lines(vec![json!({
                "jsonrpc": "2.0",
                "id": format!("of {}", message["id"]),
                "method": "elicitation/create",
                "params": { "message": "Who?", "requestedSchema": { "type": "object", "properties": {} } },
            })]),
            // The response to the form.
            None => {
                let id = message["id"].as_str().unwrap().strip_prefix("of ").unwrap();
                let id: i64 = id.parse().unwrap();
                Reply::Lines(vec![
                    json!({ "jsonrpc": "2.0", "id": id, "result": { "content": [] } }),
                ])
            }
            _ => Reply::Nothing,
        }
    });
    let mut options = SessionOptions::default();
    options.handlers = Handlers::new().on_elicitation(move |_| async move {
        tokio::time::sleep(person).await;
        ElicitResult::new(ElicitAction::Decline)
    });
    let group = Group::builder()
        .backend(Backend::new("p", peer.clone()).options(options))
        .backend(backend("a"))
        .build();
    (group, peer)
}

#[tokio::test(start_paused = true)]
async fn time_at_a_form_does_not_count_as_idle() {
    let (group, _peer) = group_with_a_form(Duration::from_secs(360));
    for session in [open(&group).await, open_legacy(&group).await] {
        let start = Instant::now();
        session.call_tool("p_t").await.unwrap();
        session.call_tool("p_t").timeout(Timeout::idle(Duration::from_secs(5))).await.unwrap();
        assert_eq!(start.elapsed().as_secs(), 2 * 360);
    }
}

#[tokio::test(start_paused = true)]
async fn the_total_timeout_includes_time_at_a_form_and_cancels_the_call() {
    let (group, peer) = group_with_a_form(Duration::from_secs(360));
    let session = open(&group).await;
    names(&session).await;
    let start = Instant::now();
    let error = session.call_tool("p_t").timeout(Duration::from_secs(60)).await.unwrap_err();
    assert_eq!((error.kind(), start.elapsed().as_secs()), (ErrorKind::Timeout, 60));
    until(|| peer.asked("notifications/cancelled").len() == 1).await;
}

#[tokio::test]
async fn rules_change_the_offered_tools_and_the_sent_arguments() {
    let peer = Peer::modern(json!({ "tools": {} }), |_, message| {
        match message["method"].as_str() {
            Some("tools/list") => {
                let tool = |name: &str| {
                    let properties =
                        json!({ "city": { "type": "string" }, "key": { "type": "string" } });
                    let schema = json!({ "type": "object", "properties": properties, "required": ["city", "key"] });
                    json!({ "name": name, "inputSchema": schema })
                };
                let listed = json!([tool("forecast"), tool("delete"), tool("other")]);
                Reply::result(message, json!({ "resultType": "complete", "tools": listed }))
            }
            Some("tools/call") => done(message),
            _ => Reply::Nothing,
        }
    });
    let mut city = ArgumentChange::default();
    city.name = Some("place".to_owned());
    let mut key = ArgumentChange::default();
    key.hide = true;
    key.default = Some(json!("k"));
    let mut change = ToolChange::default();
    change.name = Some("weather".to_owned());
    change.arguments = [("city".to_owned(), city), ("key".to_owned(), key)].into();
    let mut rules = ToolRules::default();
    rules.exclude = ["delete".to_owned()].into();
    rules.tools = [("forecast".to_owned(), change)].into();
    let with_rules = || Backend::new("p", peer.clone()).tools(rules.clone());
    for (group, prefix) in [
        (Group::builder().backend(with_rules()).build(), ""),
        (Group::builder().backend(with_rules()).backend(backend("a")).build(), "p_"),
    ] {
        let before = peer.asked("tools/call").len();
        let session = open(&group).await;
        let weather = format!("{prefix}weather");
        session.call_tool(&weather).arg("place", "Köln").await.unwrap();
        let sent = &peer.asked("tools/call")[before]["params"];
        assert_eq!(
            (&sent["name"], &sent["arguments"]),
            (&json!("forecast"), &json!({ "city": "Köln", "key": "k" }))
        );
        let listed = session.list_tools().await.unwrap();
        assert_eq!(listed[0].name, weather);
        assert_eq!(listed[1].name, format!("{prefix}other"));
        assert_eq!(listed[0].input_schema["required"], json!(["place"]));
        for name in ["delete", "forecast"] {
            let error = session.call_tool(&format!("{prefix}{name}")).await.unwrap_err();
            assert_eq!(error.answer().unwrap().code, -32602, "{name}");
        }
        let error = session.call_tool(&weather).arg("key", "mine").await.unwrap_err();
        assert_eq!(error.answer().unwrap().code, -32602);
        assert_eq!(peer.asked("tools/call").len(), before + 1);
    }
}

#[tokio::test]
async fn a_protocol_violation_is_a_transport_error() {
    let peer = tool(|message| Reply::Lines(vec![json!({ "jsonrpc": "2.0", "id": message["id"] })]));
    let error = open(&beside(&peer)).await.call_tool("p_t").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Protocol);
    assert!(
        error.answer().is_none() && error.to_string().contains("server \"p\" failed"),
        "{error}"
    );
}
