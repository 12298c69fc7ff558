//! A small HTTP/1.1 server whose responses are written by the test, and an HTTP+SSE server on top of it.

mod request;
mod server;
mod sse;

pub use self::{
    request::Received,
    server::{Reply, Server},
    sse::{Get, Post, SseServer, Stream},
};
