//! Streamable HTTP in both eras: sessions, resumable streams, the standalone stream.

use http::{Method, Response};
use serde_json::Value;

use crate::{
    body::{Body, Stream},
    exchange::{self, Received, events, status},
    log::Log,
    server::{error, steps},
    world::{ServerSession, World},
};

/// The number of the standalone stream.
const STANDALONE: u64 = 0;

pub(crate) async fn respond(request: &Received, world: &World) -> Response<Body> {
    let is_modern = request.header("mcp-protocol-version") == Some("2026-07-28");
    match request.head.method {
        Method::POST => {
            let Some(message) = request.message() else { return status(400) };
            match is_modern {
                true => modern(&message, world).await,
                false => legacy(request, &message, world).await,
            }
        }
        Method::GET => listen(request, world),
        Method::DELETE => {
            let session = world.state().sessions.remove(&session_id(request));
            session.map_or(status(404), |session| {
                session.end();
                status(200)
            })
        }
        _ => status(405),
    }
}

async fn modern(message: &Value, world: &World) -> Response<Body> {
    if !world.plan().speaks_modern {
        let unknown = error(&message["id"], -32000, "Unsupported protocol version");
        return exchange::json(world, 400, &unknown);
    }
    if message["id"].is_null() {
        return status(202);
    }
    let log = Log::new();
    world.handle(message, &log, true);
    let is_listening = message["method"] == "subscriptions/listen";
    answer(message, &log, None, is_listening, world).await
}

async fn legacy(request: &Received, message: &Value, world: &World) -> Response<Body> {
    if world.plan().legacy.is_none() {
        let unknown = error(&message["id"], -32600, "Unsupported protocol version");
        return exchange::json(world, 400, &unknown);
    }
    let mut id = session_id(request);
    let is_initialize = message["method"] == "initialize";
    if is_initialize {
        id = open_session(world);
    } else if !world.plan().has_sessions {
        open_stateless(world);
    } else if !world.state().sessions.contains_key(&id) {
        let lost = error(&Value::Null, -32001, "Session not found");
        return exchange::json(world, world.plan().lost_status, &lost);
    }
    if message["id"].is_null() {
        return status(202);
    }
    let log = Log::new();
    let number = {
        let mut state = world.state();
        let session = state.sessions.get_mut(&id);
        session.map(|session| {
            let number = session.streams.len() as u64 + 1;
            session.streams.insert(number, log.clone());
            number
        })
    };
    world.handle(message, &log, true);
    let number = number.filter(|_| world.plan().is_resumable && !is_initialize);
    let mut response = answer(message, &log, number, false, world).await;
    if is_initialize && world.plan().has_sessions {
        response.headers_mut().insert("mcp-session-id", id.parse().expect("is ASCII"));
    }
    response
}

/// The response as a stream, or as JSON if nothing precedes it.
async fn answer(
    message: &Value,
    log: &Log,
    number: Option<u64>,
    is_listening: bool,
    world: &World,
) -> Response<Body> {
    let may_be_json = !is_listening && number.is_none() && steps(message) == 0;
    if may_be_json && world.random(|random| random.chance(40)) {
        return match log.get(0).await {
            Some(answer) => exchange::json(world, 200, &answer),
            None => status(500),
        };
    }
    let executing = log.clone();
    // The end of a stream that cannot be resumed cancels its execution.
    let when_gone = Box::new(move || {
        if number.is_none() {
            executing.end();
        }
    });
    let (log, from, first) = (log.clone(), 0, None);
    let stream = Stream { log, from, number, first, is_long_lived: is_listening, when_gone };
    events(Body::events(world, stream))
}

/// The standalone stream, or the rest of a resumed one.
fn listen(request: &Received, world: &World) -> Response<Body> {
    let plan = world.plan();
    if plan.legacy.is_none() || !plan.has_server_stream && request.header("last-event-id").is_none()
    {
        return status(405);
    }
    if !plan.has_sessions {
        open_stateless(world);
    }
    let session = world.state().sessions.get(&session_id(request)).cloned();
    let Some(session) = session else {
        return exchange::json(
            world,
            plan.lost_status,
            &error(&Value::Null, -32001, "No such session"),
        );
    };
    let position = request.header("last-event-id").and_then(|id| id.split_once('-'));
    let position = position.and_then(|(number, at)| Some((number.parse().ok()?, at.parse().ok()?)));
    let (number, from): (u64, usize) = position.unwrap_or((STANDALONE, session.log.len()));
    let log = match number {
        STANDALONE => Some(&session.log),
        number => session.streams.get(&number),
    };
    let Some(log) = log.cloned() else { return status(400) };
    events(Body::events(
        world,
        Stream {
            log,
            from,
            number: plan.is_resumable.then_some(number),
            first: None,
            is_long_lived: number == STANDALONE,
            when_gone: Box::new(|| {}),
        },
    ))
}

/// A server without session ids does not distinguish clients, and serves them after a restart too.
fn open_stateless(world: &World) {
    if world.state().sessions.is_empty() {
        open_session(world);
    }
}

/// Opens a session; without session ids it replaces the previous one.
fn open_session(world: &World) -> String {
    let session = ServerSession::new();
    world.listen(&session.log, None);
    let mut state = world.state();
    state.opened_sessions += 1;
    let id = match world.plan().has_sessions {
        true => format!("session-{}", state.opened_sessions),
        false => String::new(),
    };
    if let Some(before) = state.sessions.insert(id.clone(), session) {
        before.end();
    }
    id
}

fn session_id(request: &Received) -> String {
    request.header("mcp-session-id").unwrap_or_default().to_owned()
}
