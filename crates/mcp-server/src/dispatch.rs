//! Which method is answered by what.

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
    input::{Incoming, Params, invalid_params},
    reply::{Answer, internal},
    resource::not_found,
};

pub(crate) fn dispatch(incoming: &Incoming<'_>) -> Result<Started, ErrorObject> {
    let shared = &*incoming.server.shared;
    let cursor = incoming.params.cursor.as_ref();
    let modern = incoming.version.era() == Era::Modern;
    let has_resources = !shared.resources.is_empty() || !shared.templates.is_empty();
    let result = match &*incoming.request.method {
        method::TOOLS_CALL if !shared.tools.is_empty() => return call_tool(incoming),
        method::TOOLS_LIST if !shared.tools.is_empty() => {
            shared.tools.page("tools", cursor, &incoming.reply(), shared)
        }
        method::RESOURCES_READ if has_resources => return read_resource(incoming),
        method::RESOURCES_LIST if has_resources => {
            shared.resources.page("resources", cursor, &incoming.reply(), shared)
        }
        method::RESOURCES_TEMPLATES_LIST if has_resources => {
            shared.templates.page("resourceTemplates", cursor, &incoming.reply(), shared)
        }
        method::PROMPTS_GET if !shared.prompts.is_empty() => return get_prompt(incoming),
        method::PROMPTS_LIST if !shared.prompts.is_empty() => {
            shared.prompts.page("prompts", cursor, &incoming.reply(), shared)
        }
        method::COMPLETION_COMPLETE if shared.completion.is_some() => return complete(incoming),
        method::SERVER_DISCOVER if modern => Ok(shared.discover.clone()),
        method::SUBSCRIPTIONS_LISTEN if modern => return listen(incoming),
        method::INITIALIZE => initialize(incoming),
        method::PING if !modern => incoming.reply().result(EmptyResult::new()),
        method::LOGGING_SET_LEVEL if !modern => set_level(incoming),
        other => Err(unknown_method(other)),
    };
    result.map(Started::Answered)
}

/// Spec: server/tools#calling-tools
fn call_tool(incoming: &Incoming<'_>) -> Result<Started, ErrorObject> {
    let name = Params::required(&incoming.params.name, "name")?;
    match incoming.server.shared.tools.get(name) {
        Some(run) => run(incoming),
        None => Err(invalid_params(format!("unknown tool {name:?}"))),
    }
}

/// Spec: server/prompts#getting-a-prompt
fn get_prompt(incoming: &Incoming<'_>) -> Result<Started, ErrorObject> {
    let name = Params::required(&incoming.params.name, "name")?;
    match incoming.server.shared.prompts.get(name) {
        Some(run) => run(incoming),
        None => Err(invalid_params(format!("unknown prompt {name:?}"))),
    }
}

/// Spec: server/resources#reading-resources
fn read_resource(incoming: &Incoming<'_>) -> Result<Started, ErrorObject> {
    let shared = &*incoming.server.shared;
    let uri = Params::required(&incoming.params.uri, "uri")?;
    if let Some(run) = shared.resources.get(uri) {
        return run(incoming, Vec::new());
    }
    let matched = shared.templates.values().find_map(|(template, run)| {
        let variables = template.as_ref()?.matches(uri)?;
        Some((run, variables))
    });
    match matched {
        Some((run, variables)) => run(incoming, variables),
        None => Err(not_found(incoming.version, uri)),
    }
}

fn complete(incoming: &Incoming<'_>) -> Result<Started, ErrorObject> {
    match &incoming.server.shared.completion {
        Some(run) => run(incoming),
        None => Err(unknown_method(method::COMPLETION_COMPLETE)),
    }
}

/// Opens the connection of a client of the legacy era.
///
/// Spec: 2025-11-25 basic/lifecycle#version-negotiation
fn initialize(incoming: &Incoming<'_>) -> Answer {
    let shared = &*incoming.server.shared;
    let params: InitializeRequestParams = incoming.decode()?;
    let legacy = || shared.versions.iter().filter(|version| version.era() == Era::Legacy);
    let asked_for = legacy().find(|version| version.as_str() == params.protocol_version);
    let Some(version) = asked_for.or_else(|| legacy().next()) else {
        return Err(incoming.server.unsupported(&params.protocol_version));
    };
    incoming.server.client.initialize(*version, params);
    let mut result =
        InitializeResult::new(version.as_str(), shared.capabilities.clone(), shared.info.clone());
    result.instructions = shared.instructions.clone();
    incoming.reply().result(result)
}

/// Spec: 2025-11-25 server/utilities/logging#setting-log-level
fn set_level(incoming: &Incoming<'_>) -> Answer {
    let params: SetLevelRequestParams = incoming.decode()?;
    if !incoming.server.client.set_log_level(&params.level) {
        return Err(invalid_params(format!("unknown log level {:?}", params.level.as_str())));
    }
    incoming.reply().result(EmptyResult::new())
}

/// Acknowledges a subscription, of which nothing is honoured: what this server offers never changes.
/// It stays open until it is dropped.
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

/// One message, and then silence.
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
