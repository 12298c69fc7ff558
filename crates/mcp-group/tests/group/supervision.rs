use std::time::Duration;

use mcp_group::{Backend, Group, ServerState};
use mcp_session::{EraPolicy, ErrorKind, Session, SessionOptions};
use mcp_testkit::{
    scripted::{Peer, Reply},
    within,
};
use mcp_transport::{Backoff, Delivery};
use mcp_transport_memory::Memory;
use serde_json::json;
use tokio::time::Instant;

use crate::fixture::{backend, names, open, open_receiving, until};

/// A peer with one more tool on each connection; `slow` never responds.
fn growing() -> Peer {
    Peer::modern(json!({ "tools": {} }), |number, message| match message["method"].as_str() {
        Some("tools/list") => {
            Reply::tools(message, &["slow", "t0", "t1", "t2"][..(number as usize + 2).min(4)])
        }
        Some("tools/call") if message["params"]["name"] == "slow" => Reply::Nothing,
        Some("tools/call") => {
            Reply::result(message, json!({ "resultType": "complete", "content": [] }))
        }
        _ => Reply::Nothing,
    })
}

fn beside(peer: &Peer) -> Group {
    Group::builder().backend(Backend::new("p", peer.clone())).backend(backend("a")).build()
}

/// The same, with this back-off.
fn trying(peer: &Peer, backoff: Backoff) -> Group {
    let group = Group::builder().backend(Backend::new("p", peer.clone())).backend(backend("a"));
    group.backoff(backoff).build()
}

fn seconds(first: u64, max: u64) -> Backoff {
    Backoff::new(Duration::from_secs(first), Duration::from_secs(max)).with_jitter(0.0)
}

fn state(group: &Group) -> ServerState {
    group.status()[0].state
}

#[tokio::test(start_paused = true)]
async fn one_bad_server_of_three_does_not_stop_the_others() {
    let silent = Peer::new(|_, _| Reply::Nothing);
    let refusing = growing();
    refusing.refuse(u32::MAX);
    let mut options = SessionOptions::default();
    options.start_timeout = Duration::from_secs(20);
    let group = Group::builder()
        .backend(Backend::new("silent", silent).options(options))
        .backend(backend("a"))
        .backend(Backend::new("refusing", refusing))
        .failed("broken", "line 5: a comma is missing")
        .build();
    let states = || -> Vec<ServerState> { group.status().iter().map(|it| it.state).collect() };
    assert_eq!(states()[..3], [ServerState::Idle; 3]);
    let start = Instant::now();
    let session = open(&group).await;
    assert_eq!(start.elapsed(), Duration::from_secs(20));
    assert_eq!(names(&session).await, ["a_echo", "a_count"]);
    let status = group.status();
    let error = |at: usize| status[at].last_error.as_ref().unwrap().to_string();
    assert!(error(0).contains("silent: ") && error(0).contains("20s"), "{}", error(0));
    assert!(error(2).contains("connection refused"), "{}", error(2));
    assert!(error(3).contains("line 5: a comma is missing"), "{}", error(3));
    assert!(matches!(status[0].state, ServerState::Waiting { .. }), "{:?}", status[0]);
    assert_eq!((status[1].state, status[3].state), (ServerState::Ready, ServerState::Failed));
    assert_eq!(status[1].server_info.as_ref().unwrap().name, "a");
    assert_eq!(status[0].target, "scripted");
    let message = async |tool: &str| {
        session.call_tool(tool).await.unwrap_err().answer().unwrap().message.clone()
    };
    // Only the server whose name is the prefix may have it.
    let text = message("refusing_t0").await;
    assert!(text.contains("\"refusing\"") && text.contains("connection refused"), "{text}");
    assert!(!text.contains("broken") && !text.contains("silent"), "{text}");
    let text = message("a_ecko").await;
    assert_eq!(text, "unknown tool \"a_ecko\"; did you mean \"a_echo\"?");
    let text = message("loop_forever").await;
    assert!(
        text.ends_with(
            "must begin with a server name: \"silent\", \"a\", \"refusing\", \"broken\""
        ),
        "{text}"
    );
}

