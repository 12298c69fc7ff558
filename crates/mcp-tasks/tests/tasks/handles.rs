//! Tasks as handles of the application.

use std::sync::Arc;

use mcp_core::{ListRootsResult, Root};
use mcp_session::{ErrorKind, Handlers, OutputChecks, Session, SessionOptions};
use mcp_tasks::{Started, TaskState, TaskStatus, Tasks};
use mcp_transport::Binding;
use serde_json::{Value, json};
use tokio::time::{sleep, timeout};

use crate::{
    peer::{Reply, modern, result},
    server::{SECOND, Server, Told, asking, begun, completed, state, working},
};

async fn start(server: &Server) -> (Tasks, Session, mcp_tasks::Task) {
    let tasks = Tasks::new();
    let session = server.open(tasks.clone(), Handlers::new()).await;
    match tasks.start(session.call_tool("bake").arg("what", "bread")).await.unwrap() {
        Started::Task(task) => (tasks, session, task),
        other => panic!("{other:?}"),
    }
}

#[tokio::test(start_paused = true)]
async fn a_task_outlives_its_handle() {
    let server = Server::new([asking(&["a"]), working(), completed("baked")]);
    let (tasks, session, task) = start(&server).await;
    assert_eq!(server.params("tools/call")[0]["arguments"], json!({ "what": "bread" }));
    assert_eq!((task.id(), &task.created().unwrap().status), ("t1", &TaskStatus::Working));
    assert_eq!(server.count("tasks/get"), 0);

    let state = task.state().await.unwrap();
    assert_eq!(state.status, TaskStatus::InputRequired);
    assert_eq!(state.inputs().len(), 1);
    let roots = ListRootsResult::new(vec![Root::new("file:///oven")]);
    task.update([("a", roots.into())]).await.unwrap();
    let answers = json!({ "a": { "roots": [{ "uri": "file:///oven" }] } });
    assert_eq!(server.params("tasks/update")[0]["inputResponses"], answers);

    drop(task);
    sleep(SECOND).await;
    assert_eq!(server.count("tasks/cancel"), 0);
    // As in another run of the program.
    let task = tasks.task(&session, "t1");
    assert!(task.created().is_none());
    assert_eq!(task.result().await.unwrap().text(), "baked");
    assert_eq!(server.count("tasks/cancel"), 0);
}

#[tokio::test(start_paused = true)]
async fn a_wait_continues_the_poll_schedule() {
    let server = Server::telling(vec![
        Told::State(state("working", json!({ "pollIntervalMs": 4000 }))),
        Told::State(working()),
        Told::Silence,
        Told::State(completed("baked")),
    ]);
    let (_, _, task) = start(&server).await;
    // The task was created at 0 s with an interval of 2 s.
    sleep(3 * SECOND / 2).await;
    assert!(timeout(SECOND, task.result()).await.is_err());
    sleep(SECOND / 2).await;
    // Polled at 2 s, with a new interval of 4 s.
    assert!(timeout(7 * SECOND / 2, task.clone().result()).await.is_err());
    assert_eq!(server.times("tasks/get"), [2.0, 6.0]);
    // Long overdue by now; a poll without a response is retried.
    sleep(10 * SECOND).await;
    assert_eq!(task.result().await.unwrap().text(), "baked");
    assert_eq!(server.times("tasks/get"), [2.0, 6.0, 16.5, 47.5]);
}

#[tokio::test(start_paused = true)]
async fn dropping_a_wait_does_not_affect_the_task() {
    let server = Server::new([working()]);
    let (_, _, task) = start(&server).await;
    assert!(timeout(9 * SECOND, task.result()).await.is_err());
    assert!(server.count("tasks/get") > 3);
    sleep(SECOND).await;
    assert_eq!(server.count("tasks/cancel"), 0);
    task.cancel().await.unwrap();
    assert_eq!(server.params("tasks/cancel"), [json!({ "taskId": "t1" })]);
}

