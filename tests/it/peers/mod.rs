//! Real servers and clients, one module each; `cargo xtask setup` installs them.

#[cfg(target_os = "linux")]
mod alone;
mod bridges;
mod caching;
mod clients;
mod data;
mod everything;
mod fastmcp4;
mod filesystem;
mod frameworks;
#[cfg(target_os = "linux")]
mod kept;
#[cfg(target_os = "linux")]
mod load;
#[cfg(target_os = "linux")]
mod many;
#[cfg(target_os = "linux")]
mod many_dying;
mod mcp1;
mod mcp2;
mod oauth;
#[cfg(target_os = "linux")]
mod restart;
mod rmcp;
mod runners;
mod scripts;
mod skills;
mod sse;
mod subscriptions;
mod tasks;
mod trace;
mod ts1;
mod ts2;

use mcp_client::{Client, EraPolicy, types::ProtocolVersion};

use crate::support::{Expect, HttpPeer, Peer, Program, Row, bounded, source, venv};

/// A Python server, named after its virtual environment.
fn python(name: &'static str) -> Option<Program> {
    Some(python_of(name)?.arg(source(&format!("{name}.py"))))
}

/// The interpreter of a virtual environment.
fn python_of(name: &'static str) -> Option<Program> {
    let peers = Peer(name).installed()?;
    Some(Program::new(venv(&peers.join(name), "python")))
}

/// A Node server.
fn node(name: &str) -> Option<Program> {
    Peer("npm").installed()?;
    Some(Program::new("node").arg(source(&format!("{name}.mjs"))))
}

/// The server closes the stream of a call before the response, which arrives on a resumed stream.
async fn resumes(program: &Program) {
    let peer = HttpPeer::start(program, &["events"]).await;
    let session = bounded(peer.client().era(EraPolicy::Legacy).connect()).await.unwrap();
    let seen = std::sync::Arc::new(std::sync::Mutex::new(Vec::new()));
    let heard = seen.clone();
    let call = session.call_tool("poll").on_progress(move |progress| {
        heard.lock().unwrap().push(progress.message.unwrap_or_default());
    });
    let result = bounded(call).await.unwrap();
    assert_eq!(result.into_result().unwrap().text(), "resumed");
    assert_eq!(*seen.lock().unwrap(), ["before", "after"]);
    bounded(session.close()).await.unwrap();
}

/// Every kind of call over HTTP, in each of these modes.
async fn over_http(program: &Program, options: &[&str], modes: &[(EraPolicy, Expect)]) {
    let peer = HttpPeer::start(program, options).await;
    for (mode, expect) in modes {
        peer.exercise(*mode, expect).await;
    }
}

/// A session in each of these revisions, and in no other.
async fn in_each_revision(client: Client, versions: &[ProtocolVersion]) {
    for version in versions {
        let client = client.clone().era(EraPolicy::Pinned(*version));
        let session = bounded(client.connect()).await.unwrap();
        assert_eq!(session.protocol_version(), *version);
        let echo = bounded(session.call_tool("echo").arg("text", version.as_str())).await;
        assert_eq!(echo.unwrap().text(), version.as_str());
        bounded(session.close()).await.unwrap();
    }
}

/// A session whose server lists this tool, opened and closed.
async fn list(client: Client, mut row: Row, tool: &str) {
    let session = opened(client, &mut row).await;
    let tools = bounded(session.list_tools()).await.unwrap();
    let names: Vec<_> = tools.iter().map(|tool| &*tool.name).collect();
    assert!(names.contains(&tool), "{names:?}");
    bounded(session.close()).await.unwrap();
    row.passed();
}

/// The same with a call of the tool whose name ends with `echo`.
async fn call_echo(client: Client, mut row: Row, argument: &str) {
    let session = opened(client, &mut row).await;
    let tools = bounded(session.list_tools()).await.unwrap();
    let echo = tools.iter().find(|tool| tool.name.ends_with("echo")).unwrap();
    let text = "grüße, \u{1f980}";
    let result = bounded(session.call_tool(&echo.name).arg(argument, text)).await.unwrap();
    assert!(result.into_result().unwrap().text().contains(text));
    bounded(session.close()).await.unwrap();
    row.passed();
}

async fn opened(client: Client, row: &mut Row) -> mcp_client::Session {
    // Bounded by its own limit.
    let session = client.connect().await.unwrap();
    row.speaks(&session);
    session
}
