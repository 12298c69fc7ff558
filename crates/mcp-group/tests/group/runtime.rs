use std::time::Duration;

use mcp_group::{Backend, Group, ServerState};
use mcp_session::{EraPolicy, ErrorKind};
use mcp_testkit::scripted::{Peer, Reply};
use mcp_transport::Delivery;
use serde_json::json;

use crate::fixture::{backend, names, old_backend, open, open_legacy, open_receiving, two, until};

const TOOLS_CHANGED: &str = "notifications/tools/list_changed";

fn simple() -> Peer {
    Peer::modern(json!({ "tools": {} }), |_, message| match message["method"].as_str() {
        Some("tools/list") => Reply::tools(message, &["t"]),
        Some("tools/call") => {
            Reply::result(message, json!({ "resultType": "complete", "content": [] }))
        }
        _ => Reply::Nothing,
    })
}

fn states(group: &Group) -> Vec<ServerState> {
    group.status().iter().map(|status| status.state).collect()
}

#[tokio::test]
async fn clients_are_notified_of_added_and_removed_servers() {
    let group = two();
    let (session, received) = open_receiving(&group, EraPolicy::Auto).await;
    assert_eq!(names(&session).await.len(), 4);
    group.add(backend("late")).await.unwrap();
    received.wait(TOOLS_CHANGED, 1).await;
    assert_eq!(states(&group)[2], ServerState::Ready);
    assert_eq!(names(&session).await[4..], ["late_echo", "late_count"]);
    let error = group.add(old_backend("news")).await.unwrap_err();
    assert!(error.to_string().starts_with("news: another server"), "{error}");

    assert!(group.remove("news").await);
    assert!(!group.remove("news").await);
    received.wait(TOOLS_CHANGED, 2).await;
    assert_eq!(names(&session).await, ["weather_echo", "weather_count", "late_echo", "late_count"]);
    let error = session.call_tool("news_echo").await.unwrap_err();
    assert_eq!(error.answer().unwrap().code, -32602);
    // The former names still belong to it.
    group.add(old_backend("news")).await.unwrap();
    assert_eq!(session.call_tool("news_echo").arg("text", "x").await.unwrap().text(), "news: x");
}

#[tokio::test]
async fn a_single_server_keeps_its_names_when_another_is_added() {
    let group = Group::builder().backend(backend("first")).build();
    let session = open(&group).await;
    assert_eq!(names(&session).await, ["echo", "count"]);
    group.add(backend("second")).await.unwrap();
    assert_eq!(names(&session).await, ["echo", "count", "second_echo", "second_count"]);
    for (name, text) in [("echo", "first: x"), ("second_echo", "second: x")] {
        assert_eq!(session.call_tool(name).arg("text", "x").await.unwrap().text(), text);
    }
    for uri in ["first://hours", "second://second/hours"] {
        assert_eq!(session.read_resource(uri).await.unwrap().contents[0].uri(), uri);
    }
    let error = session.call_tool("nothing").await.unwrap_err();
    assert!(error.answer().unwrap().message.contains("nothing"), "{error}");
}

#[tokio::test]
async fn a_ping_reaches_the_server_itself() {
    let peer = simple();
    let group =
        Group::builder().backend(Backend::new("p", peer.clone())).backend(backend("a")).build();
    assert_eq!(group.ping("p").await.unwrap_err().kind(), ErrorKind::Unavailable);
    let _session = open(&group).await;
    let before = peer.asked("server/discover").len();
    group.ping("p").await.unwrap();
    assert_eq!(peer.asked("server/discover").len(), before + 1);
    assert_eq!(group.ping("q").await.unwrap_err().kind(), ErrorKind::Target);
    peer.refuse(100);
    peer.exit();
    until(|| group.status()[0].last_error.is_some()).await;
    let error = group.ping("p").await.unwrap_err();
    assert!(error.to_string().contains("exit status 3"), "{error}");
}

