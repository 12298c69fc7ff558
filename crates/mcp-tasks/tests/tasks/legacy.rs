//! Tasks of revision 2025-11-25, with the same types.

use std::sync::{Arc, Mutex};

use mcp_core::{ElicitAction, ElicitResult};
use mcp_session::{ErrorKind, Handlers, Session, SessionOptions};
use mcp_tasks::{Cancelled, Started, TaskStatus, Tasks};
use serde_json::{Value, json};
use tokio::time::{Instant, sleep, timeout};

use crate::{
    peer::{Peer, Reply, error, result},
    server::SECOND,
};

/// A server whose tool `bake` runs only as a task, and `fry` optionally. `statuses` are the successive task statuses.
fn server(statuses: &'static [&'static str]) -> Peer {
    let at = Mutex::new(0);
    let waiting = Mutex::new(Value::Null);
    let capabilities = json!({ "tools": {}, "tasks": {
        "list": {}, "cancel": {}, "requests": { "tools": { "call": {} } } } });
    let task = |status: &str| {
        json!({ "taskId": "t1", "status": status, "statusMessage": format!("it is {status}"),
            "createdAt": "2025-11-25T10:00:00Z", "lastUpdatedAt": "2025-11-25T10:00:00Z",
            "ttl": 60000, "pollInterval": 2000 })
    };
    let related = json!({ "io.modelcontextprotocol/related-task": { "taskId": "t1" } });
    let done = json!({ "content": [{ "type": "text", "text": "baked" }], "_meta": related });
    Peer::legacy(capabilities, move |_, message| match message["method"].as_str() {
        Some("tools/list") => {
            let tool = |name, support| {
                json!({ "name": name, "inputSchema": { "type": "object" },
                    "execution": { "taskSupport": support } })
            };
            let tools =
                [tool("bake", "required"), tool("fry", "optional"), tool("cut", "forbidden")];
            result(message, json!({ "tools": tools }))
        }
        Some("tools/call") => {
            match (message["params"]["name"].as_str(), &message["params"]["task"]) {
                (Some("bake" | "fry"), Value::Object(_)) => {
                    *at.lock().unwrap() = 0;
                    result(message, json!({ "task": task("working") }))
                }
                (Some("bake"), _) => error(message, json!({ "code": -32601, "message": "a task" })),
                (Some("cut"), Value::Object(_)) => {
                    error(message, json!({ "code": -32601, "message": "no task" }))
                }
                _ => result(message, done.clone()),
            }
        }
        Some("tasks/get") => {
            let mut at = at.lock().unwrap();
            let status = statuses[(*at).min(statuses.len() - 1)];
            *at += 1;
            result(message, task(status))
        }
        Some("tasks/result") if statuses.contains(&"input_required") => {
            *waiting.lock().unwrap() = message.clone();
            let form = json!({ "message": "which?", "_meta": related,
                "requestedSchema": { "type": "object", "properties": {} } });
            Reply::Lines(vec![
                json!({ "jsonrpc": "2.0", "id": 9, "method": "elicitation/create", "params": form }),
            ])
        }
        Some("tasks/result") if statuses.contains(&"failed") => {
            error(message, json!({ "code": -32000, "message": "burnt" }))
        }
        Some("tasks/result") => result(message, done.clone()),
        Some("tasks/cancel") => result(message, task("cancelled")),
        Some("tasks/list") => result(message, json!({ "tasks": [task("working")] })),
        // The response to its input request.
        None => result(&waiting.lock().unwrap(), done.clone()),
        _ => Reply::Nothing,
    })
}

async fn open(peer: &Peer, handlers: Handlers) -> (Tasks, Session) {
    let tasks = Tasks::new();
    let options = SessionOptions::default().with_extension(tasks.clone()).with_handlers(handlers);
    (tasks, Session::open(peer.clone(), Some("bakery"), options).await.unwrap())
}

