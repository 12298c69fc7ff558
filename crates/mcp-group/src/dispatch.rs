//! Dispatch of requests by method.

use futures_util::future::join_all;
use mcp_core::{EmptyResult, RawJson, SetLevelRequestParams, method};

use crate::{
    calls,
    error::{RequestError, invalid_params, method_not_found},
    forward::forward,
    handshake,
    list_kind::{Prompts, Resources, Templates, Tools},
    pagination::page,
    request::IncomingRequest,
};

/// Responds to a request: by the group itself, by one server, or by all.
pub(crate) async fn dispatch(mut request: IncomingRequest) -> Result<RawJson, RequestError> {
    let method = request.method.clone();
    let is_modern = request.is_modern();
    match &*method {
        method::TOOLS_CALL => calls::call_tool(&mut request).await,
        method::PROMPTS_GET => calls::get_prompt(&mut request).await,
        method::RESOURCES_READ => calls::read_resource(&mut request).await,
        method::COMPLETION_COMPLETE => calls::complete(&mut request).await,
        method::TOOLS_LIST => page::<Tools>(&request).await,
        method::PROMPTS_LIST => page::<Prompts>(&request).await,
        method::RESOURCES_LIST => page::<Resources>(&request).await,
        method::RESOURCES_TEMPLATES_LIST => page::<Templates>(&request).await,
        method::SERVER_DISCOVER if is_modern => handshake::discover(&request).await,
        method::INITIALIZE => handshake::initialize(&request).await,
        method::PING if !is_modern => request.result(EmptyResult::new()),
        method::LOGGING_SET_LEVEL if !is_modern => set_level(&request).await,
        method::RESOURCES_SUBSCRIBE if !is_modern => calls::subscribe(&request).await,
        method::RESOURCES_UNSUBSCRIBE if !is_modern => calls::unsubscribe(&request),
        other => match request.group.sole_server() {
            // A method of another revision, or a server-specific one.
            Some(member) => {
                let params = std::mem::take(&mut request.params);
                forward(&request, &member, params).await
            }
            None => Err(method_not_found(format!("unknown method {other:?}"))),
        },
    }
}

/// Spec: 2025-11-25 server/utilities/logging#setting-log-level
async fn set_level(request: &IncomingRequest) -> Result<RawJson, RequestError> {
    let SetLevelRequestParams { level, .. } = request.decode()?;
    if level.severity().is_none() {
        return Err(invalid_params(format!("unknown log level {:?}", level.as_str())));
    }
    request.client.set_level(level.clone());
    let members = request.group.members();
    join_all(members.iter().map(|member| async {
        if let Some(session) = member.ready() {
            member.set_log_level(&session, &level).await;
        }
    }))
    .await;
    request.result(EmptyResult::new())
}
