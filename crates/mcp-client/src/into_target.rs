use futures_core::Stream;
use futures_sink::Sink;
use mcp_core::Message;
use mcp_session::Error;
use mcp_transport::Connect;
use tokio::io::{AsyncRead, AsyncWrite};

use crate::{Target, infer, pair::Pair};

/// Values that [`Client::new`](crate::Client::new) accepts as a target.
///
/// `Kind` only distinguishes the implementations and is always inferred.
#[diagnostic::on_unimplemented(
    message = "a `Client` cannot connect to `{Self}`",
    label = "not a target",
    note = "pass a URL, the path of a script or of a configuration, a `Stdio`, a `StreamableHttp`, an `Sse`, a `Server`, or a pair of streams",
    note = "some targets need a feature of mcp-client: `stdio`, `http`, `sse`, `memory`, `config` or `server`",
    note = "for a custom transport, implement `mcp_client::transport::Connect`"
)]
pub trait IntoTarget<Kind> {
    /// Converts the value into a target.
    ///
    /// # Errors
    /// Kind [`Target`](crate::ErrorKind::Target) if the value names no server.
    fn into_target(self) -> Result<Target, Error>;
}

type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// The kinds of targets.
mod kind {
    #![allow(missing_debug_implementations, unreachable_pub, reason = "markers, never values")]
    pub struct Text;
    pub struct Connector;
    pub struct Bytes;
    pub struct Messages;
    #[cfg(feature = "memory")]
    pub struct Served;
    #[cfg(feature = "config")]
    pub struct Config;
}

impl IntoTarget<kind::Text> for &str {
    fn into_target(self) -> Result<Target, Error> {
        infer::text(self)
    }
}

impl IntoTarget<kind::Text> for String {
    fn into_target(self) -> Result<Target, Error> {
        infer::text(&self)
    }
}

impl IntoTarget<kind::Text> for &String {
    fn into_target(self) -> Result<Target, Error> {
        infer::text(self)
    }
}

impl IntoTarget<kind::Text> for &std::path::Path {
    fn into_target(self) -> Result<Target, Error> {
        infer::path(self)
    }
}

impl IntoTarget<kind::Text> for std::path::PathBuf {
    fn into_target(self) -> Result<Target, Error> {
        infer::path(&self)
    }
}

impl IntoTarget<kind::Text> for &std::path::PathBuf {
    fn into_target(self) -> Result<Target, Error> {
        infer::path(self)
    }
}

#[cfg(any(feature = "http", feature = "sse"))]
impl IntoTarget<kind::Text> for url::Url {
    fn into_target(self) -> Result<Target, Error> {
        infer::text(self.as_str())
    }
}

#[cfg(any(feature = "http", feature = "sse"))]
impl IntoTarget<kind::Text> for &url::Url {
    fn into_target(self) -> Result<Target, Error> {
        infer::text(self.as_str())
    }
}

impl<C: Connect> IntoTarget<kind::Connector> for C {
    fn into_target(self) -> Result<Target, Error> {
        Ok(Target::new(self))
    }
}

#[cfg(feature = "memory")]
impl<S: mcp_transport::Serve> IntoTarget<kind::Served> for S {
    fn into_target(self) -> Result<Target, Error> {
        Ok(Target::new(mcp_transport_memory::Memory::new(self)))
    }
}

#[cfg(feature = "config")]
impl IntoTarget<kind::Config> for &mcp_config::McpConfig {
    fn into_target(self) -> Result<Target, Error> {
        crate::config::target(self)
    }
}

#[cfg(feature = "config")]
impl IntoTarget<kind::Config> for mcp_config::McpConfig {
    fn into_target(self) -> Result<Target, Error> {
        crate::config::target(&self)
    }
}

#[cfg(feature = "config")]
impl IntoTarget<kind::Config> for mcp_config::Expanded {
    fn into_target(self) -> Result<Target, Error> {
        crate::config::expanded(self)
    }
}

#[cfg(feature = "config")]
impl IntoTarget<kind::Config> for &serde_json::Value {
    fn into_target(self) -> Result<Target, Error> {
        infer::config(mcp_config::McpConfig::from_value(self))
    }
}

#[cfg(feature = "config")]
impl IntoTarget<kind::Config> for serde_json::Value {
    fn into_target(self) -> Result<Target, Error> {
        infer::config(mcp_config::McpConfig::from_value(&self))
    }
}

impl<R, W> IntoTarget<kind::Bytes> for (R, W)
where
    R: AsyncRead + Unpin + Send + 'static,
    W: AsyncWrite + Unpin + Send + 'static,
{
    fn into_target(self) -> Result<Target, Error> {
        Ok(Target::new(Pair::bytes(self.0, self.1)))
    }
}

impl<Si, St, E> IntoTarget<(kind::Messages, E)> for (Si, St)
where
    Si: Sink<Message, Error: Into<BoxError>> + Unpin + Send + 'static,
    St: Stream<Item = Result<Message, E>> + Unpin + Send + 'static,
    E: Into<BoxError> + 'static,
{
    fn into_target(self) -> Result<Target, Error> {
        Ok(Target::new(Pair::messages(self.0, self.1)))
    }
}
