use std::{
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use mcp_group::{Backend, Group, ItemKind};
use mcp_server::Server;
use mcp_session::ErrorKind;
use mcp_testkit::scripted::{Peer, Reply, notification};
use mcp_transport_memory::Memory;
use serde_json::json;

use crate::fixture::{backend, names, old_backend, open, open_legacy, two, until};

#[tokio::test]
async fn lists_are_merged_in_the_order_of_the_servers() {
    let group = two();
    for session in [open(&group).await, open_legacy(&group).await] {
        assert_eq!(
            names(&session).await,
            ["weather_echo", "weather_count", "news_echo", "news_count"]
        );
        let prompts = session.list_prompts().await.unwrap();
        let prompts: Vec<_> = prompts.iter().map(|prompt| prompt.name.as_str()).collect();
        assert_eq!(prompts, ["weather_recommend", "news_recommend"]);
        let resources = session.list_resources().await.unwrap();
        let uris: Vec<_> = resources.iter().map(|resource| resource.uri.as_str()).collect();
        assert_eq!(uris, ["weather://weather/hours", "news://news/hours"]);
        let templates = session.list_resource_templates().await.unwrap();
        let uris: Vec<_> = templates.iter().map(|it| it.uri_template.as_str()).collect();
        assert_eq!(uris, ["weather://weather/books/{title}", "news://news/books/{title}"]);
    }
    let origin = group.route(ItemKind::Tool, "news_echo").unwrap();
    assert_eq!((&*origin.server, origin.name.as_str()), ("news", "echo"));
    assert_eq!(group.route(ItemKind::Tool, "echo"), None);
    let origin = group.route(ItemKind::Resource, "news://news/hours").unwrap();
    assert_eq!((&*origin.server, origin.name.as_str()), ("news", "news://hours"));
}

#[tokio::test]
async fn a_group_merges_instructions_and_capabilities() {
    let session = open(&two()).await;
    assert_eq!(session.server_info().unwrap().name, "mcp-group");
    assert_eq!(
        session.instructions().unwrap(),
        "## weather\n\nAsk weather nicely.\n\n## news\n\nAsk news nicely."
    );
    let capabilities = session.capabilities();
    assert_eq!(capabilities.tools.as_ref().unwrap().list_changed, Some(true));
    assert!(capabilities.completions.is_some() && capabilities.logging.is_some());
    assert_eq!(capabilities.resources.as_ref().unwrap().subscribe, None);
}

#[tokio::test]
async fn long_lists_have_pages() {
    let many = |name: &'static str| {
        let page = std::num::NonZeroUsize::new(70).unwrap();
        let mut server = Server::builder(name).page_size(page);
        for n in 0..900 {
            server = server.tool(format!("t{n}"), "", |_: ()| async {});
        }
        Backend::new(name, Memory::new(server.build()))
    };
    let session = open(&Group::builder().backend(many("a")).backend(many("b")).build()).await;
    let first = session.list_tools().page(None).await.unwrap();
    assert_eq!(first.tools.len(), 1000);
    let cursor = first.next_cursor.unwrap();
    let second = session.list_tools().page(Some(&cursor)).await.unwrap();
    assert_eq!((second.tools.len(), second.next_cursor), (800, None));
    assert_eq!(second.tools[0].name, "b_t100");
    assert_eq!(names(&session).await.len(), 1800);
    for wrong in ["", "5", "after:", "after:a_nothing"] {
        let error = session.list_tools().page(Some(wrong)).await.unwrap_err();
        assert_eq!(error.answer().unwrap().code, -32602, "{wrong:?}");
    }
}

#[tokio::test]
async fn a_collision_is_reported_and_calls_are_routed() {
    let of = |name: &'static str, tool: &'static str| {
        let server = Server::builder(name)
            .tool(tool, "", move |_: ()| async move { format!("{name}/{tool}") });
        Backend::new(name, Memory::new(server.build()))
    };
    let group =
        Group::builder().backend(of("weather", "x_ping")).backend(of("weather_x", "ping")).build();
    let session = open(&group).await;
    for _ in 0..2 {
        assert_eq!(names(&session).await, ["weather_x_ping", "weather_x_ping_2"]);
        let call = async |name: &str| session.call_tool(name).await.unwrap().text();
        assert_eq!(call("weather_x_ping").await, "weather/x_ping");
        assert_eq!(call("weather_x_ping_2").await, "weather_x/ping");
    }
    let collisions = group.collisions();
    assert_eq!(collisions.len(), 1, "{collisions:?}");
    assert_eq!(collisions[0].name, "weather_x_ping");
    assert_eq!(&*collisions[0].renamed.server, "weather_x");
}

