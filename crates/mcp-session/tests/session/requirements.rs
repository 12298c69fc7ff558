//! Requirements of the specification, by their ids in its tables.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use mcp_core::{
    ElicitAction, ElicitResult, ElicitationCapability, InputResponse, Meta, RawJson, Root,
    SamplingCapability, SubscriptionFilter,
};
use mcp_session::{
    Error, ErrorKind, Handlers, Input, RawRequest, ServerRequest, Session, SessionOptions, Timeout,
};
use mcp_transport::Delivery;
use serde_json::{Value, json};
use tokio::time::Instant;

use crate::{
    peer::{Peer, Reply, error, legacy, modern, result},
    server_requests::asking,
};

const SECOND: Duration = Duration::from_secs(1);

async fn open(peer: &Peer) -> Session {
    open_with(peer, SessionOptions::default()).await
}

async fn open_with(peer: &Peer, options: SessionOptions) -> Session {
    Session::open(peer.clone(), Some("shop"), options).await.unwrap()
}

async fn settle() {
    tokio::time::sleep(SECOND).await;
}

fn asks(id: u32, method: &str, params: Value) -> Value {
    json!({ "jsonrpc": "2.0", "id": id, "method": method, "params": params })
}

fn answers(peer: &Peer) -> Vec<Value> {
    peer.received().into_iter().filter(|it| it.get("method").is_none()).collect()
}

/// The responses of a client with these options to these requests of a legacy server.
async fn answered(options: SessionOptions, questions: Vec<Value>) -> Vec<Value> {
    let peer = asking(questions);
    let session = open_with(&peer, options).await;
    session.call_tool("x").await.unwrap();
    settle().await;
    answers(&peer)
}

fn options(handlers: Handlers) -> SessionOptions {
    SessionOptions::default().with_handlers(handlers)
}

#[tokio::test(start_paused = true)]
async fn a_notification_has_the_fields_of_its_era() {
    let sent = async |peer: Peer| {
        let session = open(&peer).await;
        session
            .notify("notifications/mine", &json!({ "a": 1, "_meta": { "b/c": 2 } }))
            .await
            .unwrap();
        settle().await;
        let [sent] = &peer.asked("notifications/mine")[..] else { panic!() };
        sent["params"].clone()
    };
    let of_modern = sent(modern(|_| Reply::Nothing)).await;
    let meta = &of_modern["_meta"];
    assert_eq!(meta["io.modelcontextprotocol/protocolVersion"], "2026-07-28", "{of_modern}");
    assert!(meta["io.modelcontextprotocol/clientCapabilities"].is_object(), "{of_modern}");
    assert!(meta["io.modelcontextprotocol/clientInfo"]["name"].is_string(), "{of_modern}");
    assert_eq!((&of_modern["a"], &meta["b/c"]), (&json!(1), &json!(2)));
    let of_legacy = sent(legacy(|_| Reply::Nothing)).await;
    assert_eq!(of_legacy, json!({ "a": 1, "_meta": { "b/c": 2 } }));
}

#[tokio::test(start_paused = true)]
async fn an_id_returned_as_text_matches_the_number() {
    let as_text = |message: &Value, mut reply: Value| {
        reply["id"] = json!(message["id"].to_string());
        reply
    };
    let peer = crate::peer::peer(move |_, message| {
        let id = message["id"].clone();
        let answer = |result: Value| json!({ "jsonrpc": "2.0", "id": id, "result": result });
        let first = match message["method"].as_str() {
            Some("server/discover") => return error(message, json!({ "code": -1, "message": "" })),
            Some("initialize") => {
                let info = json!({ "name": "old", "version": "1" });
                answer(
                    json!({ "protocolVersion": "2025-11-25", "capabilities": {}, "serverInfo": info }),
                )
            }
            Some("tools/call") => {
                let token = message["params"]["_meta"]["progressToken"].to_string();
                let progress = json!({ "progressToken": token, "progress": 1 });
                let method = "notifications/progress";
                let progress = json!({ "jsonrpc": "2.0", "method": method, "params": progress });
                let last = as_text(message, answer(json!({ "content": [] })));
                return Reply::Lines(vec![progress, asks(5, "never", json!({})), last]);
            }
            Some("x/cancel") => {
                let cancel = json!({ "requestId": "5" });
                let method = "notifications/cancelled";
                let cancel = json!({ "jsonrpc": "2.0", "method": method, "params": cancel });
                return Reply::Lines(vec![cancel, as_text(message, answer(json!({})))]);
            }
            _ => return Reply::Nothing,
        };
        Reply::Lines(vec![as_text(message, first)])
    });
    let alive = Arc::new(());
    let held = Arc::clone(&alive);
    let handlers = Handlers::new().on_request(move |_: ServerRequest<RawRequest>| {
        let held = Arc::clone(&held);
        async move {
            let _held = held;
            std::future::pending::<Result<RawJson, Error>>().await
        }
    });
    let start = Instant::now();
    let session = open_with(&peer, options(handlers)).await;
    let seen = Arc::new(Mutex::new(0));
    let count = Arc::clone(&seen);
    let call = session.call_tool("x").on_progress(move |_| *count.lock().unwrap() += 1);
    call.await.unwrap();
    assert_eq!((start.elapsed(), *seen.lock().unwrap()), (Duration::ZERO, 1));
    settle().await;
    assert_eq!(Arc::strong_count(&alive), 3, "its request is worked on");
    session.request("x/cancel", &()).await.unwrap();
    settle().await;
    assert_eq!(Arc::strong_count(&alive), 2, "a cancellation with the id as text ends the work");
}

