//! Routes a request to its handler.

use std::{
    pin::Pin,
    task::{Context, Poll},
};

use futures_core::Stream;
use mcp_core::{
    EmptyResult, Era, ErrorObject, InitializeRequestParams, InitializeResult, Message, Meta,
    Notification, RawJson, SetLevelRequestParams, SubscriptionFilter,
    SubscriptionsAcknowledgedNotificationParams, SubscriptionsListenRequestParams, error_code,
    method,
};
use mcp_transport::{Error, Exchange};

use crate::{
    call::Started,
    catalog::Catalog,
    incoming::Incoming,
    params::{Params, invalid_params},
    reply::{Answer, internal},
    resource::not_found,
};

pub(crate) fn dispatch(catalog: &Catalog, incoming: &Incoming<'_>) -> Result<Started, ErrorObject> {
    let size = catalog.page_size;
    let cursor = incoming.params.cursor.as_ref();
    let modern = incoming.version.era() == Era::Modern;
    let has_resources = !catalog.resources.is_empty() || !catalog.templates.is_empty();
    let result = match &*incoming.request.method {
        method::TOOLS_CALL if !catalog.tools.is_empty() => return call_tool(catalog, incoming),
        method::TOOLS_LIST if !catalog.tools.is_empty() => {
            catalog.tools.page("tools", cursor, size, &incoming.reply())
        }
        method::RESOURCES_READ if has_resources => return read_resource(catalog, incoming),
        method::RESOURCES_LIST if has_resources => {
            catalog.resources.page("resources", cursor, size, &incoming.reply())
        }
        method::RESOURCES_TEMPLATES_LIST if has_resources => {
            catalog.templates.page("resourceTemplates", cursor, size, &incoming.reply())
        }
        method::PROMPTS_GET if !catalog.prompts.is_empty() => return get_prompt(catalog, incoming),
        method::PROMPTS_LIST if !catalog.prompts.is_empty() => {
            catalog.prompts.page("prompts", cursor, size, &incoming.reply())
        }
        method::COMPLETION_COMPLETE if catalog.completion.is_some() => {
            return complete(catalog, incoming);
        }
        method::SERVER_DISCOVER if modern => Ok(catalog.discover.clone()),
        method::SUBSCRIPTIONS_LISTEN if modern => return listen(incoming),
        method::INITIALIZE => initialize(catalog, incoming),
        method::PING if !modern => incoming.reply().result(EmptyResult::new()),
        method::LOGGING_SET_LEVEL if !modern => set_level(incoming),
        other => Err(unknown_method(other)),
    };
    result.map(Started::Answered)
}

/// Spec: server/tools#calling-tools
fn call_tool(catalog: &Catalog, incoming: &Incoming<'_>) -> Result<Started, ErrorObject> {
    let name = Params::required(&incoming.params.name, "name")?;
    match catalog.tools.get(name) {
        Some(run) => run(incoming),
        None => Err(invalid_params(format!("unknown tool {name:?}"))),
    }
}

/// Spec: server/prompts#getting-a-prompt
fn get_prompt(catalog: &Catalog, incoming: &Incoming<'_>) -> Result<Started, ErrorObject> {
    let name = Params::required(&incoming.params.name, "name")?;
    match catalog.prompts.get(name) {
        Some(run) => run(incoming),
        None => Err(invalid_params(format!("unknown prompt {name:?}"))),
    }
}

/// Spec: server/resources#reading-resources
fn read_resource(catalog: &Catalog, incoming: &Incoming<'_>) -> Result<Started, ErrorObject> {
    let uri = Params::required(&incoming.params.uri, "uri")?;
    if let Some(run) = catalog.resources.get(uri) {
        return run(incoming, Vec::new());
    }
    let matched = catalog.templates.values().find_map(|(template, run)| {
        let variables = template.as_ref()?.matches(uri)?;
        Some((run, variables))
    });
    match matched {
        Some((run, variables)) => run(incoming, variables),
        None => Err(not_found(incoming.version, uri)),
    }
}

fn complete(catalog: &Catalog, incoming: &Incoming<'_>) -> Result<Started, ErrorObject> {
    match &catalog.completion {
        Some(run) => run(incoming),
        None => Err(unknown_method(method::COMPLETION_COMPLETE)),
    }
}

/// Opens the connection of a client of the legacy era.
///
/// Spec: 2025-11-25 basic/lifecycle#version-negotiation
fn initialize(catalog: &Catalog, incoming: &Incoming<'_>) -> Answer {
    let params: InitializeRequestParams = incoming.decode()?;
    let legacy = || catalog.versions.iter().filter(|version| version.era() == Era::Legacy);
    let asked_for = legacy().find(|version| version.as_str() == params.protocol_version);
    let Some(version) = asked_for.or_else(|| legacy().next()) else {
        return Err(catalog.unsupported(&params.protocol_version));
    };
    incoming.client.initialize(*version, params);
    let mut result = InitializeResult::new(
        version.as_str(),
        catalog.capabilities.clone(),
        catalog.stamp.info.clone(),
    );
    result.instructions = catalog.instructions.clone();
    incoming.reply().result(result)
}

/// Spec: 2025-11-25 server/utilities/logging#setting-log-level
fn set_level(incoming: &Incoming<'_>) -> Answer {
    let params: SetLevelRequestParams = incoming.decode()?;
    if !incoming.client.set_log_level(&params.level) {
        return Err(invalid_params(format!("unknown log level {:?}", params.level.as_str())));
    }
    incoming.reply().result(EmptyResult::new())
}

/// Acknowledges a subscription with an empty filter, since the lists of this server never change. It
/// stays open until it is dropped.
///
/// Spec: basic/patterns/subscriptions#acknowledgment
fn listen(incoming: &Incoming<'_>) -> Result<Started, ErrorObject> {
    let _: SubscriptionsListenRequestParams = incoming.decode()?;
    let id = incoming.request.id.clone();
    let params = SubscriptionsAcknowledgedNotificationParams::new(SubscriptionFilter::new())
        .with_meta(Meta::new().with_subscription_id(id.clone()));
    let params = RawJson::from_serialize(&params).map_err(internal)?;
    let notification = Notification::new(method::NOTIFICATIONS_SUBSCRIPTIONS_ACKNOWLEDGED);
    let listen = Listen(Some(notification.with_params(params).into()));
    Ok(Started::Exchange(Exchange::from_stream(id, listen)))
}

/// Yields one message and stays open.
struct Listen(Option<Message>);

impl Stream for Listen {
    type Item = Result<Message, Error>;

    fn poll_next(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        match self.0.take() {
            Some(message) => Poll::Ready(Some(Ok(message))),
            None => Poll::Pending,
        }
    }
}

fn unknown_method(name: &str) -> ErrorObject {
    ErrorObject::new(error_code::METHOD_NOT_FOUND, format!("unknown method {name:?}"))
}
