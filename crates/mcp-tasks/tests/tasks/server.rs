//! A server whose only task goes through scripted states.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex},
    time::Duration,
};

use mcp_session::{Handlers, Session, SessionOptions};
use mcp_tasks::Tasks;
use serde_json::{Value, json};
use tokio::time::Instant;

use crate::peer::{Peer, Reply, error, modern, result};

pub(crate) const SECOND: Duration = Duration::from_secs(1);

/// A server that creates a task for every call, and records its requests with their times.
#[derive(Clone)]
pub(crate) struct Server {
    pub(crate) peer: Peer,
    asked: Arc<Mutex<Vec<(String, Instant)>>>,
}

impl Server {
    /// The last state is repeated from then on.
    pub(crate) fn new(states: impl IntoIterator<Item = Value>) -> Self {
        let replies = states.into_iter().map(Told::State).collect();
        Self::telling(replies)
    }

    pub(crate) fn telling(replies: Vec<Told>) -> Self {
        let replies = Mutex::new(VecDeque::from(replies));
        let asked: Arc<Mutex<Vec<(String, Instant)>>> = Arc::default();
        let heard = Arc::clone(&asked);
        let peer = modern(move |message| {
            let method = message["method"].as_str().unwrap_or_default().to_owned();
            heard.lock().unwrap().push((method.clone(), Instant::now()));
            match &*method {
                "tools/call" | "prompts/get" => result(message, begun()),
                "tasks/get" => {
                    let mut replies = replies.lock().unwrap();
                    let told = match replies.len() {
                        1 => replies[0].clone(),
                        _ => replies.pop_front().unwrap(),
                    };
                    told.reply(message)
                }
                "tasks/update" | "tasks/cancel" => {
                    result(message, json!({ "resultType": "complete" }))
                }
                _ => Reply::Nothing,
            }
        });
        Self { peer, asked }
    }

    pub(crate) async fn open(&self, tasks: Tasks, handlers: Handlers) -> Session {
        let mut options = SessionOptions::default();
        options.extensions.push(Arc::new(tasks));
        options.handlers = handlers;
        Session::open(self.peer.clone(), Some("bakery"), options).await.unwrap()
    }

    /// The times of requests of this method, in seconds after the first call.
    pub(crate) fn times(&self, method: &str) -> Vec<f64> {
        let asked = self.asked.lock().unwrap();
        let start = asked.iter().find(|(it, _)| it == "tools/call").unwrap().1;
        let of_method = asked.iter().filter(|(it, _)| it == method);
        of_method.map(|(_, at)| (*at - start).as_secs_f64()).collect()
    }

    /// The parameters of all requests of this method, without their `_meta`.
    pub(crate) fn params(&self, method: &str) -> Vec<Value> {
        let all = self.peer.received();
        let all = all.into_iter().filter(|it| it["method"] == method);
        all.map(|mut it| {
            let mut params = it["params"].take();
            params.as_object_mut().unwrap().remove("_meta");
            params
        })
        .collect()
    }

    pub(crate) fn count(&self, method: &str) -> usize {
        self.peer.methods().iter().filter(|it| *it == method).count()
    }
}

/// The server's response to one poll.
#[derive(Clone)]
pub(crate) enum Told {
    State(Value),
    /// No response.
    Silence,
    Later(Duration, Value),
    Error(i64),
}

impl Told {
    fn reply(self, message: &Value) -> Reply {
        match self {
            Self::State(state) => result(message, state),
            Self::Silence => Reply::Nothing,
            Self::Later(wait, state) => Reply::Later(wait, Box::new(result(message, state))),
            Self::Error(code) => error(message, json!({ "code": code, "message": "what task?" })),
        }
    }
}

pub(crate) fn begun() -> Value {
    json!({ "resultType": "task", "taskId": "t1", "status": "working", "ttlMs": null,
        "createdAt": "2026-07-28T10:00:00Z", "lastUpdatedAt": "2026-07-28T10:00:00Z",
        "pollIntervalMs": 2000 })
}

/// A task state with additional members.
pub(crate) fn state(status: &str, more: Value) -> Value {
    let mut state = json!({ "resultType": "complete", "taskId": "t1", "status": status,
        "ttlMs": null });
    for (name, value) in more.as_object().unwrap() {
        state[name] = value.clone();
    }
    state
}

pub(crate) fn working() -> Value {
    state("working", json!({}))
}

pub(crate) fn completed(text: &str) -> Value {
    let content = json!({ "content": [{ "type": "text", "text": text }], "isError": text == "no" });
    state("completed", json!({ "result": content }))
}

pub(crate) fn asking(names: &[&str]) -> Value {
    let roots = |name: &&str| ((*name).to_owned(), json!({ "method": "roots/list" }));
    state("input_required", json!({ "inputRequests": Value::from_iter(names.iter().map(roots)) }))
}
