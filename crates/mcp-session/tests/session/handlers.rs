//! Typed handlers: responses, declared capabilities, and calls that wait for them.

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use mcp_core::{
    CreateMessageRequestParams, CreateMessageResult, ElicitAction, ElicitRequestFormParams,
    ElicitRequestUrlParams, ElicitResult, ErrorObject, RawJson, Role, Root, SamplingContent,
    TextContent,
};
use mcp_session::{
    ErrorKind, Handlers, RawRequest, ServerRequest, Session, SessionOptions, Timeout,
};
use serde_json::{Map, Value, json};
use tokio::time::Instant;

use crate::{
    peer::{Peer, Reply, legacy, modern, result},
    server_requests::{answer, asking, settle},
};

const SECOND: Duration = Duration::from_secs(1);

async fn open_with(peer: &Peer, handlers: Handlers) -> Session {
    let mut options = SessionOptions::default();
    options.handlers = handlers;
    Session::open(peer.clone(), Some("bookshop"), options).await.unwrap()
}

fn asks(id: u32, method: &str, params: Value) -> Value {
    json!({ "jsonrpc": "2.0", "id": id, "method": method, "params": params })
}

fn form(message: &str) -> Value {
    let properties = json!({ "name": { "type": "string" },
        "age": { "type": "integer", "minimum": 18, "default": 30 } });
    let schema = json!({ "type": "object", "properties": properties, "required": ["name"] });
    json!({ "message": message, "requestedSchema": schema })
}

fn url() -> Value {
    json!({ "mode": "url", "message": "go", "url": "https://x.example/?a", "elicitationId": "1" })
}

fn sampling(tools: Option<Value>) -> Value {
    let text = json!({ "type": "text", "text": "hi" });
    let messages = json!([{ "role": "user", "content": text }]);
    let mut params = json!({ "messages": messages, "maxTokens": 9 });
    if let Some(tools) = tools {
        params["tools"] = tools;
    }
    params
}

/// The responses of a client with these handlers, in order.
async fn answers(handlers: Handlers, questions: &[(&str, Value)]) -> (Value, Vec<Value>) {
    let asked = (0_u32..).zip(questions);
    let asked = asked.map(|(id, (method, params))| asks(id, method, params.clone())).collect();
    let peer = asking(asked);
    let session = open_with(&peer, handlers).await;
    session.call_tool("x").await.unwrap();
    settle().await;
    session.ping().await.unwrap();
    let initialize = peer.received().into_iter().find(|it| it["method"] == "initialize").unwrap();
    let ids = 0..u32::try_from(questions.len()).unwrap();
    let answers = ids.map(|id| answer(&peer, id).unwrap()).collect();
    (initialize["params"]["capabilities"].clone(), answers)
}

/// Fills in the message as the name, accepts any URL, and echoes sampling requests.
fn obliging() -> Handlers {
    Handlers::new()
        .on_elicitation(|asked: ServerRequest<ElicitRequestFormParams>| async move {
            let content = Map::from_iter([("name".to_owned(), json!(asked.params.message))]);
            ElicitResult::new(ElicitAction::Accept).with_content(content)
        })
        .on_url_elicitation(|asked: ServerRequest<ElicitRequestUrlParams>| async move {
            // URL elicitation has no content.
            let content = Map::from_iter([("url".to_owned(), json!(asked.params.url))]);
            ElicitResult::new(ElicitAction::Accept).with_content(content)
        })
        .on_sampling_with_tools(|asked: ServerRequest<CreateMessageRequestParams>| async move {
            let tools = asked.params.tools.map_or(0, |tools| tools.len());
            let text = format!("{} of {}, {tools} tools", asked.params.max_tokens, asked.server);
            let content = SamplingContent::Text(TextContent::new(text));
            CreateMessageResult::new(Role::Assistant, content, "parrot")
        })
        .on_roots(|asked: ServerRequest<()>| async move {
            assert_eq!(asked.call, None, "on a pipe, nothing says for which call");
            vec![Root::new("file:///books").with_name("Books")]
        })
}

