//! Calls that become a task.

use std::sync::{Arc, Mutex, atomic::AtomicU32, atomic::Ordering};

use mcp_core::{Root, error_code};
use mcp_session::{ErrorKind, Handlers, Input, Session, SessionOptions, Timeout};
use mcp_tasks::{Cancelled, Tasks};
use serde_json::{Value, json};
use tokio::time::Instant;

use crate::{
    peer::{Reply, modern, result},
    server::{SECOND, Server, Told, asking, begun, completed, state, working},
};

async fn open(server: &Server) -> Session {
    server.open(Tasks::new(), Handlers::new()).await
}

#[tokio::test(start_paused = true)]
async fn a_task_is_polled_at_the_interval_of_the_server() {
    let server = Server::new([
        state("working", json!({ "pollIntervalMs": 5000 })),
        state("thinking", json!({ "pollIntervalMs": 0 })),
        // As in the examples of the proposal.
        state("working", json!({ "resultType": "task" })),
        completed("baked"),
    ]);
    let session = open(&server).await;
    let result = session.call_tool("bake").await.unwrap();
    assert_eq!(result.text(), "baked");
    // The first interval, then 5 s, then the minimum of 0.1 s, then the default.
    assert_eq!(server.times("tasks/get"), [2.0, 7.0, 7.1, 8.1]);
    assert_eq!(server.params("tasks/get")[0], json!({ "taskId": "t1" }));
    assert_eq!(server.count("tasks/cancel"), 0);
}

#[tokio::test(start_paused = true)]
async fn a_task_that_is_complete_at_creation_is_polled_at_once() {
    let peer = modern(|message| match message["method"].as_str() {
        Some("tools/call") => {
            let mut over = begun();
            over["status"] = json!("completed");
            result(message, over)
        }
        _ => result(message, completed("stale bread")),
    });
    let mut options = SessionOptions::default();
    options.extensions.push(Arc::new(Tasks::new()));
    let session = Session::open(peer, None, options).await.unwrap();
    let start = Instant::now();
    assert_eq!(session.call_tool("bake").await.unwrap().text(), "stale bread");
    assert!(start.elapsed() < SECOND / 10, "{:?}", start.elapsed());
}

#[tokio::test(start_paused = true)]
async fn a_task_ends_like_a_call() {
    let server = Server::new([completed("no")]);
    let result = open(&server).await.call_tool("bake").await.unwrap();
    assert_eq!(result.into_result().unwrap_err().to_string(), "no");

    let burnt = json!({ "error": { "code": -32603, "message": "burnt", "data": 7 } });
    let server = Server::new([state("failed", burnt)]);
    let error = open(&server).await.call_tool("bake").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Answer);
    assert_eq!(error.answer().map(|it| it.code), Some(error_code::INTERNAL_ERROR));
    assert_eq!(error.method(), Some("tools/call"));
    assert!(error.to_string().contains("burnt"), "{error}");

    let server = Server::new([state("cancelled", json!({ "statusMessage": "oven off" }))]);
    let error = open(&server).await.call_tool("bake").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Extension);
    let cancelled = Cancelled::of(&error).unwrap();
    assert_eq!((&*cancelled.id, cancelled.message.as_deref()), ("t1", Some("oven off")));
    assert!(error.to_string().contains("bakery: tools/call bake: the task \"t1\" was cancelled"));

    for odd in [state("completed", json!({})), state("failed", json!({})), json!({})] {
        let server = Server::new([odd]);
        let error = open(&server).await.call_tool("bake").await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Decode, "{error}");
    }
}

#[tokio::test(start_paused = true)]
async fn each_input_request_is_answered_once() {
    let server = Server::new([
        asking(&["a"]),
        asking(&["a", "b"]),
        asking(&["b"]),
        working(),
        completed("baked"),
    ]);
    let asked = Arc::new(AtomicU32::new(0));
    let count = Arc::clone(&asked);
    let handlers = Handlers::new().on_roots(move |asked| {
        assert_eq!(asked.call.unwrap().target.as_deref(), Some("bake"));
        let number = count.fetch_add(1, Ordering::SeqCst);
        async move { vec![Root::new(format!("file:///{number}"))] }
    });
    let session = server.open(Tasks::new(), handlers).await;
    assert_eq!(session.call_tool("bake").await.unwrap().text(), "baked");
    assert_eq!(asked.load(Ordering::SeqCst), 2);
    let answers = |name: &str, root: &str| {
        let roots = json!({ "roots": [{ "uri": root }] });
        json!({ "taskId": "t1", "inputResponses": { name: roots } })
    };
    let expected = [answers("a", "file:///0"), answers("b", "file:///1")];
    assert_eq!(server.params("tasks/update"), expected);
}