#[tokio::test]
async fn a_restart_closes_the_old_session_before_the_new_one() {
    let peer = simple();
    let group =
        Group::builder().backend(Backend::new("p", peer.clone())).backend(backend("a")).build();
    let session = open(&group).await;
    session.call_tool("p_t").await.unwrap();
    for restarts in 1..=2 {
        let (restarted, called) = tokio::join!(group.restart("p"), session.call_tool("p_t"));
        restarted.unwrap();
        called.unwrap();
        let status = &group.status()[0];
        assert_eq!((status.restarts, status.pid), (restarts, Some(100 + restarts)));
    }
    peer.refuse(1);
    let error = group.restart("p").await.unwrap_err();
    assert!(error.to_string().contains("connection refused"), "{error}");
    until(|| states(&group)[0] == ServerState::Ready).await;
    let error = group.restart("nobody").await.unwrap_err();
    let text = error.to_string();
    let expected = "nobody: the group has no server of this name: its servers are \"p\", \"a\"";
    assert!(text.starts_with(expected), "{text}");
}

#[tokio::test]
async fn similar_server_names_are_suggested() {
    let group = Group::builder().backend(backend("weather")).backend(backend("shop")).build();
    let error = group.restart("wether").await.unwrap_err();
    assert!(error.to_string().contains(", did you mean \"weather\"?"), "{error}");
    // No tool is similar.
    let error = open(&group).await.call_tool("wheather_forecast").await.unwrap_err();
    assert!(error.to_string().contains("; did you mean the server \"weather\"?"), "{error}");
}

#[tokio::test]
async fn a_restart_under_load_fails_only_calls_in_flight() {
    let peer = simple();
    let group =
        Group::builder().backend(Backend::new("p", peer.clone())).backend(backend("a")).build();
    let session = open(&group).await;
    session.call_tool("p_t").await.unwrap();
    let load = async {
        let mut failed = 0;
        for _ in 0..200 {
            failed += u32::from(session.call_tool("p_t").await.is_err());
            tokio::task::yield_now().await;
        }
        failed
    };
    let restarts = async {
        for _ in 0..3 {
            group.restart("p").await.unwrap();
        }
    };
    let (failed, ()) = tokio::join!(load, restarts);
    assert!(failed <= 3, "{failed} calls failed");
    assert_eq!(peer.connections(), 4);
}

#[tokio::test(start_paused = true)]
async fn the_last_close_ends_the_servers_and_the_next_client_restarts_them() {
    let peer = simple();
    let group =
        Group::builder().backend(Backend::new("p", peer.clone())).backend(backend("a")).build();
    let sessions = [open(&group).await, open_legacy(&group).await];
    let dropped = open(&group).await;
    sessions[0].close().await.unwrap();
    sessions[0].close().await.unwrap();
    assert_eq!(states(&group), [ServerState::Ready; 2]);
    drop(dropped);
    // The end is detected in the background.
    tokio::time::sleep(Duration::from_millis(10)).await;
    assert!(sessions[1].call_tool("p_t").await.is_ok());
    sessions[1].close().await.unwrap();
    assert_eq!(states(&group), [ServerState::Idle; 2]);
    assert_eq!(peer.connections(), 1);
    tokio::time::sleep(Duration::from_secs(60)).await;
    assert_eq!(peer.connections(), 1);
    let session = open(&group).await;
    assert!(session.call_tool("p_t").await.is_ok());
    assert_eq!((peer.connections(), group.status()[0].restarts), (2, 1));
    group.close().await.unwrap();
    assert_eq!(states(&group), [ServerState::Idle; 2]);
    assert!(open(&group).await.call_tool("p_t").await.is_ok());
    assert_eq!(peer.connections(), 3);
}

#[tokio::test(start_paused = true)]
async fn a_closed_group_stays_closed_only_for_its_current_clients() {
    let peer = simple();
    let group =
        Group::builder().backend(Backend::new("p", peer.clone())).backend(backend("a")).build();
    for mode in [EraPolicy::Auto, EraPolicy::Legacy] {
        let (session, _received) = open_receiving(&group, mode).await;
        session.call_tool("p_t").await.unwrap();
        group.close().await.unwrap();
        session.closed().await;
        let connections = peer.connections();
        let listed = session.list_tools().await.unwrap_err();
        let called = session.call_tool("p_t").await.unwrap_err();
        for error in [listed, called] {
            assert_eq!((error.kind(), error.delivery()), (ErrorKind::Closed, Delivery::NotSent));
        }
        assert_eq!(states(&group), [ServerState::Idle; 2]);
        assert_eq!(peer.connections(), connections);
        // A second close does not affect other clients.
        let next = open(&group).await;
        session.close().await.unwrap();
        next.call_tool("p_t").await.unwrap();
        assert_eq!(peer.connections(), connections + 1);
    }
}

