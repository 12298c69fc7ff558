use mcp_core::{Message, Notification, ProtocolVersion, Request};
use mcp_server::{Context, Server};
use mcp_transport::{OneWay, Transport};
use serde_json::{Value, json};

use crate::fixture::{bookshop, connect, initialized, meta};

const ALL: [&str; 5] = ["2026-07-28", "2025-11-25", "2025-06-18", "2025-03-26", "2024-11-05"];

#[tokio::test]
async fn discover_tells_everything() {
    let server = bookshop().build();
    let result = connect(&server).await.result("server/discover", json!({})).await;
    assert_eq!(
        result,
        json!({
            "supportedVersions": ["2026-07-28"],
            "capabilities": {
                "tools": {}, "prompts": {}, "resources": {}, "completions": {}, "logging": {},
            },
            "instructions": "Search first.",
            "ttlMs": 0,
            "cacheScope": "private",
            "resultType": "complete",
            "_meta": {
                "io.modelcontextprotocol/serverInfo": {"name": "Bookshop", "version": "1.0"}
            },
        })
    );
}

#[tokio::test]
async fn initialize_negotiates_a_revision() {
    let server = bookshop().build();
    for (asked, agreed) in [
        ("2025-11-25", "2025-11-25"),
        ("2025-06-18", "2025-06-18"),
        ("2025-03-26", "2025-03-26"),
        ("2024-11-05", "2024-11-05"),
        ("1999-01-01", "2025-11-25"),
        ("2026-07-28", "2025-11-25"),
    ] {
        let client = connect(&server).await;
        let params = json!({
            "protocolVersion": asked,
            "capabilities": {},
            "clientInfo": {"name": "test", "version": "0"},
        });
        let result = client.result("initialize", params).await;
        assert_eq!(result["protocolVersion"], agreed);
        assert_eq!(result["serverInfo"], json!({"name": "Bookshop", "version": "1.0"}));
        assert_eq!(result["instructions"], "Search first.");
        assert_eq!(result["capabilities"]["tools"], json!({}));
        assert!(result.get("resultType").is_none() && result.get("_meta").is_none());
    }
    let client = connect(&server).await;
    assert_eq!(
        client.error("initialize", json!({"protocolVersion": "2025-11-25"})).await.0,
        -32602
    );
}

#[tokio::test]
async fn a_modern_request_needs_its_meta() {
    let server = bookshop().build();
    let client = connect(&server).await;
    let version = "io.modelcontextprotocol/protocolVersion";
    let capabilities = "io.modelcontextprotocol/clientCapabilities";
    for (meta, named) in [
        (json!({}), version),
        (json!({capabilities: {}}), version),
        (json!({version: "2026-07-28"}), capabilities),
        (json!({version: "2026-07-28", capabilities: []}), capabilities),
    ] {
        let (code, error) = client.error("tools/list", json!({"_meta": meta})).await;
        assert_eq!(code, -32602);
        let text = error["message"].as_str().unwrap();
        assert!(text.contains(named), "{text}");
    }
    // Also without any parameters.
    let request = Request::new(1, "tools/list");
    let response =
        client.transport.request(request.into()).await.unwrap().response().await.unwrap();
    assert_eq!(response.outcome.unwrap_err().code, -32602);
}

#[tokio::test]
async fn an_unknown_revision_gets_the_supported_ones() {
    let client = connect(&bookshop().build()).await;
    // Older revisions cannot be requested this way.
    for requested in ["2099-01-01", "2025-11-25", ""] {
        let mut meta = meta();
        meta["io.modelcontextprotocol/protocolVersion"] = json!(requested);
        let (code, error) = client.error("server/discover", json!({"_meta": meta})).await;
        assert_eq!(code, -32022);
        assert_eq!(error["data"], json!({"supported": ALL, "requested": requested}));
    }
}

#[tokio::test]
async fn each_era_has_its_own_methods() {
    let server = bookshop().build();
    let modern = connect(&server).await;
    let legacy = initialized(&server, "2025-11-25").await;
    for method in ["ping", "logging/setLevel", "resources/subscribe", "no/such"] {
        assert_eq!(modern.error(method, json!({"level": "info"})).await.0, -32601, "{method}");
    }
    for method in ["server/discover", "subscriptions/listen", "resources/subscribe", "no/such"] {
        assert_eq!(legacy.error(method, json!({"notifications": {}})).await.0, -32601, "{method}");
    }
    assert_eq!(legacy.result("ping", json!({})).await, json!({}));
    // Capabilities are declared only for what was added.
    let bare = Server::builder("bare").build();
    let client = connect(&bare).await;
    for method in
        ["tools/list", "tools/call", "prompts/list", "resources/read", "completion/complete"]
    {
        assert_eq!(client.error(method, json!({})).await.0, -32601, "{method}");
    }
    let discovered = client.result("server/discover", json!({})).await;
    assert_eq!(discovered["capabilities"], json!({"logging": {}}));
    assert!(discovered.get("instructions").is_none());
}

#[tokio::test]
async fn both_eras_are_served_at_once() {
    let server = bookshop().build();
    let client = initialized(&server, "2025-06-18").await;
    let initialized = OneWay::from(Notification::new("notifications/initialized"));
    client.transport.send(initialized.into()).await.unwrap();
    let legacy = client.result("tools/list", json!({})).await;
    assert!(legacy.get("resultType").is_none());
    let modern = client.result("tools/list", json!({"_meta": meta()})).await;
    assert_eq!(modern["resultType"], "complete");
    assert_eq!(
        modern["tools"].as_array().unwrap().len(),
        legacy["tools"].as_array().unwrap().len()
    );
}

