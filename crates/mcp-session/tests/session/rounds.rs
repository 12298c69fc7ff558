//! Calls that request input before their result, in the modern era.

use std::{
    collections::VecDeque,
    future::pending,
    sync::{Arc, Mutex},
    time::Duration,
};

use mcp_core::{
    ElicitAction, ElicitRequestFormParams, ElicitResult, ErrorObject, InputRequest, InputResponse,
    ListRootsResult, Root,
};
use mcp_session::{
    CallInfo, ErrorKind, Handlers, Input, SERVER_META_KEY, ServerRequest, Session, SessionOptions,
    Timeout,
};
use serde_json::{Map, Value, json};
use tokio::time::{Instant, timeout};

use crate::peer::{Peer, Reply, modern, result};

const SECOND: Duration = Duration::from_secs(1);

/// A server that sends these results in order, and repeats the last one.
fn answering(results: Vec<Value>) -> Peer {
    let results = Mutex::new(VecDeque::from(results));
    let next = move || {
        let mut results = results.lock().unwrap();
        match results.len() {
            1 => results[0].clone(),
            _ => results.pop_front().unwrap(),
        }
    };
    modern(move |message| match message["id"].is_null() {
        true => Reply::Nothing,
        false => result(message, next()),
    })
}

fn done() -> Value {
    json!({ "resultType": "complete", "content": [{ "type": "text", "text": "done" }] })
}

fn wanted(requests: Value) -> Value {
    json!({ "resultType": "input_required", "inputRequests": requests })
}

fn with_state(state: &str) -> Value {
    json!({ "resultType": "input_required", "requestState": state })
}

fn form(message: &str) -> Value {
    let schema = json!({ "type": "object", "properties": { "size": {
        "type": "string", "default": "m" } } });
    let params = json!({ "message": message, "requestedSchema": schema });
    json!({ "method": "elicitation/create", "params": params })
}

fn roots() -> Value {
    json!({ "method": "roots/list" })
}

async fn open(peer: &Peer, handlers: Handlers) -> Session {
    let mut options = SessionOptions::default();
    options.handlers = handlers;
    Session::open(peer.clone(), Some("bookshop"), options).await.unwrap()
}

/// Forms are accepted after as many seconds as their message says; there is one root.
fn handlers() -> Handlers {
    Handlers::new()
        .on_elicitation(|asked: ServerRequest<ElicitRequestFormParams>| async move {
            let seconds = asked.params.message.parse().unwrap_or_default();
            tokio::time::sleep(SECOND * seconds).await;
            ElicitResult::new(ElicitAction::Accept)
        })
        .roots([Root::new("file:///books")])
}

/// The messages of the client after the discovery.
fn calls(peer: &Peer) -> Vec<Value> {
    peer.received().into_iter().filter(|message| message["method"] != "server/discover").collect()
}

#[tokio::test(start_paused = true)]
async fn the_call_is_repeated_with_all_answers_and_the_state() {
    let mut first = wanted(json!({ "who": form("2"), "where \"é\"": roots(), "size": form("3") }));
    first["requestState"] = json!("a\"\u{0}é\u{1F4D6}");
    let peer = answering(vec![first, wanted(json!({ "where": roots() })), done()]);
    let session = open(&peer, handlers()).await;
    let start = Instant::now();
    let call = session.call_tool("buy").arg("book", "Dune").on_progress(|_| {});
    let result = call.await.unwrap();
    assert_eq!(serde_json::to_value(result).unwrap()["content"][0]["text"], "done");
    assert_eq!(start.elapsed(), 3 * SECOND, "who was asked was asked at once");

    let calls = calls(&peer);
    assert_eq!(calls.len(), 3);
    for call in &calls {
        let params = &call["params"];
        assert_eq!(call["method"], "tools/call");
        assert_eq!(
            (&params["name"], &params["arguments"]),
            (&json!("buy"), &json!({ "book": "Dune" }))
        );
        assert_eq!(params["_meta"]["progressToken"], call["id"], "a token for each request");
        assert_eq!(params["_meta"]["io.modelcontextprotocol/protocolVersion"], "2026-07-28");
    }
    assert!(calls[0]["id"] != calls[1]["id"] && calls[1]["id"] != calls[2]["id"]);
    assert_eq!(calls[0]["params"].get("inputResponses"), None);
    assert_eq!(calls[0]["params"].get("requestState"), None);

    let accepted = json!({ "action": "accept", "content": { "size": "m" } });
    let named = json!({ "roots": [{ "uri": "file:///books" }] });
    assert_eq!(
        calls[1]["params"]["inputResponses"],
        json!({ "who": accepted, "where \"é\"": named, "size": accepted })
    );
    assert_eq!(calls[1]["params"]["requestState"], "a\"\u{0}é\u{1F4D6}");
    // Each round has only the responses of the previous one.
    assert_eq!(calls[2]["params"]["inputResponses"], json!({ "where": named }));
    assert_eq!(calls[2]["params"].get("requestState"), None);
}

