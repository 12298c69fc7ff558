//! Servers written with the official Rust SDK, in the same process and in both eras, without a session.

#![allow(clippy::unwrap_used, reason = "tests")]
#![allow(deprecated, reason = "legacy servers request sampling")]

use mcp_core::{Message, Notification, ProtocolVersion, RawJson, Request, Response};
use mcp_testkit::within;
use mcp_transport::{
    Connect, Connection, Delivery, Envelope, ErrorKind, Exchange, OneWay, Transport,
    multiplex::Multiplex,
};
use mcp_transport_memory::RmcpServer;
use rmcp::{
    ErrorData, RoleServer, ServerHandler,
    model::{
        CallToolRequestParams, CallToolResponse, CallToolResult, ContentBlock,
        CreateMessageRequestParams, Implementation, ProgressNotificationParam, SamplingMessage,
        ServerCapabilities, ServerConfig,
    },
    service::RequestContext,
};
use serde_json::{Value, json};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

/// A server that reports events to the test.
#[derive(Clone)]
struct Probe(UnboundedSender<&'static str>);

impl ServerHandler for Probe {
    fn get_info(&self) -> ServerConfig {
        ServerConfig::new(ServerCapabilities::builder().enable_tools().build())
            .with_server_info(Implementation::new("probe", "1"))
    }

    async fn call_tool(
        &self,
        call: CallToolRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<CallToolResponse, ErrorData> {
        let text = match &*call.name {
            "echo" => json!(call.arguments).to_string(),
            "steps" => {
                for step in 1..=100 {
                    let token = context.meta.get_progress_token().unwrap();
                    let progress = ProgressNotificationParam::new(token, f64::from(step));
                    context.peer.notify_progress(progress).await.unwrap();
                }
                "done".to_owned()
            }
            "wait" => {
                self.0.send("waiting").unwrap();
                context.ct.cancelled().await;
                self.0.send("cancelled").unwrap();
                "interrupted".to_owned()
            }
            "ask" => {
                let question = vec![SamplingMessage::user_text("why?")];
                let params = CreateMessageRequestParams::new(question, 10);
                match context.peer.create_message(params).await {
                    Ok(answer) => answer.model,
                    Err(error) => error.to_string(),
                }
            }
            "panic" => panic!("requested by the test"),
            name => return Err(ErrorData::invalid_params(format!("no tool {name}"), None)),
        };
        Ok(CallToolResult::success(vec![ContentBlock::text(text)]).into())
    }
}

/// A connection to a probe, and a client of one era on it.
struct Client {
    transport: Multiplex,
    inbound: mcp_transport::Inbound,
    events: UnboundedReceiver<&'static str>,
    version: ProtocolVersion,
}

fn raw(value: &Value) -> RawJson {
    RawJson::from_serialize(value).unwrap()
}

impl Client {
    async fn connect(version: ProtocolVersion) -> Self {
        let (sender, events) = unbounded_channel();
        let Connection { transport, inbound, .. } =
            RmcpServer::new(Probe(sender)).connect().await.unwrap();
        Self { transport, inbound, events, version }
    }

    async fn legacy() -> Self {
        let client = Self::connect(ProtocolVersion::LATEST_LEGACY).await;
        let params = json!({
            "protocolVersion": "2025-11-25",
            "capabilities": { "sampling": {} },
            "clientInfo": { "name": "test", "version": "1" },
        });
        let answer = client.answer("initialize", params).await.outcome.unwrap();
        let answer: Value = answer.decode().unwrap();
        assert_eq!(answer["protocolVersion"], "2025-11-25");
        assert_eq!(answer["serverInfo"]["name"], "probe");
        client.send(Notification::new("notifications/initialized")).await;
        client
    }

    async fn modern() -> Self {
        let client = Self::connect(ProtocolVersion::LATEST_MODERN).await;
        let answer = client.answer("server/discover", json!({})).await.outcome.unwrap();
        let answer: Value = answer.decode().unwrap();
        let supported = answer["supportedVersions"].as_array().unwrap();
        assert!(supported.contains(&json!("2026-07-28")), "{answer}");
        client
    }

    async fn open(&self, id: &str, method: &'static str, mut params: Value) -> Exchange {
        if self.version == ProtocolVersion::LATEST_MODERN {
            let meta = &mut params["_meta"];
            meta["io.modelcontextprotocol/protocolVersion"] = json!(self.version);
            meta["io.modelcontextprotocol/clientCapabilities"] = json!({});
            meta["io.modelcontextprotocol/clientInfo"] = json!({ "name": "test", "version": "1" });
        }
        let request = Request::new(id, method).with_params(raw(&params));
        let request = Envelope::new(request).with_version(self.version);
        within(self.transport.request(request)).await.unwrap()
    }

    async fn answer(&self, method: &'static str, params: Value) -> Response {
        within(self.open(method, method, params).await.response()).await.unwrap()
    }

    async fn call(&self, tool: &str) -> Exchange {
        let params = json!({ "name": tool, "_meta": { "progressToken": tool } });
        self.open(tool, "tools/call", params).await
    }

    async fn send(&self, message: impl Into<OneWay>) {
        let message = Envelope::<OneWay>::new(message.into()).with_version(self.version);
        self.transport.send(message).await.unwrap();
    }
}

fn text(response: Response) -> String {
    let result: Value = response.outcome.unwrap().decode().unwrap();
    result["content"][0]["text"].as_str().unwrap().to_owned()
}

/// Behaviour common to both eras.
async fn exercise(mut client: Client) {
    let arguments = json!({ "n": 1, "nested": { "list": [1.5, "\u{1f600}"] } });
    let params = json!({ "name": "echo", "arguments": arguments });
    let echoed = text(client.answer("tools/call", params).await);
    assert_eq!(serde_json::from_str::<Value>(&echoed).unwrap(), arguments);

    let mut exchange = client.call("steps").await;
    for step in 1..=100 {
        let Message::Notification(notification) = within(exchange.next()).await.unwrap().unwrap()
        else {
            panic!("the response arrived before step {step}");
        };
        let params: Value = notification.params.unwrap().decode().unwrap();
        assert_eq!(params["progress"].as_f64(), Some(f64::from(step)));
    }
    assert_eq!(text(within(exchange.response()).await.unwrap()), "done");

    let error = client.call("nothing").await.response().await.unwrap().outcome.unwrap_err();
    assert_eq!((error.code, &*error.message), (-32602, "no tool nothing"));

    let dropped = client.call("wait").await;
    assert_eq!(within(client.events.recv()).await, Some("waiting"));
    drop(dropped);
    assert_eq!(within(client.events.recv()).await, Some("cancelled"));

    let panicked = within(client.call("panic").await.response()).await.unwrap();
    assert_eq!(panicked.outcome.unwrap_err().message, "the handler panicked");

    let open = client.call("wait").await;
    assert_eq!(within(client.events.recv()).await, Some("waiting"));
    client.transport.close().await.unwrap();
    let error = within(open.response()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Closed);
    assert_eq!(within(client.events.recv()).await, Some("cancelled"));
    // The sender is dropped with the server.
    assert_eq!(within(client.events.recv()).await, None);
}

#[tokio::test]
async fn requests_progress_errors_cancellation_and_panics_in_the_legacy_era() {
    exercise(Client::legacy().await).await;
}

#[tokio::test]
async fn requests_progress_errors_cancellation_and_panics_in_the_modern_era() {
    exercise(Client::modern().await).await;
}

#[tokio::test]
async fn the_server_ends_with_the_last_handle() {
    let Client { transport, inbound, mut events, version } = Client::legacy().await;
    let client = Client { transport, inbound, events: unbounded_channel().1, version };
    let open = client.call("wait").await;
    assert_eq!(within(events.recv()).await, Some("waiting"));
    drop((client, open));
    assert_eq!(within(events.recv()).await, Some("cancelled"));
    assert_eq!(within(events.recv()).await, None);
}

#[tokio::test]
async fn the_server_ends_even_if_it_received_no_message() {
    let Client { transport, mut events, .. } =
        Client::connect(ProtocolVersion::LATEST_MODERN).await;
    drop(transport);
    assert_eq!(within(events.recv()).await, None);
}

#[tokio::test]
async fn the_server_can_send_requests_to_the_client() {
    let mut client = Client::legacy().await;
    for is_valid in [true, false] {
        let mut exchange = client.call("ask").await;
        let request = within(async {
            tokio::select! {
                item = client.inbound.next() => {
                    item.map(|item| item.map(|item| item.into_message().unwrap()))
                }
                item = exchange.next() => item,
            }
        });
        let Message::Request(request) = request.await.unwrap().unwrap() else { panic!() };
        assert_eq!(request.method, "sampling/createMessage");
        let content = json!({ "type": "text", "text": "because" });
        let answer = match is_valid {
            true => raw(&json!({ "role": "assistant", "model": "m1", "content": content })),
            false => deep(),
        };
        client.send(Response::result(request.id, answer)).await;
        let answer = text(within(exchange.response()).await.unwrap());
        match is_valid {
            true => assert_eq!(answer, "m1"),
            false => assert!(answer.contains("cannot decode"), "{answer}"),
        }
    }
}

/// Nested too deeply to be decoded into the types of the SDK.
fn deep() -> RawJson {
    let json = format!("{{\"deep\":{}{}}}", "[".repeat(500), "]".repeat(500));
    RawJson::from_text(json).unwrap()
}

#[tokio::test]
async fn a_request_that_cannot_be_decoded_fails_alone() {
    let client = Client::legacy().await;
    let request = Request::new("deep", "tools/call").with_params(deep());
    let exchange = client.transport.request(Envelope::new(request)).await.unwrap();
    let error = within(exchange.response()).await.unwrap().outcome.unwrap_err();
    assert_eq!(error.code, -32600);
    assert!(error.message.contains("cannot decode the request"), "{error}");
    assert!(client.answer("ping", json!({})).await.outcome.is_ok());
}

#[tokio::test]
async fn the_error_of_a_failed_server_is_the_cause_of_the_closed_error() {
    let client = Client::connect(ProtocolVersion::LATEST_LEGACY).await;
    client.send(Notification::new("notifications/initialized")).await;
    let Client { transport, mut inbound, .. } = client;
    let error = within(inbound.next()).await.unwrap().unwrap_err();
    assert!(error.is_closed());
    let cause = std::error::Error::source(&error).unwrap().to_string();
    assert!(cause.contains("expect initialized request"), "{cause}");
    let request = Envelope::new(Request::new(1, "ping"));
    let error = within(transport.request(request)).await.unwrap_err();
    assert_eq!((error.kind(), error.delivery()), (ErrorKind::Closed, Delivery::NotSent));
}

#[tokio::test]
async fn each_connection_has_its_own_server() {
    let (sender, mut events) = unbounded_channel();
    let server = RmcpServer::each(move || {
        sender.send("created").unwrap();
        Probe(sender.clone())
    });
    assert_eq!(server.describe(), "probe in this process");
    let [first, second] = [server.connect().await.unwrap(), server.connect().await.unwrap()];
    for _ in 0..3 {
        assert_eq!(events.recv().await, Some("created"));
    }
    first.transport.close().await.unwrap();
    let ping = Envelope::new(Request::new(1, "ping"));
    assert!(within(second.transport.request(ping)).await.unwrap().response().await.is_ok());
}
