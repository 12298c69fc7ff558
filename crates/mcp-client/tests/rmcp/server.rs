//! A server of the official SDK below our session.

use std::sync::{Arc, Mutex};

use mcp_client::{Client, EraPolicy, ErrorKind, rmcp::RmcpServer, types::Era};
use rmcp::{
    ErrorData, RoleServer, ServerHandler,
    model::{
        CallToolRequestParams, CallToolResponse, CallToolResult, ContentBlock, Implementation,
        ListToolsResult, PaginatedRequestParams, ProgressNotificationParam, ProtocolVersion,
        ServerCapabilities, ServerConfig, Tool,
    },
    service::RequestContext,
};

use mcp_testkit::within;

#[derive(Clone)]
struct Counter;

impl ServerHandler for Counter {
    fn get_info(&self) -> ServerConfig {
        ServerConfig::new(ServerCapabilities::builder().enable_tools().build())
            .with_server_info(Implementation::new("counter", "1"))
    }

    async fn list_tools(
        &self,
        _: Option<PaginatedRequestParams>,
        _: RequestContext<RoleServer>,
    ) -> Result<ListToolsResult, ErrorData> {
        let schema = serde_json::json!({ "type": "object" });
        let schema = schema.as_object().unwrap().clone();
        Ok(ListToolsResult::with_all_items(vec![Tool::new("count", "Counts", Arc::new(schema))]))
    }

    async fn call_tool(
        &self,
        call: CallToolRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<CallToolResponse, ErrorData> {
        if call.name != "count" {
            return Err(ErrorData::invalid_params("no such tool", None));
        }
        let token = context.meta.get_progress_token().unwrap();
        for step in 1..=50 {
            let progress = ProgressNotificationParam::new(token.clone(), f64::from(step));
            context.peer.notify_progress(progress).await.unwrap();
        }
        Ok(CallToolResult::success(vec![ContentBlock::text("counted")]).into())
    }
}

/// Supports `initialize` only.
#[derive(Clone)]
struct Old;

impl ServerHandler for Old {
    fn get_info(&self) -> ServerConfig {
        Counter.get_info()
    }

    fn supported_protocol_versions(&self) -> std::borrow::Cow<'static, [ProtocolVersion]> {
        vec![ProtocolVersion::V_2025_06_18].into()
    }
}

#[tokio::test]
async fn both_eras() {
    let client = Client::new(RmcpServer::new(Counter)).unwrap();
    for (policy, era) in [(EraPolicy::Auto, Era::Modern), (EraPolicy::Legacy, Era::Legacy)] {
        let session = within(client.clone().era(policy).connect().into_future()).await.unwrap();
        assert_eq!((session.era(), session.server_info().unwrap().name.as_str()), (era, "counter"));
        assert_eq!(within(session.list_tools().into_future()).await.unwrap()[0].name, "count");

        let seen = Arc::new(Mutex::new(Vec::new()));
        let steps = Arc::clone(&seen);
        let call = session.call_tool("count").on_progress(move |progress| {
            steps.lock().unwrap().push(progress.progress.to_string());
        });
        let counted = within(call.into_future()).await.unwrap();
        assert_eq!(counted.text(), "counted");
        let expected: Vec<String> = (1..=50).map(|step| format!("{:?}", f64::from(step))).collect();
        assert_eq!(*seen.lock().unwrap(), expected);

        let error = within(session.call_tool("none").into_future()).await.unwrap_err();
        assert_eq!(error.answer().unwrap().message, "no such tool");
        within(session.close()).await.unwrap();
        let error = within(session.list_tools().into_future()).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Closed);
    }
}

#[tokio::test]
async fn a_server_of_the_legacy_era_alone() {
    let client = Client::new(RmcpServer::new(Old)).unwrap();
    let session = within(client.connect().into_future()).await.unwrap();
    assert_eq!(session.protocol_version().as_str(), "2025-06-18");
    within(session.close()).await.unwrap();
}
