use std::{borrow::Cow, fmt};

use bytes::{Buf, Bytes};
use serde::{
    Deserialize, Deserializer,
    de::{self, IgnoredAny, MapAccess},
};
use serde_json::value::RawValue;

use super::{
    ErrorObject, Message, MessageHint, Notification, RawJson, Request, RequestId, Response,
    raw::range_in,
};

/// The error of parsing a JSON-RPC message.
#[derive(Debug)]
#[non_exhaustive]
pub struct ParseError {
    /// The reason.
    pub kind: ParseErrorKind,
    /// The id of the request that the invalid message responds to, if it can be found.
    pub id: Option<RequestId>,
}

/// The reason why bytes are not a JSON-RPC message.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ParseErrorKind {
    /// Not JSON, or a member of the envelope has the wrong type.
    #[error("not a JSON-RPC message")]
    Json(#[from] serde_json::Error),
    /// No `"jsonrpc": "2.0"`.
    #[error("not a JSON-RPC message: no \"jsonrpc\": \"2.0\"")]
    Version,
    /// An array. Only revision 2025-03-26 has batches; see [`parse_batch`].
    #[error("a JSON-RPC batch instead of one message")]
    Batch,
    /// A request whose id is `null`.
    #[error("a request with the id null")]
    NullId,
    /// It has neither a method, a result nor an error, or more than one of them.
    #[error("not a JSON-RPC message: {0}")]
    Shape(&'static str),
}

impl fmt::Display for ParseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.kind.fmt(f)
    }
}

impl crate::PublicError for ParseError {
    fn class(&self) -> crate::ErrorClass {
        crate::ErrorClass::Decode
    }
}

impl std::error::Error for ParseError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        std::error::Error::source(&self.kind)
    }
}

impl From<ParseErrorKind> for ParseError {
    fn from(kind: ParseErrorKind) -> Self {
        Self { kind, id: None }
    }
}

/// Ignored in front of a message.
const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

impl Message {
    /// Parses one message. Its payload shares the memory of `frame`.
    ///
    /// The envelope is parsed in one pass; the payload is validated as JSON and stored raw. Unknown members
    /// of the envelope are ignored, and `"error": null` next to a result counts as absent.
    ///
    /// # Errors
    /// If the bytes are not one JSON-RPC message. The error has the id, if it can be found.
    pub fn parse(frame: impl Into<Bytes>) -> Result<Self, ParseError> {
        Self::parse_bytes(frame.into())
    }

    /// Not generic, so that programs contain one parser and not one for each crate that calls it.
    fn parse_bytes(mut frame: Bytes) -> Result<Self, ParseError> {
        if frame.starts_with(BYTE_ORDER_MARK) {
            frame.advance(BYTE_ORDER_MARK.len());
        }
        if let Some((id, range)) = usual_result(&frame) {
            return Ok(Shape::Result(id, range).into_message(frame));
        }
        // A member that is ignored may have bytes that are not UTF-8.
        let wire: Result<Wire<'_>, _> = match std::str::from_utf8(&frame) {
            Ok(text) => serde_json::from_str(text),
            Err(_) => serde_json::from_slice(&frame),
        };
        let wire = match wire {
            Ok(wire) => wire,
            Err(error) => return Err(Self::unreadable(&frame, error)),
        };
        match wire.shape(&frame) {
            Ok(shape) => Ok(shape.into_message(frame)),
            Err(kind) => {
                // A log line may have an `id` too: it counts only together with a JSON-RPC member.
                let is_rpc = wire.version || wire.result.is_some() || wire.error.is_some();
                let id = wire.id.flatten().filter(|_| is_rpc);
                Err(ParseError { kind, id })
            }
        }
    }

    /// Returns the error of a frame that is not an envelope, with the id if it can be found.
    #[cold]
    fn unreadable(frame: &[u8], error: serde_json::Error) -> ParseError {
        if frame.trim_ascii_start().first() == Some(&b'[') {
            return ParseErrorKind::Batch.into();
        }
        let hint = MessageHint::of(frame, &[]);
        let id = hint.id.filter(|_| hint.is_rpc && !hint.is_call);
        ParseError { kind: error.into(), id }
    }
}