#[tokio::test]
async fn names_can_be_unchanged_or_custom() {
    let group = Group::builder()
        .backend(backend("a"))
        .backend(old_backend("b"))
        .name_as_prefix(false)
        .build();
    let session = open(&group).await;
    assert_eq!(names(&session).await, ["echo", "count", "echo_2", "count_2"]);
    let text = session.call_tool("echo_2").arg("text", "x").await.unwrap().text();
    assert_eq!(text, "b: x");
    for (uri, text) in [("a://hours", "a 9 to 5"), ("b://hours", "b 9 to 5"), ("b://books/x", "x")]
    {
        let read = session.read_resource(uri).await.unwrap();
        assert_eq!((read.contents[0].as_text().unwrap(), read.contents[0].uri()), (text, uri));
    }
    let error = session.read_resource("c://hours").await.unwrap_err();
    assert_eq!(error.answer().unwrap().code, -32602);

    let group = Group::builder()
        .backend(backend("a"))
        .naming(|server, name| format!("{name}.of.{server}"))
        .build();
    let session = open(&group).await;
    assert_eq!(names(&session).await, ["echo.of.a", "count.of.a"]);
    assert!(session.read_resource("a://a/hours").await.is_ok());
}

#[tokio::test]
async fn servers_are_asked_only_for_their_capabilities() {
    let peer =
        Peer::modern(json!({ "tools": {} }), |_, message| match message["method"].as_str() {
            // A duplicate in one list is one tool.
            Some("tools/list") => Reply::tools(message, &["t", "t"]),
            method => panic!("{method:?}"),
        });
    let group =
        Group::builder().backend(Backend::new("p", peer.clone())).backend(backend("a")).build();
    let session = open(&group).await;
    assert_eq!(names(&session).await, ["p_t", "a_echo", "a_count"]);
    assert_eq!(session.list_prompts().await.unwrap().len(), 1);
    assert_eq!(session.list_resources().await.unwrap().len(), 1);
}

#[tokio::test]
async fn a_merged_list_has_the_shortest_ttl() {
    let listed = |ttl: u32, scope: &'static str| {
        Peer::modern(json!({ "tools": {} }), move |_, message| match message["method"].as_str() {
            Some("tools/list") => Reply::result(
                message,
                json!({ "resultType": "complete", "tools": [], "ttlMs": ttl, "cacheScope": scope }),
            ),
            method => panic!("{method:?}"),
        })
    };
    for (one, two, ttl, scope) in [
        ((7000, "public"), (5000, "public"), 5000, "public"),
        ((7000, "public"), (9000, "private"), 7000, "private"),
    ] {
        let group = Group::builder()
            .backend(Backend::new("a", listed(one.0, one.1)))
            .backend(Backend::new("b", listed(two.0, two.1)))
            .build();
        let page = open(&group).await.list_tools().page(None).await.unwrap();
        assert_eq!(page.ttl_ms, Some(ttl));
        assert_eq!(page.cache_scope.unwrap().as_str(), scope);
    }
}

#[tokio::test(start_paused = true)]
async fn a_server_that_fails_to_list_keeps_its_previous_list() {
    let answers = std::sync::atomic::AtomicU32::new(0);
    let peer = Peer::modern(json!({ "tools": {} }), move |_, message| {
        match (
            message["method"].as_str(),
            answers.fetch_add(1, std::sync::atomic::Ordering::SeqCst),
        ) {
            (Some("tools/list"), 0) => Reply::tools(message, &["t"]),
            (Some("tools/list"), 1) => Reply::error(message, -32603, "broken"),
            (Some("tools/list"), _) => Reply::Nothing,
            method => panic!("{method:?}"),
        }
    });
    let group =
        Group::builder().backend(Backend::new("p", peer.clone())).backend(backend("a")).build();
    let session = open(&group).await;
    for _ in 0..3 {
        assert_eq!(names(&session).await, ["p_t", "a_echo", "a_count"]);
    }
    assert_eq!(peer.asked("tools/list").len(), 3);
    assert!(group.status()[0].last_error.as_ref().unwrap().to_string().contains("no list within"));
}

