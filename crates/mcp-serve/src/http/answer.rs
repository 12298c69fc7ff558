//! Complete responses.

use http::{HeaderValue, Response, StatusCode, header};
use mcp_core::{self as rpc, ErrorObject, Message, RequestId, error_code};

use super::body::Body;

pub(crate) fn empty(status: StatusCode) -> Response<Body> {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = status;
    response
}

pub(crate) fn json(status: StatusCode, message: impl Into<Message>) -> Response<Body> {
    let message = message.into();
    let mut body = Vec::with_capacity(message.payload_len() + 128);
    message.encode(&mut body);
    with_type(status, "application/json", Body::full(body))
}

/// A response to a refused HTTP request: a JSON-RPC error without an id, so that clients show its text.
pub(crate) fn refusal(status: StatusCode, text: &str) -> Response<Body> {
    error(status, None, ErrorObject::new(error_code::INVALID_REQUEST, text))
}

pub(crate) fn error(
    status: StatusCode,
    id: Option<RequestId>,
    error: ErrorObject,
) -> Response<Body> {
    json(status, rpc::Response::error(id, error))
}

pub(crate) fn events(body: Body) -> Response<Body> {
    let mut response = with_type(StatusCode::OK, "text/event-stream", body);
    let headers = response.headers_mut();
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache, no-transform"));
    // Disables buffering of events by nginx.
    headers.insert("x-accel-buffering", HeaderValue::from_static("no"));
    response
}

pub(crate) fn method_not_allowed(allowed: &'static str) -> Response<Body> {
    let mut response = refusal(StatusCode::METHOD_NOT_ALLOWED, "method not allowed");
    response.headers_mut().insert(header::ALLOW, HeaderValue::from_static(allowed));
    response
}

fn with_type(status: StatusCode, content_type: &'static str, body: Body) -> Response<Body> {
    let mut response = Response::new(body);
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
    response
}
