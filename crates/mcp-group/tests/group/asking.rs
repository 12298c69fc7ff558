//! Requests of servers that are sent to the client whose call is open.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex,
        atomic::{AtomicI64, Ordering},
    },
    time::Duration,
};

use futures_util::{StreamExt, future::join_all, stream};
use mcp_core::{
    ElicitAction, ElicitResult, ElicitationCapability, Message, ProtocolVersion, RawJson,
    RawObject, Request, RequestId, Response,
};
use mcp_group::{Backend, Group};
use mcp_session::{EraPolicy, ErrorKind, Handlers, Session, SessionOptions};
use mcp_testkit::scripted::{Peer, Reply};
use mcp_transport::{Envelope, Exchange, OneWay, Serve};
use mcp_transport_memory::Memory;
use serde_json::{Value, json};
use tokio::sync::oneshot;

use crate::fixture::until;

fn elicitation() -> Value {
    json!({ "message": "Colour?", "requestedSchema": {
        "type": "object", "properties": { "colour": { "type": "string" } } } })
}

/// A legacy server over a pipe: `ask` is answered with the response of the client, `wait` never.
fn legacy() -> Peer {
    let call = Arc::new(Mutex::new(Value::Null));
    Peer::legacy(json!({ "tools": {} }), move |_, message| {
        match (message["method"].as_str(), message["params"]["name"].as_str()) {
            (Some("tools/call"), Some("ask")) => {
                *call.lock().unwrap() = message["id"].clone();
                Reply::Lines(vec![json!({ "jsonrpc": "2.0", "id": "q",
                    "method": "elicitation/create", "params": elicitation() })])
            }
            (None, _) if message["id"] == "q" => {
                let answer = if message["error"].is_null() { "result" } else { "error" };
                let text = message[answer].to_string();
                Reply::Lines(vec![json!({ "jsonrpc": "2.0", "id": *call.lock().unwrap(),
                    "result": { "content": [{ "type": "text", "text": text }] } })])
            }
            _ => Reply::Nothing,
        }
    })
}

/// A modern server that requests the same as input.
fn modern() -> Peer {
    Peer::modern(json!({ "tools": {} }), |_, message| match message["method"].as_str() {
        Some("tools/call") if message["params"]["requestState"] == "s" => {
            let text = message["params"]["inputResponses"]["colour"].to_string();
            Reply::result(
                message,
                json!({ "resultType": "complete",
                "content": [{ "type": "text", "text": text }] }),
            )
        }
        Some("tools/call") => Reply::result(
            message,
            json!({
            "resultType": "input_required", "requestState": "s", "inputRequests": {
                "colour": { "method": "elicitation/create", "params": elicitation() } } }),
        ),
        _ => Reply::Nothing,
    })
}

fn group(peer: &Peer) -> Group {
    Group::builder().forward_requests(true).backend(Backend::new("p", peer.clone())).build()
}

async fn open(group: &Group, era: EraPolicy, colour: Option<&'static str>) -> Session {
    let mut options = SessionOptions::default();
    options.era = era;
    if let Some(colour) = colour {
        options.handlers = Handlers::new().on_elicitation(move |_| async move {
            let content = serde_json::Map::from_iter([("colour".to_owned(), colour.into())]);
            ElicitResult::new(ElicitAction::Accept).with_content(content)
        });
    }
    Session::open(Memory::new(group.clone()), None, options).await.unwrap()
}

const MODERN: EraPolicy = EraPolicy::Pinned(ProtocolVersion::LATEST_MODERN);

#[tokio::test]
async fn the_client_of_the_open_call_is_asked_in_each_pair_of_eras() {
    for (server, peer) in [("legacy", legacy()), ("modern", modern())] {
        let group = group(&peer);
        for era in [EraPolicy::Legacy, MODERN] {
            let red = open(&group, era, Some("red")).await;
            let blue = open(&group, era, Some("blue")).await;
            for (session, colour) in [(&red, "red"), (&blue, "blue"), (&red, "red")] {
                let text = session.call_tool("ask").await.unwrap().text();
                assert!(
                    text.contains(colour) && text.contains("accept"),
                    "{server} {era:?} {text}"
                );
            }
        }
        assert_eq!(peer.connections(), 1, "all share it");
    }
}

#[tokio::test]
async fn a_client_that_does_not_support_a_request_is_not_asked() {
    for era in [EraPolicy::Legacy, MODERN] {
        let session = open(&group(&legacy()), era, None).await;
        let text = session.call_tool("ask").await.unwrap().text();
        assert!(text.contains("does not support this elicitation/create"), "{text}");
        let session = open(&group(&modern()), era, None).await;
        let error = session.call_tool("ask").await.unwrap_err();
        let text = error.to_string();
        assert!(text.contains("does not support this elicitation/create"), "{text}");
    }
}

