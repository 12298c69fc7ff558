//! A small HTTP/1.1 server whose responses are written by the test, an HTTP+SSE server based on it, and a user who logs
//! in at the pages of other servers.

mod login;
mod request;
mod server;
mod sse;

pub use self::{
    login::log_in,
    request::Received,
    server::{Reply, Server},
    sse::{Get, Post, SseServer, Stream},
};
