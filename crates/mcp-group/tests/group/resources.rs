use mcp_group::{Backend, Group};
use mcp_session::{CacheMode, SessionOptions};
use mcp_testkit::scripted::{Peer, Reply};
use mcp_transport::Binding;
use serde_json::{Value, json};

use crate::fixture::{backend, open, open_legacy, two};

#[tokio::test]
async fn a_uri_of_the_group_is_read_from_its_server() {
    let group = two();
    for session in [open(&group).await, open_legacy(&group).await] {
        for (uri, text) in [
            ("weather://weather/hours", "weather 9 to 5"),
            ("news://news/hours", "news 9 to 5"),
            ("news://news/books/Dune", "Dune"),
        ] {
            let read = session.read_resource(uri).await.unwrap();
            assert_eq!((read.contents[0].uri(), read.contents[0].as_text()), (uri, Some(text)));
        }
    }
}

#[tokio::test]
async fn every_kind_of_uri_reaches_its_server_unchanged() {
    let uris = ["file:///etc/x", "urn:isbn:1", "notes/1", "//host/x", "a://b?c#d", "1:2"];
    let peer = Peer::modern(json!({ "resources": {} }), move |_, message| match message["method"]
        .as_str()
    {
        Some("resources/list") => {
            let listed: Vec<Value> =
                uris.iter().map(|uri| json!({ "uri": uri, "name": "n" })).collect();
            Reply::result(message, json!({ "resultType": "complete", "resources": listed }))
        }
        Some("resources/read") => {
            let uri = &message["params"]["uri"];
            assert!(uris.iter().any(|known| uri == known), "{uri}");
            let contents = json!([{ "uri": uri, "text": uri }]);
            Reply::result(message, json!({ "resultType": "complete", "contents": contents }))
        }
        _ => Reply::Nothing,
    });
    let group =
        Group::builder().backend(Backend::new("my peer", peer)).backend(backend("a")).build();
    let session = open(&group).await;
    let listed = session.list_resources().await.unwrap();
    assert_eq!(listed.len(), uris.len() + 1);
    for (uri, listed) in uris.iter().zip(&listed) {
        assert!(listed.uri.contains("my%20peer/"), "{}", listed.uri);
        let read = session.read_resource(&listed.uri).await.unwrap();
        assert_eq!(read.contents[0].uri(), listed.uri);
        assert_eq!(read.contents[0].as_text(), Some(*uri));
    }
}

#[tokio::test]
async fn the_page_of_a_tool_is_read_from_its_server() {
    let peer = Peer::modern(json!({ "tools": {}, "resources": {} }), move |_, message| {
        match message["method"].as_str() {
            Some("tools/list") => {
                let meta = json!({ "ui": { "resourceUri": "ui://chart/page" } });
                let tool = json!({ "name": "chart", "inputSchema": {}, "_meta": meta });
                Reply::result(message, json!({ "resultType": "complete", "tools": [tool] }))
            }
            // Such a page need not be listed.
            Some("resources/list") => {
                Reply::result(message, json!({ "resultType": "complete", "resources": [] }))
            }
            Some("resources/read") => {
                let contents = json!([{ "uri": message["params"]["uri"], "text": "<p>" }]);
                Reply::result(message, json!({ "resultType": "complete", "contents": contents }))
            }
            _ => Reply::Nothing,
        }
    });
    let group =
        Group::builder().backend(Backend::new("charts", peer)).backend(backend("a")).build();
    let session = open(&group).await;
    let tools = session.list_tools().await.unwrap();
    let tool = tools.iter().find(|tool| tool.name == "charts_chart").unwrap();
    let uri = tool.meta.as_ref().unwrap()["ui"]["resourceUri"].as_str().unwrap();
    assert_eq!(uri, "ui://charts/chart/page");
    let read = session.read_resource(uri).await.unwrap();
    assert_eq!((read.contents[0].uri(), read.contents[0].as_text()), (uri, Some("<p>")));
}