#[tokio::test(start_paused = true)]
async fn prompts_and_resources_may_request_input_and_nothing_else() {
    let prompt = json!({ "resultType": "complete", "messages": [] });
    let peer = answering(vec![wanted(json!({ "a": roots() })), prompt]);
    let session = open(&peer, handlers()).await;
    session.get_prompt("greet").arg("name", "Ann").await.unwrap();
    assert_eq!(calls(&peer)[1]["params"]["arguments"], json!({ "name": "Ann" }));
    assert!(calls(&peer)[1]["params"]["inputResponses"]["a"].is_object());

    let resource =
        json!({ "resultType": "complete", "contents": [], "ttlMs": 0, "cacheScope": "private" });
    let peer = answering(vec![wanted(json!({ "a": roots() })), resource]);
    let session = open(&peer, handlers()).await;
    session.read_resource("file:///x").await.unwrap();
    assert_eq!(calls(&peer)[1]["params"]["uri"], "file:///x");

    let peer = answering(vec![wanted(json!({ "a": roots() }))]);
    let session = open(&peer, handlers()).await;
    assert_eq!(session.list_tools().await.unwrap_err().kind(), ErrorKind::Decode);
    let reference = mcp_core::PromptReference::new("greet");
    let argument = mcp_core::CompletionArgument::new("name", "A");
    let completion = mcp_core::CompleteRequestParams::new(reference, argument);
    assert_eq!(session.complete(&completion).await.unwrap_err().kind(), ErrorKind::Decode);
    let manual = session.complete(&completion).manual_input().await;
    assert_eq!(manual.unwrap_err().kind(), ErrorKind::Decode);
    assert_eq!(calls(&peer).len(), 3, "none of them was repeated");
}

#[tokio::test(start_paused = true)]
async fn rounds_end_at_the_tenth() {
    let peer = answering(vec![wanted(json!({ "a": roots() }))]);
    let session = open(&peer, handlers()).await;
    let failure = session.call_tool("buy").await.unwrap_err();
    assert_eq!((failure.kind(), failure.method()), (ErrorKind::InputRequired, Some("tools/call")));
    assert!(failure.to_string().contains("after 10 rounds"), "{failure}");
    assert!(failure.input_required().unwrap().input_requests.is_some());
    assert_eq!(calls(&peer).len(), 11);

    let peer = answering(vec![wanted(json!({ "a": roots() }))]);
    let mut options = SessionOptions::default();
    options.handlers = handlers();
    options.max_rounds = 0;
    let session = Session::open(peer.clone(), None, options).await.unwrap();
    assert_eq!(session.call_tool("buy").await.unwrap_err().kind(), ErrorKind::InputRequired);
    assert_eq!(calls(&peer).len(), 1);
}

#[tokio::test(start_paused = true)]
async fn rounds_without_requests_back_off() {
    let states = (0..9).map(|n| with_state(&n.to_string())).chain([done()]).collect();
    let peer = answering(states);
    let session = open(&peer, Handlers::new()).await;
    let start = Instant::now();
    session.call_tool("buy").await.unwrap();
    // 0.1 + 0.2 + 0.4 + 0.8 + 1.6 + 3.2 s, and then 5 s each.
    assert_eq!(start.elapsed(), Duration::from_millis(6_300 + 3 * 5_000));
    for (n, call) in calls(&peer)[1..].iter().enumerate() {
        assert_eq!(call["params"]["requestState"], n.to_string());
        assert_eq!(call["params"].get("inputResponses"), None);
    }
}

#[tokio::test(start_paused = true)]
async fn an_empty_input_request_is_not_a_round() {
    let peer = answering(vec![json!({ "resultType": "input_required" })]);
    let session = open(&peer, handlers()).await;
    assert_eq!(session.call_tool("buy").await.unwrap_err().kind(), ErrorKind::Decode);
    assert_eq!(calls(&peer).len(), 1, "it might have bought twice");
}