#[tokio::test(start_paused = true)]
async fn typed_handlers_answer_and_declare_it() {
    let tools = json!([{ "name": "t", "inputSchema": { "type": "object" } }]);
    let (declared, answers) = answers(
        obliging(),
        &[
            ("elicitation/create", form("Ann")),
            ("elicitation/create", url()),
            ("sampling/createMessage", sampling(Some(tools))),
            ("sampling/createMessage", sampling(None)),
            ("roots/list", json!({})),
        ],
    )
    .await;
    assert_eq!(
        declared,
        json!({
            "elicitation": { "form": {}, "url": {} },
            "sampling": { "tools": {} },
            "roots": { "listChanged": true },
        })
    );
    let results: Vec<&Value> = answers.iter().map(|answer| &answer["result"]).collect();
    let filled = json!({ "name": "Ann", "age": 30 });
    assert_eq!(*results[0], json!({ "action": "accept", "content": filled }));
    assert_eq!(*results[1], json!({ "action": "accept" }));
    assert_eq!(results[2]["content"]["text"], "9 of bookshop, 1 tools");
    assert_eq!(results[3]["content"]["text"], "9 of bookshop, 0 tools");
    assert_eq!(*results[4], json!({ "roots": [{ "uri": "file:///books", "name": "Books" }] }));
}

#[tokio::test(start_paused = true)]
async fn without_a_handler_nothing_is_declared_and_the_method_is_unknown() {
    let questions = [
        ("elicitation/create", form("Ann")),
        ("elicitation/create", url()),
        ("sampling/createMessage", sampling(None)),
        ("roots/list", json!({})),
        ("dreams/tell", json!({})),
    ];
    let (declared, answers) = answers(Handlers::new(), &questions).await;
    assert_eq!(declared, json!({}));
    assert!(answers.iter().all(|answer| answer["error"]["code"] == -32601), "{answers:?}");
}

#[tokio::test(start_paused = true)]
async fn undeclared_features_are_invalid_parameters() {
    let handlers = Handlers::new()
        .on_elicitation(|_| async { ElicitResult::new(ElicitAction::Decline) })
        .on_sampling(|_| async { Err(ErrorObject::new(-1, "the user said no")) });
    let mut choice = sampling(None);
    choice["toolChoice"] = json!({ "mode": "auto" });
    let mut odd = form("Ann");
    odd["mode"] = json!("telepathy");
    let (declared, errors) = answers(
        handlers,
        &[
            ("elicitation/create", url()),
            ("elicitation/create", odd),
            ("elicitation/create", json!({ "message": "no form" })),
            ("sampling/createMessage", sampling(Some(json!([])))),
            ("sampling/createMessage", choice),
            ("sampling/createMessage", json!({})),
            ("roots/list", json!({})),
            ("sampling/createMessage", sampling(None)),
            ("elicitation/create", form("Ann")),
        ],
    )
    .await;
    assert_eq!(declared, json!({ "elicitation": { "form": {} }, "sampling": {} }));
    let codes: Vec<i64> =
        errors[..8].iter().map(|answer| answer["error"]["code"].as_i64().unwrap()).collect();
    assert_eq!(codes, [-32602, -32602, -32602, -32602, -32602, -32602, -32601, -1]);
    assert_eq!(errors[8]["result"], json!({ "action": "decline" }));

    let only_url =
        Handlers::new().on_url_elicitation(|_| async { ElicitResult::new(ElicitAction::Cancel) });
    let questions = [("elicitation/create", form("Ann")), ("elicitation/create", url())];
    let (declared, both) = answers(only_url, &questions).await;
    assert_eq!(declared, json!({ "elicitation": { "url": {} } }));
    assert_eq!(both[0]["error"]["code"], -32602);
    assert_eq!(both[1]["result"], json!({ "action": "cancel" }));
}

#[tokio::test(start_paused = true)]
async fn an_invalid_form_is_not_sent() {
    let handlers = Handlers::new().on_elicitation(
        |asked: ServerRequest<ElicitRequestFormParams>| async move {
            let result = ElicitResult::new(ElicitAction::Accept);
            match &*asked.params.message {
                "young" => {
                    let content = json!({ "name": "Bo", "age": 7 });
                    Ok(result.with_content(content.as_object().unwrap().clone()))
                }
                "empty" => Ok(result),
                _ => Err("the screen is broken"),
            }
        },
    );
    let questions = ["young", "empty", "?"].map(|message| ("elicitation/create", form(message)));
    let (_, answers) = answers(handlers, &questions).await;
    for (answer, why) in answers.iter().zip(["at least 18", "\"name\" is missing", "broken"]) {
        assert_eq!(answer["error"]["code"], -32603);
        assert!(answer["error"]["message"].as_str().unwrap().contains(why), "{answer}");
    }
}