#[tokio::test(start_paused = true)]
async fn ll_09_undeclared_capabilities_are_named() {
    for open_peer in [legacy as fn(fn(&Value) -> Reply) -> Peer, modern] {
        let peer = open_peer(|it| error(it, json!({ "code": -32601, "message": "what?" })));
        let session = open(&peer).await;
        let failure = session.list_prompts().await.unwrap_err();
        assert_eq!(
            (failure.kind(), failure.answer().unwrap().code),
            (ErrorKind::Unsupported, -32601)
        );
        assert!(failure.to_string().contains("it declares no prompts"), "{failure}");
        let failure = session.read_resource("x://y").await.unwrap_err();
        assert!(failure.to_string().contains("it declares no resources"), "{failure}");
        // A declared method fails with the server's own error.
        assert_eq!(session.list_tools().await.unwrap_err().kind(), ErrorKind::Answer);
    }
    let peer = legacy(|it| error(it, json!({ "code": -32601, "message": "what?" })));
    let session = open(&peer).await;
    let failure = session.set_log_level(mcp_core::LoggingLevel::Info).await.unwrap_err();
    assert!(failure.to_string().contains("it declares no logging"), "{failure}");
    session.roots_changed().await.unwrap();
    settle().await;
    assert!(peer.asked("notifications/roots/list_changed").is_empty(), "no roots are declared");
}

#[tokio::test(start_paused = true)]
async fn ll_11_a_ping_is_answered_however_busy_the_handlers_are() {
    let mut questions: Vec<Value> = (0..300).map(|id| asks(id, "slow", json!({}))).collect();
    questions.push(asks(1000, "ping", json!({})));
    let handlers = Handlers::new().on_request(|_: ServerRequest<RawRequest>| async {
        std::future::pending::<Result<RawJson, Error>>().await
    });
    let answers = answered(options(handlers), questions).await;
    assert!(answers.contains(&json!({ "jsonrpc": "2.0", "id": 1000, "result": {} })));
}

#[tokio::test(start_paused = true)]
async fn ll_12_a_dead_connection_is_detected_by_pings_if_enabled() {
    let pings = Arc::new(Mutex::new(0));
    let count = Arc::clone(&pings);
    let peer = legacy(move |message| match message["method"].as_str() {
        Some("ping") => {
            *count.lock().unwrap() += 1;
            match *count.lock().unwrap() {
                1 => result(message, json!({})),
                2 => error(message, json!({ "code": -32601, "message": "alive" })),
                _ => Reply::Nothing,
            }
        }
        _ => Reply::Nothing,
    });
    let session = open_with(&peer, SessionOptions::default().with_ping_interval(10 * SECOND)).await;
    let start = Instant::now();
    let waiting = session.request("x/y", &()).into_future();
    let (reason, failed) = tokio::join!(session.closed(), waiting);
    assert_eq!(start.elapsed(), 40 * SECOND);
    assert!(reason.to_string().contains("no answer to a ping within 10s"), "{reason}");
    assert_eq!(failed.unwrap_err().kind(), ErrorKind::Closed);

    // Not enabled, and not a method of the modern era.
    let quiet = legacy(|_| Reply::Nothing);
    let _session = open(&quiet).await;
    let new = modern(|_| Reply::Nothing);
    let _new = open_with(&new, SessionOptions::default().with_ping_interval(SECOND)).await;
    tokio::time::sleep(1000 * SECOND).await;
    assert!(quiet.asked("ping").is_empty() && new.asked("ping").is_empty());
}

