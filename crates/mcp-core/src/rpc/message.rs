use std::{borrow::Cow, fmt};

use super::{RawJson, RequestId};
use crate::Excerpt;

/// One JSON-RPC message.
///
/// ```
/// use mcp_core::Message;
///
/// let message = Message::parse(r#"{"jsonrpc":"2.0","id":1,"result":{"tools":[]}}"#)?;
/// let Message::Response(response) = message else { panic!("not a response") };
/// assert_eq!(response.id, Some(1.into()));
/// assert_eq!(response.outcome.unwrap().as_bytes(), br#"{"tools":[]}"#);
/// # Ok::<(), mcp_core::ParseError>(())
/// ```
///
/// Spec: [Messages](https://modelcontextprotocol.io/specification/2026-07-28/basic/index#messages)
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "JSON-RPC has no fourth kind of message")]
pub enum Message {
    /// A request: expects a response.
    Request(Request),
    /// A notification: has no response.
    Notification(Notification),
    /// The response to a request.
    Response(Response),
}

/// A request: has an id and expects one response.
///
/// Spec: [Requests](https://modelcontextprotocol.io/specification/2026-07-28/basic/index#requests)
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Request {
    /// The id, unique among the open requests of the sender.
    pub id: RequestId,
    /// The method, such as `tools/call`.
    pub method: Cow<'static, str>,
    /// The parameters: an object, or absent.
    pub params: Option<RawJson>,
}

impl Request {
    /// Creates a request without parameters; see [`with_params`](Request::with_params).
    pub fn new(id: impl Into<RequestId>, method: impl Into<Cow<'static, str>>) -> Self {
        Self { id: id.into(), method: method.into(), params: None }
    }

    /// Sets the parameters.
    #[must_use]
    pub fn with_params(mut self, params: RawJson) -> Self {
        self.params = Some(params);
        self
    }
}

/// A notification: has no id and no response.
///
/// Spec: [Notifications](https://modelcontextprotocol.io/specification/2026-07-28/basic/index#notifications)
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Notification {
    /// The method, such as `notifications/progress`.
    pub method: Cow<'static, str>,
    /// The parameters: an object, or absent.
    pub params: Option<RawJson>,
}

impl Notification {
    /// Creates a notification without parameters; see [`with_params`](Notification::with_params).
    pub fn new(method: impl Into<Cow<'static, str>>) -> Self {
        Self { method: method.into(), params: None }
    }

    /// Sets the parameters.
    #[must_use]
    pub fn with_params(mut self, params: RawJson) -> Self {
        self.params = Some(params);
        self
    }
}

/// The response to a request: a result or an error.
///
/// Spec: [Responses](https://modelcontextprotocol.io/specification/2026-07-28/basic/index#responses)
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Response {
    /// The id of the request. Absent only in an error about a request whose id could not be parsed.
    pub id: Option<RequestId>,
    /// The result, or the error of the peer.
    pub outcome: Result<RawJson, ErrorObject>,
}

impl Response {
    /// Creates a response with a result.
    pub fn result(id: RequestId, result: RawJson) -> Self {
        Self { id: Some(id), outcome: Ok(result) }
    }

    /// Creates a response with an error.
    pub fn error(id: impl Into<Option<RequestId>>, error: ErrorObject) -> Self {
        Self { id: id.into(), outcome: Err(error) }
    }
}

/// The error of a response. It always comes from the peer: local failures have other error types.
///
/// ```
/// use mcp_core::{ErrorObject, error_code};
///
/// let error = ErrorObject::new(error_code::INVALID_PARAMS, "unknown tool: fly");
/// assert_eq!(error.to_string(), "unknown tool: fly (-32602)");
/// ```
///
/// Spec: [Error
/// responses](https://modelcontextprotocol.io/specification/2026-07-28/basic/index#error-responses)
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ErrorObject {
    /// The code; see [`error_code`](crate::error_code).
    pub code: i64,
    /// A human-readable sentence.
    pub message: String,
    /// Additional data of any shape.
    pub data: Option<RawJson>,
}

impl ErrorObject {
    /// Creates an error without additional data.
    pub fn new(code: i64, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), data: None }
    }

    /// Sets the additional data.
    #[must_use]
    pub fn with_data(mut self, data: RawJson) -> Self {
        self.data = Some(data);
        self
    }
}

