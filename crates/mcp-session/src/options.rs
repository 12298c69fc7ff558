use std::{fmt, sync::Arc, time::Duration};

use mcp_core::{ClientCapabilities, Implementation, Notification};

use crate::{Handlers, Mode, Timeout, Verdict};

/// How a session is opened and what holds for its calls. Plain configuration: making it does no I/O.
#[derive(Clone)]
#[non_exhaustive]
pub struct SessionOptions {
    /// Which era is spoken. Default: [`Mode::Auto`].
    pub mode: Mode,
    /// Who we are. Default: the name and version of this library.
    pub client_info: Implementation,
    /// What the client declares to be capable of, beside what its
    /// [`handlers`](SessionOptions::handlers) declare. Default: nothing.
    pub capabilities: ClientCapabilities,
    /// What an earlier session found out about this server, to open without asking again.
    pub prior_discover: Option<Verdict>,
    /// How long a server on a shared pipe may leave the first question about its era unanswered before
    /// it is taken for one of the legacy era. Elsewhere silence says nothing of the era, and only
    /// [`start_timeout`](SessionOptions::start_timeout) ends it. Default: 10 s.
    pub probe_timeout: Duration,
    /// How long all of the start may take: spawning, downloading what a runner such as `npx` needs,
    /// negotiating. Default: 60 s.
    pub start_timeout: Duration,
    /// The limit on a call that sets none of its own. Default: 300 s without any message for it.
    pub timeout: Timeout,
    /// Takes the notifications that belong to no call, in order. It must not block.
    pub on_notification: Option<NotificationHandler>,
    /// What is done for servers: sampling, elicitation, roots. Default: nothing.
    pub handlers: Handlers,
    /// How often one call may be asked for input before it fails, in the modern era. Default: 10.
    pub max_rounds: u32,
}

/// Takes notifications; see [`SessionOptions::on_notification`].
pub type NotificationHandler = Arc<dyn Fn(&Notification) + Send + Sync>;

impl Default for SessionOptions {
    fn default() -> Self {
        Self {
            mode: Mode::Auto,
            client_info: Implementation::new("mcp-client", env!("CARGO_PKG_VERSION")),
            capabilities: ClientCapabilities::default(),
            prior_discover: None,
            probe_timeout: Duration::from_secs(10),
            start_timeout: Duration::from_secs(60),
            timeout: Timeout::default(),
            on_notification: None,
            handlers: Handlers::default(),
            max_rounds: 10,
        }
    }
}

impl fmt::Debug for SessionOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SessionOptions")
            .field("mode", &self.mode)
            .field("client_info", &self.client_info.name)
            .field("probe_timeout", &self.probe_timeout)
            .field("start_timeout", &self.start_timeout)
            .field("timeout", &self.timeout)
            .field("handlers", &self.handlers)
            .finish_non_exhaustive()
    }
}