#[tokio::test(start_paused = true)]
async fn can_14_endless_progress_does_not_keep_a_call_alive() {
    assert_eq!(Timeout::default().total, Some(3600 * SECOND));
    assert_eq!(Timeout::idle(SECOND).total, None, "it can be removed");
    let progress = Arc::new(Mutex::new((Value::Null, 0)));
    let state = Arc::clone(&progress);
    let peer = modern(move |message| {
        let (token, count) = &mut *state.lock().unwrap();
        match message["method"].as_str() {
            Some("tools/call") => *token = message["params"]["_meta"]["progressToken"].clone(),
            _ => *count += 1,
        }
        let params = json!({ "progressToken": token, "progress": count });
        let method = "notifications/progress";
        Reply::Lines(vec![json!({ "jsonrpc": "2.0", "method": method, "params": params })])
    });
    let session = open(&peer).await;
    let ticks = session.clone();
    let ticking = tokio::spawn(async move {
        loop {
            tokio::time::sleep(100 * SECOND).await;
            ticks.notify("x/tick", &()).await.unwrap();
        }
    });
    let start = Instant::now();
    let failure = session.call_tool("slow").on_progress(|_| {}).await.unwrap_err();
    assert_eq!((failure.kind(), start.elapsed()), (ErrorKind::Timeout, 3600 * SECOND));
    ticking.abort();
}

