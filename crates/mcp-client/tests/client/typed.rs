//! Every typed call, in both eras.

use futures_util::{StreamExt, TryStreamExt};
use mcp_client::{
    Client, EraPolicy, ErrorKind, Session, Verdict,
    types::{
        CompleteRequestParams, CompletionArgument, CompletionReference, Era, PromptReference,
        ProtocolVersion,
    },
};
use serde_json::{Value, json};

use mcp_testkit::scripted::{Peer, Reply};
use mcp_transport::Binding;

use crate::bookshop::bookshop;

async fn sessions() -> [Session; 2] {
    let client = Client::new(bookshop()).unwrap();
    let modern = client.connect().await.unwrap();
    let legacy = client.era(EraPolicy::Legacy).connect().await.unwrap();
    assert_eq!((modern.era(), legacy.era()), (Era::Modern, Era::Legacy));
    [modern, legacy]
}

#[tokio::test]
async fn lists_whole_by_page_and_as_streams() {
    for session in sessions().await {
        let tools = session.list_tools().await.unwrap();
        assert_eq!(tools.len(), 2);
        let streamed: Vec<_> = session.list_tools().stream().try_collect().await.unwrap();
        assert_eq!(streamed, tools);
        let page = session.list_tools().page(None).await.unwrap();
        assert_eq!(page.tools.len(), 1);
        let rest = session.list_tools().page(page.next_cursor.as_deref()).await.unwrap();
        assert_eq!((&rest.tools[0], rest.next_cursor), (&tools[1], None));

        let mut resources = session.list_resources().stream();
        assert_eq!(resources.next().await.unwrap().unwrap().uri, "shop://hours");
        assert_eq!(resources.next().await.unwrap().unwrap().uri, "shop://logo");
        assert!(resources.next().await.is_none());
        let templates = session.list_resource_templates().await.unwrap();
        assert_eq!(templates[0].uri_template, "shop://books/{title}");
        assert_eq!(session.list_prompts().await.unwrap()[0].name, "recommend");
    }
}

#[tokio::test]
async fn resources_prompts_and_completions() {
    for session in sessions().await {
        let hours = session.read_resource("shop://hours").await.unwrap();
        assert_eq!(json!(hours)["contents"][0]["text"], "9 to 5");
        let logo = session.read_resource("shop://logo").await.unwrap();
        assert_eq!(json!(logo)["contents"][0]["blob"], "AP8=");
        let book = session.read_resource("shop://books/Dune").await.unwrap();
        assert_eq!(json!(book)["contents"][0]["text"], "<Dune>");
        let missing = session.read_resource("shop://missing").await.unwrap_err();
        assert_eq!(missing.kind(), ErrorKind::Answer);
        assert_eq!(missing.method(), Some("resources/read"));

        for call in [
            session.get_prompt("recommend").arg("taste", "sand"),
            session.get_prompt("recommend").args(json!({ "taste": "sand" })),
        ] {
            let prompt = json!(call.await.unwrap());
            assert_eq!(prompt["messages"][0]["content"]["text"], "A book about sand");
        }

        let reference = CompletionReference::Prompt(PromptReference::new("recommend"));
        let params = CompleteRequestParams::new(reference, CompletionArgument::new("taste", "d"));
        let completion = session.complete(&params).await.unwrap();
        assert_eq!(json!(completion)["completion"]["values"], json!(["dune"]));
    }
}

#[tokio::test]
async fn raw_requests_pings_and_unknown_methods() {
    let [modern, legacy] = sessions().await;
    for session in [&modern, &legacy] {
        let params = json!({ "name": "search", "arguments": { "query": "sand" } });
        let raw: Value = session.request("tools/call", &params).await.unwrap().decode().unwrap();
        assert_eq!(raw["content"][0]["text"], "nothing about sand");
        let unknown = session.request("x/unknown", &()).await.unwrap_err();
        assert_eq!(unknown.answer().unwrap().code, -32601);
        let text = unknown.to_string();
        assert!(text.starts_with("Bookshop in this process: x/unknown: "), "{text}");
        session.notify("notifications/roots/list_changed", &()).await.unwrap();
        let wrong = session.call_tool("search").arg("query", 7).await.unwrap();
        assert!(wrong.into_result().is_err());
    }
    legacy.ping().await.unwrap();
    modern.ping().await.unwrap();
}

#[tokio::test]
async fn a_verdict_is_stored_and_given_back() {
    let client = Client::new(bookshop()).unwrap().name("shop");
    let first = client.connect().await.unwrap();
    let stored = serde_json::to_string(first.verdict()).unwrap();
    let verdict: Verdict = serde_json::from_str(&stored).unwrap();
    let second = client.clone().prior_discover(verdict).connect().await.unwrap();
    assert_eq!(second.verdict(), first.verdict());
    assert_eq!(second.protocol_version(), ProtocolVersion::LATEST_MODERN);
    assert_eq!(second.server_info().unwrap().name, "Bookshop");
    assert_eq!(second.instructions(), Some("Search first."));
    assert!(second.capabilities().prompts.is_some());
    assert_eq!(second.name(), "shop");
    assert_eq!(second.list_tools().await.unwrap().len(), 2);
}

#[tokio::test]
async fn a_verdict_that_no_longer_holds_costs_no_call_and_is_replaced() {
    let old = Peer::legacy(json!({ "tools": {} }), |_, message| {
        match message["params"]["_meta"].is_object() {
            true => Reply::error(message, -32000, "not initialized"),
            false => Reply::result(message, json!({ "tools": [] })),
        }
    });
    let old = old.bound(Binding::StreamableHttp);
    let mut stale = Verdict::new(ProtocolVersion::LATEST_MODERN);
    stale.binding = Some(Binding::StreamableHttp);
    let client = Client::new(old.clone()).unwrap().prior_discover(stale);
    let session = client.connect().await.unwrap();
    assert!(session.list_tools().await.unwrap().is_empty());
    assert_eq!(session.era(), Era::Legacy);
    assert_eq!(client.verdict().as_ref(), Some(session.verdict()));
    // The next session uses the stored verdict.
    let before = old.methods().len();
    let next = client.connect().await.unwrap();
    assert!(next.list_tools().await.unwrap().is_empty());
    assert_eq!(old.methods()[before..], ["initialize", "notifications/initialized", "tools/list"]);
}
