use std::borrow::Cow;

use base64::{Engine, engine::general_purpose::STANDARD};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Uri, header};
use mcp_core::{ProtocolVersion, RawJson};
use mcp_http::{Body, ReadTimeout, transport::EnvelopeExtras};
use mcp_transport::{Delivery, Envelope, Error, ErrorKind};
use serde::Deserialize;

pub(crate) const SESSION_ID: HeaderName = HeaderName::from_static("mcp-session-id");
pub(crate) const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");
const PROTOCOL_VERSION: HeaderName = HeaderName::from_static("mcp-protocol-version");
const METHOD: HeaderName = HeaderName::from_static("mcp-method");
const NAME: HeaderName = HeaderName::from_static("mcp-name");
const PARAM_PREFIX: &str = "mcp-param-";

/// Headers that are set by the protocol and must not be set otherwise.
pub(crate) static PROTOCOL_HEADERS: [HeaderName; 9] = [
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

/// The headers of one message, in addition to those of all requests.
#[derive(Clone, Default)]
pub(crate) struct RequestHeaders {
    version: Option<HeaderValue>,
    method: Option<HeaderValue>,
    name: Option<HeaderValue>,
    /// Parameters mirrored as headers.
    params: Vec<(HeaderName, HeaderValue)>,
    extras: EnvelopeExtras,
}

impl RequestHeaders {
    /// Headers of a modern message, with its method and parameters.
    ///
    /// Spec: basic/transports/streamable-http#standard-request-headers
    pub(crate) fn modern<M>(
        version: ProtocolVersion,
        method: Cow<'static, str>,
        params: Option<&RawJson>,
        envelope: &Envelope<M>,
    ) -> Result<Self, Error> {
        let mut headers = Self::of(envelope)?;
        let mut name = None;
        if let Some(routing) = &envelope.routing {
            for (name, value) in &routing.params {
                let header = HeaderName::try_from(format!("{PARAM_PREFIX}{name}"));
                let header = header
                    .map_err(|_| invalid(format!("{name:?} cannot be the name of a header")))?;
                headers.params.push((header, encoded(value)));
            }
            name = routing.name.as_deref().map(Cow::Borrowed);
        }
        let name = name.or_else(|| params.and_then(|params| name_of(&method, params)));
        headers.name = name.map(|name| encoded(&name));
        headers.version = Some(HeaderValue::from_static(version.as_str()));
        headers.method = Some(method_value(method)?);
        Ok(headers)
    }

    /// Headers of a legacy message.
    ///
    /// Spec: 2025-11-25 basic/transports#protocol-version-header
    pub(crate) fn legacy<M>(envelope: &Envelope<M>) -> Result<Self, Error> {
        let mut headers = Self::of(envelope)?;
        headers.version = envelope
            .version
            .filter(|version| {
                // Revisions before 2025-06-18 do not have the header.
                matches!(version, ProtocolVersion::V2025_06_18 | ProtocolVersion::V2025_11_25)
            })
            .map(|version| HeaderValue::from_static(version.as_str()));
        Ok(headers)
    }

    fn of<M>(envelope: &Envelope<M>) -> Result<Self, Error> {
        let extras = EnvelopeExtras::new(envelope, &PROTOCOL_HEADERS)?;
        Ok(Self { extras, ..Self::default() })
    }

    /// The same for a response that may be silent without limit, unless the envelope sets one.
    pub(crate) fn long_lived(mut self) -> Self {
        self.extras = self.extras.long_lived();
        self
    }

    /// The same for a request that no caller waits for.
    pub(crate) fn in_background(mut self) -> Self {
        self.extras = self.extras.in_background();
        self
    }

    pub(crate) fn in_background_if(self, is_background: bool) -> Self {
        if is_background { self.in_background() } else { self }
    }

    /// The read timeout of the request.
    pub(crate) fn read_timeout(&self) -> Option<ReadTimeout> {
        self.extras.read_timeout()
    }

    /// A request with these headers and the common `headers`.
    pub(crate) fn request(
        &self,
        method: Method,
        url: &Uri,
        headers: &HeaderMap,
        body: Body,
    ) -> Request<Body> {
        let mut request = self.extras.request(method, url, headers, body);
        let own = [(PROTOCOL_VERSION, &self.version), (METHOD, &self.method), (NAME, &self.name)];
        for (name, value) in own {
            if let Some(value) = value {
                request.headers_mut().insert(name, value.clone());
            }
        }
        request.headers_mut().extend(self.params.iter().cloned());
        request
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

/// The name or URI parameter of a request that must be mirrored in a header.
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

    // Parameters without such a member are sent, for the server to refuse.
    match method {
        "tools/call" | "prompts/get" => params.decode().ok().map(|Named { name }| name.0),
        "resources/read" => params.decode().ok().map(|Located { uri }| uri.0),
        _ if method.starts_with("tasks/") => {
            params.decode().ok().map(|OfTask { task_id }| task_id.0)
        }
        _ => None,
    }
}

/// The value unchanged if it is valid in a header, otherwise in Base64.
///
/// Spec: basic/transports/streamable-http#value-encoding
fn encoded(value: &str) -> HeaderValue {
    let looks_encoded = value.starts_with("=?base64?") && value.ends_with("?=");
    if !looks_encoded && is_plain(value) {
        return HeaderValue::from_str(value).expect("printable ASCII is a header value");
    }
    let text = format!("=?base64?{}?=", STANDARD.encode(value));
    HeaderValue::try_from(text).expect("Base64 is a header value")
}

fn is_plain(value: &str) -> bool {
    // Not `all`, which would stop at each byte and so look at one byte at a time.
    value.bytes().fold(true, |plain, byte| plain & matches!(byte, b' '..=b'~'))
        && !value.starts_with(' ')
        && !value.ends_with(' ')
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use std::time::Duration;

    use mcp_transport::{IdleLimit, Routing};

    use super::*;
    use mcp_core::method;

    fn name(method: &'static str, params: &'static str) -> Option<String> {
        let params = RawJson::from_text(params).unwrap();
        let version = ProtocolVersion::LATEST_MODERN;
        let envelope = Envelope::new(());
        let headers =
            RequestHeaders::modern(version, method.into(), Some(&params), &envelope).unwrap();
        assert_eq!(headers.method.unwrap(), method);
        assert_eq!(headers.version.unwrap(), "2026-07-28");
        headers.name.map(|name| name.to_str().unwrap().to_owned())
    }

    #[test]
    fn the_name_parameter_depends_on_the_method() {
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
        let with = |name: HeaderName| {
            let mut extra = HeaderMap::new();
            extra.insert(name, HeaderValue::from_static("eu"));
            let envelope = Envelope::new(()).with_extension(extra);
            RequestHeaders::legacy(&envelope.with_version(ProtocolVersion::V2025_06_18))
        };
        for name in PROTOCOL_HEADERS.iter().cloned() {
            let Err(error) = with(name) else { panic!() };
            assert_eq!(error.kind(), ErrorKind::InvalidRequest);
        }
        let headers = with(HeaderName::from_static("mcp-param-region")).unwrap();
        let url = Uri::from_static("http://h/");
        let request = headers.request(Method::POST, &url, &HeaderMap::new(), Body::empty());
        assert_eq!(request.headers().len(), 2);
        assert_eq!(request.headers()["mcp-param-region"], "eu");
        assert_eq!(request.headers()[PROTOCOL_VERSION], "2025-06-18");
    }

    #[test]
    fn a_subscription_may_be_silent_unless_it_has_a_limit() {
        let limit = |envelope| {
            let (version, method) = (ProtocolVersion::LATEST_MODERN, method::SUBSCRIPTIONS_LISTEN);
            let headers = RequestHeaders::modern(version, method.into(), None, &envelope);
            headers.unwrap().read_timeout()
        };
        let listen = || Envelope::new(mcp_core::Request::new(1, method::SUBSCRIPTIONS_LISTEN));
        assert_eq!(limit(listen()), Some(ReadTimeout(None)));
        let second = Duration::from_secs(1);
        let envelope = listen().with_idle_limit(IdleLimit::After(second));
        assert_eq!(limit(envelope), Some(ReadTimeout(Some(second))));
    }

    #[test]
    fn routing_headers_are_those_of_the_envelope() {
        let params = RawJson::trusted(r#"{"name":"of the parameters"}"#);
        let routing = Routing::new().with_name("of the envelope");
        let routing = routing.with_params(vec![("Region".to_owned(), "gr\u{fc}n".to_owned())]);
        let envelope = Envelope::new(()).with_routing(Box::new(routing));
        let version = ProtocolVersion::LATEST_MODERN;
        let headers =
            RequestHeaders::modern(version, "tools/call".into(), Some(&params), &envelope).unwrap();
        let url = Uri::from_static("http://h/");
        let request = headers.request(Method::POST, &url, &HeaderMap::new(), Body::empty());
        assert_eq!(request.headers()["mcp-name"], "of the envelope");
        assert_eq!(request.headers()["mcp-param-region"], "=?base64?Z3LDvG4=?=");
        let wrong = Routing::new().with_params(vec![("a b".to_owned(), String::new())]);
        let envelope = Envelope::new(()).with_routing(Box::new(wrong));
        assert!(RequestHeaders::modern(version, "m".into(), None, &envelope).is_err());
    }

    #[test]
    fn a_method_that_is_not_a_header_value_is_refused() {
        let version = ProtocolVersion::LATEST_MODERN;
        let method = Cow::Owned("a\r\nb".to_owned());
        let Err(error) = RequestHeaders::modern(version, method, None, &Envelope::new(())) else {
            panic!()
        };
        assert_eq!(error.delivery(), Delivery::NotSent);
    }
}
