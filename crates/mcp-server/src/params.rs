//! Parameter members that determine the handler of a request.

use std::borrow::Cow;

use mcp_core::{ErrorObject, LoggingLevel, ProgressToken, Request, error_code, method};
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
    /// The arguments of a tool up to the end of the parameters, instead of `arguments`: not validated, since the tool
    /// decodes them. Perhaps other members follow.
    #[serde(skip)]
    pub(crate) unread_arguments: Option<&'a str>,
    /// Its reserved members are read by [`ClientState::meta`](crate::client_state::ClientState::meta). `None` if it
    /// is known.
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

    /// Reads parameters that begin with this `_meta`, which is known to be valid and is not parsed again. `None` if
    /// they do not, or are not written as most clients do: without spaces, escapes in names or repeated members.
    pub(crate) fn behind(meta: &str, request: &'a Request) -> Option<Self> {
        let json = request.params.as_ref()?.as_bytes();
        let rest = json.strip_prefix(br#"{"_meta":"#)?.strip_prefix(meta.as_bytes())?;
        let mut rest = std::str::from_utf8(rest).ok()?;
        let mut params = Self::default();
        let is_decoded = request.method == method::TOOLS_CALL;
        while rest != "}" {
            let (name, value) = plain_text(rest.strip_prefix(',')?)?;
            let value = value.strip_prefix(':')?;
            if name == "arguments"
                && is_decoded
                && params.name.is_some()
                && params.arguments.is_none()
                && value.starts_with('{')
            {
                params.unread_arguments = value.strip_suffix('}');
                return Some(params);
            }
            let text = match name {
                "name" => &mut params.name,
                "uri" => &mut params.uri,
                "cursor" => &mut params.cursor,
                "_meta" => return None,
                _ => {
                    let (read, behind) = raw_value(value)?;
                    rest = behind;
                    let is_null = read.get() == "null";
                    if name == "arguments" && (is_null || params.arguments.replace(read).is_some())
                    {
                        return None;
                    }
                    continue;
                }
            };
            let (read, behind) = match plain_text(value) {
                Some((read, behind)) => (Text(Cow::Borrowed(read)), behind),
                None => {
                    let (read, behind) = raw_value(value)?;
                    (serde_json::from_str(read.get()).ok()?, behind)
                }
            };
            rest = behind;
            if text.replace(read).is_some() {
                return None;
            }
        }
        Some(params)
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

    /// The arguments as the JSON text of an object. Default: `{}`. Without those that are
    /// [unread](Self::unread_arguments).
    pub(crate) fn arguments(&self) -> Result<&'a str, ErrorObject> {
        match self.arguments.map(RawValue::get) {
            None => Ok("{}"),
            Some(object) if object.starts_with('{') => Ok(object),
            Some(_) => Err(invalid_params("`arguments` is not an object")),
        }
    }
}

/// The string without escapes at the start of a JSON text, and what follows.
fn plain_text(json: &str) -> Option<(&str, &str)> {
    let inside = json.strip_prefix('"')?;
    let is_special = |byte| matches!(byte, b'"' | b'\\' | ..b' ');
    let end = inside.bytes().position(is_special)?;
    Some((&inside[..end], inside[end..].strip_prefix('"')?))
}

/// The value at the start of a JSON text, and what follows.
fn raw_value(json: &str) -> Option<(&RawValue, &str)> {
    let mut values = serde_json::Deserializer::from_str(json).into_iter();
    let value = values.next()?.ok()?;
    Some((value, &json[values.byte_offset()..]))
}

pub(crate) fn invalid_params(message: impl Into<String>) -> ErrorObject {
    ErrorObject::new(error_code::INVALID_PARAMS, message)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use mcp_core::{RawJson, method};

    use super::*;

    const META: &str = r#"{"a":{"b":"}"}}"#;

    fn request(params: &str) -> Request {
        let params = RawJson::trusted(params.to_owned());
        Request::new(1, method::TOOLS_CALL).with_params(params)
    }

    fn members<'a>(params: &'a Params<'_>) -> [Option<&'a str>; 4] {
        let texts = [&params.name, &params.uri, &params.cursor];
        let [name, uri, cursor] = texts.map(|text| text.as_ref().map(|text| &*text.0));
        [name, uri, cursor, params.arguments.map(RawValue::get)]
    }

    #[test]
    fn parameters_behind_a_known_meta_are_read_as_any_other() {
        for rest in [
            "",
            r#","name":"x""#,
            r#","name":"\"\u0041\"","uri":"é","cursor":"""#,
            r#","arguments":{"name":"}", "n":[1.50e400]},"z":{"name":"y"},"name":"x""#,
            r#","n":1,"b":true,"arguments":[],"n":2"#,
        ] {
            let request = request(&format!("{{\"_meta\":{META}{rest}}}"));
            let params = Params::behind(META, &request).unwrap();
            assert_eq!(members(&params), members(&Params::of(&request).unwrap()), "{rest}");
        }
    }

    #[test]
    fn last_arguments_of_a_tool_are_left_to_the_tool() {
        let unread = |method: &'static str, rest: &str| {
            let json = format!("{{\"_meta\":{META},\"name\":\"x\",{rest}}}");
            let request = Request::new(1, method).with_params(RawJson::trusted(json));
            Params::behind(META, &request)?.unread_arguments.map(str::to_owned)
        };
        let call = |rest| unread(method::TOOLS_CALL, rest);
        assert_eq!(call(r#""arguments":{"a":"}"}"#).unwrap(), r#"{"a":"}"}"#);
        assert_eq!(call(r#""z":1,"arguments":{},"z":2"#).unwrap(), r#"{},"z":2"#);
        assert_eq!(call(r#""arguments":[]"#), None);
        assert_eq!(unread(method::PROMPTS_GET, r#""arguments":{}"#), None);
    }

    #[test]
    fn others_are_left_to_the_parser() {
        for params in [
            r#"{"_meta":{"a":{"b":"}"}},"name":"x"}"#.replace('b', "c"),
            format!("{{\"_meta\":{META} ,\"name\":\"x\"}}"),
            format!("{{\"name\":\"x\",\"_meta\":{META}}}"),
        ] {
            assert!(Params::behind(META, &request(&params)).is_none(), "{params}");
        }
        for rest in [
            r#","name":"x","name":"y""#,
            r#","name":null"#,
            r#","name":1"#,
            r#","arguments":null"#,
            r#","arguments":{},"arguments":{}"#,
            r#","_meta":{}"#,
            r#","n\u0061me":"x""#,
            r#","a\":1,"name":"x""#,
            r#","name" :"x""#,
            r#","name": "x", "uri":"y""#,
            r#","n":01"#,
            r#","n":{]"#,
            r#","n""#,
            r#"}"#,
            r#",}"#,
            "x",
        ] {
            let request = request(&format!("{{\"_meta\":{META}{rest}}}"));
            assert!(Params::behind(META, &request).is_none(), "{rest}");
        }
        assert!(Params::behind(META, &Request::new(1, method::TOOLS_LIST)).is_none());
    }
}