#[tokio::test]
async fn a_request_that_could_be_for_several_clients_is_refused() {
    let peer = legacy();
    let group = group(&peer);
    let red = open(&group, EraPolicy::Legacy, Some("red")).await;
    let blue = open(&group, EraPolicy::Legacy, Some("blue")).await;
    let waiting = tokio::spawn(blue.call_tool("wait").into_future());
    until(|| peer.asked("tools/call").len() == 1).await;
    let text = red.call_tool("ask").await.unwrap().text();
    assert!(text.contains("several clients have open calls"), "{text}");
    waiting.abort();
    until(|| !peer.asked("notifications/cancelled").is_empty()).await;
    assert!(red.call_tool("ask").await.unwrap().text().contains("red"));

    // Outside of calls there is no client to ask.
    peer.say(json!({ "jsonrpc": "2.0", "id": 7, "method": "roots/list" }));
    let refused = || peer.received().into_iter().find(|it| it["id"] == 7);
    until(|| refused().is_some()).await;
    let text = refused().unwrap()["error"]["message"].to_string();
    assert!(text.contains("no client has an open call"), "{text}");
}

#[tokio::test]
async fn a_handler_of_the_backend_answers_first() {
    let mut options = SessionOptions::default();
    options.handlers =
        Handlers::new().on_elicitation(|_| async { ElicitResult::new(ElicitAction::Decline) });
    let backend = Backend::new("p", legacy()).options(options);
    let group = Group::builder().forward_requests(true).backend(backend).build();
    let session = open(&group, EraPolicy::Legacy, Some("red")).await;
    let text = session.call_tool("ask").await.unwrap().text();
    assert!(text.contains("decline"), "{text}");
}

#[tokio::test(start_paused = true)]
async fn a_waiting_call_is_continued_only_by_the_same_call_and_for_a_limited_time() {
    let peer = legacy();
    let group = group(&peer);
    let mut options = SessionOptions::default();
    options.era = MODERN;
    options.capabilities.elicitation = Some(ElicitationCapability::default());
    let session = Session::open(Memory::new(group), None, options).await.unwrap();
    let call = |name: &str, state: Option<&str>, responses: Option<Value>| {
        let mut params = RawObject::default();
        params.set("name", name);
        if let Some(state) = state {
            params.set("requestState", state);
        }
        if let Some(responses) = responses {
            params.set("inputResponses", &responses);
        }
        session.forward("tools/call", params, RawObject::default())
    };
    let value = |raw: RawJson| raw.decode::<Value>().unwrap();
    let required = value(call("ask", None, None).await.unwrap());
    assert_eq!(required["resultType"], "input_required");
    let state = required["requestState"].as_str().unwrap();
    let (name, input) = required["inputRequests"].as_object().unwrap().iter().next().unwrap();
    assert_eq!(
        (&input["method"], &input["params"]),
        (&json!("elicitation/create"), &elicitation())
    );

    let responses = json!({ name: { "action": "decline" } });
    let wrong = call("wait", Some(state), Some(responses.clone())).await.unwrap_err();
    assert!(wrong.to_string().contains("another call"), "{wrong}");
    let done = value(call("ask", Some(state), Some(responses)).await.unwrap());
    assert!(done["content"][0]["text"].as_str().unwrap().contains("decline"), "{done}");
    let again = call("ask", Some(state), None).await.unwrap_err();
    assert_eq!(again.kind(), ErrorKind::Answer);

    let required = value(call("ask", None, None).await.unwrap());
    tokio::time::sleep(Duration::from_secs(601)).await;
    until(|| !peer.asked("notifications/cancelled").is_empty()).await;
    let state = required["requestState"].as_str().unwrap();
    let late = call("ask", Some(state), None).await.unwrap_err();
    assert!(late.to_string().contains("has ended"), "{late}");
}

/// A legacy server over HTTP, which sends its request in the exchange of the call, and responds with the answer.
#[derive(Default)]
struct InExchange {
    asked: Mutex<HashMap<RequestId, oneshot::Sender<Value>>>,
    next: AtomicI64,
}

impl Serve for InExchange {
    async fn request(&self, request: Envelope<Request>) -> Exchange {
        let Request { id, method, .. } = request.message;
        let result = |result: Value| {
            Message::from(Response::result(id.clone(), RawJson::from_serialize(&result).unwrap()))
        };
        let response = match &*method {
            "initialize" => result(json!({ "protocolVersion": "2025-11-25",
                "capabilities": { "tools": {} }, "serverInfo": { "name": "s", "version": "1" } })),
            "tools/call" => {
                let (answer, answered) = oneshot::channel();
                let asked = RequestId::from(self.next.fetch_add(1, Ordering::SeqCst));
                self.asked.lock().unwrap().insert(asked.clone(), answer);
                let mut ask = Request::new(asked, "elicitation/create");
                ask.params = Some(RawJson::from_serialize(&elicitation()).unwrap());
                let (id, of) = (id.clone(), id.clone());
                let done = async move {
                    let text = answered.await.unwrap().to_string();
                    let content = json!({ "content": [{ "type": "text", "text": text }] });
                    let content = RawJson::from_serialize(&content).unwrap();
                    Ok(Response::result(id, content).into())
                };
                let messages = stream::iter([Ok(ask.into())]).chain(stream::once(done));
                return Exchange::from_stream(of, messages);
            }
            _ => result(json!({})),
        };
        Exchange::from_stream(id.clone(), stream::iter([Ok(response)]))
    }

