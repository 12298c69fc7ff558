//! HTTP client shared by the network transports.
//!
//! It sends requests and streams responses, without any semantics of the protocol above it:
//!
//! - [`HttpClient`]: HTTP/1.1 and (a feature) HTTP/2 over TCP or TLS, with a connection pool. It is a
//!   [`tower_service::Service`] from `http::Request<`[`Body`]`>` to
//!   `http::Response<`[`ResponseBody`]`>`, so that any other service can take its place.
//! - [`HttpClientBuilder`]: its settings: certificates, a [`Proxy`], Unix sockets, headers (also by a hook, for tokens
//!   that change), decompression (a feature), timeouts.
//! - [`HttpService`]: the trait that transports are generic over.
//! - [`Authorized`]: a service that authorizes requests by an [`Authorize`], such as OAuth; [`challenge`]: the
//!   parser of `WWW-Authenticate`.
//! - [`Error`]: the error of a request, and whether the request may have reached the server.
//! - [`StatusError`]: a response with an error status.
//! - [`sse`]: the decoder of `text/event-stream`.
//! - [`transport`]: helpers shared by the transports built on it; not needed by applications.
//!
//! Every wait has a timeout with a default, every input of a peer has a size limit.
//!
//! ```no_run
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! use mcp_http::{Body, HttpClient};
//!
//! let client = HttpClient::new();
//! let request = http::Request::post("http://localhost:8000/mcp").body(Body::from("{}"))?;
//! let response = client.send(request).await?;
//! let body = response.into_body().read_to_end(1024 * 1024).await?;
//! # Ok(())
//! # }
//! ```
#![cfg_attr(docsrs, feature(doc_cfg))]

mod address;
mod again;
mod authorize;
mod authorized;
mod body;
mod builder;
pub mod challenge;
mod classify;
mod client;
mod collect;
mod connect;
#[cfg(feature = "decompression")]
mod decompress;
mod delegate_io;
mod direct;
mod error;
mod hook;
mod io;
mod pool;
mod proxy;
mod received;
mod redirect;
mod response;
mod secrets;
mod service;
mod settings;
#[cfg(feature = "_simulation")]
#[doc(hidden)]
pub mod simulation;
mod socket;
pub mod sse;
mod status;
mod timer;
mod tls;
pub mod transport;
mod url;

pub use address::{AddressKind, AddressPolicy};
pub use authorize::{Authorize, Credentials, IntoAuthorize, NextStep, Refusal, SharedAuthorize};
pub use authorized::{Authorized, AuthorizedFuture};
pub use body::Body;
pub use builder::HttpClientBuilder;
pub use client::{HttpClient, ResponseFuture};
pub use error::{ConnectStep, Error, ErrorKind, Wait};
pub use hook::RequestHead;
pub use proxy::Proxy;
pub use response::ResponseBody;
pub use service::HttpService;
pub use status::StatusError;
pub use timer::ReadTimeout;
