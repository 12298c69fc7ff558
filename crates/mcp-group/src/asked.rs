use std::{borrow::Cow, sync::Arc};

use mcp_core::{
    EmptyResult, Era, LoggingLevel, Meta, ProtocolVersion, RawJson, RequestId, ResultType,
    ServerResult, SetLevelRequestParams, method,
};
use mcp_session::Timeout;
use serde::{Serialize, de::DeserializeOwned};

use crate::{
    calls,
    client::Client,
    failure::{Failure, internal, invalid_params, no_method},
    identity,
    lists::{Prompts, Resources, Templates, Tools},
    member::Phase,
    object::Object,
    pages::page,
    relay::Answer,
    shared::Shared,
};

/// What a client asks of the group.
pub(crate) struct Asked {
    pub(crate) shared: Arc<Shared>,
    pub(crate) client: Arc<Client>,
    pub(crate) id: RequestId,
    pub(crate) method: Cow<'static, str>,
    /// With the `_meta` in it.
    pub(crate) params: Object,
    pub(crate) meta: Object,
    pub(crate) version: ProtocolVersion,
    /// The least severe log messages that the client wants.
    pub(crate) level: Option<LoggingLevel>,
    /// The limit on calls of servers, in place of their own.
    pub(crate) timeout: Option<Timeout>,
    /// Log messages were asked for.
    pub(crate) with_log: bool,
}

/// Answers a request: by itself, or by that of one server or of all.
pub(crate) async fn answer(mut asked: Asked) -> Answer {
    let method = asked.method.clone();
    let is_modern = asked.version.era() == Era::Modern;
    match &*method {
        method::TOOLS_CALL => calls::call_tool(&mut asked).await,
        method::PROMPTS_GET => calls::get_prompt(&mut asked).await,
        method::RESOURCES_READ => calls::read_resource(&mut asked).await,
        method::COMPLETION_COMPLETE => calls::complete(&mut asked).await,
        method::TOOLS_LIST => page::<Tools>(&asked).await,
        method::PROMPTS_LIST => page::<Prompts>(&asked).await,
        method::RESOURCES_LIST => page::<Resources>(&asked).await,
        method::RESOURCES_TEMPLATES_LIST => page::<Templates>(&asked).await,
        method::SERVER_DISCOVER if is_modern => identity::discover(&asked).await,
        method::INITIALIZE => identity::initialize(&asked).await,
        method::PING if !is_modern => asked.result(EmptyResult::new()),
        method::LOGGING_SET_LEVEL if !is_modern => set_level(&asked).await,
        method::RESOURCES_SUBSCRIBE if !is_modern => calls::subscribe(&asked).await,
        method::RESOURCES_UNSUBSCRIBE if !is_modern => calls::unsubscribe(&asked),
        other => match asked.shared.straight() {
            // What is not of the protocol, or not any more, is for the server to know.
            Some(member) => {
                let params = std::mem::take(&mut asked.params);
                calls::forward(&asked, &member, params).await
            }
            None => Err(no_method(format!("unknown method {other:?}"))),
        },
    }
}

/// Spec: 2025-11-25 server/utilities/logging#setting-log-level
async fn set_level(asked: &Asked) -> Answer {
    let params: SetLevelRequestParams = asked.decode()?;
    if params.level.severity().is_none() {
        return Err(invalid_params(format!("unknown log level {:?}", params.level.as_str())));
    }
    asked.client.set_level(params.level.clone());
    let members = asked.shared.members();
    let telling = members.iter().map(|member| async {
        let phase = member.phase.borrow().clone();
        if let Phase::Ready(session) = phase {
            member.log_from(&session, &params.level).await;
        }
    });
    futures_util::future::join_all(telling).await;
    asked.result(EmptyResult::new())
}

impl Asked {
    pub(crate) fn is_modern(&self) -> bool {
        self.version.era() == Era::Modern
    }

    /// The parameters as a type of the protocol.
    pub(crate) fn decode<T: DeserializeOwned>(&self) -> Result<T, Failure> {
        let params = self.params.to_json();
        params.decode().map_err(|error| invalid_params(error.to_string()))
    }

    /// A parameter that is a string and has to be there.
    pub(crate) fn required(&self, name: &str) -> Result<String, Failure> {
        let text = self.params.text(name);
        text.ok_or_else(|| invalid_params(format!("missing field `{name}`")))
    }

    /// A result of the group's own.
    ///
    /// Spec: basic/index#result-responses
    pub(crate) fn result<T: ServerResult + Serialize>(&self, mut result: T) -> Answer {
        let is_modern = self.is_modern();
        result.set_result_type(is_modern.then_some(ResultType::Complete));
        if is_modern {
            let meta = result.meta_mut().take().unwrap_or_default();
            *result.meta_mut() = Some(match meta.server_info() {
                Some(_) => meta,
                None => meta.with_server_info(identity::info(&self.shared)),
            });
        }
        RawJson::from_serialize(&result).map_err(internal)
    }

    /// What of the client's `_meta` is for any server: all but what the protocol sets itself.
    pub(crate) fn meta_for_servers(&self) -> Meta {
        let is_protocol = |key: &str| {
            key == mcp_core::meta_key::PROGRESS_TOKEN || key.starts_with("io.modelcontextprotocol/")
        };
        let mut meta = Meta::new();
        for (key, value) in self.meta.iter().filter(|(key, _)| !is_protocol(key)) {
            if let Ok(value) = serde_json::from_str(value.get()) {
                meta.insert(key.to_owned(), value);
            }
        }
        meta
    }
}