#[tokio::test(start_paused = true)]
async fn a_tool_that_runs_only_as_a_task_is_called_like_any_other() {
    let peer = server(&["working", "completed"]);
    let (_, session) = open(&peer, Handlers::new()).await;
    let seen = Arc::new(Mutex::new(Vec::new()));
    let heard = Arc::clone(&seen);
    let start = Instant::now();
    // The tool has not been listed yet.
    let call = session.call_tool("bake").arg("what", "bread").on_progress(move |progress| {
        heard.lock().unwrap().push(progress.message.unwrap());
    });
    assert_eq!(call.await.unwrap().text(), "baked");
    assert_eq!(start.elapsed(), 4 * SECOND, "at the interval of the server");
    assert_eq!(*seen.lock().unwrap(), ["it is working", "it is completed"]);
    assert_eq!(peer.methods()[3..5], ["tools/list", "tools/call"]);
    let calls = peer.asked("tools/call");
    assert_eq!((calls.len(), &calls[0]["params"]["task"]), (1, &json!({})));
    assert_eq!(calls[0]["params"]["arguments"], json!({ "what": "bread" }));
    // From here on it has been listed, like the other tools.
    session.call_tool("bake").await.unwrap();
    session.call_tool("fry").await.unwrap();
    session.call_tool("cut").await.unwrap();
    let calls = peer.asked("tools/call");
    let as_tasks: Vec<bool> =
        calls[1..].iter().map(|it| it["params"]["task"].is_object()).collect();
    assert_eq!((as_tasks, peer.asked("tools/list").len()), (vec![true, false, false], 1));
    assert!(peer.asked("tasks/cancel").is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_tool_that_became_task_only_is_called_again_as_a_task() {
    let is_task = Mutex::new(false);
    let task = json!({ "taskId": "t1", "status": "completed", "ttl": null,
        "createdAt": "2025-11-25T10:00:00Z", "lastUpdatedAt": "2025-11-25T10:00:00Z" });
    let capabilities = json!({ "tools": {}, "tasks": { "requests": { "tools": { "call": {} } } } });
    let peer = Peer::legacy(capabilities, move |_, message| match message["method"].as_str() {
        Some("tools/list") => {
            let was_task = std::mem::replace(&mut *is_task.lock().unwrap(), true);
            let execution =
                json!({ "taskSupport": if was_task { "required" } else { "forbidden" } });
            let tool = json!({ "name": "bake", "inputSchema": {}, "execution": execution });
            result(message, json!({ "tools": [tool] }))
        }
        Some("tools/call") if message["params"]["task"].is_object() => {
            result(message, json!({ "task": task }))
        }
        Some("tools/call") => error(message, json!({ "code": -32601, "message": "a task" })),
        Some("tasks/get") => result(message, task.clone()),
        _ => result(message, json!({ "content": [{ "type": "text", "text": "baked" }] })),
    });
    let (_, session) = open(&peer, Handlers::new()).await;
    assert_eq!(session.call_tool("bake").await.unwrap().text(), "baked");
    assert_eq!((peer.asked("tools/list").len(), peer.asked("tools/call").len()), (2, 2));
}

#[tokio::test(start_paused = true)]
async fn start_creates_a_task_for_a_tool_that_may_run_as_one() {
    let peer = server(&["working", "completed"]);
    let (tasks, session) = open(&peer, Handlers::new()).await;
    for tool in ["fry", "bake"] {
        let Started::Task(task) = tasks.start(session.call_tool(tool)).await.unwrap() else {
            panic!("{tool}")
        };
        let created = task.created().unwrap();
        assert_eq!((task.id(), &created.status), ("t1", &TaskStatus::Working));
        assert_eq!((created.ttl_ms, created.poll_interval_ms), (Some(60_000), Some(2000)));
        assert_eq!(task.state().await.unwrap().status, TaskStatus::Working);
        assert_eq!(task.result().await.unwrap().text(), "baked");
    }
    let Started::Done(result) = tasks.start(session.call_tool("cut")).await.unwrap() else {
        panic!("it may not")
    };
    assert_eq!(result.text(), "baked");
    let listed = tasks.list(&session).await.unwrap();
    assert_eq!((listed.len(), listed[0].id()), (1, "t1"));
    listed[0].cancel().await.unwrap();
    assert_eq!(peer.asked("tasks/cancel")[0]["params"]["taskId"], "t1");
}

#[tokio::test(start_paused = true)]
async fn input_requests_are_answered_while_waiting_for_the_result() {
    let peer = server(&["working", "input_required"]);
    let handlers = Handlers::new().on_elicitation(|_| async {
        sleep(600 * SECOND).await;
        ElicitResult::new(ElicitAction::Accept)
    });
    let (_, session) = open(&peer, handlers).await;
    assert_eq!(session.call_tool("bake").await.unwrap().text(), "baked");
    let answers = peer.received();
    let answer = answers.iter().find(|it| it["id"] == 9).unwrap();
    let related = &answer["result"]["_meta"]["io.modelcontextprotocol/related-task"];
    assert_eq!((&answer["result"]["action"], &related["taskId"]), (&json!("accept"), &json!("t1")));
}

#[tokio::test(start_paused = true)]
async fn a_call_ends_with_its_task() {
    let (_, session) = open(&server(&["failed"]), Handlers::new()).await;
    let failure = session.call_tool("bake").await.unwrap_err();
    assert_eq!((failure.kind(), failure.answer().unwrap().code), (ErrorKind::Answer, -32000));

    let (_, session) = open(&server(&["cancelled"]), Handlers::new()).await;
    let failure = session.call_tool("bake").await.unwrap_err();
    assert_eq!(Cancelled::of(&failure).unwrap().id, "t1");

    // A call that ends first cancels its task, never with a notification.
    let peer = server(&["working"]);
    let (_, session) = open(&peer, Handlers::new()).await;
    session.list_tools().await.unwrap();
    let call = std::future::IntoFuture::into_future(session.call_tool("bake"));
    assert!(timeout(5 * SECOND, call).await.is_err());
    sleep(SECOND).await;
    assert_eq!(peer.asked("tasks/cancel").len(), 1);
    assert!(peer.asked("notifications/cancelled").is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_notification_of_its_status_makes_the_next_poll_due() {
    let peer = server(&["completed"]);
    let (_, session) = open(&peer, Handlers::new()).await;
    session.list_tools().await.unwrap();
    let start = Instant::now();
    let says = peer.clone();
    let saying = async move {
        sleep(SECOND / 2).await;
        let params = json!({ "taskId": "t1", "status": "completed" });
        let method = "notifications/tasks/status";
        says.say(json!({ "jsonrpc": "2.0", "method": method, "params": params }));
    };
    let call = std::future::IntoFuture::into_future(session.call_tool("bake"));
    let (result, ()) = tokio::join!(call, saying);
    assert_eq!(result.unwrap().text(), "baked");
    assert_eq!(start.elapsed(), SECOND / 2);
}

#[tokio::test(start_paused = true)]
async fn tool_20_no_task_without_the_server_capability() {
    let peer =
        Peer::legacy(json!({ "tools": {} }), |_, message| match message["method"].as_str() {
            Some("tools/list") => {
                let execution = json!({ "taskSupport": "required" });
                let tool = json!({ "name": "bake", "inputSchema": {}, "execution": execution });
                result(message, json!({ "tools": [tool] }))
            }
            _ => result(message, json!({ "content": [] })),
        });
    let (tasks, session) = open(&peer, Handlers::new()).await;
    session.list_tools().await.unwrap();
    session.call_tool("bake").await.unwrap();
    assert!(matches!(tasks.start(session.call_tool("bake")).await, Ok(Started::Done(_))));
    assert!(peer.asked("tools/call").iter().all(|it| it["params"].get("task").is_none()));
}

#[tokio::test(start_paused = true)]
async fn a_progress_token_is_valid_until_the_task_ends() {
    let peer = server(&["working", "working", "completed"]);
    let (_, session) = open(&peer, Handlers::new()).await;
    let seen = Arc::new(Mutex::new(Vec::new()));
    let heard = Arc::clone(&seen);
    let call = session.call_tool("bake").on_progress(move |progress| {
        if progress.message.is_none() {
            heard.lock().unwrap().push(progress.progress.to_f64());
        }
    });
    let calling = tokio::spawn(call.into_future());
    sleep(SECOND).await;
    let token = peer.asked("tools/call")[0]["params"]["_meta"]["progressToken"].clone();
    let report = |token: &Value, progress: u32| {
        let params = json!({ "progressToken": token, "progress": progress });
        peer.say(json!({ "jsonrpc": "2.0", "method": "notifications/progress", "params": params }));
    };
    report(&token, 10);
    sleep(SECOND / 10).await;
    // Decreasing progress and other tokens are ignored.
    report(&token, 9);
    report(&json!("other"), 50);
    sleep(SECOND / 10).await;
    report(&json!(token.to_string()), 20);
    sleep(SECOND / 10).await;
    assert_eq!(calling.await.unwrap().unwrap().text(), "baked");
    report(&token, 30);
    sleep(SECOND).await;
    assert_eq!(*seen.lock().unwrap(), [10.0, 20.0]);
}
