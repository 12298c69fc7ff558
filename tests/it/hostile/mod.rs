//! Misbehaving servers: every request ends in bounded time with an error that names the server, the method and the
//! cause; if the connection survives, the next request works.

mod detect;
mod http;
mod sse;
mod stdio;

use std::time::Duration;

use futures_util::future::join_all;
use mcp_client::{
    Client, Error, ErrorKind, Session, Verdict,
    types::{ProtocolVersion, RawJson},
};

use crate::support::bounded;

/// Longer than any expected wait, even on a busy machine.
const LONG: Duration = Duration::from_secs(10);
/// Timeout for silent servers.
const SHORT: Duration = Duration::from_millis(200);

/// The expected outcome of a request.
#[derive(Debug, Clone, Copy)]
enum End {
    Answer,
    /// An error of this kind whose text has all of these parts.
    Fails(ErrorKind, &'static [&'static str]),
}

/// Opens a session that assumes a modern server and sends nothing.
async fn open(client: Client) -> Result<Session, Error> {
    let known = Verdict::new(ProtocolVersion::LATEST_MODERN);
    bounded(client.name("the shop").prior_discover(known).connect()).await
}

async fn ask(session: &Session, method: &'static str, limit: Duration) -> Result<RawJson, Error> {
    bounded(session.request(method, &()).timeout(limit)).await
}

/// The deviations of an outcome from its expectation.
fn wrong(result: Result<RawJson, Error>, method: &str, end: End) -> Vec<String> {
    let (error, kind, says) = match (result, end) {
        (Ok(_), End::Answer) => return Vec::new(),
        (Err(error), End::Fails(kind, says)) => (error, kind, says),
        (result, end) => return vec![format!("{result:?} where {end:?} was expected")],
    };
    let text = error.to_string();
    let mut wrong = Vec::new();
    if error.kind() != kind {
        wrong.push(format!("{:?} is not {kind:?}: {text}", error.kind()));
    }
    if !text.starts_with(&format!("the shop: {method}: ")) {
        wrong.push(format!("server and method: {text}"));
    }
    if (error.server(), error.method()) != ("the shop", Some(method)) {
        wrong.push(format!("{error:?}"));
    }
    let missing = says.iter().filter(|part| !text.contains(**part));
    wrong.extend(missing.map(|part| format!("{part:?} is not in: {text}")));
    wrong
}

/// Runs all cases concurrently; each returns its deviations.
async fn all(cases: impl IntoIterator<Item = impl Future<Output = (String, Vec<String>)>>) {
    let mut failed = false;
    for (name, wrong) in join_all(cases).await {
        for line in wrong {
            failed = true;
            eprintln!("{name}: {line}");
        }
    }
    assert!(!failed, "not all is as expected");
}
