use std::{sync::Arc, time::Duration};

use futures_core::Stream;
use futures_sink::Sink;
use mcp_core::Message;
use mcp_session::{Error, Mode, SessionOptions, Timeout};
use mcp_transport::{Connect, SharedConnect};
use tokio::io::{AsyncRead, AsyncWrite};

use crate::{infer, pair};

/// What a [`Client`](crate::Client) can be made from.
///
/// `Kind` only tells the implementations apart and is always inferred.
pub trait IntoTarget<Kind> {
    /// Turns it into something that can be connected to.
    ///
    /// # Errors
    /// When it cannot be a server.
    fn into_target(self) -> Result<Target, Error>;
}

/// Something to connect to: one server, or many behind one session.
#[derive(Debug, Clone)]
pub struct Target(pub(crate) Way);

#[derive(Debug, Clone)]
pub(crate) enum Way {
    One(One),
    #[cfg(feature = "config")]
    Many(crate::config::Many),
}

/// One server, and what its configuration says of sessions with it.
#[derive(Debug, Clone)]
pub(crate) struct One {
    pub(crate) connect: SharedConnect,
    /// Where the URL does not tell which transport it is.
    #[cfg(all(feature = "http", feature = "sse"))]
    pub(crate) detect: Option<crate::detect::Detect>,
    pub(crate) settings: Settings,
}

/// What a configuration says of sessions with a server.
#[derive(Debug, Clone, Default)]
pub(crate) struct Settings {
    pub(crate) name: Option<Arc<str>>,
    pub(crate) mode: Option<Mode>,
    pub(crate) timeout: Option<Timeout>,
    pub(crate) start_timeout: Option<Duration>,
    pub(crate) keep_alive: Option<bool>,
}

impl Settings {
    pub(crate) fn apply(&self, options: &mut SessionOptions) {
        options.mode = self.mode.unwrap_or(options.mode);
        options.timeout = self.timeout.unwrap_or(options.timeout);
        options.start_timeout = self.start_timeout.unwrap_or(options.start_timeout);
    }
}

impl Target {
    /// One server, reached as `connect` does.
    pub fn new(connect: impl Connect) -> Self {
        One::new(connect).into()
    }

    /// What there is of it where it is not a group.
    pub(crate) fn one(&self) -> Option<&One> {
        match &self.0 {
            Way::One(one) => Some(one),
            #[cfg(feature = "config")]
            Way::Many(_) => None,
        }
    }
}

impl From<One> for Target {
    fn from(one: One) -> Self {
        Self(Way::One(one))
    }
}

impl One {
    pub(crate) fn new(connect: impl Connect) -> Self {
        Self {
            connect: SharedConnect::new(connect),
            #[cfg(all(feature = "http", feature = "sse"))]
            detect: None,
            settings: Settings::default(),
        }
    }

    #[cfg(all(feature = "http", feature = "sse"))]
    pub(crate) fn detected(detect: crate::detect::Detect) -> Self {
        Self { detect: Some(detect.clone()), ..Self::new(detect) }
    }
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
        Ok(Target::new(pair::Bytes::new(self.0, self.1)))
    }
}

impl<Si, St, E> IntoTarget<(kind::Messages, E)> for (Si, St)
where
    Si: Sink<Message, Error: Into<BoxError>> + Unpin + Send + 'static,
    St: Stream<Item = Result<Message, E>> + Unpin + Send + 'static,
    E: Into<BoxError> + 'static,
{
    fn into_target(self) -> Result<Target, Error> {
        Ok(Target::new(pair::Messages::new(self.0, self.1)))
    }
}
