//! Requests for a single item of a server.

use std::sync::Arc;

use mcp_core::{EmptyResult, Era, RawJson, method};

use crate::{
    error::{RequestError, invalid_params, method_not_found},
    forward::{Target, forward},
    member::Member,
    names::ItemKind,
    request::IncomingRequest,
    resource_subscription::{ResourceSubscription, ResourceUri, Subscriber, can_subscribe},
};

/// Spec: server/tools#calling-tools
pub(crate) async fn call_tool(request: &mut IncomingRequest) -> Result<RawJson, RequestError> {
    let name = request.required("name")?;
    let (member, original) = request.find(ItemKind::Tool, &name).await?;
    prepare_tool_call(request, &member, &original)?;
    let params = std::mem::take(&mut request.params);
    forward(request, &member, params).await
}

/// Prepares a call of a tool that is known, of a server whose session is open. Unless that server may send requests to
/// the client, such a call is sent without further work: `None` for any other request.
pub(crate) fn known_tool(request: &mut IncomingRequest) -> Option<Target> {
    if request.method != method::TOOLS_CALL {
        return None;
    }
    let name = request.params.text("name")?;
    let (member, original) = request.group.known_name(ItemKind::Tool, &name)?;
    let session = member.ready()?;
    if session.era() == Era::Legacy && request.level.is_some() {
        return None;
    }
    prepare_tool_call(request, &member, &original).ok()?;
    Some(Target { member, session })
}

/// Changes the parameters to those that the server expects. Unchanged on an error.
fn prepare_tool_call(
    request: &mut IncomingRequest,
    member: &Member,
    original: &str,
) -> Result<(), RequestError> {
    let params = &mut request.params;
    let arguments = member.exposure.rules.arguments(original, || params.json("arguments"))?;
    params.set("name", original);
    if let Some(arguments) = arguments {
        params.set_object("arguments", &arguments);
    }
    Ok(())
}

/// Spec: server/prompts#getting-a-prompt
pub(crate) async fn get_prompt(request: &mut IncomingRequest) -> Result<RawJson, RequestError> {
    let name = request.required("name")?;
    let (member, original) = request.find(ItemKind::Prompt, &name).await?;
    let mut params = std::mem::take(&mut request.params);
    params.set("name", &original);
    forward(request, &member, params).await
}

/// Spec: server/resources#reading-resources
pub(crate) async fn read_resource(request: &mut IncomingRequest) -> Result<RawJson, RequestError> {
    let uri = request.required("uri")?;
    let (member, original) = request.find_resource(&uri).await?;
    let mut params = std::mem::take(&mut request.params);
    params.set("uri", &original);
    forward(request, &member, params).await
}

/// Spec: server/utilities/completion
pub(crate) async fn complete(request: &mut IncomingRequest) -> Result<RawJson, RequestError> {
    let mut reference = request.params.object("ref");
    let missing = |name: &str| invalid_params(format!("missing field `{name}` in `ref`"));
    let member = match reference.text("type").as_deref() {
        Some("ref/prompt") => {
            let name = reference.text("name").ok_or_else(|| missing("name"))?;
            let (member, original) = request.find(ItemKind::Prompt, &name).await?;
            reference.set("name", &original);
            member
        }
        Some("ref/resource") => {
            let uri = reference.text("uri").ok_or_else(|| missing("uri"))?;
            let (member, original) = request.find_resource(&uri).await?;
            reference.set("uri", &original);
            member
        }
        _ => return Err(invalid_params("`ref` is neither a prompt nor a resource")),
    };
    let mut params = std::mem::take(&mut request.params);
    params.set_object("ref", &reference);
    forward(request, &member, params).await
}

/// Spec: 2025-11-25 server/resources#subscriptions
pub(crate) async fn subscribe(request: &IncomingRequest) -> Result<RawJson, RequestError> {
    let uri = request.required("uri")?;
    let (member, original) = request.find_resource(&uri).await?;
    let session = member.session(&request.client).await?;
    if !can_subscribe(session.capabilities()) {
        let name = &member.name;
        return Err(method_not_found(format!("server {name:?} does not support subscriptions")));
    }
    let resource = ResourceUri { original, shown: uri.clone() };
    // Weak, since the client owns the subscription.
    let subscriber = Subscriber::Client(Arc::downgrade(&request.client));
    let client = &request.client;
    let subscription =
        ResourceSubscription::open(member, client, vec![resource], subscriber).await?;
    if let Some(refusal) = subscription.refusal {
        return Err(RequestError::call_failed(&refusal));
    }
    client.subscribe(uri, subscription.task);
    request.result(EmptyResult::new())
}

pub(crate) fn unsubscribe(request: &IncomingRequest) -> Result<RawJson, RequestError> {
    request.client.unsubscribe(&request.required("uri")?);
    request.result(EmptyResult::new())
}
