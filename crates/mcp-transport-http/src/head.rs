use std::borrow::Cow;

use base64::{Engine, engine::general_purpose::STANDARD};
use http::{Extensions, HeaderMap, HeaderName, HeaderValue, header};
use mcp_core::{ProtocolVersion, RawJson};
use mcp_http::ReadTimeout;
use mcp_transport::{Delivery, Error, ErrorKind, IdleLimit};
use serde::Deserialize;

pub(crate) const SESSION_ID: HeaderName = HeaderName::from_static("mcp-session-id");
pub(crate) const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");
const PROTOCOL_VERSION: HeaderName = HeaderName::from_static("mcp-protocol-version");
const METHOD: HeaderName = HeaderName::from_static("mcp-method");
const NAME: HeaderName = HeaderName::from_static("mcp-name");

/// Headers that say what the message says, or how it is sent: nobody else may set them.
const OWNED: [HeaderName; 9] = [
    PROTOCOL_VERSION,
    METHOD,
    NAME,
    SESSION_ID,
    LAST_EVENT_ID,
    header::ACCEPT,
    header::CONTENT_TYPE,
    header::CONTENT_LENGTH,
    header::TRANSFER_ENCODING,
];

/// The first header of `headers` that belongs to the protocol.
pub(crate) fn owned_by_protocol(headers: &HeaderMap) -> Option<&HeaderName> {
    headers.keys().find(|name| OWNED.contains(name))
}

/// What the HTTP request of one message has beside the headers that all have.
#[derive(Clone, Default)]
pub(crate) struct Head {
    version: Option<HeaderValue>,
    method: Option<HeaderValue>,
    name: Option<HeaderValue>,
    extra: HeaderMap,
    extensions: Extensions,
}

impl Head {
    /// Of a message of the modern era.
    ///
    /// Spec: basic/transports/streamable-http#standard-request-headers
    pub(crate) fn modern(
        version: ProtocolVersion,
        method: Cow<'static, str>,
        params: Option<&RawJson>,
        extensions: Extensions,
    ) -> Result<Self, Error> {
        let mut head = Self::with(extensions)?;
        head.version = Some(HeaderValue::from_static(version.as_str()));
        head.name = params.and_then(|params| name_of(&method, params)).map(|name| encoded(&name));
        // A subscription is silent as long as nothing happens.
        if method == "subscriptions/listen" && head.extensions.get::<ReadTimeout>().is_none() {
            head.extensions.insert(ReadTimeout(None));
        }
        head.method = Some(method_value(method)?);
        Ok(head)
    }

    /// Of a message of the legacy era; `version` is what was negotiated.
    ///
    /// Spec: 2025-11-25 basic/transports#protocol-version-header
    pub(crate) fn legacy(
        version: Option<ProtocolVersion>,
        extensions: Extensions,
    ) -> Result<Self, Error> {
        let mut head = Self::with(extensions)?;
        head.version = version
            .filter(|version| {
                // Revisions before 2025-06-18 do not know the header.
                matches!(version, ProtocolVersion::V2025_06_18 | ProtocolVersion::V2025_11_25)
            })
            .map(|version| HeaderValue::from_static(version.as_str()));
        Ok(head)
    }

    fn with(mut extensions: Extensions) -> Result<Self, Error> {
        let extra = extensions.remove::<HeaderMap>().unwrap_or_default();
        if let Some(IdleLimit(limit)) = extensions.remove() {
            extensions.insert(ReadTimeout(limit));
        }
        if let Some(name) = owned_by_protocol(&extra) {
            return Err(invalid(format!("the header {name} is set by the protocol")));
        }
        Ok(Self { extra, extensions, ..Self::default() })
    }

    /// The same for a stream that may stay silent.
    pub(crate) fn listening(mut self) -> Self {
        self.extensions.insert(ReadTimeout(None));
        self
    }

    /// Adds everything to a request that has the headers of all.
    pub(crate) fn put_into(&self, headers: &mut HeaderMap, extensions: &mut Extensions) {
        if !self.extra.is_empty() {
            headers.extend(self.extra.clone());
        }
        let own = [(PROTOCOL_VERSION, &self.version), (METHOD, &self.method), (NAME, &self.name)];
        for (name, value) in own {
            if let Some(value) = value {
                headers.insert(name, value.clone());
            }
        }
        if !self.extensions.is_empty() {
            extensions.extend(self.extensions.clone());
        }
    }
}

fn invalid(text: String) -> Error {
    Error::new(ErrorKind::InvalidRequest, text).with_delivery(Delivery::NotSent)
}

fn method_value(method: Cow<'static, str>) -> Result<HeaderValue, Error> {
    if !is_plain(&method) {
        return Err(invalid(format!("the method {method:?} cannot be sent in a header")));
    }
    Ok(match method {
        Cow::Borrowed(method) => HeaderValue::from_static(method),
        Cow::Owned(method) => encoded(&method),
    })
}