#[tokio::test(start_paused = true)]
async fn missing_input_ends_the_call_and_is_named() {
    let handlers = || {
        Handlers::new()
            .on_elicitation(|asked: ServerRequest<ElicitRequestFormParams>| async move {
                match &*asked.params.message {
                    "long" => pending().await,
                    "panic" => panic!("on purpose"),
                    "misfit" => {
                        let content = Map::from_iter([("size".to_owned(), json!(7))]);
                        Ok(ElicitResult::new(ElicitAction::Accept).with_content(content))
                    }
                    _ => Err(ErrorObject::new(-1, "nobody is here")),
                }
            })
            .on_sampling(|_| async { Err(ErrorObject::new(-1, "no model")) })
    };
    let sampling = json!({ "method": "sampling/createMessage", "params": {
        "messages": [], "maxTokens": 1, "tools": [] } });
    let url = json!({ "method": "elicitation/create", "params": {
        "mode": "url", "message": "go", "url": "https://x.example" } });
    for (request, why) in [
        (form("?"), "nobody is here"),
        (form("panic"), "the handler of elicitation/create failed"),
        (form("misfit"), "\"size\" is of another type than string"),
        (roots(), "does not support roots/list"),
        (sampling, "this kind of sampling/createMessage"),
        (url, "this kind of elicitation/create"),
        (json!({ "method": "elicitation/create" }), "cannot be decoded"),
        (json!({ "method": "dreams/tell", "params": { "a": 1 } }), "does not support dreams/tell"),
    ] {
        // A request that is never answered blocks no other.
        let peer = answering(vec![wanted(json!({ "first": form("long"), "the other": request }))]);
        let session = open(&peer, handlers()).await;
        let failure = session.call_tool("buy").await.unwrap_err();
        assert_eq!(failure.kind(), ErrorKind::InputRequired, "{failure}");
        assert_eq!(failure.method(), Some("tools/call"));
        let text = failure.to_string();
        assert!(text.contains("\"the other\"") && text.contains(why), "{text}");
        assert!(failure.input_required().is_some());
        assert_eq!(calls(&peer).len(), 1, "{why}: it is not repeated");
    }
}

#[tokio::test(start_paused = true)]
async fn the_fallback_handler_answers_unknown_kinds() {
    let peer = answering(vec![wanted(json!({ "a": { "method": "dreams/tell" } })), done()]);
    let handlers = Handlers::new().on_request(
        |asked: mcp_session::ServerRequest<mcp_session::RawRequest>| async move {
            let answer =
                json!({ "method": asked.params.method, "has": asked.params.params.is_some() });
            mcp_core::RawJson::from_serialize(&answer)
        },
    );
    let session = open(&peer, handlers).await;
    session.call_tool("buy").await.unwrap();
    let answer = &calls(&peer)[1]["params"]["inputResponses"]["a"];
    assert_eq!(*answer, json!({ "method": "dreams/tell", "has": false }));
}

#[tokio::test(start_paused = true)]
async fn handlers_know_the_call_and_the_server() {
    let mut grouped = wanted(json!({ "a": roots() }));
    grouped["_meta"] = json!({ SERVER_META_KEY: "cellar" });
    let resource =
        json!({ "resultType": "complete", "contents": [], "ttlMs": 0, "cacheScope": "private" });
    let peer = answering(vec![wanted(json!({ "a": roots() })), done(), grouped, resource]);
    let seen = Arc::new(Mutex::new(Vec::<(String, Option<CallInfo>)>::new()));
    let log = Arc::clone(&seen);
    let handlers = Handlers::new().on_roots(move |asked: ServerRequest<()>| {
        log.lock().unwrap().push((asked.server.to_string(), asked.call));
        async { Vec::new() }
    });
    let session = open(&peer, handlers).await;
    session.call_tool("buy").await.unwrap();
    session.read_resource("file:///x").await.unwrap();
    let seen = seen.lock().unwrap();
    let seen: Vec<(&str, &str, Option<&str>)> = seen
        .iter()
        .map(|(server, call)| {
            let call = call.as_ref().unwrap();
            (&**server, &*call.method, call.target.as_deref())
        })
        .collect();
    assert_eq!(
        seen,
        [("bookshop", "tools/call", Some("buy")), ("cellar", "resources/read", Some("file:///x"))]
    );
}

#[tokio::test(start_paused = true)]
async fn capabilities_go_with_every_request_and_none_is_about_changes() {
    let peer = answering(vec![done()]);
    let handlers = handlers()
        .on_url_elicitation(|_| async { ElicitResult::new(ElicitAction::Decline) })
        .on_sampling_with_tools(|_| async { Err(ErrorObject::new(-1, "no")) });
    let session = open(&peer, handlers).await;
    session.call_tool("buy").await.unwrap();
    for message in peer.received() {
        assert_eq!(
            message["params"]["_meta"]["io.modelcontextprotocol/clientCapabilities"],
            json!({
                "elicitation": { "form": {}, "url": {} }, "sampling": { "tools": {} }, "roots": {},
            })
        );
    }
    let sent = peer.received().len();
    session.roots_changed().await.unwrap();
    tokio::time::sleep(SECOND).await;
    assert_eq!(peer.received().len(), sent, "no message is sent");
}

