use std::{fmt, sync::Arc, time::Duration};

use mcp_session::SessionOptions;
use mcp_transport::{Connect as _, SharedConnect};

use crate::ToolRules;

/// One server of a group before it is connected: its name, how to reach it, how it is spoken to, and
/// which of its tools are offered.
#[derive(Clone)]
pub struct Backend {
    pub(crate) name: Arc<str>,
    pub(crate) connect: SharedConnect,
    pub(crate) options: SessionOptions,
    pub(crate) rules: ToolRules,
}

impl Backend {
    /// A server of this name, which its names in the group begin with and its errors tell.
    pub fn new(name: impl Into<Arc<str>>, connect: impl mcp_transport::Connect) -> Self {
        Self {
            name: name.into(),
            connect: SharedConnect::new(connect),
            options: SessionOptions::default(),
            rules: ToolRules::default(),
        }
    }

    /// Sets how its sessions are opened and what holds for its calls: era, handlers of what it asks,
    /// limits of time. `on_notification` is called in addition to what the group does with
    /// notifications.
    ///
    /// [`extensions`](SessionOptions::extensions) are left out: to declare one is to be sent what the group
    /// cannot route, such as tasks, whose ids do not tell their servers.
    #[must_use]
    pub fn options(mut self, options: SessionOptions) -> Self {
        self.options = options;
        self.options.extensions.clear();
        self
    }

    /// Sets which of its tools are offered, and how they are changed. Default: all, as they are.
    #[must_use]
    pub fn tools(mut self, rules: ToolRules) -> Self {
        self.rules = rules;
        self
    }
}

impl fmt::Debug for Backend {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Backend")
            .field("name", &self.name)
            .field("target", &self.connect.describe())
            .field("options", &self.options)
            .finish_non_exhaustive()
    }
}

/// How long to wait before a server that has ended, or could not be opened, is connected anew: first
/// [`initial`](Backoff::initial), then twice as long each time, up to [`max`](Backoff::max). A server
/// that stayed up as long as `max` begins anew.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Backoff {
    /// The first wait. Default: 100 ms.
    pub initial: Duration,
    /// The longest wait. Default: 30 s.
    pub max: Duration,
}

impl Default for Backoff {
    fn default() -> Self {
        Self { initial: Duration::from_millis(100), max: Duration::from_secs(30) }
    }
}

impl Backoff {
    /// Waits that begin with `initial` and grow to `max`.
    #[must_use]
    pub fn new(initial: Duration, max: Duration) -> Self {
        Self { initial, max }
    }

    /// The wait after one of this length.
    pub(crate) fn after(self, wait: Duration) -> Duration {
        // A back-off of nothing would never end.
        wait.saturating_mul(2).clamp(Duration::from_millis(1), self.max.max(self.initial))
    }
}