/// The name or URI that a request is about, where that has to stand in a header.
fn name_of<'a>(method: &str, params: &'a RawJson) -> Option<Cow<'a, str>> {
    #[derive(Deserialize)]
    struct Text<'a>(#[serde(borrow)] Cow<'a, str>);

    #[derive(Deserialize)]
    struct Named<'a> {
        #[serde(borrow)]
        name: Text<'a>,
    }

    #[derive(Deserialize)]
    struct Located<'a> {
        #[serde(borrow)]
        uri: Text<'a>,
    }

    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct OfTask<'a> {
        #[serde(borrow)]
        task_id: Text<'a>,
    }

    // What has no such member is for the server to refuse.
    match method {
        "tools/call" | "prompts/get" => params.decode().ok().map(|Named { name }| name.0),
        "resources/read" => params.decode().ok().map(|Located { uri }| uri.0),
        _ if method.starts_with("tasks/") => {
            params.decode().ok().map(|OfTask { task_id }| task_id.0)
        }
        _ => None,
    }
}

/// `value` as it stands where a header can hold that, else in Base64.
///
/// Spec: basic/transports/streamable-http#value-encoding
fn encoded(value: &str) -> HeaderValue {
    let looks_encoded = value.starts_with("=?base64?") && value.ends_with("?=");
    if is_plain(value) && !looks_encoded {
        return HeaderValue::from_str(value).expect("printable ASCII is a header value");
    }
    let text = format!("=?base64?{}?=", STANDARD.encode(value));
    HeaderValue::try_from(text).expect("Base64 is a header value")
}

fn is_plain(value: &str) -> bool {
    value.bytes().all(|byte| matches!(byte, b' '..=b'~'))
        && !value.starts_with(' ')
        && !value.ends_with(' ')
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    fn name(method: &'static str, params: &'static str) -> Option<String> {
        let params = RawJson::from_text(params).unwrap();
        let version = ProtocolVersion::LATEST_MODERN;
        let head = Head::modern(version, method.into(), Some(&params), Extensions::new()).unwrap();
        assert_eq!(head.method.unwrap(), method);
        assert_eq!(head.version.unwrap(), "2026-07-28");
        head.name.map(|name| name.to_str().unwrap().to_owned())
    }

    #[test]
    fn the_name_is_that_of_the_method() {
        let params =
            r#"{"arguments":{"name":"x"},"uri":"file:///a%20b","name":"add","taskId":"t"}"#;
        for (method, value) in [
            ("tools/call", Some("add")),
            ("prompts/get", Some("add")),
            ("resources/read", Some("file:///a%20b")),
            ("tasks/get", Some("t")),
            ("tools/list", None),
            ("completion/complete", None),
        ] {
            assert_eq!(name(method, params).as_deref(), value, "{method}");
        }
        assert_eq!(name("tools/call", "{}"), None);
        assert_eq!(name("tools/call", r#"{"name":7}"#), None);
        assert_eq!(name("tools/call", r#"{"name":"a\u0062\\"}"#).as_deref(), Some("ab\\"));
    }

    #[test]
    fn values_that_are_not_plain_are_encoded() {
        for (value, header) in [
            ("", ""),
            ("plain value", "plain value"),
            ("Hello, 世界", "=?base64?SGVsbG8sIOS4lueVjA==?="),
            (" padded ", "=?base64?IHBhZGRlZCA=?="),
            ("a\tb", "=?base64?YQli?="),
            ("line\nbreak", "=?base64?bGluZQpicmVhaw==?="),
            ("=?base64?literal?=", "=?base64?PT9iYXNlNjQ/bGl0ZXJhbD89?="),
            ("=?base64?open", "=?base64?open"),
            ("\u{7f}", "=?base64?fw==?="),
        ] {
            assert_eq!(encoded(value), header, "{value:?}");
        }
    }

    #[test]
    fn headers_of_the_protocol_are_refused_and_others_added() {
        for name in OWNED {
            let mut extra = HeaderMap::new();
            extra.insert(name, HeaderValue::from_static("x"));
            let mut extensions = Extensions::new();
            extensions.insert(extra);
            let Err(error) = Head::legacy(None, extensions) else { panic!() };
            assert_eq!(error.kind(), ErrorKind::InvalidRequest);
            assert_eq!(error.delivery(), Delivery::NotSent);
        }
        let mut extra = HeaderMap::new();
        extra.insert("mcp-param-region", HeaderValue::from_static("eu"));
        let mut extensions = Extensions::new();
        extensions.insert(extra);
        extensions.insert(7_u8);
        let head = Head::legacy(Some(ProtocolVersion::V2025_03_26), extensions).unwrap();
        let (mut headers, mut extensions) = (HeaderMap::new(), Extensions::new());
        head.put_into(&mut headers, &mut extensions);
        assert_eq!(headers.len(), 1);
        assert_eq!(headers["mcp-param-region"], "eu");
        assert_eq!(extensions.get(), Some(&7_u8));
        assert!(extensions.get::<HeaderMap>().is_none());
    }

    #[test]
    fn a_method_that_is_no_header_value_is_refused() {
        let version = ProtocolVersion::LATEST_MODERN;
        let method = Cow::Owned("a\r\nb".to_owned());
        let Err(error) = Head::modern(version, method, None, Extensions::new()) else { panic!() };
        assert_eq!(error.delivery(), Delivery::NotSent);
    }
}
