//! Small servers in memory, and sessions with groups of them.

use std::sync::{Arc, Mutex};

use mcp_core::{LoggingLevel, Notification, ProtocolVersion};
use mcp_group::{Backend, Group};
use mcp_server::{Context, JsonSchema, Server, ServerBuilder};
use mcp_session::{EraPolicy, Session, SessionOptions};
use mcp_transport_memory::Memory;
use serde::Deserialize;
use serde_json::Value;

#[derive(Deserialize, JsonSchema)]
#[schemars(crate = "mcp_server::schemars")]
pub(crate) struct Text {
    pub(crate) text: String,
}

/// A server with one item of each kind, whose texts begin with its name.
pub(crate) fn server(name: &'static str) -> ServerBuilder {
    Server::builder(name)
        .version("1.0")
        .instructions(format!("Ask {name} nicely."))
        .tool(
            "echo",
            "Says it again",
            move |it: Text| async move { format!("{name}: {}", it.text) },
        )
        .tool("count", "Tells how far it is", move |_: (), cx: Context| async move {
            for step in 1..=3 {
                cx.progress(step).total(3).message(format!("{name} {step}")).await;
                cx.log(LoggingLevel::Info, format!("{name} {step}")).await;
            }
            "counted"
        })
        .resource(
            format!("{name}://hours"),
            "hours",
            move |_| async move { format!("{name} 9 to 5") },
        )
        .resource_template(
            format!("{name}://books/{{title}}"),
            "book",
            |request: mcp_server::ReadRequest| async move { request.variable("title").to_owned() },
        )
        .prompt("recommend", "Asks", move |it: Text| async move { format!("{name} {}", it.text) })
        .completion(move |request: mcp_core::CompleteRequestParams| async move {
            vec![format!("{name} {}", request.argument.value)]
        })
}

pub(crate) fn backend(name: &'static str) -> Backend {
    Backend::new(name, Memory::new(server(name).build()))
}

/// A backend in the legacy era.
pub(crate) fn old_backend(name: &'static str) -> Backend {
    let mut options = SessionOptions::default();
    options.era = EraPolicy::Legacy;
    Backend::new(name, Memory::new(server(name).build())).options(options)
}

/// A modern and a legacy server.
pub(crate) fn two() -> Group {
    Group::builder().backend(backend("weather")).backend(old_backend("news")).build()
}

pub(crate) async fn open(group: &Group) -> Session {
    Session::open(Memory::new(group.clone()), Some("group"), SessionOptions::default())
        .await
        .unwrap()
}

pub(crate) async fn open_legacy(group: &Group) -> Session {
    let mut options = SessionOptions::default();
    options.era = EraPolicy::Pinned(ProtocolVersion::V2025_06_18);
    Session::open(Memory::new(group.clone()), Some("group"), options).await.unwrap()
}

/// The notifications that a session received outside calls.
#[derive(Clone, Default)]
pub(crate) struct Received(Arc<Mutex<Vec<Notification>>>);

impl Received {
    pub(crate) fn methods(&self) -> Vec<String> {
        self.0.lock().unwrap().iter().map(|it| it.method.to_string()).collect()
    }

    pub(crate) fn params(&self, method: &str) -> Vec<Value> {
        let received = self.0.lock().unwrap();
        let params = received.iter().filter(|it| it.method == method);
        params.map(|it| it.params.as_ref().unwrap().decode().unwrap()).collect()
    }

    pub(crate) fn count(&self, method: &str) -> usize {
        self.methods().iter().filter(|it| *it == method).count()
    }

    /// Waits until the method was received `count` times.
    pub(crate) async fn wait(&self, method: &str, count: usize) {
        until(|| self.count(method) >= count).await;
    }
}

pub(crate) async fn open_receiving(group: &Group, era: EraPolicy) -> (Session, Received) {
    let received = Received::default();
    let into = received.clone();
    let mut options = SessionOptions::default();
    options.era = era;
    options.on_notification =
        Some(Arc::new(move |notification| into.0.lock().unwrap().push(notification.clone())));
    let session = Session::open(Memory::new(group.clone()), Some("group"), options).await.unwrap();
    (session, received)
}

/// Waits for a condition, in paused time.
pub(crate) async fn until(is_so: impl FnMut() -> bool) {
    mcp_testkit::until("the condition of the test", is_so).await;
}

pub(crate) async fn names(session: &Session) -> Vec<String> {
    session.list_tools().await.unwrap().into_iter().map(|tool| tool.name).collect()
}