#[tokio::test(start_paused = true)]
async fn users_may_exceed_the_idle_timeout_but_not_the_total() {
    let peer = answering(vec![wanted(json!({ "a": form("1000") })), done()]);
    let session = open(&peer, handlers()).await;
    session.call_tool("buy").timeout(Timeout::idle(SECOND)).await.unwrap();

    let peer = answering(vec![wanted(json!({ "a": form("1000") })), done()]);
    let session = open(&peer, handlers()).await;
    let start = Instant::now();
    let failure = session.call_tool("buy").timeout(60 * SECOND).await.unwrap_err();
    assert_eq!((failure.kind(), failure.method()), (ErrorKind::Timeout, Some("tools/call")));
    assert_eq!(start.elapsed(), 60 * SECOND);

    // The total timeout covers all rounds.
    let peer = answering(vec![wanted(json!({ "a": form("25") }))]);
    let session = open(&peer, handlers()).await;
    let start = Instant::now();
    let failure = session.call_tool("buy").timeout(60 * SECOND).await.unwrap_err();
    assert_eq!(failure.kind(), ErrorKind::Timeout);
    assert_eq!((start.elapsed(), calls(&peer).len()), (60 * SECOND, 3));

    // The time of the user is not available to the server.
    let peer = modern(|message| match message["params"]["inputResponses"].is_null() {
        true => result(message, wanted(json!({ "a": form("50") }))),
        false => Reply::Nothing,
    });
    let session = open(&peer, handlers()).await;
    let start = Instant::now();
    let failure = session.call_tool("buy").timeout(60 * SECOND).await.unwrap_err();
    assert_eq!((failure.kind(), start.elapsed()), (ErrorKind::Timeout, 60 * SECOND));
}

