use std::{fmt, sync::Arc};

use mcp_session::SessionOptions;
use mcp_transport::{Connect as _, SharedConnect};

use crate::ToolRules;

/// A server of a group: its name, its connector, the options of its sessions, and the rules for its tools.
#[derive(Clone)]
pub struct Backend {
    pub(crate) name: Arc<str>,
    pub(crate) connect: SharedConnect,
    pub(crate) options: SessionOptions,
    pub(crate) rules: ToolRules,
}

impl Backend {
    /// Creates a backend. `name` is the prefix of its tools in the group and identifies it in errors.
    pub fn new(name: impl Into<Arc<str>>, connect: impl mcp_transport::Connect) -> Self {
        Self {
            name: name.into(),
            connect: SharedConnect::new(connect),
            options: SessionOptions::default(),
            rules: ToolRules::default(),
        }
    }

    /// Sets the session options: era, handlers of server requests, time limits. `on_notification` is called in addition
    /// to the group's own handling of notifications.
    ///
    /// [`extensions`](SessionOptions::extensions) are ignored: a server that supports an extension may send messages
    /// that the group cannot route, such as tasks, whose ids do not name their server.
    #[must_use]
    pub fn options(mut self, options: SessionOptions) -> Self {
        self.options = options;
        self.options.extensions.clear();
        self
    }

    /// Sets which tools are offered and how they are changed. Default: all, unchanged.
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