impl fmt::Display for ErrorObject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", Excerpt(&self.message), self.code)
    }
}

impl std::error::Error for ErrorObject {}

impl From<Request> for Message {
    fn from(request: Request) -> Self {
        Message::Request(request)
    }
}

impl From<Notification> for Message {
    fn from(notification: Notification) -> Self {
        Message::Notification(notification)
    }
}

impl From<Response> for Message {
    fn from(response: Response) -> Self {
        Message::Response(response)
    }
}

impl Message {
    /// Appends the message as JSON, without a line end.
    ///
    /// The bytes contain no line break, even if a raw payload has one between its tokens. So the result is
    /// one line of a newline-delimited stream.
    pub fn encode(&self, out: &mut Vec<u8>) {
        match self {
            Message::Request(request) => request.encode(out),
            Message::Notification(notification) => notification.encode(out),
            Message::Response(response) => response.encode(out),
        }
    }
}

/// A payload of at most this many bytes is always copied out of its frame by [`Message::compact`].
const COPY_THRESHOLD: usize = 64 << 10;

impl Message {
    /// The parameters, the result or the data of the error.
    fn payload(&self) -> Option<&RawJson> {
        match self {
            Message::Request(request) => request.params.as_ref(),
            Message::Notification(notification) => notification.params.as_ref(),
            Message::Response(Response { outcome: Ok(result), .. }) => Some(result),
            Message::Response(Response { outcome: Err(error), .. }) => error.data.as_ref(),
        }
    }

    fn payload_mut(&mut self) -> Option<&mut RawJson> {
        match self {
            Message::Request(request) => request.params.as_mut(),
            Message::Notification(notification) => notification.params.as_mut(),
            Message::Response(Response { outcome: Ok(result), .. }) => Some(result),
            Message::Response(Response { outcome: Err(error), .. }) => error.data.as_mut(),
        }
    }

    /// The length of the payload in bytes: of the parameters, the result or the data of the error.
    pub fn payload_len(&self) -> usize {
        self.payload().map_or(0, RawJson::len)
    }

    /// The approximate memory that the message retains, in bytes: the frame of its payload, its method, its
    /// id and the message of its error.
    pub fn retained_bytes(&self) -> usize {
        let text = |text: &Cow<'static, str>| match text {
            Cow::Borrowed(_) => 0,
            Cow::Owned(text) => text.capacity(),
        };
        let names = match self {
            Message::Request(request) => text(&request.method) + id_bytes(&request.id),
            Message::Notification(notification) => text(&notification.method),
            Message::Response(response) => {
                let error = response.outcome.as_ref().err();
                response.id.as_ref().map_or(0, id_bytes)
                    + error.map_or(0, |error| error.message.capacity())
            }
        };
        size_of::<Self>() + names + self.payload().map_or(0, RawJson::retained_bytes)
    }

    /// Copies the payload out of its frame if that releases memory: if the payload is at most 64 KiB or less
    /// than half of the frame. For messages that are queued or stored.
    pub fn compact(&mut self) {
        if let Some(payload) = self.payload_mut()
            && (payload.len() <= COPY_THRESHOLD || payload.len() < payload.retained_bytes() / 2)
        {
            payload.detach();
        }
    }
}

fn id_bytes(id: &RequestId) -> usize {
    match id {
        RequestId::Number(_) => 0,
        RequestId::String(text) => text.capacity(),
    }
}

impl Request {
    /// Appends the request as JSON; see [`Message::encode`].
    pub fn encode(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(b"{\"jsonrpc\":\"2.0\",\"id\":");
        encode_id(&self.id, out);
        out.extend_from_slice(b",\"method\":");
        encode_str(&self.method, out);
        encode_params(self.params.as_ref(), out);
        out.push(b'}');
    }
}

impl Notification {
    /// Appends the notification as JSON; see [`Message::encode`].
    pub fn encode(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(b"{\"jsonrpc\":\"2.0\",\"method\":");
        encode_str(&self.method, out);
        encode_params(self.params.as_ref(), out);
        out.push(b'}');
    }
}