#[tokio::test(start_paused = true)]
async fn a_task_whose_input_cannot_be_obtained_is_cancelled() {
    let kinds: [(Value, &str); 2] = [
        (asking(&["a"]), "could not obtain the input \"a\""),
        (
            state("input_required", json!({ "inputRequests": { "b": 7 } })),
            "could not obtain the input \"b\"",
        ),
    ];
    for (wish, text) in kinds {
        let server = Server::new([wish]);
        let session = open(&server).await;
        let error = session.call_tool("bake").await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InputRequired, "{error}");
        assert!(error.to_string().contains(text), "{error}");
        assert!(error.input_required().is_some());
        tokio::time::sleep(SECOND).await;
        assert_eq!(server.params("tasks/cancel"), [json!({ "taskId": "t1" })]);
    }
}

#[tokio::test(start_paused = true)]
async fn endless_input_requests_end_the_call() {
    let number = AtomicU32::new(0);
    let peer = modern(move |message| match message["method"].as_str() {
        Some("tools/call") => result(message, begun()),
        Some("tasks/get") => {
            let name = number.fetch_add(1, Ordering::SeqCst).to_string();
            result(message, asking(&[&name]))
        }
        Some(_) => result(message, json!({})),
        None => Reply::Nothing,
    });
    let mut options = SessionOptions::default();
    options.extensions.push(Arc::new(Tasks::new()));
    options.handlers = Handlers::new().on_roots(|_| async { Vec::new() });
    let session = Session::open(peer, None, options).await.unwrap();
    let error = session.call_tool("bake").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InputRequired);
    assert!(error.to_string().contains("more than 100 inputs"), "{error}");
}

#[tokio::test(start_paused = true)]
async fn status_messages_are_reported_as_progress() {
    let says = |text: &str| state("working", json!({ "statusMessage": text }));
    let server = Server::new([says("mixing"), says("mixing"), says("baking"), completed("baked")]);
    let session = open(&server).await;
    let seen = Arc::new(Mutex::new(Vec::new()));
    let heard = Arc::clone(&seen);
    let call = session.call_tool("bake").on_progress(move |progress| {
        heard.lock().unwrap().push((progress.progress.to_f64(), progress.message.unwrap()));
    });
    call.await.unwrap();
    let seen = seen.lock().unwrap();
    assert_eq!(*seen, [(1.0, "mixing".to_owned()), (2.0, "baking".to_owned())]);
}

#[tokio::test(start_paused = true)]
async fn a_lost_poll_is_retried() {
    let lost = || Told::Silence;
    let server = Server::telling(vec![lost(), lost(), Told::State(completed("baked"))]);
    let session = open(&server).await;
    let call = session.call_tool("bake").timeout(Timeout::idle(3 * SECOND));
    assert_eq!(call.await.unwrap().text(), "baked");
    assert_eq!(server.times("tasks/get"), [2.0, 7.0, 12.0]);

    let server = Server::telling(vec![Told::Silence]);
    let session = open(&server).await;
    let call = session.call_tool("bake").timeout(Timeout::idle(3 * SECOND));
    let error = call.await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Timeout, "{error}");
    assert_eq!(server.count("tasks/get"), 7);
    // A client that lost the server does not cancel its work.
    tokio::time::sleep(SECOND).await;
    assert_eq!(server.count("tasks/cancel"), 0);
}