#[tokio::test]
async fn cached_results_outlive_a_session_with_the_server() {
    let script = |name: &'static str, number: u32, message: &Value| {
        let text = format!("{name} {number}");
        let contents = json!([{ "uri": message["params"]["uri"], "text": text }]);
        match message["method"].as_str() {
            Some("resources/read") => Reply::result(
                message,
                json!({ "resultType": "complete", "ttlMs": 60_000, "contents": contents }),
            ),
            Some("resources/list") => {
                Reply::result(message, json!({ "resultType": "complete", "resources": [] }))
            }
            _ => Reply::Nothing,
        }
    };
    let peer = |name| {
        let answers = move |number, message: &Value| script(name, number, message);
        Peer::modern(json!({ "resources": {} }), answers).bound(Binding::StreamableHttp)
    };
    let (ann, bob) = (peer("ann"), peer("bob"));
    let options = SessionOptions::default();
    let member = |name, peer: &Peer| Backend::new(name, peer.clone()).options(options.clone());
    let group = Group::builder().backend(member("one", &ann)).backend(member("two", &bob)).build();
    let session = open(&group).await;
    let read = async |uri| {
        // This session has a cache too.
        let result = session.read_resource(uri).cache(CacheMode::Bypass).await.unwrap();
        result.contents[0].as_text().unwrap().to_owned()
    };
    assert_eq!([read("x://one/y").await, read("x://two/y").await], ["ann 0", "bob 0"]);
    group.restart("one").await.unwrap();
    assert_eq!([read("x://one/y").await, read("x://two/y").await], ["ann 0", "bob 0"]);
    assert_eq!((ann.connections(), ann.asked("resources/read").len()), (2, 1));
    // The same name and address, but another connector.
    group.remove("one").await;
    let eve = peer("eve");
    group.add(member("one", &eve)).await.unwrap();
    assert_eq!(read("x://one/y").await, "eve 0");
}

#[tokio::test]
async fn links_inside_results_are_uris_of_the_group() {
    let peer = Peer::modern(json!({ "tools": {}, "prompts": {} }), |_, message| {
        let link = json!({ "type": "resource_link", "uri": "x://1", "name": "n" });
        match message["method"].as_str() {
            Some("tools/list") => Reply::tools(message, &["t"]),
            Some("prompts/list") => {
                let prompts = json!([{ "name": "p" }]);
                Reply::result(message, json!({ "resultType": "complete", "prompts": prompts }))
            }
            Some("tools/call") => {
                Reply::result(message, json!({ "resultType": "complete", "content": [link] }))
            }
            Some("prompts/get") => {
                let messages = json!([{ "role": "user", "content": link }]);
                Reply::result(message, json!({ "resultType": "complete", "messages": messages }))
            }
            _ => Reply::Nothing,
        }
    });
    let group = Group::builder().backend(Backend::new("p", peer)).backend(backend("a")).build();
    let session = open(&group).await;
    let called = session.request("tools/call", &json!({ "name": "p_t" })).await.unwrap();
    let called: Value = called.decode().unwrap();
    assert_eq!(called["content"][0]["uri"], "x://p/1");
    let got = session.request("prompts/get", &json!({ "name": "p_p" })).await.unwrap();
    let got: Value = got.decode().unwrap();
    assert_eq!(got["messages"][0]["content"]["uri"], "x://p/1");
}

#[tokio::test]
async fn without_prefixes_an_ambiguous_uri_is_an_error() {
    let of = |templates: &'static [&'static str]| {
        Peer::modern(json!({ "resources": {} }), move |_, message| {
            match message["method"].as_str() {
                Some("resources/list") => {
                    Reply::result(message, json!({ "resultType": "complete", "resources": [] }))
                }
                Some("resources/templates/list") => {
                    let listed: Vec<Value> = templates
                        .iter()
                        .map(|template| json!({ "uriTemplate": template, "name": "n" }))
                        .collect();
                    Reply::result(
                        message,
                        json!({ "resultType": "complete", "resourceTemplates": listed }),
                    )
                }
                Some("resources/read") => {
                    let contents =
                        json!([{ "uri": message["params"]["uri"], "text": templates[0] }]);
                    Reply::result(
                        message,
                        json!({ "resultType": "complete", "contents": contents }),
                    )
                }
                _ => Reply::Nothing,
            }
        })
    };
    let group = Group::builder()
        .backend(Backend::new("a", of(&["x://{one}", "same://{id}", "y://a/{z}"])))
        .backend(Backend::new("b", of(&["y://{two}", "same://{key}"])))
        .name_as_prefix(false)
        .build();
    let session = open(&group).await;
    let read = async |uri: &str| {
        let read = session.read_resource(uri).await;
        read.map(|read| read.contents[0].as_text().unwrap().to_owned())
    };
    assert_eq!(read("x://1").await.unwrap(), "x://{one}");
    assert_eq!(read("y://1").await.unwrap(), "y://{two}");
    // The longer prefix wins.
    assert_eq!(read("y://a/1").await.unwrap(), "x://{one}");
    for uri in ["same://1", "z://1"] {
        assert_eq!(read(uri).await.unwrap_err().answer().unwrap().code, -32602, "{uri}");
    }
}
