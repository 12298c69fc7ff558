//! A request as the server reads it, and its response.

use http::{Response, StatusCode, request::Parts};
use serde_json::Value;

use crate::{body::Body, world::World};

/// A request as the server reads it.
pub(crate) struct Received {
    pub(crate) head: Parts,
    pub(crate) body: Vec<u8>,
}

impl Received {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.head.headers.get(name)?.to_str().ok()
    }

    pub(crate) fn message(&self) -> Option<Value> {
        serde_json::from_slice(&self.body).ok()
    }
}

/// A response without a body.
pub(crate) fn status(code: u16) -> Response<Body> {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::from_u16(code).expect("these are statuses");
    response
}

/// A response with a message.
pub(crate) fn json(world: &World, code: u16, message: &Value) -> Response<Body> {
    let mut response = status(code);
    response.headers_mut().insert("content-type", "application/json".parse().expect("is ASCII"));
    *response.body_mut() = Body::json(world, message);
    response
}

/// A response with a stream of events.
pub(crate) fn events(body: Body) -> Response<Body> {
    let mut response = Response::new(body);
    response.headers_mut().insert("content-type", "text/event-stream".parse().expect("is ASCII"));
    response
}
