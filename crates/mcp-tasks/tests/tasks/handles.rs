//! Tasks in the hand of the application.

use std::sync::Arc;

use mcp_core::{ListRootsResult, Root};
use mcp_session::{Handlers, Session, SessionOptions};
use mcp_tasks::{Started, TaskState, TaskStatus, Tasks};
use serde_json::{Value, json};

use crate::{
    peer::{Reply, modern, result},
    server::{SECOND, Server, asking, begun, completed, working},
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
async fn a_task_in_hand_outlives_its_handle() {
    let server = Server::new([asking(&["a"]), working(), completed("baked")]);
    let (tasks, session, task) = start(&server).await;
    assert_eq!(server.params("tools/call")[0]["arguments"], json!({ "what": "bread" }));
    assert_eq!((task.id(), &task.begun().unwrap().status), ("t1", &TaskStatus::Working));
    assert_eq!(server.count("tasks/get"), 0);

    let state = task.state().await.unwrap();
    assert_eq!(state.status, TaskStatus::InputRequired);
    assert_eq!(state.inputs().len(), 1);
    let roots = ListRootsResult::new(vec![Root::new("file:///oven")]);
    task.update([("a", roots.into())]).await.unwrap();
    let answers = json!({ "a": { "roots": [{ "uri": "file:///oven" }] } });
    assert_eq!(server.params("tasks/update")[0]["inputResponses"], answers);

    drop(task);
    tokio::time::sleep(SECOND).await;
    assert_eq!(server.count("tasks/cancel"), 0);
    // As another run of the program would.
    let task = tasks.task(&session, "t1");
    assert!(task.begun().is_none());
    assert_eq!(task.result().await.unwrap().text(), "baked");
    assert_eq!(server.count("tasks/cancel"), 0);
}

#[tokio::test(start_paused = true)]
async fn a_wait_that_is_given_up_leaves_the_task_alone() {
    let server = Server::new([working()]);
    let (_, _, task) = start(&server).await;
    assert!(tokio::time::timeout(9 * SECOND, task.result()).await.is_err());
    assert!(server.count("tasks/get") > 3);
    tokio::time::sleep(SECOND).await;
    assert_eq!(server.count("tasks/cancel"), 0);
    task.cancel().await.unwrap();
    assert_eq!(server.params("tasks/cancel"), [json!({ "taskId": "t1" })]);
}

#[tokio::test(start_paused = true)]
async fn what_is_asked_before_there_is_a_task_is_answered_in_rounds() {
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
async fn a_call_that_becomes_no_task_has_its_result() {
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
fn notifications_of_tasks_are_read() {
    let params = |json: Value| mcp_core::RawJson::from_serialize(&json).unwrap();
    let told = mcp_core::Notification::new("notifications/tasks");
    let told = |json| TaskState::of_notification(&told.clone().with_params(params(json)));
    assert_eq!(told(completed("x")).unwrap().unwrap().status, TaskStatus::Completed);
    assert!(told(json!({ "status": 7 })).unwrap().is_err());
    let other = mcp_core::Notification::new("notifications/progress");
    assert!(TaskState::of_notification(&other).is_none());
}