#[tokio::test(start_paused = true)]
async fn when_all_fail_the_error_names_each_cause_and_retries_stop() {
    let peers = [growing(), growing()];
    peers.iter().for_each(|peer| peer.refuse(1));
    let group = Group::builder()
        .backend(Backend::new("one", peers[0].clone()))
        .backend(Backend::new("two", peers[1].clone()))
        .failed("three", "it has no command")
        .build();
    let open =
        || Session::open(Memory::new(group.clone()), Some("group"), SessionOptions::default());
    let text = open().await.unwrap_err().to_string();
    for part in [
        "none of the 3 servers",
        "one: connection refused",
        "two: connection refused",
        "three: ",
        "no command",
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }
    tokio::time::sleep(Duration::from_secs(600)).await;
    assert_eq!(peers.each_ref().map(Peer::connections), [1, 1]);
    assert_eq!(state(&group), ServerState::Failed);
    // The next client causes another attempt.
    let session = open().await.unwrap();
    assert_eq!(names(&session).await.len(), 6);
}

#[tokio::test(start_paused = true)]
async fn a_server_that_dies_stays_listed_and_is_reopened() {
    let peer = growing();
    let group = beside(&peer);
    let (session, received) = open_receiving(&group, EraPolicy::Auto).await;
    assert_eq!(names(&session).await, ["p_slow", "p_t0", "a_echo", "a_count"]);
    assert_eq!(group.status()[0].pid, Some(100));
    let call = tokio::spawn(session.call_tool("p_slow").into_future());
    until(|| peer.asked("tools/call").len() == 1).await;
    peer.refuse(3);
    peer.exit();
    let error = call.await.unwrap().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Interrupted);
    assert_eq!(error.delivery(), Delivery::Unknown);
    assert!(!session.is_closed());

    // 100, 200 and 400 ms, each attempt refused; then 800 ms.
    tokio::time::sleep(Duration::from_millis(720)).await;
    let ServerState::Waiting { retry_in } = state(&group) else { panic!("{:?}", state(&group)) };
    assert!(retry_in > Duration::from_millis(500), "{retry_in:?}");
    let error = session.call_tool("p_t0").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Connect);
    assert_eq!(error.delivery(), Delivery::NotSent);
    let text = error.to_string();
    assert!(text.contains("server \"p\" is down") && text.contains("connection refused"), "{text}");
    assert_eq!(names(&session).await, ["p_slow", "p_t0", "a_echo", "a_count"]);

    received.wait("notifications/tools/list_changed", 1).await;
    let status = &group.status()[0];
    assert_eq!((status.state, status.restarts, status.pid), (ServerState::Ready, 1, Some(104)));
    assert!(session.call_tool("p_t0").await.is_ok());
    assert_eq!(received.methods(), ["notifications/tools/list_changed"]);
    assert_eq!(peer.connections(), 5);
}

#[tokio::test(start_paused = true)]
async fn the_exit_of_a_process_is_in_the_errors_of_its_calls() {
    let peer = growing();
    let session = open(&beside(&peer)).await;
    session.call_tool("p_t0").await.unwrap();
    peer.exit();
    tokio::time::sleep(Duration::from_millis(50)).await;
    let error = session.call_tool("p_t0").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Interrupted);
    let cause = error.find::<std::io::Error>().unwrap();
    assert_eq!(cause.to_string(), "exit status 3");
    assert!(error.to_string().contains("exit status 3"), "{error}");
}

#[tokio::test(start_paused = true)]
async fn a_call_waits_for_an_attempt_and_unchanged_lists_are_not_announced() {
    let peer = Peer::new(|number, message| match message["method"].as_str() {
        Some("server/discover") => {
            let answer = Reply::result(
                message,
                json!({
                    "resultType": "complete",
                    "supportedVersions": ["2026-07-28"],
                    "capabilities": { "tools": {} },
                }),
            );
            match number {
                0 => answer,
                _ => Reply::Later(Duration::from_secs(3), Box::new(answer)),
            }
        }
        Some("tools/list") => Reply::tools(message, &["t"]),
        Some("tools/call") => {
            Reply::result(message, json!({ "resultType": "complete", "content": [] }))
        }
        _ => Reply::Nothing,
    });
    let group = beside(&peer);
    let (session, received) = open_receiving(&group, EraPolicy::Auto).await;
    names(&session).await;
    peer.exit();
    until(|| state(&group) == ServerState::Connecting).await;
    let start = Instant::now();
    session.call_tool("p_t").await.unwrap();
    assert!(start.elapsed() > Duration::from_secs(2));
    tokio::time::sleep(Duration::from_secs(5)).await;
    assert_eq!(received.methods(), [] as [&str; 0]);
    assert_eq!(peer.asked("tools/list").len(), 3 - 1);
}