impl Response {
    /// Reads a response with a result, without validating the result, which may not even be UTF-8. Returns
    /// the frame if it is not such a response, or not written as the SDKs write it.
    ///
    /// For a reader that decodes the result anyway, so that it is scanned once. If the decoding fails, parse
    /// the [frame](RawJson::into_frame) by [`Message::parse`] to see whether the response is valid at all.
    ///
    /// # Errors
    /// The frame, to be parsed by [`Message::parse`].
    pub fn read_unvalidated(frame: Bytes) -> Result<Self, Bytes> {
        match result_range(&frame) {
            Some((id, range)) => Ok(Self::result(id, RawJson::part_of(frame, range))),
            None => Err(frame),
        }
    }
}

impl Request {
    /// Reads a request with parameters, without validating the parameters, which may not even be UTF-8. Returns the
    /// frame if it is not such a request, or not written as the SDKs write it.
    ///
    /// For a reader that decodes the parameters anyway, so that they are scanned once. If the decoding fails, parse the
    /// [frame](RawJson::into_frame) by [`Message::parse`] to see whether the request is valid at all.
    ///
    /// # Errors
    /// The frame, to be parsed by [`Message::parse`].
    pub fn read_unvalidated(frame: Bytes) -> Result<Self, Bytes> {
        match params_range(&frame) {
            Some((id, method, range)) => {
                let method = Cow::Owned(method.to_owned());
                Ok(Self { id, method, params: Some(RawJson::part_of(frame, range)) })
            }
            None => Err(frame),
        }
    }
}

