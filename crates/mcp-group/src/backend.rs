use std::{fmt, sync::Arc};

use mcp_session::SessionOptions;
use mcp_transport::{Connect as _, SharedConnect};

use crate::ToolRules;

/// One server of a group before it is connected: its name, how to connect to it, the options of its
/// sessions, and the rules for its tools.
#[derive(Clone)]
pub struct Backend {
    pub(crate) name: Arc<str>,
    pub(crate) connect: SharedConnect,
    pub(crate) options: SessionOptions,
    pub(crate) rules: ToolRules,
}

impl Backend {
    /// A server of this name, with which its names in the group and its errors begin.
    pub fn new(name: impl Into<Arc<str>>, connect: impl mcp_transport::Connect) -> Self {
        Self {
            name: name.into(),
            connect: SharedConnect::new(connect),
            options: SessionOptions::default(),
            rules: ToolRules::default(),
        }
    }

    /// Sets the options of its sessions: era, handlers of its requests, time limits. `on_notification` is
    /// called in addition to what the group does with notifications.
    ///
    /// [`extensions`](SessionOptions::extensions) are left out: a server to which one is declared sends what
    /// the group cannot route, such as tasks, whose ids do not name their servers.
    #[must_use]
    pub fn options(mut self, options: SessionOptions) -> Self {
        self.options = options;
        self.options.extensions.clear();
        self
    }

    /// Sets which of its tools are offered, and how they are changed. Default: all, unchanged.
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
