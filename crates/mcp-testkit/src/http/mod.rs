//! A small HTTP/1.1 server whose every answer is written by the test, byte by byte if need be; and one of
//! HTTP+SSE upon it.

mod request;
mod server;
mod sse;

pub use self::{
    request::Received,
    server::{Reply, Server},
    sse::{Get, Post, SseServer, Stream},
};