#[tokio::test]
async fn only_ping_is_allowed_before_initialize() {
    let server = bookshop().build();
    let client = connect(&server).await;
    let ask = async |method: &'static str| {
        let request = Request::new(1, method).into();
        client.transport.request(request).await.unwrap().response().await.unwrap().outcome
    };
    assert_eq!(ask("ping").await.unwrap().as_bytes(), b"{}");
    assert_eq!(ask("tools/list").await.unwrap_err().code, -32602);
}

#[tokio::test]
async fn a_server_of_one_era_refuses_the_other() {
    let legacy = bookshop().protocol_versions([ProtocolVersion::V2025_06_18]).build();
    let client = connect(&legacy).await;
    assert_eq!(client.error("server/discover", json!({})).await.0, -32600);
    let client = initialized(&legacy, "2025-11-25").await;
    assert_eq!(client.error("server/discover", json!({})).await.0, -32601);
    // A `_meta` of the modern era is ignored.
    let listed = client.result("tools/list", json!({"_meta": meta()})).await;
    assert!(listed.get("resultType").is_none());

    let modern = bookshop().protocol_versions([ProtocolVersion::V2026_07_28]).build();
    let params = json!({
        "protocolVersion": "2025-11-25",
        "capabilities": {},
        "clientInfo": {"name": "test", "version": "0"},
    });
    let (code, error) = connect(&modern).await.error("initialize", params).await;
    assert_eq!(code, -32022);
    assert_eq!(error["data"]["supported"], json!(["2026-07-28"]));
}

#[tokio::test]
async fn log_messages_have_the_requested_level() {
    let server = bookshop().build();
    let call = json!({"name": "log"});
    let levels = |messages: Vec<Value>| -> Vec<Value> {
        messages.iter().map(|message| message["params"]["level"].clone()).collect()
    };

    let modern = connect(&server).await;
    assert_eq!(modern.exchange("tools/call", call.clone()).await.0, Vec::<Value>::new());
    for (level, expected) in [("debug", json!(["debug", "error"])), ("alert", json!([]))] {
        let mut params = call.clone();
        params["_meta"] = meta();
        params["_meta"]["io.modelcontextprotocol/logLevel"] = json!(level);
        let (messages, _) = modern.exchange("tools/call", params).await;
        assert_eq!(Value::from(levels(messages)), expected);
    }
    let mut params = call.clone();
    params["_meta"] = meta();
    params["_meta"]["io.modelcontextprotocol/logLevel"] = json!("loud");
    assert_eq!(modern.error("tools/call", params).await.0, -32602);

    let (legacy, other) =
        (initialized(&server, "2025-11-25").await, initialized(&server, "2025-11-25").await);
    let logged = legacy.exchange("tools/call", call.clone()).await.0;
    assert_eq!(logged[0]["params"], json!({"level": "error", "data": {"broken": true}}));
    assert_eq!(legacy.result("logging/setLevel", json!({"level": "debug"})).await, json!({}));
    assert_eq!(levels(legacy.exchange("tools/call", call.clone()).await.0), ["debug", "error"]);
    assert_eq!(levels(other.exchange("tools/call", call.clone()).await.0), ["error"]);
    assert_eq!(legacy.error("logging/setLevel", json!({"level": "loud"})).await.0, -32602);
}

#[tokio::test]
async fn the_context_knows_the_request_and_the_client() {
    let server = Server::builder("s")
        .tool("who", "", |_: (), cx: Context| async move {
            let can_list_roots = cx.client_capabilities().roots.is_some();
            let mine = cx.meta().get("com.example/mine").cloned();
            format!("{} {} {can_list_roots} {mine:?}", cx.request_id(), cx.protocol_version())
        })
        .build();
    let text = async |client: &crate::fixture::Client, meta: Value| {
        let result = client.result("tools/call", json!({"name": "who", "_meta": meta})).await;
        result["content"][0]["text"].as_str().unwrap().to_owned()
    };
    let mut meta = meta();
    meta["com.example/mine"] = json!(1);
    let modern = connect(&server).await;
    assert_eq!(text(&modern, meta.clone()).await, "7 2026-07-28 false Some(Number(1))");
    meta["io.modelcontextprotocol/clientCapabilities"] = json!({"roots": {}});
    assert_eq!(text(&modern, meta).await, "7 2026-07-28 true Some(Number(1))");
    let legacy = initialized(&server, "2025-03-26").await;
    assert_eq!(text(&legacy, json!({})).await, "7 2025-03-26 true None");
}

#[tokio::test]
async fn a_subscription_is_acknowledged_and_stays_open() {
    let client = connect(&bookshop().build()).await;
    let params = json!({"_meta": meta(), "notifications": {"toolsListChanged": true}});
    let mut exchange = client.open("listen-1", "subscriptions/listen", &params).await;
    let Message::Notification(first) = exchange.next().await.unwrap().unwrap() else { panic!() };
    assert_eq!(first.method, "notifications/subscriptions/acknowledged");
    let params: Value = first.params.unwrap().decode().unwrap();
    assert_eq!(
        params,
        json!({
            "notifications": {},
            "_meta": {"io.modelcontextprotocol/subscriptionId": "listen-1"},
        })
    );
    let waited = tokio::time::timeout(std::time::Duration::from_millis(20), exchange.next()).await;
    assert!(waited.is_err());
    // Other requests are still answered.
    client.result("tools/list", json!({})).await;
    assert_eq!(client.error("subscriptions/listen", json!({})).await.0, -32602);
}
