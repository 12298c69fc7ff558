//! Serves any MCP server to clients, over byte streams ([`serve_lines`], [`serve_stdio`]) and over HTTP ([`Http`]).
//!
//! A server is a [`Serve`](mcp_transport::Serve), such as a `Server`, a `Group` of servers, or a [`Relay`] to a remote
//! one.
//!
//! A [`Listener`] serves it on a TCP port, at `/mcp`. [`Http`] is a [`tower` service](tower_service::Service) for any
//! other HTTP server, such as one of hyper:
//!
//! ```no_run
//! # #[cfg(feature = "http")]
//! # async fn serve(server: impl mcp_transport::Serve) -> std::io::Result<()> {
//! use hyper::server::conn::http1;
//! use hyper_util::{rt::{TokioIo, TokioTimer}, service::TowerToHyperService};
//! use mcp_serve::Http;
//! use tokio::net::TcpListener;
//!
//! let service = TowerToHyperService::new(Http::new(server));
//! let listener = TcpListener::bind("127.0.0.1:8000").await?;
//! loop {
//!     let (stream, _) = listener.accept().await?;
//!     let service = service.clone();
//!     tokio::spawn(async move {
//!         let mut builder = http1::Builder::new();
//!         builder.timer(TokioTimer::new());
//!         if let Err(error) = builder.serve_connection(TokioIo::new(stream), service).await {
//!             eprintln!("{error}");
//!         }
//!     });
//! }
//! # }
//! ```

mod cancelled;
#[cfg(feature = "listener")]
mod health;
#[cfg(feature = "http")]
mod http;
mod lines;
#[cfg(feature = "listener")]
mod listener;
mod relay;
#[cfg(feature = "_tls")]
mod tls;
mod version;
mod work;

#[cfg(feature = "sse")]
pub use http::HttpSse;
#[cfg(feature = "http")]
pub use http::{Authenticate, BearerToken, Body, Http, Routes, SessionTable, Unauthenticated};
pub use lines::{serve_lines, serve_stdio};
#[cfg(feature = "listener")]
pub use listener::Listener;
pub use mcp_core;
pub use mcp_transport;
pub use relay::Relay;
#[cfg(feature = "_tls")]
pub use tls::Tls;