/// Finds the id, the method and the range of the parameters in
/// `{"jsonrpc":"2.0","id":1,"method":"m","params":{…}}` and `{"method":"m","params":{…},"jsonrpc":"2.0","id":1}`.
/// The parameters are not validated: they begin and end as an object.
fn params_range(frame: &[u8]) -> Option<(RequestId, &str, Range)> {
    let inside = frame.strip_suffix(b"}")?;
    let (id, rest, end) = match id_in_front(inside) {
        Some((id, rest)) => (id, rest.strip_prefix(b",")?, inside.len()),
        None => {
            let (id, rest) = id_at_the_end(inside)?;
            (id, rest.strip_prefix(b"{")?, rest.len())
        }
    };
    let rest = rest.strip_prefix(br#""method":""#)?;
    let (method, rest) = rest.split_at(memchr::memchr(b'"', rest)?);
    let is_plain = method.iter().all(|byte| matches!(byte, b' '..=b'~') && *byte != b'\\');
    let method = std::str::from_utf8(method).ok().filter(|_| is_plain)?;
    let params = rest.strip_prefix(br#"","params":"#)?;
    is_object(params).then(|| (id, method, (end - params.len(), end)))
}

/// Recognizes a response in one of the two forms in which the SDKs write it, without decoding the envelope.
/// Returns its id and the range of the result, which is validated as one JSON object.
fn usual_result(frame: &[u8]) -> Option<(RequestId, Range)> {
    let (id, (start, end)) = result_range(frame)?;
    let result = std::str::from_utf8(&frame[start..end]).ok()?;
    serde_json::from_str::<IgnoredAny>(result).ok()?;
    Some((id, (start, end)))
}

/// Finds the id and the range of the result in `{"jsonrpc":"2.0","id":1,"result":{…}}` and
/// `{"result":{…},"jsonrpc":"2.0","id":1}`. The result is not validated: it begins and ends as an object.
fn result_range(frame: &[u8]) -> Option<(RequestId, Range)> {
    let inside = frame.strip_suffix(b"}")?;
    let (id, result, end) = match id_in_front(inside) {
        Some((id, rest)) => (id, rest.strip_prefix(br#","result":"#)?, inside.len()),
        None => {
            let (id, rest) = id_at_the_end(inside)?;
            (id, rest.strip_prefix(br#"{"result":"#)?, rest.len())
        }
    };
    is_object(result).then(|| (id, (end - result.len(), end)))
}

/// The id of an envelope without its last brace that begins with `{"jsonrpc":"2.0","id":1`, and what follows.
fn id_in_front(inside: &[u8]) -> Option<(RequestId, &[u8])> {
    let rest = inside.strip_prefix(br#"{"jsonrpc":"2.0","id":"#)?;
    let digits = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let (id, rest) = rest.split_at(digits);
    Some((small_number(id)?, rest))
}

/// The id of an envelope without its last brace that ends with `,"jsonrpc":"2.0","id":1`, and what precedes.
fn id_at_the_end(inside: &[u8]) -> Option<(RequestId, &[u8])> {
    let digits = inside.iter().rev().take_while(|byte| byte.is_ascii_digit()).count();
    let (rest, id) = inside.split_at(inside.len() - digits);
    let rest = rest.strip_suffix(br#","jsonrpc":"2.0","id":"#)?;
    Some((small_number(id)?, rest))
}

/// Other numbers, and those with leading zeros, are left to the parser.
fn small_number(digits: &[u8]) -> Option<RequestId> {
    let number = match digits {
        [b'0'] => 0,
        [b'1'..=b'9', ..] if digits.len() <= 18 => {
            digits.iter().fold(0, |number, digit| number * 10 + i64::from(digit - b'0'))
        }
        _ => return None,
    };
    Some(RequestId::from(number))
}

fn is_object(payload: &[u8]) -> bool {
    payload.starts_with(b"{") && payload.ends_with(b"}")
}

/// Parses a batch, an array of messages. Only in 2025-03-26.
///
/// Spec: [Batching](https://modelcontextprotocol.io/specification/2025-03-26/basic/index#batching)
///
/// # Errors
/// If the bytes are not an array, the array is empty, or an element is not a message.
pub fn parse_batch(frame: impl Into<Bytes>) -> Result<Vec<Message>, ParseError> {
    parse_elements(&frame.into())
}

fn parse_elements(frame: &Bytes) -> Result<Vec<Message>, ParseError> {
    let elements: Vec<&RawValue> = serde_json::from_slice(frame).map_err(ParseErrorKind::from)?;
    if elements.is_empty() {
        return Err(ParseErrorKind::Shape("an empty batch").into());
    }
    elements
        .into_iter()
        .map(|element| Message::parse(frame.slice_ref(element.get().as_bytes())))
        .collect()
}

/// The members of a received envelope.
#[derive(Default)]
struct Wire<'a> {
    version: bool,
    /// `Some(None)` is an explicit `null`.
    id: Option<Option<RequestId>>,
    method: Option<Cow<'a, str>>,
    params: Option<&'a RawValue>,
    result: Option<&'a RawValue>,
    error: Option<WireError<'a>>,
}

#[derive(Deserialize)]
struct WireError<'a> {
    code: i64,
    #[serde(default)]
    message: String,
    #[serde(borrow, default)]
    data: Option<&'a RawValue>,
}

type Range = (usize, usize);

/// The kind of an envelope, without borrows, so that the frame can be moved into the payload.
enum Shape {
    Request(RequestId, Cow<'static, str>, Option<Range>),
    Notification(Cow<'static, str>, Option<Range>),
    Result(RequestId, Range),
    Error(Option<RequestId>, i64, String, Option<Range>),
}

impl Wire<'_> {
    fn shape(&self, frame: &[u8]) -> Result<Shape, ParseErrorKind> {
        if !self.version {
            return Err(ParseErrorKind::Version);
        }
        let range = |raw: &RawValue| range_in(frame, raw);
        let is_null = |raw: &RawValue| raw.get() == "null";
        if let Some(method) = &self.method {
            if self.result.is_some() || self.error.is_some() {
                return Err(ParseErrorKind::Shape("both a method and a result or error"));
            }
            let method = Cow::Owned(method.clone().into_owned());
            let params = self.params.filter(|raw| !is_null(raw)).map(range);
            return match &self.id {
                Some(Some(id)) => Ok(Shape::Request(id.clone(), method, params)),
                Some(None) => Err(ParseErrorKind::NullId),
                None => Ok(Shape::Notification(method, params)),
            };
        }
        match (self.result, &self.error) {
            (Some(result), Some(_)) if !is_null(result) => {
                Err(ParseErrorKind::Shape("both a result and an error"))
            }
            (_, Some(error)) => Ok(Shape::Error(
                self.id.clone().flatten(),
                error.code,
                error.message.clone(),
                error.data.map(range),
            )),
            (Some(result), None) => match &self.id {
                Some(Some(id)) => Ok(Shape::Result(id.clone(), range(result))),
                _ => Err(ParseErrorKind::Shape("a result without an id")),
            },
            (None, None) => Err(ParseErrorKind::Shape("no method, no result and no error")),
        }
    }
}

impl Shape {
    fn into_message(self, frame: Bytes) -> Message {
        match self {
            Shape::Request(id, method, params) => Message::Request(Request {
                id,
                method,
                params: params.map(|range| RawJson::part_of(frame, range)),
            }),
            Shape::Notification(method, params) => Message::Notification(Notification {
                method,
                params: params.map(|range| RawJson::part_of(frame, range)),
            }),
            Shape::Result(id, range) => {
                Message::Response(Response::result(id, RawJson::part_of(frame, range)))
            }
            Shape::Error(id, code, message, data) => Message::Response(Response::error(
                id,
                ErrorObject {
                    code,
                    message,
                    data: data.map(|range| RawJson::part_of(frame, range)),
                },
            )),
        }
    }
}

enum Member {
    Version,
    Id,
    Method,
    Params,
    Result,
    Error,
    Other,
}

impl<'de> Deserialize<'de> for Member {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;

        impl de::Visitor<'_> for Visitor {
            type Value = Member;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a member name")
            }

            fn visit_str<E>(self, name: &str) -> Result<Member, E> {
                Ok(match name {
                    "jsonrpc" => Member::Version,
                    "id" => Member::Id,
                    "method" => Member::Method,
                    "params" => Member::Params,
                    "result" => Member::Result,
                    "error" => Member::Error,
                    _ => Member::Other,
                })
            }
        }

        deserializer.deserialize_identifier(Visitor)
    }
}

impl<'de> Deserialize<'de> for Wire<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;

        impl<'de> de::Visitor<'de> for Visitor {
            type Value = Wire<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a JSON-RPC object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Wire<'de>, A::Error> {
                let mut wire = Wire::default();
                while let Some(member) = map.next_key()? {
                    // A message with a duplicate member is ambiguous, so it is rejected.
                    let twice = match member {
                        Member::Version => std::mem::replace(
                            &mut wire.version,
                            map.next_value::<Text<'_>>()?.0 == "2.0",
                        ),
                        Member::Id => wire.id.replace(map.next_value()?).is_some(),
                        Member::Method => {
                            wire.method.replace(map.next_value::<Text<'_>>()?.0).is_some()
                        }
                        Member::Params => wire.params.replace(map.next_value()?).is_some(),
                        Member::Result => wire.result.replace(map.next_value()?).is_some(),
                        Member::Error => {
                            let twice = wire.error.is_some();
                            wire.error = map.next_value()?;
                            twice
                        }
                        Member::Other => {
                            map.next_value::<IgnoredAny>()?;
                            false
                        }
                    };
                    if twice {
                        return Err(de::Error::custom("duplicate member of the envelope"));
                    }
                }
                Ok(wire)
            }
        }

        deserializer.deserialize_map(Visitor)
    }
}

/// A string that borrows if it has no escapes.
#[derive(Deserialize)]
struct Text<'a>(#[serde(borrow)] Cow<'a, str>);

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    fn parse(text: &str) -> Result<Message, ParseError> {
        Message::parse(Bytes::copy_from_slice(text.as_bytes()))
    }

    fn response(text: &str) -> Response {
        match parse(text).unwrap() {
            Message::Response(response) => response,
            other => panic!("{other:?}"),
        }
    }

    /// The fast path must not accept what the parser rejects, nor read anything else out of it.
    #[test]
    fn a_response_in_a_usual_form_is_read_as_any_other() {
        for text in [
            r#"{"jsonrpc":"2.0","id":7,"result":{"a":"}{"}}"#,
            r#"{"result":{"a":[1,{}]},"jsonrpc":"2.0","id":7}"#,
            r#"{"jsonrpc":"2.0","id":0,"result":{}}"#,
            r#"{"jsonrpc":"2.0","id":999999999999999999,"result":{}}"#,
        ] {
            let wire: Wire<'_> = serde_json::from_str(text).unwrap();
            let (id, range) = usual_result(text.as_bytes()).unwrap();
            assert_eq!(Some(Some(id)), wire.id, "{text}");
            assert_eq!(&text[range.0..range.1], wire.result.unwrap().get(), "{text}");
        }
        for text in [
            r#"{"jsonrpc":"2.0","id":7,"result":{},"error":{"code":1,"message":""}}"#,
            r#"{"jsonrpc":"2.0","id":7,"result":{},"result":{}}"#,
            r#"{"result":{},"id":8,"jsonrpc":"2.0","id":7}"#,
            r#"{"result":{},"method":"a","jsonrpc":"2.0","id":7}"#,
            r#"{"jsonrpc":"2.0","id":7,"result":{}"#,
            r#"{"jsonrpc":"2.0","id":7,"result":{"a":01}}"#,
            r#"{"jsonrpc":"2.0","id":07,"result":{}}"#,
            r#"{"jsonrpc":"2.0","id":,"result":{}}"#,
            r#"{"jsonrpc":"2.0","id":7,"result":}"#,
            r#"{"jsonrpc":"2.0","id":7,"result":null}"#,
            r#"{"jsonrpc":"2.0","id":"7","result":{}}"#,
            r#"{"jsonrpc":"2.0","id":7.5,"result":{}}"#,
            r#"{"jsonrpc":"2.0","id":99999999999999999999,"result":{}}"#,
            r#"{"jsonrpc":"2.0","id":7,"params":{}}"#,
            r#"{"result":"jsonrpc":"2.0","id":7}"#,
            r#"{"result":}"#,
            "}",
            "",
        ] {
            assert_eq!(usual_result(text.as_bytes()), None, "{text}");
        }
        assert_eq!(
            usual_result(b"{\"jsonrpc\":\"2.0\",\"id\":7,\"result\":{\"a\":\"\xff\"}}"),
            None
        );
    }

    #[test]
    fn a_response_that_is_not_validated_is_read_as_any_other_or_returned() {
        let read =
            |text: &'static str| Response::read_unvalidated(Bytes::from_static(text.as_bytes()));
        let valid = r#"{"jsonrpc":"2.0","id":7,"result":{"a":[1]}}"#;
        assert_eq!(read(valid).unwrap(), response(valid));
        let broken = read(r#"{"jsonrpc":"2.0","id":7,"result":{"a":01}}"#).unwrap();
        let error = Message::parse(broken.outcome.unwrap().into_frame()).unwrap_err();
        assert_eq!(error.id, Some(7.into()));
        for other in [
            r#"{"jsonrpc":"2.0","id":7,"result":1}"#,
            r#"{"jsonrpc":"2.0","id":7,"error":{"code":1,"message":""}}"#,
            r#"{"jsonrpc":"2.0","id":7,"result":{"a":1"#,
        ] {
            assert_eq!(read(other).unwrap_err(), other);
        }
    }

    #[test]
    fn a_request_that_is_not_validated_is_read_as_any_other_or_returned() {
        let read =
            |text: &'static str| Request::read_unvalidated(Bytes::from_static(text.as_bytes()));
        for valid in [
            r#"{"jsonrpc":"2.0","id":7,"method":"tools/call","params":{"a":"}{"}}"#,
            r#"{"method":"tools/call","params":{"a":[1,{}]},"jsonrpc":"2.0","id":7}"#,
        ] {
            assert_eq!(Message::from(read(valid).unwrap()), parse(valid).unwrap(), "{valid}");
        }
        for (broken, id) in [
            (r#"{"jsonrpc":"2.0","id":7,"method":"m","params":{"a":01}}"#, None),
            (r#"{"jsonrpc":"2.0","id":7,"method":"m","params":{},"params":{}}"#, None),
            (r#"{"jsonrpc":"2.0","id":7,"method":"m","params":{},"x":{"id":8}}"#, Some(7)),
        ] {
            let params = read(broken).unwrap().params.unwrap();
            assert!(params.decode::<IgnoredAny>().is_err(), "{broken}");
            let parsed = Message::parse(params.into_frame());
            let parsed = parsed.ok().map(|message| message == parse(broken).unwrap());
            assert_eq!(parsed, id.map(|_: u8| true), "{broken}");
        }
        for other in [
            r#"{"jsonrpc":"2.0","id":7,"method":"m"}"#,
            r#"{"jsonrpc":"2.0","id":7,"method":"m","params":[1]}"#,
            r#"{"jsonrpc":"2.0","id":"7","method":"m","params":{}}"#,
            r#"{"jsonrpc":"2.0","id":7,"method":"a\u0062","params":{}}"#,
            r#"{"jsonrpc":"2.0","id":7,"method":"a","result":{}}"#,
            r#"{"jsonrpc":"2.0","id":7,"method":"a","params":{}"#,
            r#"{"jsonrpc":"2.0","id":7,"method":"#,
            r#"{"jsonrpc":"2.0","id":7"#,
            r#"{"jsonrpc":"2.0","method":"a","params":{}}"#,
        ] {
            assert_eq!(read(other).unwrap_err(), other);
        }
    }

    #[test]
    fn payloads_are_slices_of_the_frame_and_unchanged() {
        let frame = Bytes::from_static(
            br#" {"id":7,"result": {"n": 123456789012345678901234567890, "z":1, "a":2} ,"jsonrpc":"2.0","x":[]}"#,
        );
        let Message::Response(response) = Message::parse(frame.clone()).unwrap() else { panic!() };
        let raw = response.outcome.unwrap();
        assert_eq!(raw.as_bytes(), br#"{"n": 123456789012345678901234567890, "z":1, "a":2}"#);
        assert!(frame.as_ptr_range().contains(&raw.as_bytes().as_ptr()));
    }

    #[test]
    fn a_deeply_nested_payload_is_accepted() {
        let deep = format!(
            r#"{{"jsonrpc":"2.0","id":1,"result":{}{}}}"#,
            "[".repeat(5000),
            "]".repeat(5000)
        );
        assert_eq!(response(&deep).outcome.unwrap().len(), 10_000);
    }

    #[test]
    fn null_errors_and_ids_count_as_absent_and_null_results_do_not() {
        assert!(response(r#"{"jsonrpc":"2.0","id":1,"result":{},"error":null}"#).outcome.is_ok());
        assert!(response(r#"{"jsonrpc":"2.0","id":1,"result":null}"#).outcome.unwrap().is_null());
        let error =
            response(r#"{"jsonrpc":"2.0","id":null,"error":{"code":-1,"message":"m","data":[1]}}"#);
        assert_eq!(error.id, None);
        assert_eq!(error.outcome.unwrap_err().data.unwrap().as_bytes(), b"[1]");
        let error = response(r#"{"jsonrpc":"2.0","error":{"code":-32700}}"#);
        assert_eq!(error.outcome.unwrap_err(), ErrorObject::new(-32700, ""));
    }

    #[test]
    fn an_invalid_message_is_an_error_with_its_id() {
        let id = |text: &str| parse(text).unwrap_err().id;
        assert_eq!(id(r#"{"jsonrpc":"2.0","id":4}"#), Some(4.into()));
        assert_eq!(
            id(r#"{"jsonrpc":"2.0","id":"a","result":{},"error":{"code":1}}"#),
            Some("a".into())
        );
        assert_eq!(id(r#"{"jsonrpc":"2.0","id":9,"error":"broken"}"#), Some(9.into()));
        assert_eq!(id(r#"{"id":5,"result":{}}"#), Some(5.into()));
        assert_eq!(id(r#"{"id":5,"level":"info"}"#), None);
        assert_eq!(id(r#"{"jsonrpc":"2.0","id":5,"result":[[[["#), Some(5.into()));
        assert_eq!(id("{\"jsonrpc\":\"2.0\",\"id\":5,\"result\":\"a\tb\"}"), Some(5.into()));
        assert_eq!(id(r#"{"jsonrpc":"2.0","id":5,"method":"x","params":[[["#), None);
        for text in [
            "",
            "null",
            "3",
            "\"x\"",
            "[]",
            "{}",
            "{",
            "banner",
            r#"{"jsonrpc":"1.0","method":"x"}"#,
            r#"{"jsonrpc":"2.0","method":"x","id":null}"#,
            r#"{"jsonrpc":"2.0","method":"x","id":1.5}"#,
            r#"{"jsonrpc":"2.0","method":"x","method":"y"}"#,
            r#"{"jsonrpc":"2.0","method":"x"} x"#,
            r#"{"jsonrpc":"2.0","id":1,"result":null,"error":null,"result":1}"#,
            r#"{"jsonrpc":"2.0","method":"x","result":1}"#,
            r#"{"jsonrpc":"2.0","result":1}"#,
        ] {
            let error = parse(text).unwrap_err();
            assert!(!error.to_string().is_empty(), "{text}");
        }
        assert!(matches!(parse("[1]").unwrap_err().kind, ParseErrorKind::Batch));
        assert!(Message::parse(&b"{\"jsonrpc\":\"2.0\",\"method\":\"\xff\"}"[..]).is_err());
    }

    #[test]
    fn a_byte_order_mark_is_ignored() {
        let answer = response("\u{feff}{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{}}");
        assert_eq!(answer.outcome.unwrap().as_bytes(), b"{}");
        assert!(parse("\u{feff}").is_err());
    }

    #[test]
    fn batches_are_parsed_by_their_own_function() {
        let batch = br#"[{"jsonrpc":"2.0","id":1,"result":{}}, {"jsonrpc":"2.0","method":"m"}]"#;
        let messages = parse_batch(&batch[..]).unwrap();
        assert!(matches!(messages[..], [Message::Response(_), Message::Notification(_)]));
        assert!(parse_batch(&b"[]"[..]).is_err());
        assert!(parse_batch(&b"{}"[..]).is_err());
        assert!(parse_batch(&b"[1]"[..]).is_err());
    }
}