#[tokio::test]
async fn a_server_name_is_unique() {
    let group = Group::builder().backend(backend("a")).backend(old_backend("a")).build();
    let session = open(&group).await;
    assert_eq!(names(&session).await, ["a_echo", "a_count"]);
    let status = group.status();
    assert_eq!((&*status[1].name, status[1].state), ("a", mcp_group::ServerState::Failed));
    let error = status[1].last_error.as_ref().unwrap().to_string();
    assert!(error.contains("another server of the group has this name"), "{error}");
}

#[tokio::test(start_paused = true)]
async fn a_cached_list_is_read_again_after_a_change() {
    let lists = Arc::new(AtomicU32::new(0));
    let asked = Arc::clone(&lists);
    let capabilities = json!({ "tools": { "listChanged": true } });
    let peer = Peer::modern(capabilities, move |_, message| match message["method"].as_str() {
        Some("tools/list") => {
            let name = format!("t{}", asked.fetch_add(1, Ordering::SeqCst) + 1);
            let tool = json!({ "name": name, "inputSchema": { "type": "object" } });
            Reply::result(
                message,
                json!({
                    "resultType": "complete", "tools": [tool], "ttlMs": 60_000, "cacheScope": "public",
                }),
            )
        }
        Some("subscriptions/listen") => Reply::acknowledge(message),
        _ => Reply::Nothing,
    });
    let group =
        Group::builder().backend(Backend::new("p", peer.clone())).backend(backend("a")).build();
    // Bypasses the cache of the session with the group, which is not under test.
    let page = async || open(&group).await.list_tools().page(None).await.unwrap().tools;
    page().await;
    // With a listener, the previously cached list may be outdated.
    until(|| peer.asked("subscriptions/listen").len() == 1).await;
    tokio::time::sleep(Duration::from_secs(1)).await;
    page().await;
    let before = lists.load(Ordering::SeqCst);
    let name = format!("p_t{before}");
    for _ in 0..3 {
        assert_eq!(page().await[0].name, name);
    }
    assert_eq!(lists.load(Ordering::SeqCst), before, "the server was not asked again");
    let id = &peer.asked("subscriptions/listen")[0]["id"];
    let meta = json!({ "_meta": { "io.modelcontextprotocol/subscriptionId": id } });
    peer.say(notification("notifications/tools/list_changed", meta));
    until(|| lists.load(Ordering::SeqCst) == before + 1).await;
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(page().await[0].name, format!("p_t{}", before + 1));
    assert_eq!(lists.load(Ordering::SeqCst), before + 1, "one reading is enough");
}

#[tokio::test(start_paused = true)]
async fn an_endless_list_is_abandoned_and_the_previous_one_used() {
    let lists = Arc::new(AtomicU32::new(0));
    let listed = Arc::clone(&lists);
    let peer = Peer::modern(json!({ "tools": {} }), move |_, message| {
        let Some("tools/list") = message["method"].as_str() else { return Reply::Nothing };
        if listed.fetch_add(1, Ordering::SeqCst) == 0 {
            return Reply::tools(message, &["t"]);
        }
        let tool = json!({
            "name": "more",
            "description": "x".repeat(8 << 20),
            "inputSchema": { "type": "object" },
        });
        let cursor = message["id"].to_string();
        let page = json!({ "resultType": "complete", "tools": [tool], "nextCursor": cursor });
        Reply::result(message, page)
    });
    let group =
        Group::builder().backend(Backend::new("p", peer.clone())).backend(backend("a")).build();
    let session = open(&group).await;
    for _ in 0..2 {
        assert_eq!(names(&session).await, ["p_t", "a_echo", "a_count"]);
    }
    let error = group.status()[0].last_error.clone().unwrap();
    assert_eq!(error.kind(), ErrorKind::TooLarge);
    assert!(lists.load(Ordering::SeqCst) < 12);
}
