//! The trace context received by a server of the official Python SDK, which reads it itself.

use std::{
    fmt,
    sync::{Arc, Mutex},
};

use mcp_client::{Client, EraPolicy, TraceContext};
use serde_json::json;
use tracing::{
    Subscriber,
    field::{Field, Visit},
    span::{Attributes, Id},
};
use tracing_subscriber::{Layer, Registry, layer::Context, layer::SubscriberExt};

use super::python;
use crate::support::{HttpPeer, bounded};

const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";
const SPAN: &str = "00f067aa0ba902b7";

fn traced(client: Client) -> Client {
    client.trace_context(|| Some(TraceContext::new(format!("00-{TRACE}-{SPAN}-01"))))
}

async fn seen(client: &Client, tool: &str) -> String {
    let session = bounded(client.connect()).await.unwrap();
    let result = bounded(session.call_tool(tool)).await.unwrap();
    bounded(session.close()).await.unwrap();
    result.text()
}

#[tokio::test]
async fn the_server_is_in_our_trace_in_both_eras() {
    let Some(program) = python("mcp2") else { return };
    let header = format!("00-{TRACE}-{SPAN}-01");
    for mode in [EraPolicy::Auto, EraPolicy::Legacy] {
        let stdio = traced(Client::new(program.stdio()).unwrap().era(mode)).keep_alive(false);
        assert_eq!(seen(&stdio, "trace").await, format!("{TRACE} {SPAN} none"), "{mode:?}");
        let peer = HttpPeer::start(&program, &[]).await;
        let http = traced(peer.client().era(mode));
        assert_eq!(seen(&http, "trace").await, format!("{TRACE} {SPAN} {header}"), "{mode:?}");
        let untraced = seen(&peer.client().era(mode), "trace").await;
        assert_eq!(untraced, format!("{:032x} {:016x} none", 0, 0), "{mode:?}");
    }
}

/// The names of spans, in the order of their creation.
#[derive(Clone, Default)]
struct Names(Arc<Mutex<Vec<String>>>);

impl<S: Subscriber> Layer<S> for Names {
    fn on_new_span(&self, attributes: &Attributes<'_>, _: &Id, _: Context<'_, S>) {
        attributes.record(&mut self.clone());
    }
}

impl Visit for Names {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        if field.name() == "otel.name" {
            self.0.lock().unwrap().push(format!("{value:?}"));
        }
    }
}

#[tokio::test]
async fn a_server_of_many_is_in_our_trace_and_its_call_is_one_span() {
    let Some(program) = python("mcp2") else { return };
    let peer = HttpPeer::start(&program, &[]).await;
    let servers = json!({ "a": { "url": peer.url }, "b": { "url": peer.url } });
    let client = traced(Client::new(json!({ "mcpServers": servers })).unwrap());
    let names = Names::default();
    let _guard = tracing::subscriber::set_default(Registry::default().with(names.clone()));
    let seen = seen(&client, "b_trace").await;
    assert!(seen.starts_with(&format!("{TRACE} {SPAN} ")), "{seen}");
    bounded(client.close()).await.unwrap();
    let calls = names.0.lock().unwrap().clone();
    let calls: Vec<_> = calls.iter().filter(|name| name.starts_with("tools/call")).collect();
    assert_eq!(calls, ["tools/call trace"]);
}