#[tokio::test(start_paused = true)]
async fn a_call_that_is_dropped_ends_its_handlers() {
    let peer = answering(vec![wanted(json!({ "a": form("x") })), done()]);
    let alive = Arc::new(());
    let held = Arc::clone(&alive);
    let handlers = Handlers::new().on_elicitation(move |_| {
        let held = Arc::clone(&held);
        async move {
            let _held = held;
            pending::<ElicitResult>().await
        }
    });
    let session = open(&peer, handlers).await;
    let call = session.call_tool("buy").into_future();
    assert!(tokio::time::timeout(SECOND, call).await.is_err());
    // One here, and one in the handler.
    assert_eq!(Arc::strong_count(&alive), 2);
    assert_eq!(calls(&peer).len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_caller_may_answer_manually() {
    let mut first =
        wanted(json!({ "size": form("?"), "where": roots(), "odd": { "method": "x/y" } }));
    first["requestState"] = json!("s/1");
    let peer = answering(vec![first, with_state("s/2"), done()]);
    let session = open(&peer, handlers()).await;
    let call = session.call_tool("buy").arg("book", "Dune").manual_input();
    let Input::Required(round) = call.await.unwrap() else { panic!("asked for input") };
    let requests = round.required.input_requests.as_ref().unwrap();
    assert!(matches!(requests.get("size"), Some(InputRequest::Elicit(_))));
    assert!(matches!(requests.get("where"), Some(InputRequest::ListRoots(_))));
    assert!(matches!(requests.get("odd"), Some(InputRequest::Unknown(_))));
    let answers: [(&str, InputResponse); 2] = [
        ("size", ElicitResult::new(ElicitAction::Decline).into()),
        ("where", ListRootsResult::new(Vec::new()).into()),
    ];
    let Input::Required(round) = round.answer(answers).unwrap().await.unwrap() else {
        panic!("asked for time")
    };
    assert_eq!(round.required.input_requests, None);
    let none: [(&str, InputResponse); 0] = [];
    let Input::Done(result) = round.answer(none).unwrap().await.unwrap() else { panic!("done") };
    assert_eq!(result.content.len(), 1);

    let calls = calls(&peer);
    assert_eq!(calls.len(), 3);
    assert!(calls.iter().all(|call| call["params"]["arguments"] == json!({ "book": "Dune" })));
    assert!(calls[0]["id"] != calls[1]["id"] && calls[1]["id"] != calls[2]["id"]);
    assert_eq!(
        calls[1]["params"]["inputResponses"],
        json!({ "size": { "action": "decline" }, "where": { "roots": [] } })
    );
    assert_eq!(calls[1]["params"]["requestState"], "s/1");
    assert_eq!(calls[2]["params"].get("inputResponses"), None);
    assert_eq!(calls[2]["params"]["requestState"], "s/2");
}

#[tokio::test(start_paused = true)]
async fn concurrent_calls_keep_separate_states() {
    let peer = modern(|message| match &message["params"] {
        params if params["requestState"].is_null() => {
            result(message, with_state(params["name"].as_str().unwrap()))
        }
        _ => result(message, done()),
    });
    let session = open(&peer, handlers()).await;
    let (a, b) =
        tokio::join!(session.call_tool("a").into_future(), session.call_tool("b").into_future());
    assert!(a.is_ok() && b.is_ok());
    assert_eq!(calls(&peer).len(), 4);
    for call in calls(&peer).iter().filter(|call| !call["params"]["requestState"].is_null()) {
        assert_eq!(call["params"]["requestState"], call["params"]["name"]);
    }
}

#[tokio::test(start_paused = true)]
async fn a_call_that_waits_for_a_handler_ends_with_its_session() {
    async fn stuck(peer: &Peer) -> Session {
        let mut options = SessionOptions::default();
        options.handlers = Handlers::new().on_roots(|_| pending::<Vec<Root>>());
        Session::open(peer.clone(), Some("shop"), options).await.unwrap()
    }
    let start = Instant::now();
    let session = stuck(&answering(vec![wanted(json!({ "r": roots() }))])).await;
    let closing = async {
        tokio::time::sleep(SECOND).await;
        session.close().await
    };
    let (bought, _) = tokio::join!(timeout(60 * SECOND, session.call_tool("buy")), closing);
    let error = bought.unwrap().unwrap_err();
    assert_eq!((error.kind(), error.method()), (ErrorKind::Closed, Some("tools/call")));

    let lost = modern(|message| match message["method"].as_str() {
        Some("tools/call") => result(message, wanted(json!({ "r": roots() }))),
        _ => Reply::Close,
    });
    let session = stuck(&lost).await;
    let losing = async {
        tokio::time::sleep(SECOND).await;
        session.notify("x/end", &()).await
    };
    let (bought, _) = tokio::join!(timeout(60 * SECOND, session.call_tool("buy")), losing);
    assert_eq!(bought.unwrap().unwrap_err().kind(), ErrorKind::Closed);
    assert_eq!(start.elapsed(), 2 * SECOND);
}

#[tokio::test(start_paused = true)]
async fn a_round_with_too_many_requests_fails_before_any_handler_starts() {
    let asks = |count: usize| {
        let requests = (0..count).map(|n| (n.to_string(), roots())).collect();
        wanted(Value::Object(requests))
    };
    let begun = Arc::new(Mutex::new(0));
    let handlers = || {
        let begun = Arc::clone(&begun);
        Handlers::new().on_roots(move |_| {
            *begun.lock().unwrap() += 1;
            async { Vec::new() }
        })
    };
    let peer = answering(vec![asks(65)]);
    let session = open(&peer, handlers()).await;
    let error = session.call_tool("buy").await.unwrap_err();
    assert_eq!((error.kind(), error.method()), (ErrorKind::InputRequired, Some("tools/call")));
    assert!(error.to_string().contains("65 inputs at once, more than 64"), "{error}");
    assert_eq!((*begun.lock().unwrap(), calls(&peer).len()), (0, 1));

    let peer = answering(vec![asks(64), done()]);
    open(&peer, handlers()).await.call_tool("buy").await.unwrap();
    assert_eq!(*begun.lock().unwrap(), 64);
}

#[tokio::test(start_paused = true)]
async fn concurrent_calls_share_the_limit_of_handlers() {
    let asks = || {
        let requests = (0..40).map(|n| (n.to_string(), form("1"))).collect();
        wanted(Value::Object(requests))
    };
    let peer = modern(move |message| match &message["params"] {
        params if params["inputResponses"].is_null() => result(message, asks()),
        _ => result(message, done()),
    });
    let session = open(&peer, handlers()).await;
    let start = Instant::now();
    let (a, b) =
        tokio::join!(session.call_tool("a").into_future(), session.call_tool("b").into_future());
    assert!(a.is_ok() && b.is_ok());
    assert_eq!(start.elapsed(), 2 * SECOND, "40 at a time, since 80 are too many");
}
