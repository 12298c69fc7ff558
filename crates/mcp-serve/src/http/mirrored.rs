//! Headers that mirror fields of a modern request, and the status of its response.

use std::{borrow::Cow, fmt};

use base64::{Engine, engine::general_purpose::STANDARD};
use http::{HeaderMap, HeaderName, StatusCode};
use mcp_core::{ErrorObject, Request, Response, error_code, method};
use mcp_transport::Routing;
use serde::{
    Deserialize, Deserializer,
    de::{self, IgnoredAny},
};

use super::headers::{METHOD, NAME, PROTOCOL_VERSION, header};

/// The name of a header that repeats a parameter begins with it.
const PARAM_PREFIX: &str = "mcp-param-";

/// A value in Base64 begins with it.
const ENCODED: &str = "=?base64?";

/// The fields of a request that are mirrored in headers.
#[derive(Default)]
pub(crate) struct MirroredFields<'a> {
    version: Option<Cow<'a, str>>,
    has_capabilities: bool,
    /// The name of the tool or prompt, or the URI of the resource.
    name: Option<Cow<'a, str>>,
}

impl<'a> MirroredFields<'a> {
    /// The fields of a request, or `None` if its parameters are not a valid object.
    pub(crate) fn of(request: &'a Request) -> Option<Self> {
        #[derive(Default, Deserialize)]
        #[serde(default)]
        struct Params<'a> {
            #[serde(borrow, rename = "_meta")]
            meta: Meta<'a>,
            #[serde(borrow)]
            name: Value<'a>,
            #[serde(borrow)]
            uri: Value<'a>,
        }
        #[derive(Default, Deserialize)]
        #[serde(default)]
        struct Meta<'a> {
            #[serde(borrow, rename = "io.modelcontextprotocol/protocolVersion")]
            version: Value<'a>,
            #[serde(borrow, rename = "io.modelcontextprotocol/clientCapabilities")]
            capabilities: Value<'a>,
        }
        let Params { meta, name, uri } = match &request.params {
            Some(params) => {
                serde_json::from_str(std::str::from_utf8(params.as_bytes()).ok()?).ok()?
            }
            None => Params::default(),
        };
        let name = match &*request.method {
            method::TOOLS_CALL | method::PROMPTS_GET => name,
            method::RESOURCES_READ => uri,
            _ => Value::Other,
        };
        Some(Self {
            version: meta.version.text(),
            has_capabilities: matches!(meta.capabilities, Value::Object),
            name: name.text(),
        })
    }

    /// Compares the headers with the fields.
    ///
    /// Spec: basic/transports/streamable-http#server-validation
    pub(crate) fn checked(
        self,
        request: &Request,
        headers: &HeaderMap,
    ) -> Result<Checked, ErrorObject> {
        same(headers, &PROTOCOL_VERSION, self.version.as_deref())?;
        same(headers, &METHOD, Some(&request.method))?;
        same(headers, &NAME, self.name.as_deref())?;
        let is_incomplete = self.version.is_none() || !self.has_capabilities;
        Ok(Checked { is_incomplete, routing: self.into_routing(headers) })
    }

    /// The values to be repeated if the request is sent on over HTTP: those with which it arrived.
    ///
    /// Spec: basic/transports/streamable-http#custom-headers
    fn into_routing(self, headers: &HeaderMap) -> Option<Box<Routing>> {
        let params = headers.iter().filter_map(|(name, value)| {
            let name = name.as_str().strip_prefix(PARAM_PREFIX)?;
            Some((name.to_owned(), decoded(value.to_str().ok()?.trim()).into_owned()))
        });
        let params: Vec<_> = params.collect();
        if self.name.is_none() && params.is_empty() {
            return None;
        }
        let mut routing = Routing::new().with_params(params);
        routing.name = self.name.map(Cow::into_owned);
        Some(Box::new(routing))
    }
}