#[tokio::test(start_paused = true)]
async fn can_06_cancellations_of_unknown_requests_are_ignored() {
    let cancelled = |params: Value| json!({ "jsonrpc": "2.0", "method": "notifications/cancelled", "params": params });
    let questions = vec![
        cancelled(json!({ "requestId": 77 })),
        cancelled(json!({ "requestId": 1 })),
        cancelled(json!({ "requestId": { "no": "id" } })),
        cancelled(json!({ "reason": "why not" })),
        cancelled(json!([])),
        asks(1, "ping", json!({})),
    ];
    let peer = asking(questions);
    let session = open(&peer).await;
    session.call_tool("x").await.unwrap();
    settle().await;
    assert_eq!(answers(&peer), [json!({ "jsonrpc": "2.0", "id": 1, "result": {} })]);
    session.ping().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn sam_02_and_eli_07_undeclared_kinds_reach_no_handler() {
    let everything = || {
        Handlers::new().on_request(|_: ServerRequest<RawRequest>| async {
            RawJson::from_serialize(&json!({ "action": "accept" }))
        })
    };
    let form = json!({ "message": "?", "requestedSchema": { "type": "object", "properties": {} } });
    let page =
        json!({ "mode": "url", "message": "?", "url": "https://x.example/", "elicitationId": "1" });
    let text = json!({ "type": "text", "text": "hi" });
    let sampling = json!({ "messages": [{ "role": "user", "content": text }], "maxTokens": 9 });
    let mut with_tools = sampling.clone();
    with_tools["tools"] = json!([]);
    let questions = vec![
        asks(1, "elicitation/create", form),
        asks(2, "elicitation/create", page),
        asks(3, "sampling/createMessage", sampling),
        asks(4, "sampling/createMessage", with_tools),
        asks(5, "roots/list", json!({})),
    ];
    let codes = |answers: Vec<Value>| {
        let mut codes: Vec<_> = answers
            .iter()
            .map(|it| (it["id"].as_u64().unwrap(), it["error"]["code"].as_i64()))
            .collect();
        codes.sort_unstable();
        codes.into_iter().map(|(_, code)| code).collect::<Vec<_>>()
    };
    let none = answered(options(everything()), questions.clone()).await;
    assert_eq!(codes(none), [Some(-32601); 5]);
    let mut some = options(everything());
    some.capabilities.elicitation = Some(ElicitationCapability::default());
    some.capabilities.sampling = Some(SamplingCapability::default());
    let expected = [None, Some(-32602), None, Some(-32602), Some(-32601)];
    assert_eq!(codes(answered(some, questions).await), expected);
}

#[tokio::test(start_paused = true)]
async fn sam_07_messages_with_results_of_tools_are_checked_before_the_handler() {
    let result = json!({ "type": "tool_result", "toolUseId": "a", "content": [] });
    let messages =
        json!([{ "role": "user", "content": [result, { "type": "text", "text": "x" }] }]);
    let params = json!({ "messages": messages, "maxTokens": 9 });
    let handlers = Handlers::new().on_sampling_with_tools(|_| async {
        Err::<mcp_core::CreateMessageResult, _>("the handler was called")
    });
    let answers =
        answered(options(handlers), vec![asks(1, "sampling/createMessage", params)]).await;
    assert_eq!(answers[0]["error"]["code"], -32602);
}

#[tokio::test(start_paused = true)]
async fn eli_02_a_question_without_a_mode_is_a_form_and_eli_09_nothing_visits_a_page() {
    let seen = Arc::new(Mutex::new(Vec::new()));
    let (forms, pages) = (Arc::clone(&seen), Arc::clone(&seen));
    let handlers = Handlers::new()
        .on_elicitation(move |request| {
            forms.lock().unwrap().push(request.params.message);
            async { ElicitResult::new(ElicitAction::Decline) }
        })
        .on_url_elicitation(move |request| {
            pages.lock().unwrap().push(request.params.url);
            async { ElicitResult::new(ElicitAction::Decline) }
        });
    let form =
        json!({ "message": "name?", "requestedSchema": { "type": "object", "properties": {} } });
    // Nothing listens there: opening it would fail.
    let page =
        |url: &str| json!({ "mode": "url", "message": "go", "url": url, "elicitationId": "1" });
    let answers = answered(
        options(handlers),
        vec![
            asks(1, "elicitation/create", form),
            asks(2, "elicitation/create", page("https://127.0.0.1:1/a?b#c")),
            asks(3, "elicitation/create", page("file:///etc/passwd")),
            asks(4, "elicitation/create", page("javascript:alert(1)")),
            asks(5, "elicitation/create", page("https://")),
        ],
    )
    .await;
    let mut seen = seen.lock().unwrap().clone();
    seen.sort();
    assert_eq!(seen, ["https://127.0.0.1:1/a?b#c", "name?"]);
    let refused = answers.iter().filter(|it| it["error"]["code"] == -32602).count();
    assert_eq!(refused, 3, "{answers:?}");
}

#[tokio::test(start_paused = true)]
async fn eli_13_the_completion_of_an_unknown_elicitation_is_ignored() {
    let method = "notifications/elicitation/complete";
    let complete = |params: Value| json!({ "jsonrpc": "2.0", "method": method, "params": params });
    let peer = asking(vec![complete(json!({ "elicitationId": "no" })), complete(json!(7))]);
    let session = open(&peer).await;
    session.call_tool("x").await.unwrap();
    settle().await;
    assert!(!session.is_closed() && answers(&peer).is_empty());
}

#[tokio::test(start_paused = true)]
async fn root_02_a_root_with_another_scheme_is_not_sent() {
    let handlers = Handlers::new().roots([Root::new("file:///a"), Root::new("https://x.example/")]);
    let answers = answered(options(handlers), vec![asks(1, "roots/list", json!({}))]).await;
    assert_eq!(answers[0]["error"]["code"], -32603);
    assert!(answers[0]["error"]["message"].as_str().unwrap().contains("not a file URI"));
    let handlers = Handlers::new().roots([Root::new("file:///a"), Root::new("FILE:///b")]);
    let answers = answered(options(handlers), vec![asks(1, "roots/list", json!({}))]).await;
    assert_eq!(answers[0]["result"]["roots"][0]["uri"], "file:///a");
}

#[tokio::test(start_paused = true)]
async fn mrt_02_a_call_is_not_repeated_without_the_requested_input() {
    let form = json!({ "method": "elicitation/create", "params": {
        "message": "?", "requestedSchema": { "type": "object", "properties": {} } } });
    let peer = modern(move |message| {
        let requests = json!({ "size": form, "name": form });
        result(message, json!({ "resultType": "input_required", "inputRequests": requests }))
    });
    let session = open(&peer).await;
    let Input::Required(round) = session.call_tool("x").manual_input().await.unwrap() else {
        panic!("asked for input")
    };
    let answer: InputResponse = ElicitResult::new(ElicitAction::Decline).into();
    let failure = round.answer([("size", answer)]).unwrap_err();
    assert_eq!((failure.kind(), failure.delivery()), (ErrorKind::Arguments, Delivery::NotSent));
    assert!(failure.to_string().contains("\"name\""), "{failure}");
    assert_eq!(peer.asked("tools/call").len(), 1);

    // An input request without requests is not repeated: the call may have been executed.
    let peer = modern(|message| {
        result(message, json!({ "resultType": "input_required", "inputRequests": {} }))
    });
    let failure = open(&peer).await.call_tool("x").await.unwrap_err();
    assert_eq!((failure.kind(), peer.asked("tools/call").len()), (ErrorKind::Decode, 1));
}

#[tokio::test(start_paused = true)]
async fn lm_07_a_revision_that_is_refused_later_is_named() {
    let data = json!({ "supported": ["2099-01-01"] });
    let peer = modern(move |message| {
        error(message, json!({ "code": -32022, "message": "too old", "data": data }))
    });
    let failure = open(&peer).await.call_tool("x").await.unwrap_err();
    assert_eq!((failure.kind(), failure.answer().unwrap().code), (ErrorKind::Version, -32022));
    assert!(failure.to_string().contains("no longer supports 2026-07-28"), "{failure}");
}

#[tokio::test(start_paused = true)]
async fn a_missing_resource_is_reported_in_every_revision() {
    for (code, is_missing) in [(-32002, true), (-32602, true), (-32603, false)] {
        let peer = legacy(move |it| error(it, json!({ "code": code, "message": "no" })));
        let failure = open(&peer).await.read_resource("x://y").await.unwrap_err();
        assert_eq!(failure.is_resource_not_found(), is_missing, "{code}");
    }
    let peer = legacy(|it| error(it, json!({ "code": -32602, "message": "no" })));
    assert!(!open(&peer).await.call_tool("x").await.unwrap_err().is_resource_not_found());
}

#[tokio::test(start_paused = true)]
async fn a_subscription_without_a_readable_acknowledgement_is_not_open() {
    let notification = |method: &str, params: Value| json!({ "jsonrpc": "2.0", "method": method, "params": params });
    let malformed =
        notification("notifications/subscriptions/acknowledged", json!({ "notifications": 7 }));
    let missing = notification("notifications/tools/list_changed", json!({}));
    for first in [malformed, missing] {
        let peer = modern(move |message| match message["method"].as_str() {
            Some("subscriptions/listen") => {
                let mut first = first.clone();
                let tag = json!({ "io.modelcontextprotocol/subscriptionId": message["id"] });
                first["params"]["_meta"] = tag;
                Reply::Lines(vec![first])
            }
            _ => Reply::Nothing,
        });
        let session = open(&peer).await;
        let filter = SubscriptionFilter::new().with_tools_list_changed(true);
        let failure = session.subscribe(filter).await.unwrap_err();
        assert_eq!(failure.kind(), ErrorKind::Decode, "{failure}");
        settle().await;
        assert_eq!(peer.methods().last().unwrap(), "notifications/cancelled");
    }
}

#[tokio::test(start_paused = true)]
async fn an_undecodable_result_is_available_with_the_position() {
    let content = json!([{ "type": "text", "text": "hi" }, { "type": "text", "text": 7 }]);
    let wrong = json!({ "resultType": "complete", "content": content });
    let whole = wrong.clone();
    let peer = modern(move |it| result(it, wrong.clone()));
    let failure = open(&peer).await.call_tool("x").await.unwrap_err();
    assert_eq!(failure.kind(), ErrorKind::Decode);
    assert!(failure.to_string().contains("content[1].text"), "{failure}");
    assert_eq!(failure.raw_result().unwrap().decode::<Value>().unwrap(), whole);

    // The format before the first revision.
    let peer = legacy(|it| result(it, json!({ "toolResult": { "sum": 7 } })));
    assert_eq!(open(&peer).await.call_tool("x").await.unwrap().text(), r#"{"sum":7}"#);
}

#[tokio::test(start_paused = true)]
async fn texts_of_a_peer_are_one_line_of_500_characters() {
    let text = format!("a\r\n\u{1b}[31m{}", "x".repeat(1 << 20));
    let peer = legacy(move |it| match it["method"].as_str() {
        Some("x/error") => error(it, json!({ "code": -1, "message": text })),
        _ => result(it, json!({ "content": text })),
    });
    let session = open(&peer).await;
    for failure in [
        session.request("x/error", &()).await.unwrap_err(),
        session.call_tool("x").await.unwrap_err(),
    ] {
        let text = failure.to_string();
        assert!(text.chars().count() < 700, "{} {text}", text.len());
        assert!(!text.contains(char::is_control), "{text}");
    }
}

#[tokio::test(start_paused = true)]
async fn arguments_of_a_prompt_are_texts() {
    let peer = legacy(|it| result(it, json!({ "messages": [] })));
    let session = open(&peer).await;
    let args = json!({ "n": 7, "all": true, "name": "Ann", "tags": ["a"] });
    session.get_prompt("p").args(args).await.unwrap();
    let sent = peer.received().last().unwrap()["params"]["arguments"].clone();
    assert_eq!(sent, json!({ "n": "7", "all": "true", "name": "Ann", "tags": "[\"a\"]" }));
}

#[tokio::test(start_paused = true)]
async fn the_meta_of_initialize_is_that_of_the_application() {
    let peer = legacy(|_| Reply::Nothing);
    let meta = Meta::new().with("com.example/tenant", "a");
    open_with(&peer, SessionOptions::default().with_initialize_meta(meta)).await;
    let initialize = &peer.asked("initialize")[0];
    assert_eq!(initialize["params"]["_meta"], json!({ "com.example/tenant": "a" }));
}

#[test]
fn base_33_and_34_keys_of_our_own_follow_the_rules() {
    let key = mcp_session::SERVER_META_KEY;
    let (prefix, name) = key.split_once('/').unwrap();
    let labels: Vec<&str> = prefix.split('.').collect();
    assert!(labels.len() > 1, "reverse DNS: {key}");
    let is_label = |it: &&str| it.starts_with(|c: char| c.is_ascii_alphabetic());
    assert!(labels.iter().all(is_label) && !name.is_empty());
    assert!(!["mcp", "modelcontextprotocol"].contains(&labels[1]));
}

#[tokio::test(start_paused = true)]
async fn lm_12_the_name_of_a_server_changes_nothing() {
    for name in ["old", "modelcontextprotocol", ""] {
        let peer = crate::peer::peer(move |_, message| match message["method"].as_str() {
            Some("initialize") => result(
                message,
                json!({ "protocolVersion": "2025-11-25", "capabilities": {},
                    "serverInfo": { "name": name, "version": "9" } }),
            ),
            Some("notifications/initialized") => Reply::Nothing,
            _ => error(message, json!({ "code": -32601, "message": "what?" })),
        });
        let session = open(&peer).await;
        let failure = session.call_tool("x").await.unwrap_err();
        assert_eq!(failure.answer().unwrap().code, -32601);
        let expected = ["server/discover", "initialize", "notifications/initialized", "tools/call"];
        assert_eq!(peer.methods(), expected);
    }
}

#[tokio::test(start_paused = true)]
async fn lm_18_requests_interleave_on_one_process() {
    let peer =
        modern(|message| result(message, json!({ "resultType": "complete", "content": [] })));
    let session = open(&peer).await;
    let tasks: Vec<_> = (0..20)
        .map(|_| {
            let session = session.clone();
            tokio::spawn(async move { session.call_tool("x").await.unwrap() })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
    assert_eq!(peer.connections(), 1);
}

#[tokio::test(start_paused = true)]
async fn pag_04_no_cursor_is_kept_across_sessions() {
    let peer = legacy(|message| {
        let next = message["params"]["cursor"].is_null().then_some("second");
        result(message, json!({ "tools": [], "nextCursor": next }))
    });
    for _ in 0..2 {
        open(&peer).await.list_tools().await.unwrap();
    }
    let cursors: Vec<_> =
        peer.asked("tools/list").iter().map(|it| it["params"]["cursor"].clone()).collect();
    assert_eq!(cursors, [Value::Null, json!("second"), Value::Null, json!("second")]);
}

#[tokio::test(start_paused = true)]
async fn cch_06_a_ttl_is_not_a_poll_interval() {
    let peer = modern(|message| {
        result(message, json!({ "resultType": "complete", "tools": [], "ttlMs": 100 }))
    });
    let session = open(&peer).await;
    session.list_tools().await.unwrap();
    tokio::time::sleep(100 * SECOND).await;
    assert_eq!(peer.asked("tools/list").len(), 1, "nothing is read again by itself");
}

#[tokio::test(start_paused = true)]
async fn base_35_malformed_reserved_keys_are_ignored() {
    let meta = json!({ "io.modelcontextprotocol/serverInfo": 7, "progressToken": [],
        "io.modelcontextprotocol/subscriptionId": {}, "io.modelcontextprotocol/new": null });
    let answer = json!({ "resultType": "complete", "content": [], "_meta": meta });
    let peer = modern(move |it| result(it, answer.clone()));
    let result = open(&peer).await.call_tool("x").await.unwrap();
    assert_eq!(result.meta.unwrap().get("io.modelcontextprotocol/serverInfo"), Some(&json!(7)));
}

#[tokio::test(start_paused = true)]
async fn lm_20_two_extensions_of_one_name_are_an_error_before_anything_is_sent() {
    struct Named(&'static str);
    impl mcp_session::extension::Extension for Named {
        fn id(&self) -> &str {
            self.0
        }
    }
    let peer = modern(|_| Reply::Nothing);
    let options = |other| {
        SessionOptions::default()
            .with_extension(Named("com.example/x"))
            .with_extension(Named(other))
    };
    let failed = Session::open(peer.clone(), Some("shop"), options("com.example/x")).await;
    let failure = failed.unwrap_err();
    assert_eq!((failure.kind(), failure.delivery()), (ErrorKind::Config, Delivery::NotSent));
    assert!(failure.to_string().contains("com.example/x"), "{failure}");
    assert_eq!(peer.connections(), 0);
    open_with(&peer, options("com.example/y")).await;
}

#[tokio::test(start_paused = true)]
async fn an_id_of_an_extension_without_a_prefix_is_an_error_before_anything_is_sent() {
    struct Named(&'static str);
    impl mcp_session::extension::Extension for Named {
        fn id(&self) -> &str {
            self.0
        }
    }
    let peer = modern(|_| Reply::Nothing);
    for id in ["tasks", "", "com.example/", "com.example/a b"] {
        let options = SessionOptions::default().with_extension(Named(id));
        let failure = Session::open(peer.clone(), Some("shop"), options).await.unwrap_err();
        assert_eq!((failure.kind(), failure.delivery()), (ErrorKind::Config, Delivery::NotSent));
        assert!(failure.to_string().contains(&format!("{id:?} is no id")), "{failure}");
    }
    assert_eq!(peer.connections(), 0);
    // An extension without settings is declared as an empty object.
    open_with(&peer, SessionOptions::default().with_extension(Named("com.example/x"))).await;
    let discover = peer.received().remove(0);
    let key = "io.modelcontextprotocol/clientCapabilities";
    let declared = &discover["params"]["_meta"][key]["extensions"];
    assert_eq!(*declared, json!({ "com.example/x": {} }));
}

#[tokio::test(start_paused = true)]
async fn codes_of_our_own_errors_are_those_of_the_specification_or_not_reserved() {
    let form = json!({ "mode": "dream", "message": "?" });
    let questions = vec![
        asks(1, "dreams/tell", json!({})),
        asks(2, "roots/list", json!({})),
        asks(3, "sampling/createMessage", json!({ "messages": 7 })),
        asks(4, "elicitation/create", form),
        asks(5, "elicitation/create", json!({ "message": "?", "requestedSchema": 7 })),
    ];
    let panics = Handlers::new()
        .on_elicitation(|asked| async move {
            // A handler that always fails.
            let empty: Vec<ElicitResult> = Vec::new();
            empty[asked.params.message.len()].clone()
        })
        .on_sampling(|_| async { Err::<mcp_core::CreateMessageResult, _>(rejected()) });
    let mut answers = answered(options(panics), questions.clone()).await;
    answers.extend(answered(SessionOptions::default(), questions).await);
    assert_eq!(answers.len(), 10);
    let of_the_specification = [-32700, -32600, -32601, -32602, -32603];
    for answer in answers {
        let code = answer["error"]["code"].as_i64().unwrap();
        let is_reserved = (-32768..=-32000).contains(&code);
        assert!(!is_reserved || of_the_specification.contains(&code), "{answer}");
    }
}

fn rejected() -> mcp_core::ErrorObject {
    mcp_core::ErrorObject::new(mcp_core::error_code::USER_REJECTED, "no")
}
