//! HTTP+SSE: one stream for all messages of the server, and a URL for those of the client.

use http::Response;
use serde_json::Value;

use crate::{
    body::{Body, Stream},
    exchange::{self, Received, events, status},
    server::error,
    world::{ServerSession, World},
};

/// Opens a session, which lasts as long as its stream.
pub(crate) fn open(world: &World) -> Response<Body> {
    let session = ServerSession::new();
    let (id, log) = {
        let mut state = world.state();
        state.opened_sessions += 1;
        let id = format!("session-{}", state.opened_sessions);
        let log = session.log.clone();
        state.sessions.insert(id.clone(), session);
        (id, log)
    };
    let first = Some(format!("event: endpoint\ndata: /message?session={id}\n\n"));
    let server = world.clone();
    let when_gone = Box::new(move || {
        let session = server.state().sessions.remove(&id);
        session.iter().for_each(ServerSession::end);
    });
    let (from, number, is_long_lived) = (0, None, true);
    let stream = Stream { log, from, number, first, is_long_lived, when_gone };
    events(Body::events(world, stream))
}

/// Accepts a message; the response is sent on the stream.
pub(crate) fn accept(request: &Received, world: &World) -> Response<Body> {
    let id = request.head.uri.query().and_then(|query| query.strip_prefix("session="));
    let session = world.state().sessions.get(id.unwrap_or_default()).cloned();
    let Some(session) = session else {
        return exchange::json(world, 404, &error(&Value::Null, -32001, "Session not found"));
    };
    let Some(message) = request.message() else { return status(400) };
    if message["method"] == "notifications/initialized" {
        world.listen(&session.log, None);
    }
    world.handle(&message, &session.log, false);
    status(202)
}