#[tokio::test(start_paused = true)]
async fn the_fallback_handler_receives_unknown_methods() {
    let handlers = Handlers::new()
        .on_elicitation(|_| async { ElicitResult::new(ElicitAction::Decline) })
        .on_request(|asked: ServerRequest<RawRequest>| async move {
            RawJson::from_serialize(&json!({ "took": asked.params.method }))
        });
    let mut options = SessionOptions::default();
    options.handlers =
        handlers.on_url_elicitation(|_| async { ElicitResult::new(ElicitAction::Cancel) });
    options.capabilities.elicitation = Some(mcp_core::ElicitationCapability::default());
    let peer = asking(vec![
        asks(1, "elicitation/create", form("Ann")),
        asks(2, "elicitation/create", url()),
        asks(3, "sampling/createMessage", sampling(None)),
        asks(4, "dreams/tell", json!({})),
        asks(5, "ping", json!({})),
    ]);
    let session = Session::open(peer.clone(), None, options).await.unwrap();
    session.call_tool("x").await.unwrap();
    settle().await;
    assert_eq!(answer(&peer, 1).unwrap()["result"]["action"], "decline");
    assert_eq!(answer(&peer, 2).unwrap()["result"]["action"], "cancel");
    assert_eq!(answer(&peer, 3).unwrap()["error"]["code"], -32601, "it is not declared");
    assert_eq!(answer(&peer, 4).unwrap()["result"]["took"], "dreams/tell");
    assert_eq!(answer(&peer, 5).unwrap()["result"], json!({}));
}

#[tokio::test(start_paused = true)]
async fn forms_stay_declared_when_urls_are_added() {
    let peer = legacy(|message| result(message, json!({})));
    let mut options = SessionOptions::default();
    options.handlers =
        Handlers::new().on_url_elicitation(|_| async { ElicitResult::new(ElicitAction::Cancel) });
    options.capabilities.elicitation = Some(mcp_core::ElicitationCapability::default());
    Session::open(peer.clone(), None, options).await.unwrap();
    let initialize = peer.received().into_iter().find(|it| it["method"] == "initialize").unwrap();
    let declared = &initialize["params"]["capabilities"];
    assert_eq!(*declared, json!({ "elicitation": { "form": {}, "url": {} } }));
}

#[tokio::test(start_paused = true)]
async fn the_server_is_notified_of_changed_roots() {
    let peer = asking(Vec::new());
    let session = open_with(&peer, obliging()).await;
    session.roots_changed().await.unwrap();
    settle().await;
    assert_eq!(peer.methods().last().unwrap(), "notifications/roots/list_changed");
}

#[tokio::test(start_paused = true)]
async fn log_messages_reach_their_handler_with_the_call_if_known() {
    let log = |data: &str, id: &Value| {
        json!({ "jsonrpc": "2.0", "method": "notifications/message", "params": {
            "level": "info", "data": data,
            "_meta": { "io.modelcontextprotocol/subscriptionId": id } } })
    };
    let peer = modern(move |message| {
        let done = json!({ "jsonrpc": "2.0", "id": message["id"], "result": {
            "resultType": "complete", "content": [] } });
        match message["method"].as_str() {
            Some("subscriptions/listen") => {
                Reply::Lines(vec![log("panic", &message["id"]), log("own", &message["id"]), done])
            }
            _ => Reply::Lines(vec![log("other", &json!("?")), done]),
        }
    });
    let seen = Arc::new(Mutex::new(Vec::new()));
    let heard = Arc::clone(&seen);
    let handlers = Handlers::new().on_log(move |asked| {
        assert_ne!(asked.params.data, "panic", "on purpose");
        let method = asked.call.map(|call| call.method.into_owned());
        heard.lock().unwrap().push((asked.server.to_string(), asked.params.data, method));
    });
    let session = open_with(&peer, handlers).await;
    session.call_tool("x").await.unwrap();
    settle().await;
    session.request("subscriptions/listen", &json!({ "notifications": {} })).await.unwrap();
    let server = || "bookshop".to_owned();
    assert_eq!(
        *seen.lock().unwrap(),
        [
            (server(), json!("other"), None),
            (server(), json!("own"), Some("subscriptions/listen".to_owned()))
        ]
    );
}

#[tokio::test(start_paused = true)]
async fn progress_that_does_not_grow_is_dropped() {
    let peer = modern(|message| {
        let progress = |progress: f64| {
            json!({ "jsonrpc": "2.0", "method": "notifications/progress", "params": {
                "progressToken": message["params"]["_meta"]["progressToken"],
                "progress": progress } })
        };
        let done = json!({ "jsonrpc": "2.0", "id": message["id"], "result": { "content": [] } });
        Reply::Lines(
            [0.0, 1.0, 1.0, 0.5, 1.5, -1.0, 2.0].map(progress).into_iter().chain([done]).collect(),
        )
    });
    let log = || {
        let seen = Arc::new(Mutex::new(Vec::new()));
        (Arc::clone(&seen), move |progress: mcp_core::ProgressNotificationParams| {
            seen.lock().unwrap().push(progress.progress.to_f64());
        })
    };
    let (of_all, on_all) = log();
    let (of_one, on_one) = log();
    let session = open_with(&peer, Handlers::new().on_progress(on_all)).await;
    session.call_tool("x").await.unwrap();
    session.call_tool("x").on_progress(on_one).await.unwrap();
    assert_eq!(*of_all.lock().unwrap(), [0.0, 1.0, 1.5, 2.0], "not of the call with its own");
    assert_eq!(*of_one.lock().unwrap(), [0.0, 1.0, 1.5, 2.0]);
}

