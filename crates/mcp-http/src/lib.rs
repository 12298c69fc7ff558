//! The HTTP client that the network transports share.
//!
//! It sends requests and streams responses, and knows nothing of the protocol spoken above it:
//!
//! - [`HttpClient`]: HTTP/1.1 and HTTP/2 over TCP or TLS, with a connection pool. It is a
//!   [`tower_service::Service`] from `http::Request<`[`Body`]`>` to
//!   `http::Response<`[`ResponseBody`]`>`, so that a user's own service can take its place.
//! - [`HttpClientBuilder`]: its settings: certificates, a [`Proxy`], Unix sockets, headers (also by
//!   a hook, for tokens that change), decompression (a feature), time-outs.
//! - [`follow_redirects`]: same-origin, method-preserving redirects over any such service.
//! - [`read_to_end`], [`StatusError`]: bodies with a limit, and answers that are failures.
//! - [`sse`]: the decoder of `text/event-stream`.
//! - [`Error`]: what went wrong, and whether the request can have reached the server.
//!
//! What transports share that are built upon it is here too: [`HttpService`], which they are generic
//! over, [`Endpoint`], [`Extras`], and what a failure means for a message
//! ([`Error::into_transport_error`]).
//!
//! Every wait is bounded by a time-out with a default, every input from a peer by a size.
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

mod body;
mod client;
mod config;
mod connect;
#[cfg(feature = "decompression")]
mod decompress;
mod either;
mod endpoint;
mod error;
mod extras;
mod failure;
mod head;
mod hook;
mod io;
mod pool;
mod proxy;
mod redirect;
mod response;
mod service;
mod socket;
pub mod sse;
mod status;
mod tasks;
mod timer;
mod tls;

pub use body::Body;
pub use client::{HttpClient, ReadTimeout, ResponseFuture};
pub use config::HttpClientBuilder;
pub use endpoint::Endpoint;
pub use error::{ConnectStep, Error, ErrorKind, Wait};
pub use extras::Extras;
pub use head::{final_url, is_event_stream, media_type};
pub use hook::RequestHead;
pub use proxy::Proxy;
pub use redirect::{FinalUrl, follow_redirects};
pub use response::{ResponseBody, read_to_end};
pub use service::HttpService;
pub use status::{SafeUrl, StatusError};
#[doc(hidden)]
pub use tasks::Tasks;