impl Response {
    /// Appends the response as JSON; see [`Message::encode`].
    pub fn encode(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(b"{\"jsonrpc\":\"2.0\"");
        if let Some(id) = &self.id {
            out.extend_from_slice(b",\"id\":");
            encode_id(id, out);
        }
        match &self.outcome {
            Ok(result) => {
                out.extend_from_slice(b",\"result\":");
                encode_raw(result, out);
            }
            Err(error) => {
                out.extend_from_slice(b",\"error\":{\"code\":");
                encode_id(&RequestId::Number(error.code), out);
                out.extend_from_slice(b",\"message\":");
                encode_str(&error.message, out);
                if let Some(data) = &error.data {
                    out.extend_from_slice(b",\"data\":");
                    encode_raw(data, out);
                }
                out.push(b'}');
            }
        }
        out.push(b'}');
    }
}

fn encode_id(id: &RequestId, out: &mut Vec<u8>) {
    match id {
        RequestId::Number(number) => {
            out.extend_from_slice(itoa::Buffer::new().format(*number).as_bytes());
        }
        RequestId::String(string) => encode_str(string, out),
    }
}

fn encode_str(text: &str, out: &mut Vec<u8>) {
    serde_json::to_writer(out, text).expect("writing a string to a vector cannot fail");
}

fn encode_params(params: Option<&RawJson>, out: &mut Vec<u8>) {
    if let Some(params) = params {
        out.extend_from_slice(b",\"params\":");
        encode_raw(params, out);
    }
}

fn encode_raw(raw: &RawJson, out: &mut Vec<u8>) {
    let start = out.len();
    out.extend_from_slice(raw.as_bytes());
    // JSON strings contain no literal line breaks, so each one is between tokens.
    let mut rest = &mut out[start..];
    while let Some(at) = memchr::memchr2(b'\n', b'\r', rest) {
        rest[at] = b' ';
        rest = &mut rest[at + 1..];
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    fn line(message: impl Into<Message>) -> String {
        let mut out = Vec::new();
        message.into().encode(&mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn a_message_retains_its_frame_until_it_is_compacted() {
        let junk = "x".repeat(1 << 20);
        let frame = format!(r#"{{"jsonrpc":"2.0","method":"n","junk":"{junk}","params":{{}}}}"#);
        let mut message = Message::parse(frame).unwrap();
        assert_eq!(message.payload_len(), 2);
        assert!(message.retained_bytes() > 1 << 20);
        message.compact();
        assert_eq!(message.payload_len(), 2);
        assert!(message.retained_bytes() < 1 << 10);

        let method = "m".repeat(1 << 20);
        let frame = format!(r#"{{"jsonrpc":"2.0","method":"{method}"}}"#);
        assert!(Message::parse(frame).unwrap().retained_bytes() > 1 << 20);
        let error = ErrorObject::new(1, "e".repeat(1 << 20));
        assert!(Message::from(Response::error(None, error)).retained_bytes() > 1 << 20);
        // A large payload that is most of its frame is not copied.
        let big = RawJson::from_text(format!("\"{junk}\"")).unwrap();
        let mut message = Message::from(Notification::new("n").with_params(big.clone()));
        message.compact();
        let Message::Notification(notification) = message else { unreachable!() };
        assert_eq!(notification.params.unwrap().as_bytes().as_ptr(), big.as_bytes().as_ptr());
    }

    #[test]
    fn each_kind_is_encoded_as_one_line_and_parsed_again() {
        let pretty = RawJson::from_text("{\n  \"a\": 1\r\n}").unwrap();
        let messages: [Message; 5] = [
            Request::new(1, "tools/list").into(),
            Request::new("a\"b", "x").with_params(pretty.clone()).into(),
            Notification::new("notifications/\u{1f600}").with_params(pretty.clone()).into(),
            Response::result(RequestId::Number(-3), pretty.clone()).into(),
            Response::error(None, ErrorObject::new(-32700, "no\njson").with_data(pretty)).into(),
        ];
        for message in messages {
            let text = line(message.clone());
            assert!(!text.contains(['\n', '\r']), "{text}");
            let again = line(Message::parse(text.clone().into_bytes()).unwrap());
            assert_eq!(again, text);
        }
        assert_eq!(line(Request::new(1, "ping")), r#"{"jsonrpc":"2.0","id":1,"method":"ping"}"#);
    }
}