    async fn send(&self, message: Envelope<OneWay>) {
        if let OneWay::Response(response) = message.message {
            let asked = self.asked.lock().unwrap().remove(&response.id.unwrap());
            asked.unwrap().send(response.outcome.unwrap().decode().unwrap()).unwrap();
        }
    }

    fn name(&self) -> String {
        "in exchange".to_owned()
    }
}

#[tokio::test]
async fn a_request_in_the_exchange_of_a_call_goes_to_its_client() {
    let mut options = SessionOptions::default();
    options.era = EraPolicy::Legacy;
    let backend = Backend::new("p", Memory::new(InExchange::default())).options(options);
    let group = Group::builder().forward_requests(true).backend(backend).build();
    for era in [EraPolicy::Legacy, MODERN] {
        let red = open(&group, era, Some("red")).await;
        let blue = open(&group, era, Some("blue")).await;
        let calls = (0..20).map(|_| async {
            let (of_red, of_blue) = tokio::join!(
                red.call_tool("ask").into_future(),
                blue.call_tool("ask").into_future()
            );
            assert!(of_red.unwrap().text().contains("red"));
            assert!(of_blue.unwrap().text().contains("blue"));
        });
        join_all(calls).await;
    }
}

/// A legacy server that reports progress before and after it asks the client.
fn progressing() -> Peer {
    let call = Arc::new(Mutex::new(Value::Null));
    let progress = |call: &Value, value: u32| {
        json!({ "jsonrpc": "2.0", "method": "notifications/progress", "params": {
            "progressToken": call["params"]["_meta"]["progressToken"], "progress": value } })
    };
    Peer::legacy(json!({ "tools": {} }), move |_, message| {
        let mut call = call.lock().unwrap();
        match message["method"].as_str() {
            Some("tools/call") => {
                *call = message.clone();
                let ask = json!({ "jsonrpc": "2.0", "id": "q", "method": "elicitation/create",
                    "params": elicitation() });
                Reply::Lines(vec![progress(&call, 1), ask])
            }
            None if message["id"] == "q" => {
                let done =
                    json!({ "jsonrpc": "2.0", "id": call["id"], "result": { "content": [] } });
                Reply::Lines(vec![progress(&call, 2), done])
            }
            _ => Reply::Nothing,
        }
    })
}

#[tokio::test]
async fn progress_of_a_continued_call_has_the_token_of_the_repeated_request() {
    let group = group(&progressing());
    let request = |id: i64, params: Value| {
        let mut request = Request::new(id, "tools/call");
        request.params = Some(RawJson::from_serialize(&params).unwrap());
        group.request(Envelope::new(request))
    };
    let params = |token: Option<&str>| {
        let mut params = json!({ "name": "ask", "_meta": {
            "io.modelcontextprotocol/protocolVersion": "2026-07-28",
            "io.modelcontextprotocol/clientCapabilities": { "elicitation": {} } } });
        if let Some(token) = token {
            params["_meta"]["progressToken"] = token.into();
        }
        params
    };
    for repeated in [Some("second"), None] {
        let first: Vec<_> = request(1, params(Some("first"))).await.collect().await;
        let (tokens, required) = tokens_and_result(first);
        assert_eq!(tokens, [(json!("first"), json!(1))]);
        let mut params = params(repeated);
        params["requestState"] = required["requestState"].clone();
        let name = required["inputRequests"].as_object().unwrap().keys().next().unwrap();
        params["inputResponses"] = json!({ name: { "action": "decline" } });
        let second: Vec<_> = request(2, params).await.collect().await;
        let (tokens, result) = tokens_and_result(second);
        let expected = repeated.map(|token| (json!(token), json!(2)));
        assert_eq!(tokens, Vec::from_iter(expected));
        assert_eq!(result["resultType"], "complete");
    }
}

/// The tokens and values of the progress in an exchange, and its result.
fn tokens_and_result(
    messages: Vec<Result<Message, mcp_transport::Error>>,
) -> (Vec<(Value, Value)>, Value) {
    let (mut tokens, mut result) = (Vec::new(), Value::Null);
    for message in messages {
        match message.unwrap() {
            Message::Notification(it) => {
                let params: Value = it.params.unwrap().decode().unwrap();
                tokens.push((params["progressToken"].clone(), params["progress"].clone()));
            }
            Message::Response(it) => result = it.outcome.unwrap().decode().unwrap(),
            other => panic!("{other:?}"),
        }
    }
    (tokens, result)
}
