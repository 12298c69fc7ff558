use mcp_group::{Backend, Group};
use mcp_session::{ErrorKind, Session, SessionOptions, extension::Extension};
use mcp_testkit::scripted::{Peer, Reply};
use mcp_transport_memory::Memory;
use serde_json::{Value, json};

use crate::fixture::{backend, names, old_backend, open, open_legacy};

#[tokio::test]
async fn a_single_server_is_passed_through() {
    for server in [backend("only"), old_backend("only")] {
        let group = Group::builder().backend(server).build();
        for session in [open(&group).await, open_legacy(&group).await] {
            assert_eq!(session.server_info().unwrap().name, "only");
            assert_eq!(session.instructions(), Some("Ask only nicely."));
            assert_eq!(session.capabilities().tools.as_ref().unwrap().list_changed, None);
            assert_eq!(names(&session).await, ["echo", "count"]);
            assert_eq!(session.list_resources().await.unwrap()[0].uri, "only://hours");
            let text = session.call_tool("echo").arg("text", "x").await.unwrap().text();
            assert_eq!(text, "only: x");
            let read = session.read_resource("only://books/1").await.unwrap();
            assert_eq!(read.contents[0].uri(), "only://books/1");
            assert!(session.get_prompt("recommend").arg("text", "x").await.is_ok());
            let error = session.call_tool("nothing").await.unwrap_err();
            assert!(error.answer().unwrap().message.starts_with("unknown tool"), "{error}");
        }
    }
}

#[tokio::test]
async fn results_and_custom_methods_are_passed_through() {
    let peer =
        Peer::modern(json!({ "tools": {} }), |_, message| match message["method"].as_str() {
            Some("tools/call") => Reply::result(
                message,
                json!({
                    "resultType": "complete",
                    "content": [{ "type": "resource_link", "uri": "x://1", "name": "n" }],
                    "more": 1,
                }),
            ),
            Some("shop/open") => Reply::result(
                message,
                json!({ "resultType": "complete", "at": message["params"]["at"] }),
            ),
            _ => Reply::error(message, -32601, "what?"),
        });
    let group = Group::builder().backend(Backend::new("p", peer.clone())).build();
    let session = open(&group).await;
    // A call to the only server needs no list.
    let called = session.request("tools/call", &json!({ "name": "any" })).await.unwrap();
    let called: Value = called.decode().unwrap();
    assert_eq!((&called["content"][0]["uri"], &called["more"]), (&json!("x://1"), &json!(1)));
    assert_eq!(peer.asked("tools/list").len(), 0);
    let opened = session.request("shop/open", &json!({ "at": 9 })).await.unwrap();
    assert_eq!(opened.decode::<Value>().unwrap()["at"], 9);
    let error = session.request("shop/close", &json!({})).await.unwrap_err();
    assert_eq!(error.answer().unwrap().message, "what?");
    let error = session.list_tools().await.unwrap_err();
    assert_eq!(error.answer().unwrap().code, -32601);
}

#[tokio::test]
async fn opening_fails_with_the_error_of_the_server() {
    let refused = Peer::modern(json!({}), |_, _| Reply::Nothing);
    refused.refuse(1);
    let rude = Peer::new(|_, message| Reply::error(message, -32603, "not today"));
    for (peer, text) in [(refused, "connection refused"), (rude, "not today")] {
        let group = Group::builder().backend(Backend::new("p", peer)).build();
        let opening = Session::open(Memory::new(group), Some("group"), SessionOptions::default());
        let error = opening.await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Connect, "{error}");
        let message = error.to_string();
        assert!(
            message.contains("server \"p\" does not start") && message.contains(text),
            "{message}"
        );
    }
}

/// The extensions declared to servers of a group, alone and among others.
#[tokio::test]
async fn extensions_are_not_declared_to_the_servers_of_a_group() {
    struct Later;

    impl Extension for Later {
        fn id(&self) -> &str {
            "com.example/later"
        }
    }

    let mut options = SessionOptions::default();
    options.extensions.push(std::sync::Arc::new(Later));
    for others in 0..2 {
        let peer =
            Peer::modern(json!({ "tools": {} }), |_, message| Reply::tools(message, &["buy"]));
        let mut group = Group::builder();
        group = group.backend(Backend::new("shop", peer.clone()).options(options.clone()));
        if others > 0 {
            group = group.backend(backend("other").options(options.clone()));
        }
        let memory = Memory::new(group.build());
        let session = Session::open(memory, None, options.clone()).await.unwrap();
        session.list_tools().await.unwrap();
        assert!(peer.asked("tools/list").len() == 1);
        for message in peer.received() {
            let declared =
                &message["params"]["_meta"]["io.modelcontextprotocol/clientCapabilities"];
            assert!(declared.is_object() && declared["extensions"].is_null(), "{message}");
        }
    }
}