/// A request that started before the close must not open servers after it.
#[tokio::test(start_paused = true)]
async fn a_request_overtaken_by_close_opens_no_server() {
    let slow = Peer::new(|_, message| match message["method"].as_str() {
        Some("server/discover") => {
            let answer = Reply::discover(message, &["2026-07-28"], json!({ "tools": {} }));
            Reply::Later(Duration::from_secs(5), Box::new(answer))
        }
        _ => Reply::Nothing,
    });
    let group = Group::builder()
        .backend(Backend::new("slow", slow.clone()))
        .backend(Backend::new("p", simple()))
        .lazy(true)
        .build();
    let session = open(&group).await;
    let call = tokio::spawn(session.call_tool("slow_t").into_future());
    until(|| slow.connections() == 1).await;
    group.close().await.unwrap();
    assert!(call.await.unwrap().is_err());
    tokio::time::sleep(Duration::from_secs(60)).await;
    assert_eq!((states(&group), slow.connections()), (vec![ServerState::Idle; 2], 1));
}

#[tokio::test(start_paused = true)]
async fn dropping_the_last_handle_ends_pending_starts() {
    let peer = simple();
    let refused = simple();
    refused.refuse(u32::MAX);
    let group = Group::builder()
        .backend(Backend::new("p", peer.clone()))
        .backend(Backend::new("q", refused.clone()))
        .build();
    let session = open(&group).await;
    let running = tokio::runtime::Handle::current().metrics();
    let before = running.num_alive_tasks();
    drop(group);
    assert!(session.call_tool("p_t").await.is_ok());
    drop(session);
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert!(before >= 4, "{before}");
    until(|| running.num_alive_tasks() == 0).await;
    let connections = refused.connections();
    tokio::time::sleep(Duration::from_secs(600)).await;
    assert_eq!(refused.connections(), connections);
}

#[tokio::test]
async fn a_lazy_group_opens_only_required_servers() {
    let peers = [simple(), simple()];
    let group = Group::builder()
        .backend(Backend::new("one", peers[0].clone()))
        .backend(Backend::new("two", peers[1].clone()))
        .lazy(true)
        .build();
    let session = open(&group).await;
    assert_eq!(states(&group), [ServerState::Idle; 2]);
    assert!(session.capabilities().prompts.is_some());
    assert_eq!(names(&session).await, ["one_t", "two_t"]);
    assert_eq!(states(&group), [ServerState::Ready; 2]);
    group.close().await.unwrap();
    // The table already has the route.
    open(&group).await.call_tool("two_t").await.unwrap();
    assert_eq!(states(&group), [ServerState::Idle, ServerState::Ready]);
}

#[tokio::test]
async fn roots_changes_are_forwarded_to_legacy_servers() {
    let old = Peer::legacy(json!({ "tools": {} }), |_, _| Reply::Nothing);
    let group =
        Group::builder().backend(Backend::new("old", old.clone())).backend(backend("a")).build();
    let session = open_legacy(&group).await;
    session.notify("notifications/roots/list_changed", &json!({})).await.unwrap();
    until(|| old.asked("notifications/roots/list_changed").len() == 1).await;
    assert_eq!(old.asked("notifications/initialized").len(), 1);
}

#[tokio::test]
async fn rules_apply_to_a_server_that_is_added_again() {
    let group = two();
    let session = open(&group).await;
    assert!(session.call_tool("news_echo").arg("text", "x").await.is_ok());
    assert!(group.remove("news").await);
    let mut rules = mcp_group::ToolRules::default();
    rules.exclude = ["echo".to_owned()].into();
    group.add(backend("news").tools(rules)).await.unwrap();
    let error = session.call_tool("news_echo").arg("text", "x").await.unwrap_err();
    assert_eq!(error.answer().unwrap().code, -32602);
    assert!(session.call_tool("news_count").await.is_ok());
}
