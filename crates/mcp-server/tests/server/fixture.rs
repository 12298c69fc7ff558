//! A shop with one item of each kind, and a client that sends raw JSON.

use std::sync::atomic::{AtomicBool, Ordering};

use mcp_core::{
    CompleteRequestParams, ContentBlock, ErrorObject, LoggingLevel, Message, ProtocolVersion,
    RawJson, Request, RequestId, error_code,
};
use mcp_server::{Context, Json, JsonSchema, ReadRequest, Server, ServerBuilder};
use mcp_transport::{Connect, Connection, Envelope, Exchange, Transport};
use mcp_transport_memory::{Memory, MemoryTransport};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

#[derive(Deserialize, JsonSchema)]
pub(crate) struct Search {
    /// Words of the title.
    pub(crate) query: String,
    pub(crate) limit: Option<u32>,
}

#[derive(Serialize, JsonSchema)]
pub(crate) struct Found {
    pub(crate) titles: Vec<String>,
    pub(crate) price: f64,
}

#[derive(Deserialize, JsonSchema)]
pub(crate) struct Taste {
    pub(crate) taste: String,
}

pub(crate) fn bookshop() -> ServerBuilder {
    Server::builder("Bookshop")
        .version("1.0")
        .instructions("Search first.")
        .tool("search_books", "Search the catalog", |search: Search| async move {
            format!("{} ({})", search.query, search.limit.unwrap_or(10))
        })
        .tool("data", "As data", |_: ()| async {
            Json(Found { titles: vec!["Dune".into()], price: 9.5 })
        })
        .tool("list", "Data that is no object", |_: ()| async { Json(vec![1, 2]) })
        .tool("count", "Tells how far it is", |upto: Upto, cx: Context| async move {
            for step in 1..=upto.steps {
                cx.progress(step).total(upto.steps).message(format!("step {step}")).await;
                // Neither value exceeds the previous one.
                cx.progress(step).await;
                cx.progress(0).await;
            }
            "counted"
        })
        .tool("log", "Says something of two levels", |_: (), cx: Context| async move {
            cx.log(LoggingLevel::Debug, "fine").await;
            cx.log(LoggingLevel::Error, json!({"broken": true})).await;
        })
        .tool("fail", "Fails", |_: ()| async {
            Err::<String, _>(std::io::Error::other("the shelf is gone"))
        })
        .tool("refuse", "Fails below the tool", |_: ()| async {
            Err::<(), _>(ErrorObject::new(error_code::INVALID_PARAMS, "not like this"))
        })
        .tool("panic", "Panics at work", |_: ()| async {
            tokio::task::yield_now().await;
            if true {
                panic!("on purpose");
            }
        })
        .tool("panic_at_once", "Panics before it works", |upto: Upto| {
            assert!(upto.steps == 0, "on purpose");
            async {}
        })
        .tool("never", "Never ends", |_: ()| std::future::pending::<String>())
        .tool("blocks", "Two blocks", |_: ()| async {
            vec![ContentBlock::text("a"), ContentBlock::image("AA==", "image/png")]
        })
        .resource_with(
            "shop://hours",
            "hours",
            |hours| hours.with_mime_type("text/plain"),
            |_| async { "9 to 5" },
        )
        .resource("shop://logo", "logo", |_| async { vec![0_u8, 255] })
        .resource("shop://broken", "broken", |_| async {
            Err::<String, _>("the disk is broken".to_owned())
        })
        .resource_template("shop://books/{title}", "book", |request: ReadRequest| async move {
            (request.variable("title") != "none")
                .then(|| format!("<{}>", request.variable("title")))
        })
        .prompt("recommend", "Ask for a book", |it: Taste| async move {
            format!("A book about {}", it.taste)
        })
        .completion(|request: CompleteRequestParams| async move {
            (0..150).map(|n| format!("{}{n}", request.argument.value)).collect::<Vec<_>>()
        })
}

#[derive(Deserialize, JsonSchema)]
pub(crate) struct Upto {
    pub(crate) steps: u32,
}

/// One connection to a server.
pub(crate) struct Client {
    pub(crate) transport: MemoryTransport<Server>,
    version: Option<ProtocolVersion>,
    /// Requests are sent by `try_request` and by `request` in turn.
    tries: AtomicBool,
}

pub(crate) async fn connect(server: &Server) -> Client {
    let Connection { transport, .. } = Memory::new(server.for_client()).connect().await.unwrap();
    Client {
        transport,
        version: Some(ProtocolVersion::LATEST_MODERN),
        tries: AtomicBool::new(true),
    }
}

/// A client that has sent `initialize` in this revision.
pub(crate) async fn initialized(server: &Server, version: &str) -> Client {
    let mut client = connect(server).await;
    client.version = None;
    let params = json!({
        "protocolVersion": version,
        "capabilities": {"roots": {}},
        "clientInfo": {"name": "test", "version": "0"},
    });
    client.result("initialize", params).await;
    client
}

pub(crate) fn meta() -> Value {
    json!({
        "io.modelcontextprotocol/protocolVersion": "2026-07-28",
        "io.modelcontextprotocol/clientCapabilities": {},
    })
}

impl Client {
    pub(crate) async fn open(
        &self,
        id: impl Into<RequestId>,
        method: &str,
        params: &Value,
    ) -> Exchange {
        self.open_raw(id, method, RawJson::from_serialize(params).unwrap()).await
    }

    pub(crate) async fn open_raw(
        &self,
        id: impl Into<RequestId>,
        method: &str,
        params: RawJson,
    ) -> Exchange {
        let request = Request::new(id, method.to_owned()).with_params(params);
        let mut envelope = Some(Envelope::new(request).with_version(self.version));
        let exchange = match self.tries.fetch_xor(true, Ordering::Relaxed) {
            true => self.transport.try_request(&mut envelope).unwrap(),
            false => self.transport.request(envelope.unwrap()).await,
        };
        exchange.unwrap()
    }

    /// The response as JSON, and the messages before it.
    pub(crate) async fn exchange(&self, method: &str, mut params: Value) -> (Vec<Value>, Value) {
        if self.version.is_some() && params.get("_meta").is_none() {
            params["_meta"] = meta();
        }
        let mut exchange = self.open(7, method, &params).await;
        let mut messages = Vec::new();
        while let Some(item) = exchange.next().await {
            let mut line = Vec::new();
            let message = item.unwrap();
            message.encode(&mut line);
            let value: Value = serde_json::from_slice(&line).unwrap();
            if matches!(message, Message::Response(_)) {
                assert_eq!(value["id"], 7);
                assert!(exchange.next().await.is_none());
                return (messages, value);
            }
            messages.push(value);
        }
        panic!("no response to {method}");
    }

    pub(crate) async fn result(&self, method: &str, params: Value) -> Value {
        let (_, response) = self.exchange(method, params).await;
        assert!(response.get("error").is_none(), "{response}");
        response["result"].clone()
    }

    pub(crate) async fn error(&self, method: &str, params: Value) -> (i64, Value) {
        let (_, response) = self.exchange(method, params).await;
        let error = &response["error"];
        (error["code"].as_i64().unwrap_or_else(|| panic!("{response}")), error.clone())
    }

    pub(crate) async fn call(&self, tool: &str, arguments: Value) -> Value {
        self.result("tools/call", json!({"name": tool, "arguments": arguments})).await
    }
}