/// A server that elicits input during a call, and responds this long after the input.
fn waiting(then: Duration) -> Peer {
    let call = Mutex::new(Value::Null);
    legacy(move |message| match message["method"].as_str() {
        Some("tools/call") => {
            *call.lock().unwrap() = message.clone();
            Reply::Lines(vec![asks(1, "elicitation/create", form("Ann"))])
        }
        None => {
            let answer = result(&call.lock().unwrap(), json!({ "content": [] }));
            Reply::Later(then, Box::new(answer))
        }
        _ => Reply::Nothing,
    })
}

fn slow() -> Handlers {
    Handlers::new().on_elicitation(|_| async {
        tokio::time::sleep(1_995 * SECOND / 100).await;
        ElicitResult::new(ElicitAction::Decline)
    })
}

#[tokio::test(start_paused = true)]
async fn a_server_that_waits_for_input_is_not_idle() {
    // The user takes nearly two limits; then the server has a full limit.
    let session = open_with(&waiting(9 * SECOND), slow()).await;
    session.call_tool("x").timeout(Timeout::idle(10 * SECOND)).await.unwrap();

    let session = open_with(&waiting(11 * SECOND), slow()).await;
    let start = Instant::now();
    let call = session.call_tool("x").timeout(Timeout::idle(10 * SECOND));
    assert_eq!(call.await.unwrap_err().kind(), ErrorKind::Timeout);
    assert_eq!(start.elapsed(), Duration::from_millis(29_950));

    let session = open_with(&waiting(SECOND), slow()).await;
    let start = Instant::now();
    let mut limit = Timeout::idle(5 * SECOND);
    limit.total = Some(12 * SECOND);
    let late = session.call_tool("x").timeout(limit).await.unwrap_err();
    assert_eq!((late.kind(), start.elapsed()), (ErrorKind::Timeout, 12 * SECOND));
}

#[tokio::test(start_paused = true)]
async fn a_server_that_reads_no_responses_is_idle() {
    // The script does not read while it sleeps, and the response is larger than the pipe.
    let peer = legacy(|message| match message["method"].as_str() {
        Some("tools/call") => Reply::Lines(vec![asks(1, "roots/list", json!({}))]),
        Some("notifications/roots/list_changed") => {
            Reply::Later(9_999 * SECOND, Box::new(Reply::Nothing))
        }
        _ => Reply::Nothing,
    });
    let uri = "x".repeat(1 << 20);
    let handlers = Handlers::new().on_roots(move |_| {
        let root = Root::new(format!("file:///{uri}"));
        async move {
            tokio::time::sleep(7 * SECOND).await;
            vec![root]
        }
    });
    let session = open_with(&peer, handlers).await;
    let start = Instant::now();
    let call = session.call_tool("x").timeout(Timeout::idle(10 * SECOND)).into_future();
    let changed = async {
        tokio::time::sleep(SECOND).await;
        session.roots_changed().await.unwrap();
    };
    let (outcome, ()) = tokio::join!(call, changed);
    assert_eq!(outcome.unwrap_err().kind(), ErrorKind::Timeout);
    assert_eq!(start.elapsed(), 17 * SECOND);
}

#[tokio::test(start_paused = true)]
async fn pings_do_not_keep_a_call_alive() {
    let beats = Arc::new(AtomicU32::new(0));
    let count = Arc::clone(&beats);
    // Each response to a ping is followed by the next ping.
    let peer = legacy(move |message| match message["method"].as_str() {
        Some("tools/call") => Reply::Lines(vec![asks(0, "ping", json!({}))]),
        None if count.load(Ordering::SeqCst) < 100 => {
            let id = count.fetch_add(1, Ordering::SeqCst) + 1;
            let ping = Reply::Lines(vec![asks(id, "ping", json!({}))]);
            Reply::Later(SECOND, Box::new(ping))
        }
        _ => Reply::Nothing,
    });
    let session = open_with(&peer, obliging()).await;
    let start = Instant::now();
    let call = session.call_tool("x").timeout(Timeout::idle(10 * SECOND));
    assert_eq!(call.await.unwrap_err().kind(), ErrorKind::Timeout);
    assert_eq!(start.elapsed(), 10 * SECOND);
    assert!(beats.load(Ordering::SeqCst) >= 9);
}