#[tokio::test(start_paused = true)]
async fn input_before_the_task_is_requested_in_rounds() {
    let peer = modern(|message| {
        let wanted = json!({ "resultType": "input_required",
            "inputRequests": { "r": { "method": "roots/list" } } });
        match message["params"]["inputResponses"].is_object() {
            true => result(message, begun()),
            false => result(message, wanted),
        }
    });
    let mut options = SessionOptions::default();
    let tasks = Tasks::new();
    options.extensions.push(Arc::new(tasks.clone()));
    options.handlers = Handlers::new().on_roots(|_| async { Vec::new() });
    let session = Session::open(peer, None, options).await.unwrap();
    let started = tasks.start(session.call_tool("bake")).await.unwrap();
    assert!(matches!(started, Started::Task(task) if task.id() == "t1"));
}

#[tokio::test(start_paused = true)]
async fn a_call_without_a_task_has_its_result() {
    let done = json!({ "content": [{ "type": "text", "text": "baked" }] });
    let peer = modern(move |message| match message["id"].is_null() {
        true => Reply::Nothing,
        false => result(message, done.clone()),
    });
    let session = Session::open(peer, None, SessionOptions::default()).await.unwrap();
    let started = Tasks::new().start(session.call_tool("bake")).await.unwrap();
    assert!(matches!(started, Started::Done(result) if result.text() == "baked"));
}

#[test]
fn notifications_of_tasks_are_decoded() {
    let params = |json: Value| mcp_core::RawJson::from_serialize(&json).unwrap();
    let told = mcp_core::Notification::new("notifications/tasks");
    let told = |json| TaskState::of_notification(&told.clone().with_params(params(json)));
    assert_eq!(told(completed("x")).unwrap().unwrap().status, TaskStatus::Completed);
    assert!(told(json!({ "status": 7 })).unwrap().is_err());
    let other = mcp_core::Notification::new("notifications/progress");
    assert!(TaskState::of_notification(&other).is_none());
}

#[tokio::test(start_paused = true)]
async fn results_of_started_tasks_are_validated() {
    let misfit = || json!({ "content": [], "structuredContent": { "loaves": "many" } });
    let peer = modern(move |message| match message["method"].as_str() {
        Some("tools/list") => {
            let schema =
                json!({ "type": "object", "properties": { "loaves": { "type": "number" } } });
            let tool = |name| {
                let input = json!({ "type": "object" });
                json!({ "name": name, "inputSchema": input, "outputSchema": schema })
            };
            result(message, json!({ "tools": [tool("bake"), tool("count")] }))
        }
        Some("tools/call") if message["params"]["name"] == "bake" => result(message, begun()),
        Some("tools/call") => result(message, misfit()),
        _ => result(message, state("completed", json!({ "result": misfit() }))),
    });
    let mut options = SessionOptions::default();
    let tasks = Tasks::new();
    options.extensions.push(Arc::new(tasks.clone()));
    options.output_checks = Some(OutputChecks::default());
    let session = Session::open(peer, None, options).await.unwrap();
    session.list_tools().await.unwrap();

    let error = tasks.start(session.call_tool("count")).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Output, "{error}");
    let Started::Task(task) = tasks.start(session.call_tool("bake")).await.unwrap() else {
        panic!("it is a task");
    };
    let error = task.result().await.unwrap_err();
    assert_eq!((error.kind(), error.method()), (ErrorKind::Output, Some("tools/call")));
    assert!(error.result().is_some());
    // With only the id, the tool is unknown.
    tasks.task(&session, "t1").result().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn requests_about_a_task_name_it_for_headers() {
    let peer = modern(|message| match message["method"].as_str() {
        Some("tools/call") => result(message, begun()),
        _ => result(message, completed("baked")),
    });
    let peer = peer.bound(Binding::StreamableHttp);
    let options = SessionOptions::default().with_extension(Tasks::new());
    let session = Session::open(peer.clone(), None, options).await.unwrap();
    session.call_tool("bake").await.unwrap();
    let sent = peer.sent();
    let get = sent.iter().find(|sent| sent.method == "tasks/get").unwrap();
    assert_eq!(get.routing.as_ref().unwrap().name.as_deref(), Some("t1"));
}