#[tokio::test(start_paused = true)]
async fn the_back_off_grows_until_a_session_makes_progress() {
    let peer = growing();
    let group = trying(&peer, seconds(1, 4).with_attempts(None));
    let session = open(&group).await;
    let mut waits = Vec::new();
    for (stays, answers) in
        [(0, false), (0, false), (0, false), (0, false), (5, false), (0, false), (0, true)]
    {
        tokio::time::sleep(Duration::from_secs(stays)).await;
        if answers {
            session.call_tool("p_t0").await.unwrap();
        }
        let before = peer.connections();
        let start = Instant::now();
        peer.exit();
        until(|| peer.connections() > before).await;
        waits.push(start.elapsed().as_secs());
        until(|| state(&group) == ServerState::Ready).await;
    }
    assert_eq!(waits, [1, 2, 4, 4, 1, 2, 1]);
}

#[tokio::test(start_paused = true)]
async fn attempts_are_limited_until_the_next_client() {
    let peer = growing();
    let group = trying(&peer, seconds(1, 4).with_attempts(2));
    let session = open(&group).await;
    names(&session).await;
    peer.refuse(u32::MAX);
    peer.exit();
    until(|| state(&group) == ServerState::Failed).await;
    assert_eq!(peer.connections(), 3);
    let error = session.call_tool("p_t0").await.unwrap_err();
    let text = error.to_string();
    assert!(text.contains("cannot be opened") && text.contains("connection refused"), "{text}");
    tokio::time::sleep(Duration::from_secs(600)).await;
    assert_eq!(peer.connections(), 3);
    peer.refuse(0);
    open(&group).await.call_tool("p_t0").await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn any_back_off_is_safe() {
    for (first, max) in [
        (Duration::MAX, Duration::MAX),
        (Duration::ZERO, Duration::MAX),
        (Duration::MAX, Duration::ZERO),
    ] {
        let peer = growing();
        let backoff = Backoff::new(first, max).with_floor(Duration::MAX);
        let group = trying(&peer, backoff);
        let session = open(&group).await;
        names(&session).await;
        peer.exit();
        until(|| state(&group) == ServerState::Waiting { retry_in: Duration::MAX }).await;
        let error = within(session.call_tool("p_t0").into_future()).await.unwrap_err();
        assert!(error.to_string().contains("is down"), "{error}");
        group.restart("p").await.unwrap();
        session.call_tool("p_t0").await.unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn the_last_error_is_cleared_by_a_reconnect() {
    let peer = growing();
    let group = beside(&peer);
    let session = open(&group).await;
    let last_error = || group.status()[0].last_error.as_ref().map(ToString::to_string);
    assert_eq!(last_error(), None);
    peer.exit();
    until(|| last_error().is_some()).await;
    let text = last_error().unwrap();
    assert!(text.contains("exit status 3") && !text.contains("notifications/"), "{text}");
    until(|| state(&group) == ServerState::Ready).await;
    session.call_tool("p_t0").await.unwrap();
    assert_eq!(last_error(), None);
}

#[tokio::test(start_paused = true)]
async fn a_server_that_starts_late_is_announced() {
    let peer = growing();
    peer.refuse(2);
    let group = beside(&peer);
    let (session, received) = open_receiving(&group, EraPolicy::Auto).await;
    assert_eq!(names(&session).await, ["a_echo", "a_count"]);
    received.wait("notifications/tools/list_changed", 1).await;
    assert_eq!(names(&session).await, ["p_slow", "p_t0", "p_t1", "p_t2", "a_echo", "a_count"]);
    assert_eq!(group.status()[0].restarts, 0);
}

#[tokio::test(start_paused = true)]
async fn a_permanent_failure_is_not_retried() {
    let foreign = Peer::new(|_, message| match message["method"].as_str() {
        Some("server/discover") => Reply::result(
            message,
            json!({ "resultType": "complete", "supportedVersions": ["2099-01-01"], "capabilities": {} }),
        ),
        Some("initialize") => Reply::error(message, -32601, "Method not found"),
        _ => Reply::Nothing,
    });
    let group = beside(&foreign);
    let session = open(&group).await;
    assert_eq!(state(&group), ServerState::Failed);
    assert_eq!(names(&session).await, ["a_echo", "a_count"]);
    tokio::time::sleep(Duration::from_secs(600)).await;
    let error = session.read_resource("x://p/1").await.unwrap_err();
    let text = error.to_string();
    assert!(
        text.contains("server \"p\" cannot be opened") && text.contains("2099-01-01"),
        "{text}"
    );
    assert_eq!(foreign.connections(), 1);
    assert!(group.restart("p").await.is_err());
    assert_eq!(foreign.connections(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_client_during_an_outage_does_not_affect_the_others() {
    let peer = growing();
    let group = Group::builder().backend(Backend::new("p", peer.clone())).build();
    let session = open(&group).await;
    peer.refuse(2);
    peer.exit();
    tokio::time::sleep(Duration::from_millis(50)).await;
    let other = Session::open(Memory::new(group.clone()), None, SessionOptions::default()).await;
    assert!(other.unwrap_err().to_string().contains("exit status 3"));
    assert!(matches!(state(&group), ServerState::Waiting { .. }), "{:?}", state(&group));
    tokio::time::sleep(Duration::from_secs(5)).await;
    assert_eq!(state(&group), ServerState::Ready);
    session.call_tool("t0").await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn one_open_server_is_enough() {
    let late = growing();
    late.refuse(1);
    let mut options = SessionOptions::default();
    options.start_timeout = Duration::from_secs(20);
    let group = Group::builder()
        .backend(Backend::new("late", late))
        .backend(Backend::new("silent", Peer::new(|_, _| Reply::Nothing)).options(options))
        .build();
    let session = open(&group).await;
    assert_eq!(names(&session).await, ["late_slow", "late_t0", "late_t1"]);
}

#[tokio::test(start_paused = true)]
async fn a_hanging_reconnect_does_not_delay_a_known_list() {
    let peer = Peer::new(|number, message| match message["method"].as_str() {
        Some("server/discover") if number == 0 => Reply::result(
            message,
            json!({
                "resultType": "complete",
                "supportedVersions": ["2026-07-28"],
                "capabilities": { "tools": {} },
            }),
        ),
        Some("tools/list") => Reply::tools(message, &["t"]),
        _ => Reply::Nothing,
    });
    let group = beside(&peer);
    let session = open(&group).await;
    let before = names(&session).await;
    peer.exit();
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(state(&group), ServerState::Connecting);
    let start = Instant::now();
    assert_eq!(names(&session).await, before);
    assert!(start.elapsed() <= Duration::from_secs(10), "{:?}", start.elapsed());
    let start = Instant::now();
    session.call_tool("a_echo").arg("text", "x").await.unwrap();
    assert_eq!(start.elapsed(), Duration::ZERO);
}

#[tokio::test(start_paused = true)]
async fn a_reconnect_uses_the_previous_verdict() {
    let peer =
        Peer::legacy(json!({ "tools": {} }), |_, message| match message["method"].as_str() {
            Some("tools/list") => Reply::result(message, json!({ "tools": [] })),
            _ => Reply::Nothing,
        });
    let group = trying(&peer, seconds(1, 2));
    let session = open(&group).await;
    session.list_tools().await.unwrap();
    peer.exit();
    until(|| peer.connections() == 2 && state(&group) == ServerState::Ready).await;
    assert_eq!((peer.asked("server/discover").len(), peer.asked("initialize").len()), (1, 2));
}
