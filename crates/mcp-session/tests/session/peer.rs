//! Shortcuts for the scripted server of the testkit.

pub(crate) use mcp_testkit::scripted::{Peer, Reply};
use mcp_transport::Routing;
use serde_json::{Value, json};

/// `script` receives the number of earlier connections, and the message of the client.
pub(crate) fn peer(script: impl Fn(u32, &Value) -> Reply + Send + Sync + 'static) -> Peer {
    Peer::new(script)
}

/// A modern server that answers everything but the probe with `script`.
pub(crate) fn modern(script: impl Fn(&Value) -> Reply + Send + Sync + 'static) -> Peer {
    Peer::modern(json!({ "tools": {} }), move |_, message| script(message))
}

/// A legacy server that answers everything but the handshake with `script`.
pub(crate) fn legacy(script: impl Fn(&Value) -> Reply + Send + Sync + 'static) -> Peer {
    Peer::legacy(json!({ "tools": {} }), move |_, message| script(message))
}

pub(crate) fn result(request: &Value, result: Value) -> Reply {
    Reply::result(request, result)
}

pub(crate) fn error(request: &Value, error: Value) -> Reply {
    Reply::error_object(request, error)
}

/// A `DiscoverResult` with these versions.
pub(crate) fn discover(request: &Value, versions: &[&str]) -> Reply {
    Reply::discover(request, versions, json!({ "tools": {} }))
}

/// An `InitializeResult` with this version.
pub(crate) fn initialized(request: &Value, version: &str) -> Reply {
    Reply::initialize(request, version, json!({ "tools": {} }))
}

/// The routing information of all sent messages, over all connections.
pub(crate) fn routings(peer: &Peer) -> Vec<Routing> {
    peer.sent().into_iter().filter_map(|sent| sent.routing).map(|it| *it).collect()
}
