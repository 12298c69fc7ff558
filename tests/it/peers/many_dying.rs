//! Servers of a configuration that exit under a session.

use std::{
    future::IntoFuture as _,
    time::{Duration, Instant},
};

use mcp_client::{
    Client, ErrorKind, Session,
    group::{Group, ServerState, ServerStatus},
    transport::Delivery,
};
use serde_json::json;

use super::{
    load::{AT_ONCE, Load},
    node, python,
};
use crate::support::{Configured, HttpPeer, Program, bounded, config, kill, within};

const SOON: Duration = Duration::from_secs(5);

fn status(group: &Group, name: &str) -> ServerStatus {
    group.status().into_iter().find(|server| &*server.name == name).unwrap()
}

async fn echo(session: &Session, server: &str) {
    let echo = session.call_tool(&format!("{server}_echo")).arg("text", server);
    assert_eq!(bounded(echo).await.unwrap().text(), server);
}

/// Waits until a server runs again as another process.
async fn again(group: &Group, name: &str, before: u32) -> ServerStatus {
    let begun = Instant::now();
    loop {
        let server = status(group, name);
        if server.state == ServerState::Ready && server.pid != Some(before) {
            return server;
        }
        assert!(begun.elapsed() < Duration::from_secs(30), "{server:?}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

#[tokio::test]
async fn a_killed_server_is_reported_and_restarted() {
    let servers = [("old", python("mcp1")), ("new", python("mcp2")), ("node", node("ts2"))];
    let [("old", Some(old)), ("new", Some(new)), ("node", Some(other))] = servers else { return };
    let (old, new, other) = (Configured::new(&old), Configured::new(&new), Configured::new(&other));
    let document = config([("old", &old.entry), ("new", &new.entry), ("node", &other.entry)]);
    let client = Client::new(document).unwrap();
    let session = bounded(client.connect()).await.unwrap();
    let group = client.group().unwrap();
    let tools = bounded(session.list_tools()).await.unwrap();
    for (name, server) in [("old", &old), ("new", &new)] {
        echo(&session, name).await;
        let pid = status(&group, name).pid.unwrap();
        let wait = session.call_tool(&format!("{name}_wait")).arg("ms", 60_000);
        let wait = tokio::spawn(wait.into_future());
        bounded(server.log.line(0, "waiting")).await;
        kill(pid);
        let error = within(SOON, wait).await.unwrap().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Interrupted, "{error}");
        assert_eq!(error.delivery(), Delivery::Unknown, "{error}");
        let text = error.to_string();
        assert!(text.contains(&format!("server \"{name}\"")), "{text}");
        assert!(text.contains("signal 9") || text.contains("SIGKILL"), "{text}");
        // The others are not affected, and its tools are still listed.
        echo(&session, "node").await;
        assert_eq!(bounded(session.list_tools()).await.unwrap(), tools);

        let server = again(&group, name, pid).await;
        assert_eq!(server.restarts, 1);
        assert!(server.last_error.is_none(), "{server:?}");
        echo(&session, name).await;
    }
    assert_eq!(status(&group, "node").restarts, 0);
    assert!(!session.is_closed());
    assert_eq!(bounded(session.list_tools()).await.unwrap(), tools);
    within(SOON, client.close()).await.unwrap();
    for server in [old, new, other] {
        server.tree.gone(&[], Duration::ZERO).await;
    }
}

/// One server exits repeatedly: each of its calls has one outcome, and calls of the other server are not affected.
#[tokio::test(flavor = "multi_thread")]
async fn a_server_killed_under_load_loses_only_calls_in_flight() {
    for dying in [python("mcp1"), python("mcp2")].into_iter().flatten() {
        let Some(other) = node("ts2") else { return };
        loses_what_was_in_flight(&dying, &other).await;
    }
}

async fn loses_what_was_in_flight(dying: &Program, other: &Program) {
    const KILLS: u32 = 3;
    let notes = || tempfile::NamedTempFile::new().unwrap();
    let (dying_notes, other_notes) = (notes(), notes());
    let dying = Configured::new(dying).env("MCP_NOTES", dying_notes.path());
    let other = Configured::new(other).env("MCP_NOTES", other_notes.path());
    let document = config([("dying", &dying.entry), ("other", &other.entry)]);
    let client = Client::new(document).unwrap();
    let session = bounded(client.connect()).await.unwrap();
    let group = client.group().unwrap();
    let (dying_load, other_load) = (Load::of("dying_note"), Load::of("other_note"));
    let killing = async {
        for _ in 0..KILLS {
            dying_load.more().await;
            let pid = status(&group, "dying").pid.unwrap();
            kill(pid);
            // Responses that it wrote before still arrive.
            again(&group, "dying", pid).await;
        }
        dying_load.more().await;
        dying_load.end();
        other_load.end();
    };
    let all = async { tokio::join!(dying_load.run(&session), other_load.run(&session), killing) };
    let (dying_ends, other_ends, ()) = within(Duration::from_secs(120), all).await;

    assert_eq!(other_ends.check(other_notes.path()).len(), 0);
    let lost = dying_ends.check(dying_notes.path());
    let unknown = lost.iter().filter(|error| error.delivery() != Delivery::NotSent).count();
    assert!(unknown > 0 && unknown <= AT_ONCE * KILLS as usize, "{unknown}");
    for error in lost {
        assert!(error.to_string().contains("server \"dying\""), "{error}");
    }
    let server = status(&group, "dying");
    assert_eq!((server.state, server.restarts), (ServerState::Ready, KILLS));
    echo(&session, "dying").await;
    echo(&session, "other").await;
    within(SOON, client.close()).await.unwrap();
    dying.tree.gone(&[], Duration::ZERO).await;
    other.tree.gone(&[], Duration::ZERO).await;
}

/// The processes live as long as the client, independent of its sessions.
#[tokio::test]
async fn the_servers_of_a_client_serve_all_of_its_sessions() {
    let (Some(one), Some(two)) = (python("mcp2"), node("ts2")) else { return };
    let (one, two) = (Configured::new(&one), Configured::new(&two));
    let client = Client::new(config([("one", &one.entry), ("two", &two.entry)])).unwrap();
    let group = client.group().unwrap();
    let pids = || group.status().iter().map(|server| server.pid).collect::<Vec<_>>();
    let session = bounded(client.connect()).await.unwrap();
    echo(&session, "one").await;
    let before = pids();
    let second = bounded(client.clone().connect()).await.unwrap();
    echo(&second, "two").await;
    drop((session, second));
    let third = bounded(client.connect()).await.unwrap();
    echo(&third, "one").await;
    assert_eq!(pids(), before);
    let running = [one.tree.running(), two.tree.running()].concat();
    within(SOON, client.close()).await.unwrap();
    one.tree.gone(&running, Duration::ZERO).await;
    two.tree.gone(&running, Duration::ZERO).await;

    let again = bounded(client.connect()).await.unwrap();
    echo(&again, "two").await;
    assert_ne!(pids(), before);
    drop((third, again, group, client));
    one.tree.gone(&[], SOON).await;
    two.tree.gone(&[], SOON).await;
}

/// A remote server often has no connection, so that only calls notice its end.
#[tokio::test]
async fn a_lost_remote_server_is_reported_and_reconnected() {
    let servers = (python("mcp1"), node("ts2"), node("ts1"));
    let (Some(old), Some(new), Some(sse)) = servers else { return };
    let mut peers = [
        ("old", "http", &[][..], &old, HttpPeer::start(&old, &[]).await),
        ("new", "http", &[][..], &new, HttpPeer::start(&new, &[]).await),
        ("sse", "sse", &["/events"][..], &sse, HttpPeer::start_sse(&sse, "/events").await),
    ];
    let entries = peers.each_ref().map(|(name, .., peer)| (*name, json!({ "url": peer.url })));
    let document = config(entries.iter().map(|(name, entry)| (*name, entry)));
    let client = Client::new(document).unwrap();
    let session = bounded(client.connect()).await.unwrap();
    let tools = bounded(session.list_tools()).await.unwrap();
    for (name, form, options, program, peer) in &mut peers {
        echo(&session, name).await;
        peer.kill();
        let call = session.call_tool(&format!("{name}_echo")).arg("text", "x");
        let error = within(SOON, call).await.unwrap_err();
        let kinds = [ErrorKind::Closed, ErrorKind::Connect, ErrorKind::Interrupted];
        assert!(kinds.contains(&error.kind()), "{error}");
        assert!(error.to_string().contains(&format!("server \"{name}\"")), "{error}");
        let others = ["old", "new", "sse"].into_iter().filter(|other| other != name);
        for other in others {
            echo(&session, other).await;
        }
        peer.replace(form, program, options).await;
        let begun = Instant::now();
        while let Err(error) =
            bounded(session.call_tool(&format!("{name}_echo")).arg("text", "x")).await
        {
            assert!(begun.elapsed() < Duration::from_secs(30), "{error}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        echo(&session, name).await;
    }
    assert_eq!(bounded(session.list_tools()).await.unwrap(), tools);
    within(SOON, client.close()).await.unwrap();
}

/// Closing the last session stops the servers.
#[tokio::test]
async fn closing_the_last_session_stops_the_servers() {
    let (Some(one), Some(two)) = (python("mcp2"), node("ts2")) else { return };
    let (one, two) = (Configured::new(&one), Configured::new(&two));
    let client = Client::new(config([("one", &one.entry), ("two", &two.entry)])).unwrap();
    let (first, second) = tokio::join!(client.connect().into_future(), client.connect());
    let (first, second) = (first.unwrap(), second.unwrap());
    let running = [one.tree.running(), two.tree.running()].concat();
    assert_eq!(running.len(), 2);
    within(SOON, first.close()).await.unwrap();
    bounded(first.list_tools()).await.unwrap_err();
    echo(&second, "one").await;
    echo(&second, "two").await;
    within(SOON, second.close()).await.unwrap();
    one.tree.gone(&running, Duration::ZERO).await;
    two.tree.gone(&running, Duration::ZERO).await;
}
