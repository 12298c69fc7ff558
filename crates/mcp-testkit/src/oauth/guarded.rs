use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use super::{
    mcp,
    state::{Answer, State},
};
use crate::http::{Received, Reply, Server};

/// An MCP server that requires a token, and its authorization server. Clones share the server.
///
/// The MCP server is at `/mcp` (Streamable HTTP, both eras) and at `/sse` (HTTP+SSE). Its one tool is `echo`.
#[derive(Clone, Debug)]
pub struct Guarded {
    state: Arc<Mutex<State>>,
    server: Arc<Server>,
}

impl Guarded {
    /// Starts a server on a free port of `127.0.0.1`.
    pub async fn start() -> Self {
        let state = Arc::new(Mutex::new(State::default()));
        let shared = Arc::clone(&state);
        let server =
            Server::start(move |request, reply| respond(Arc::clone(&shared), request, reply));
        Self { state, server: Arc::new(server.await) }
    }

    /// The URL for Streamable HTTP.
    #[must_use]
    pub fn url(&self) -> String {
        self.server.url.clone()
    }

    /// The URL for HTTP+SSE.
    #[must_use]
    pub fn sse_url(&self) -> String {
        format!("{}/sse", self.origin())
    }

    /// The origin, which is also the issuer.
    #[must_use]
    pub fn origin(&self) -> String {
        self.server.url.trim_end_matches("/mcp").to_owned()
    }

    /// The state and behaviour of the server.
    pub fn lock(&self) -> MutexGuard<'_, State> {
        lock(&self.state)
    }

    /// The paths of all requests so far, without their queries.
    #[must_use]
    pub fn paths(&self) -> Vec<String> {
        self.log().iter().map(path).collect()
    }

    /// All requests so far.
    #[must_use]
    pub fn log(&self) -> Vec<Received> {
        self.server.log()
    }

    /// The parameters of the requests of one kind: `register`, `authorize`, `device`, `revoke`, or a grant: `code`,
    /// `refresh`, `client_credentials`, `device_token`, `jwt_bearer`, `token_exchange`.
    #[must_use]
    pub fn seen(&self, kind: &str) -> Vec<BTreeMap<String, String>> {
        let seen = &self.lock().seen;
        seen.iter().filter(|(it, _)| *it == kind).map(|(_, params)| params.clone()).collect()
    }

    /// Overrides the responses of a path whenever `answer` returns one.
    pub fn twist(
        &self,
        path: &str,
        answer: impl Fn(&Received) -> Option<Answer> + Send + Sync + 'static,
    ) {
        self.lock().twists.insert(path.to_owned(), Arc::new(answer));
    }

    /// Expires all access tokens.
    pub fn expire(&self) {
        self.lock().access.clear();
    }
}

fn lock(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The path without query, also of an absolute URL as received by proxies.
fn path(request: &Received) -> String {
    let target = request.path.split('?').next().unwrap_or_default();
    let path = target.split_once("://").and_then(|(_, rest)| rest.find('/').map(|at| &rest[at..]));
    path.unwrap_or(target).to_owned()
}

/// Writes endless JSON until the client closes the connection.
async fn write_endless(mut reply: Reply, pause: Duration) -> Reply {
    let head =
        "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n";
    reply.raw(head).await;
    reply.chunk("{").await;
    loop {
        tokio::select! {
            biased;
            () = reply.touched() => return reply.cut(),
            () = tokio::time::sleep(pause) => reply.chunk(" ".repeat(1024)).await,
        }
    }
}

async fn respond(state: Arc<Mutex<State>>, request: Received, reply: Reply) -> Reply {
    let path = path(&request);
    let endless = lock(&state).endless.get(&path).copied();
    if let Some(pause) = endless {
        return write_endless(reply, pause).await;
    }
    let twist = lock(&state).twists.get(&path).cloned();
    let answer = twist.and_then(|twist| twist(&request));
    let answer = answer.unwrap_or_else(|| lock(&state).answer(&request, &path));
    let delay = lock(&state).delays.get(&path).copied();
    if let Some(delay) = delay {
        tokio::time::sleep(delay).await;
    }
    let (status, headers, body) = answer;
    if status == 200 && path == "/sse" {
        let messages = mcp::open(&mut lock(&state));
        return mcp::stream(reply, messages).await;
    }
    let headers: Vec<_> =
        headers.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    reply.full(status, &headers, body).await
}