#[tokio::test(start_paused = true)]
async fn a_poll_has_a_shorter_limit_than_its_call() {
    for limit in [Timeout::total(3600 * SECOND), Timeout::NONE, Timeout::idle(900 * SECOND)] {
        let server = Server::telling(vec![Told::Silence, Told::State(completed("baked"))]);
        let call = open(&server).await.call_tool("bake").timeout(limit);
        assert_eq!(call.await.unwrap().text(), "baked");
        assert_eq!(server.times("tasks/get"), [2.0, 34.0], "{limit:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn polls_back_off_during_an_outage() {
    let mut told = vec![Told::Error(error_code::INTERNAL_ERROR); 6];
    told.push(Told::State(completed("baked")));
    let server = Server::telling(told);
    let result = open(&server).await.call_tool("bake").await.unwrap();
    assert_eq!(result.text(), "baked");
    // Never sooner than every 2 s, the server's interval.
    assert_eq!(server.times("tasks/get"), [2.0, 4.0, 6.0, 10.0, 18.0, 34.0, 64.0]);

    let server = Server::telling(vec![Told::Error(error_code::INTERNAL_ERROR)]);
    let error = open(&server).await.call_tool("bake").await.unwrap_err();
    assert_eq!(error.answer().map(|it| it.code), Some(error_code::INTERNAL_ERROR));
    assert_eq!(server.count("tasks/get"), 7);
    tokio::time::sleep(SECOND).await;
    assert_eq!(server.count("tasks/cancel"), 0);
}

#[tokio::test(start_paused = true)]
async fn the_interval_includes_the_duration_of_a_poll() {
    let server = Server::telling(vec![
        Told::Later(SECOND / 2, working()),
        Told::Later(3 * SECOND, working()),
        Told::State(completed("baked")),
    ]);
    open(&server).await.call_tool("bake").await.unwrap();
    assert_eq!(server.times("tasks/get"), [2.0, 3.0, 6.0]);
}

#[tokio::test(start_paused = true)]
async fn manual_input_returns_an_input_request_as_an_error() {
    let server = Server::new([working(), asking(&["a"]), completed("baked")]);
    let handlers = Handlers::new().on_roots(|_| async { vec![Root::new("file:///oven")] });
    let session = server.open(Tasks::new(), handlers).await;
    let error = session.call_tool("bake").manual_input().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InputRequired);
    let input = error.input_required().unwrap().input_requests.unwrap();
    assert!(input.get("a").is_some());
    assert!(error.to_string().contains("Tasks::start"), "{error}");
    tokio::time::sleep(SECOND).await;
    assert_eq!(server.count("tasks/cancel"), 1);
    assert_eq!(server.count("tasks/update"), 0);

    let server = Server::new([asking(&[]), completed("baked")]);
    let session = open(&server).await;
    let Input::Done(result) = session.call_tool("bake").manual_input().await.unwrap() else {
        panic!("the call has a result");
    };
    assert_eq!(result.text(), "baked");
}

#[tokio::test(start_paused = true)]
async fn an_unknown_task_is_not_cancelled() {
    let server = Server::telling(vec![Told::Error(error_code::INVALID_PARAMS)]);
    let session = open(&server).await;
    let error = session.call_tool("bake").await.unwrap_err();
    assert_eq!(error.answer().map(|it| it.code), Some(error_code::INVALID_PARAMS));
    tokio::time::sleep(SECOND).await;
    assert_eq!(server.count("tasks/cancel"), 0);
}

#[tokio::test(start_paused = true)]
async fn a_task_in_place_of_anything_else_is_an_error() {
    let server = Server::new([completed("baked")]);
    let session = open(&server).await;
    let error = session.get_prompt("recipe").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Decode);
    assert_eq!(server.count("tasks/get"), 0);
}

#[tokio::test(start_paused = true)]
async fn a_notification_makes_the_next_poll_due() {
    let number = AtomicU32::new(0);
    let peer = modern(move |message| {
        let mut slow = begun();
        slow["pollIntervalMs"] = json!(60_000);
        let answer = |value: Value| {
            let news = |id: &str| {
                json!({ "jsonrpc": "2.0", "method": "notifications/tasks",
                    "params": { "taskId": id, "status": "completed" } })
            };
            let Reply::Lines(mut lines) = result(message, value) else { return Reply::Nothing };
            lines.push(news("of another"));
            lines.push(news("t1"));
            Reply::Lines(lines)
        };
        match message["method"].as_str() {
            Some("tools/call") => result(message, slow),
            Some("tasks/get") if number.fetch_add(1, Ordering::SeqCst) == 0 => answer(slow),
            Some("tasks/get") => result(message, completed("baked")),
            _ => Reply::Nothing,
        }
    });
    let mut options = SessionOptions::default();
    options.extensions.push(Arc::new(Tasks::new()));
    let session = Session::open(peer, None, options).await.unwrap();
    let start = Instant::now();
    assert_eq!(session.call_tool("bake").await.unwrap().text(), "baked");
    let took = start.elapsed().as_secs_f64();
    assert!((60.0..61.0).contains(&took), "{took}");
}

#[tokio::test(start_paused = true)]
async fn notifications_of_other_tasks_or_servers_are_ignored() {
    let bakery = || {
        modern(|message| {
            let news = |id: String| {
                json!({ "jsonrpc": "2.0", "method": "notifications/tasks",
                    "params": { "taskId": id, "status": "completed" } })
            };
            let mut slow = begun();
            slow["pollIntervalMs"] = json!(60_000);
            match message["method"].as_str() {
                Some("tools/call") => result(message, slow),
                Some("tasks/get") => result(message, completed("baked")),
                Some("x/others") => Reply::Lines((0..40).map(|it| news(it.to_string())).collect()),
                Some("x/same") => Reply::Lines(vec![news("t1".to_owned())]),
                _ => Reply::Nothing,
            }
        })
    };
    let mut options = SessionOptions::default();
    options.extensions.push(Arc::new(Tasks::new()));
    let ours = Session::open(bakery(), Some("ours"), options.clone()).await.unwrap();
    let theirs = Session::open(bakery(), Some("theirs"), options).await.unwrap();
    let start = Instant::now();
    let disturbing = async {
        tokio::time::sleep(SECOND).await;
        ours.notify("x/others", &()).await.unwrap();
        theirs.notify("x/same", &()).await.unwrap();
    };
    let (baked, ()) = tokio::join!(ours.call_tool("bake").into_future(), disturbing);
    assert_eq!(baked.unwrap().text(), "baked");
    assert_eq!(start.elapsed().as_secs(), 60);
}
