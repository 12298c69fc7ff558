//! Headers that mirror fields of a modern request, and the status of its response.

use std::borrow::Cow;

use base64::{Engine, engine::general_purpose::STANDARD};
use http::{HeaderMap, StatusCode};
use mcp_core::{ErrorObject, Request, Response, error_code, meta_key, method};
use serde::Deserialize;
use serde_json::Value;

use super::headers::header;

/// The fields of a request that are mirrored in headers.
pub(crate) struct MirroredFields {
    version: Option<String>,
    has_capabilities: bool,
    /// The name of the tool or prompt, or the URI of the resource.
    name: Option<String>,
}

impl MirroredFields {
    pub(crate) fn of(request: &Request) -> Self {
        #[derive(Default, Deserialize)]
        #[serde(default)]
        struct Params {
            #[serde(rename = "_meta")]
            meta: Value,
            name: Value,
            uri: Value,
        }
        let params = request.params.as_ref().and_then(|params| params.decode().ok());
        let Params { meta, name, uri } = params.unwrap_or_default();
        let name = match &*request.method {
            method::TOOLS_CALL | method::PROMPTS_GET => name,
            method::RESOURCES_READ => uri,
            _ => Value::Null,
        };
        Self {
            version: meta[meta_key::PROTOCOL_VERSION].as_str().map(str::to_owned),
            has_capabilities: meta[meta_key::CLIENT_CAPABILITIES].is_object(),
            name: name.as_str().map(str::to_owned),
        }
    }

    /// Compares the headers with the fields.
    ///
    /// Spec: basic/transports/streamable-http#server-validation
    pub(crate) fn check(&self, request: &Request, headers: &HeaderMap) -> Result<(), ErrorObject> {
        let same = |name: &str, field: Option<&str>| {
            let value = header(headers, name).map(decoded);
            match field.is_none_or(|field| value.as_deref() == Some(field)) {
                true => Ok(()),
                false => {
                    let text = format!("the header {name} does not match the body");
                    Err(ErrorObject::new(error_code::HEADER_MISMATCH, text))
                }
            }
        };
        same("mcp-protocol-version", self.version.as_deref())?;
        same("mcp-method", Some(&request.method))?;
        same("mcp-name", self.name.as_deref())
    }

    /// The status of a response to the request.
    ///
    /// Spec: basic/transports/streamable-http#server-validation
    pub(crate) fn status(&self, response: &Response) -> StatusCode {
        match response.outcome.as_ref().map_err(|error| error.code) {
            Err(error_code::METHOD_NOT_FOUND) => StatusCode::NOT_FOUND,
            Err(
                error_code::HEADER_MISMATCH
                | error_code::MISSING_REQUIRED_CLIENT_CAPABILITY
                | error_code::UNSUPPORTED_PROTOCOL_VERSION,
            ) => StatusCode::BAD_REQUEST,
            Err(error_code::INVALID_PARAMS) if self.version.is_none() || !self.has_capabilities => {
                StatusCode::BAD_REQUEST
            }
            _ => StatusCode::OK,
        }
    }
}

/// Decodes a header value that may be encoded as `=?base64?...?=`.
fn decoded(value: &str) -> Cow<'_, str> {
    let encoded = value.strip_prefix("=?base64?").and_then(|rest| rest.strip_suffix("?="));
    let bytes = encoded.and_then(|text| STANDARD.decode(text).ok());
    let text = bytes.and_then(|bytes| String::from_utf8(bytes).ok());
    text.map_or(Cow::Borrowed(value), Cow::Owned)
}
