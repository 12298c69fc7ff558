//! A client of the official SDK over the transports of this library.

use mcp_client::{
    Memory, Server,
    rmcp::{RmcpTransport, transport},
    transport::{Delivery, Error, ErrorKind},
    types::{ProtocolVersion, Request},
};
use mcp_testkit::within;
use rmcp::{
    ClientHandler, RoleClient, ServiceError, ServiceExt,
    model::{
        CallToolRequestParams, ClientRequest, CustomRequest, ProgressNotificationParam,
        ProtocolVersion as SdkVersion, RequestId, ServerResult,
    },
    service::{
        ClientLifecycleMode, ClientServiceExt, NotificationContext, PeerRequestOptions, QuitReason,
        RunningService,
    },
};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::json;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

use crate::fake::{Fake, deep};

#[derive(Deserialize, JsonSchema)]
struct Echo {
    text: String,
}

/// Sends a message when it is dropped.
struct Guard(UnboundedSender<&'static str>);

impl Drop for Guard {
    fn drop(&mut self) {
        let _ = self.0.send("dropped");
    }
}

fn server() -> (Server, UnboundedReceiver<&'static str>) {
    let (tell, told) = unbounded_channel();
    let server = Server::builder("Echoes")
        .tool("echo", "Returns the text", |echo: Echo| async { echo.text })
        .tool("fail", "Fails", |()| async { Err::<(), _>("as asked") })
        .tool("steps", "Reports progress", |(): (), cx: mcp_client::server::Context| async move {
            for step in 1..=3 {
                cx.progress(step).await;
            }
            "done"
        })
        .tool("wait", "Never ends", move |()| {
            let tell = tell.clone();
            async move {
                tell.send("waiting").unwrap();
                let _guard = Guard(tell);
                std::future::pending::<String>().await
            }
        })
        .build();
    (server, told)
}

/// Reports progress.
struct Handler(UnboundedSender<f64>);

impl ClientHandler for Handler {
    async fn on_progress(
        &self,
        progress: ProgressNotificationParam,
        _: NotificationContext<RoleClient>,
    ) {
        self.0.send(progress.progress).unwrap();
    }
}

fn modern() -> ClientLifecycleMode {
    ClientLifecycleMode::Discover { preferred_versions: vec![SdkVersion::V_2026_07_28] }
}

fn auto() -> ClientLifecycleMode {
    ClientLifecycleMode::Auto {
        preferred_versions: vec![SdkVersion::V_2026_07_28],
        legacy_version: None,
    }
}

/// Lists, calls, progress, failures and cancellation, in either era.
async fn exercise(lifecycle: ClientLifecycleMode, version: SdkVersion) {
    let (server, mut told) = server();
    let (progress, mut progressed) = unbounded_channel();
    let transport = transport(Memory::new(server)).await.unwrap();
    let started = Handler(progress).serve_with_lifecycle(transport, lifecycle);
    let mut client = within(started).await.unwrap();
    assert_eq!(client.peer_info().unwrap().protocol_version, version);

    let tools = within(client.list_all_tools()).await.unwrap();
    let names: Vec<_> = tools.iter().map(|tool| &*tool.name).collect();
    assert_eq!(names, ["echo", "fail", "steps", "wait"]);

    let call = CallToolRequestParams::new("echo");
    let call = call.with_arguments(json!({ "text": "hello" }).as_object().unwrap().clone());
    let result = within(client.call_tool(call)).await.unwrap();
    assert_eq!(result.content[0].as_text().unwrap().text, "hello");

    let failed = within(client.call_tool(CallToolRequestParams::new("fail"))).await.unwrap();
    assert_eq!(failed.is_error, Some(true));
    let error = within(client.call_tool(CallToolRequestParams::new("none"))).await.unwrap_err();
    assert!(matches!(&error, ServiceError::McpError(error) if error.code.0 == -32602), "{error}");

    within(client.call_tool(CallToolRequestParams::new("steps"))).await.unwrap();
    let mut steps = Vec::new();
    for _ in 0..3 {
        steps.push(within(progressed.recv()).await.unwrap());
    }
    // Each notification is handled in a separate task.
    steps.sort_by(f64::total_cmp);
    assert_eq!(steps, [1.0, 2.0, 3.0]);

    let call = rmcp::model::CallToolRequest::new(CallToolRequestParams::new("wait"));
    let call = ClientRequest::CallToolRequest(call);
    let options = PeerRequestOptions::no_options();
    let waiting = client.send_cancellable_request(call, options).await.unwrap();
    assert_eq!(within(told.recv()).await, Some("waiting"));
    waiting.cancel(None).await.unwrap();
    assert_eq!(within(told.recv()).await, Some("dropped"));

    assert!(matches!(within(client.close()).await.unwrap(), QuitReason::Cancelled));
    // The server is dropped, and the sender with it.
    assert_eq!(within(told.recv()).await, None);
}

#[tokio::test]
async fn legacy() {
    exercise(ClientLifecycleMode::Initialize, SdkVersion::V_2025_11_25).await;
}

#[tokio::test]
async fn the_client_works_in_the_modern_era() {
    exercise(modern(), SdkVersion::V_2026_07_28).await;
}

#[tokio::test]
async fn either_era() {
    exercise(auto(), SdkVersion::V_2026_07_28).await;
}

type Running = RunningService<RoleClient, ()>;

async fn ask(client: &Running, method: &str) -> Result<ServerResult, ServiceError> {
    let request = ClientRequest::CustomRequest(CustomRequest::new(method, None));
    within(client.send_request(request)).await
}

#[tokio::test]
async fn the_revision_is_read_from_what_passes() {
    let old = Some(ProtocolVersion::V2025_06_18);
    let new = Some(ProtocolVersion::V2026_07_28);
    for (lifecycle, expected) in [
        (
            ClientLifecycleMode::Initialize,
            vec![
                ("initialize", None),
                ("notifications/initialized", old),
                ("test/echo", old),
                ("notifications/roots/list_changed", old),
                ("close", None),
            ],
        ),
        (
            modern(),
            vec![
                ("server/discover", new),
                ("test/echo", new),
                ("notifications/roots/list_changed", new),
                ("close", None),
            ],
        ),
    ] {
        let (fake, connection, _answers) = Fake::connect(None, Vec::new());
        let started = ().serve_with_lifecycle(RmcpTransport::new(connection), lifecycle);
        let mut client = within(started).await.unwrap();
        let ServerResult::CustomResult(result) = ask(&client, "test/echo").await.unwrap() else {
            panic!("an answer of another kind");
        };
        assert_eq!(result.0, json!({ "n": 1 }));
        within(client.notify_roots_list_changed()).await.unwrap();
        within(client.close()).await.unwrap();
        let given = fake.given.lock().unwrap().clone();
        let given: Vec<_> = given.iter().map(|(method, version)| (&**method, *version)).collect();
        assert_eq!(given, expected);
    }
}

#[tokio::test]
async fn a_rejected_discovery_means_the_legacy_era_and_nothing_else_does() {
    let (fake, connection, _answers) = Fake::connect(Some(ErrorKind::Rejected), Vec::new());
    let client = within(().serve_with_lifecycle(RmcpTransport::new(connection), auto()));
    let client = client.await.unwrap();
    assert_eq!(client.peer_info().unwrap().protocol_version, SdkVersion::V_2025_06_18);
    let given = fake.given.lock().unwrap().clone();
    assert_eq!(given[1], ("initialize".to_owned(), None));

    let (_, connection, _answers) = Fake::connect(Some(ErrorKind::Unavailable), Vec::new());
    let started = ().serve_with_lifecycle(RmcpTransport::new(connection), auto());
    let error = within(started).await.unwrap_err();
    assert!(error.to_string().contains("the server refused"), "{error}");
}

#[tokio::test]
async fn failures_are_reported_to_their_request() {
    let (_, connection, _answers) = Fake::connect(None, Vec::new());
    let client = within(().serve(RmcpTransport::new(connection))).await.unwrap();

    let error = ask(&client, "test/refused").await.unwrap_err();
    let ServiceError::TransportSend(error) = &error else { panic!("{error:?}") };
    let error = error.error.downcast_ref::<Error>().unwrap();
    assert_eq!(error.kind(), ErrorKind::Unauthorized);

    let error = ask(&client, "test/broken").await.unwrap_err();
    let ServiceError::McpError(error) = &error else { panic!("{error:?}") };
    assert_eq!((error.code.0, &*error.message), (-32603, "the stream broke: reset"));
    let details = json!({ "transport": { "kind": "Interrupted", "delivery": "Unknown" } });
    assert_eq!(error.data, Some(details));

    let error = ask(&client, "test/nameless").await.unwrap_err();
    assert!(matches!(&error, ServiceError::McpError(error) if error.code.0 == -32700), "{error}");

    let error = ask(&client, "test/deep").await.unwrap_err();
    let ServiceError::McpError(error) = &error else { panic!("{error:?}") };
    assert!(error.message.starts_with("the response cannot be decoded: "), "{error}");
    assert_eq!(error.data.as_ref().unwrap()["transport"]["delivery"], "Answered");

    assert!(ask(&client, "test/echo").await.is_ok());
    let error = ask(&client, "test/over").await.unwrap_err();
    let (ServiceError::TransportSend(_) | ServiceError::TransportClosed) = &error else {
        panic!("{error:?}");
    };
    assert!(matches!(within(client.waiting()).await.unwrap(), QuitReason::Closed));
}

/// Cancels before and after the request is accepted.
#[tokio::test]
async fn a_cancelled_request_leaves_no_state() {
    let (fake, connection, _answers) = Fake::connect(None, Vec::new());
    let transport = RmcpTransport::new(connection);
    let client = within(().serve(transport)).await.unwrap();
    for method in ["test/silent", "test/never taken"] {
        let request = ClientRequest::CustomRequest(CustomRequest::new(method, None));
        let options = PeerRequestOptions::no_options();
        let handle = client.send_cancellable_request(request, options).await.unwrap();
        while fake.given.lock().unwrap().last().unwrap().0 != method {
            tokio::task::yield_now().await;
        }
        within(handle.cancel(None)).await.unwrap();
    }
    assert!(ask(&client, "test/echo").await.is_ok());
    let given = fake.given.lock().unwrap().clone();
    let cancels = given.iter().filter(|(method, _)| method == "notifications/cancelled");
    assert_eq!(cancels.count(), 0, "the exchange is dropped, which cancels it on each transport");
}

#[tokio::test]
async fn the_server_can_ask() {
    let questions = vec![
        Request::new(7, "ping").into(),
        Request::new("8", "test/deep").with_params(deep()).into(),
    ];
    let (_, connection, mut answers) = Fake::connect(None, questions);
    let client = within(().serve(RmcpTransport::new(connection))).await.unwrap();
    for _ in 0..2 {
        let answer = within(answers.recv()).await.unwrap();
        match answer.outcome {
            Ok(_) => assert_eq!(answer.id, Some(7.into())),
            Err(error) => {
                assert_eq!(answer.id, Some("8".into()));
                assert_eq!(error.code, -32600);
            }
        }
    }
    drop(client);
}

#[tokio::test]
async fn a_request_after_close_reports_a_closed_connection() {
    let connection = mcp_client::transport::Connect::connect(&Memory::new(server().0)).await;
    let mut transport = RmcpTransport::new(connection.unwrap());
    rmcp::transport::Transport::close(&mut transport).await.unwrap();
    let request = ClientRequest::CustomRequest(CustomRequest::new("x", None));
    let request = rmcp::model::ClientJsonRpcMessage::request(request, RequestId::Number(1));
    let error = rmcp::transport::Transport::send(&mut transport, request).await.unwrap_err();
    assert_eq!((error.kind(), error.delivery()), (ErrorKind::Closed, Delivery::NotSent));
    assert!(within(rmcp::transport::Transport::receive(&mut transport)).await.is_none());
}

#[cfg(all(unix, feature = "stdio"))]
mod processes {
    use mcp_client::Stdio;

    use super::*;

    /// Answers `initialize`, and exits on the next request.
    const DIES: &str = r#"
        read -r initialize
        id=${initialize#*'"id":'}
        id=${id%%[,\}]*}
        echo '{"jsonrpc":"2.0","id":'"$id"',"result":{"protocolVersion":"2025-11-25","capabilities":{},"serverInfo":{"name":"mortal","version":"1"}}}'
        read -r initialized
        read -r request
        echo 'so long' >&2
        exit 3
    "#;

    #[tokio::test]
    async fn a_server_that_dies_ends_the_client() {
        let stdio = Stdio::new("sh").args(["-c", DIES]);
        let client = within(().serve(transport(stdio).await.unwrap())).await.unwrap();
        assert_eq!(client.peer_info().unwrap().server_info.as_ref().unwrap().name, "mortal");
        let error = within(client.list_all_tools()).await.unwrap_err();
        assert!(matches!(error, ServiceError::TransportClosed), "{error:?}");
        assert!(matches!(within(client.waiting()).await.unwrap(), QuitReason::Closed));
    }

    #[tokio::test]
    async fn a_server_that_dies_at_the_start_fails_the_start() {
        let stdio = Stdio::new("sh").args(["-c", "exit 3"]);
        let transport = transport(stdio).await.unwrap();
        assert!(within(().serve(transport)).await.is_err());
    }

    #[tokio::test]
    async fn a_failed_start_is_reported_at_once() {
        let error = transport(Stdio::new("no-such-server")).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Connect);
    }
}
