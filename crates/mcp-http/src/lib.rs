//! The HTTP client that the network transports share.
//!
//! It sends requests and streams responses, and knows nothing of the protocol spoken above it:
//!
//! - [`HttpClient`]: HTTP/1.1 and HTTP/2 over TCP or TLS, with a connection pool. It is a
//!   [`tower_service::Service`] from `http::Request<`[`Body`]`>` to
//!   `http::Response<`[`ResponseBody`]`>`, so that a user's own service can take its place.
//! - [`follow_redirects`]: same-origin, method-preserving redirects over any such service.
//! - [`read_to_end`], [`StatusError`]: bodies with a limit, and answers that are failures.
//! - [`sse`]: the decoder of `text/event-stream`.
//! - [`Error`]: what went wrong, and whether the request can have reached the server.
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
mod error;
mod io;
mod pool;
mod redirect;
mod response;
pub mod sse;
mod status;
mod timer;
mod tls;

pub use body::Body;
pub use client::{HttpClient, ReadTimeout, ResponseFuture};
pub use config::HttpClientBuilder;
pub use error::{ConnectStep, Error, ErrorKind, Wait};
pub use redirect::{FinalUrl, follow_redirects};
pub use response::{ResponseBody, read_to_end};
pub use status::{SafeUrl, StatusError};
