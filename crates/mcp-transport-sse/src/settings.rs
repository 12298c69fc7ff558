use std::time::Duration;

use mcp_http::sse::DEFAULT_LIMIT;
use mcp_transport::Backoff;

/// Settings of a transport, except server and headers.
#[derive(Debug, Clone)]
pub(crate) struct Settings {
    pub(crate) message_limit: usize,
    pub(crate) endpoint_timeout: Duration,
    pub(crate) idle_timeout: Option<Duration>,
    pub(crate) backoff: Backoff,
    pub(crate) endpoint_prefix: Option<String>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            message_limit: DEFAULT_LIMIT,
            endpoint_timeout: Duration::from_secs(10),
            idle_timeout: Some(Duration::from_secs(300)),
            backoff: Backoff::default(),
            endpoint_prefix: None,
        }
    }
}
