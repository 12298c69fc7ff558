//! Parameter members that determine the handler of a request.

use std::borrow::Cow;

use mcp_core::{ErrorObject, LoggingLevel, ProgressToken, Request, error_code};
use serde::Deserialize;
use serde_json::value::RawValue;

/// A string that borrows unless it has escapes.
#[derive(Deserialize)]
pub(crate) struct Text<'a>(#[serde(borrow)] pub(crate) Cow<'a, str>);

/// The routing members of any request's parameters, read in one pass.
#[derive(Default, Deserialize)]
pub(crate) struct Params<'a> {
    #[serde(borrow, default)]
    pub(crate) name: Option<Text<'a>>,
    #[serde(borrow, default)]
    pub(crate) uri: Option<Text<'a>>,
    #[serde(borrow, default)]
    pub(crate) cursor: Option<Text<'a>>,
    #[serde(borrow, default)]
    pub(crate) arguments: Option<&'a RawValue>,
    /// Its reserved members are read by [`ClientState::meta`](crate::client_state::ClientState::meta).
    #[serde(borrow, default, rename = "_meta")]
    pub(crate) meta: Option<&'a RawValue>,
}

/// The reserved members of a request's `_meta`.
#[derive(Debug, Deserialize)]
pub(crate) struct RequestMeta {
    #[serde(default, rename = "io.modelcontextprotocol/protocolVersion")]
    pub(crate) protocol_version: Option<String>,
    #[serde(default, rename = "io.modelcontextprotocol/clientCapabilities")]
    pub(crate) client_capabilities: Option<Box<RawValue>>,
    #[serde(default, rename = "io.modelcontextprotocol/logLevel")]
    pub(crate) log_level: Option<LoggingLevel>,
    #[serde(default, rename = "progressToken")]
    pub(crate) progress_token: Option<ProgressToken>,
}

impl<'a> Params<'a> {
    pub(crate) fn of(request: &'a Request) -> Result<Self, ErrorObject> {
        match &request.params {
            Some(params) => params.decode().map_err(|error| invalid_params(error.to_string())),
            None => Ok(Self::default()),
        }
    }

    pub(crate) fn required<'b>(
        member: &'b Option<Text<'a>>,
        name: &str,
    ) -> Result<&'b str, ErrorObject> {
        match member {
            Some(text) => Ok(&text.0),
            None => Err(invalid_params(format!("missing field `{name}`"))),
        }
    }

    /// The arguments as the JSON text of an object. Default: `{}`.
    pub(crate) fn arguments(&self) -> Result<&'a str, ErrorObject> {
        match self.arguments.map(RawValue::get) {
            None => Ok("{}"),
            Some(object) if object.starts_with('{') => Ok(object),
            Some(_) => Err(invalid_params("`arguments` is not an object")),
        }
    }
}

pub(crate) fn invalid_params(message: impl Into<String>) -> ErrorObject {
    ErrorObject::new(error_code::INVALID_PARAMS, message)
}