/// What is known of a request whose headers repeat its fields.
pub(crate) struct Checked {
    /// Whether it lacks a field that every request must have.
    pub(crate) is_incomplete: bool,
    /// The values to be repeated if it is sent on over HTTP.
    pub(crate) routing: Option<Box<Routing>>,
}

/// The status of a response to a request.
///
/// Spec: basic/transports/streamable-http#server-validation
pub(crate) fn status(response: &Response, is_incomplete: bool) -> StatusCode {
    match response.outcome.as_ref().map_err(|error| error.code) {
        Err(error_code::METHOD_NOT_FOUND) => StatusCode::NOT_FOUND,
        Err(
            error_code::HEADER_MISMATCH
            | error_code::MISSING_REQUIRED_CLIENT_CAPABILITY
            | error_code::UNSUPPORTED_PROTOCOL_VERSION,
        ) => StatusCode::BAD_REQUEST,
        Err(error_code::INVALID_PARAMS) if is_incomplete => StatusCode::BAD_REQUEST,
        _ => StatusCode::OK,
    }
}

/// Checks that a header repeats a field, if there is the field.
fn same(headers: &HeaderMap, name: &HeaderName, field: Option<&str>) -> Result<(), ErrorObject> {
    let Some(field) = field else { return Ok(()) };
    // The usual value is as it is in the body.
    if !field.starts_with(ENCODED) && headers.get(name).is_some_and(|value| value == field) {
        return Ok(());
    }
    match header(headers, name).map(decoded).as_deref() == Some(field) {
        true => Ok(()),
        false => {
            let text = format!("the header {name} does not match the body");
            Err(ErrorObject::new(error_code::HEADER_MISMATCH, text))
        }
    }
}

/// A value of which only a text matters.
#[derive(Default)]
enum Value<'a> {
    Text(Cow<'a, str>),
    Object,
    #[default]
    Other,
}

impl<'a> Value<'a> {
    fn text(self) -> Option<Cow<'a, str>> {
        match self {
            Self::Text(text) => Some(text),
            _ => None,
        }
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Value<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;

        impl<'de> de::Visitor<'de> for Visitor {
            type Value = Value<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a value")
            }

            fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Value<'de>, E> {
                Ok(Value::Text(Cow::Borrowed(text)))
            }

            fn visit_str<E>(self, text: &str) -> Result<Value<'de>, E> {
                Ok(Value::Text(Cow::Owned(text.to_owned())))
            }

            fn visit_map<A: de::MapAccess<'de>>(self, map: A) -> Result<Value<'de>, A::Error> {
                IgnoredAny.visit_map(map).map(|_| Value::Object)
            }

            fn visit_seq<A: de::SeqAccess<'de>>(self, seq: A) -> Result<Value<'de>, A::Error> {
                IgnoredAny.visit_seq(seq).map(|_| Value::Other)
            }

            fn visit_bool<E>(self, _: bool) -> Result<Value<'de>, E> {
                Ok(Value::Other)
            }

            fn visit_i64<E>(self, _: i64) -> Result<Value<'de>, E> {
                Ok(Value::Other)
            }

            fn visit_u64<E>(self, _: u64) -> Result<Value<'de>, E> {
                Ok(Value::Other)
            }

            fn visit_f64<E>(self, _: f64) -> Result<Value<'de>, E> {
                Ok(Value::Other)
            }

            fn visit_unit<E>(self) -> Result<Value<'de>, E> {
                Ok(Value::Other)
            }
        }

        deserializer.deserialize_any(Visitor)
    }
}

/// Decodes a header value that may be encoded as `=?base64?...?=`.
fn decoded(value: &str) -> Cow<'_, str> {
    let encoded = value.strip_prefix(ENCODED).and_then(|rest| rest.strip_suffix("?="));
    let bytes = encoded.and_then(|text| STANDARD.decode(text).ok());
    let text = bytes.and_then(|bytes| String::from_utf8(bytes).ok());
    text.map_or(Cow::Borrowed(value), Cow::Owned)
}
