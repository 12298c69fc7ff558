//! Clients that send raw JSON-RPC, in either era.

use mcp_core::{Message, ProtocolVersion, RawJson, Request};
use mcp_group::Group;
use mcp_transport::{Connect, Envelope, Transport};
use mcp_transport_memory::Memory;
use serde_json::{Value, json};

use crate::fixture::two;

struct Client {
    transport: <Memory<Group> as Connect>::Transport,
    version: Option<ProtocolVersion>,
}

impl Client {
    async fn new(group: &Group) -> Self {
        let connection = Memory::new(group.clone()).connect().await.unwrap();
        Self { transport: connection.transport, version: None }
    }

    /// The result, or the error code.
    async fn ask(&self, method: &'static str, params: Value) -> Result<Value, i64> {
        let params = RawJson::from_serialize(&params).unwrap();
        let request = Envelope::new(Request::new("x", method).with_params(params));
        let exchange = self.transport.request(request.with_version(self.version)).await.unwrap();
        let outcome = exchange.response().await.unwrap().outcome;
        outcome.map(|result| result.decode().unwrap()).map_err(|error| error.code)
    }
}

#[tokio::test]
async fn a_modern_request_names_its_revision() {
    let client = Client::new(&two()).await;
    let meta = |version: &str| {
        json!({
            "io.modelcontextprotocol/protocolVersion": version,
            "io.modelcontextprotocol/clientCapabilities": {},
        })
    };
    let ask = async |method, meta: Value| client.ask(method, json!({ "_meta": meta })).await;
    let found = ask("server/discover", meta("2026-07-28")).await.unwrap();
    assert_eq!(found["supportedVersions"], json!(["2026-07-28"]));
    assert_eq!((&found["resultType"], &found["ttlMs"]), (&json!("complete"), &json!(0)));
    assert_eq!(ask("server/discover", meta("2027-01-01")).await, Err(-32022));
    assert_eq!(ask("server/discover", meta("2025-06-18")).await, Err(-32022));
    assert_eq!(ask("tools/list", json!({})).await, Err(-32602));
    let mut without = meta("2026-07-28");
    without.as_object_mut().unwrap().remove("io.modelcontextprotocol/clientCapabilities");
    assert_eq!(ask("tools/list", without).await, Err(-32602));
    let mut loud = meta("2026-07-28");
    loud["io.modelcontextprotocol/logLevel"] = "loud".into();
    assert_eq!(ask("tools/list", loud).await, Err(-32602));
    for gone in ["ping", "logging/setLevel", "resources/subscribe"] {
        assert_eq!(ask(gone, meta("2026-07-28")).await, Err(-32601), "{gone}");
    }
}

#[tokio::test]
async fn a_legacy_connection_starts_with_initialize() {
    let group = two();
    for (asked, answered) in [
        ("2024-11-05", "2024-11-05"),
        ("2025-03-26", "2025-03-26"),
        ("2025-11-25", "2025-11-25"),
        ("2026-07-28", "2025-11-25"),
        ("1999-01-01", "2025-11-25"),
    ] {
        let client = Client::new(&group).await;
        assert!(client.ask("ping", json!({})).await.is_ok());
        assert_eq!(client.ask("tools/list", json!({})).await, Err(-32602));
        let params = json!({
            "protocolVersion": asked,
            "capabilities": {},
            "clientInfo": { "name": "test", "version": "0" },
        });
        let result = client.ask("initialize", params).await.unwrap();
        assert_eq!(result["protocolVersion"], answered);
        assert_eq!(result["serverInfo"]["name"], "mcp-group");
        let listed = client.ask("tools/list", json!({})).await.unwrap();
        assert_eq!(listed["tools"].as_array().unwrap().len(), 4);
        assert_eq!(listed.get("ttlMs"), None);
        for later in ["server/discover", "subscriptions/listen"] {
            assert_eq!(client.ask(later, json!({ "notifications": {} })).await, Err(-32601));
        }
    }
}

#[tokio::test]
async fn an_exchange_has_only_requested_log_messages() {
    let client = Client::new(&two()).await;
    for (level, count) in [(None, 0), (Some("info"), 3)] {
        let mut meta = json!({
            "io.modelcontextprotocol/protocolVersion": "2026-07-28",
            "io.modelcontextprotocol/clientCapabilities": {},
        });
        if let Some(level) = level {
            meta["io.modelcontextprotocol/logLevel"] = level.into();
        }
        let params = RawJson::from_serialize(&json!({ "name": "news_count", "_meta": meta }));
        let request = Request::new(1, "tools/call").with_params(params.unwrap());
        let mut exchange = client.transport.request(Envelope::new(request)).await.unwrap();
        let mut messages = 0;
        while let Message::Notification(notification) = exchange.next().await.unwrap().unwrap() {
            assert_eq!(notification.method, "notifications/message");
            messages += 1;
        }
        assert_eq!(messages, count, "{level:?}");
    }
}
