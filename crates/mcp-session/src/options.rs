use std::{fmt, sync::Arc, time::Duration};

use mcp_core::{ClientCapabilities, Implementation, Notification};
use mcp_transport::TraceContext;

use crate::{Cache, Extension, Handlers, Mode, Timeout, Verdict};

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
    /// Says which trace is on, for the `_meta` and the HTTP headers of each request and notification that is
    /// sent; what a caller sets in the `_meta` of a call wins. It is asked within the span of the message,
    /// must not block, and what it gives is seen by the server. Default: nothing is sent.
    ///
    /// Spec: basic/index#_meta
    pub trace_context: Option<Arc<dyn Fn() -> Option<TraceContext> + Send + Sync>>,
    /// Whether there is a span of `tracing` for each call, each other message of ours that is no answer, and
    /// each request of the server's that a handler answers. Default: there is. A session over a group of
    /// servers is better without: the sessions of the group have them. A call that is answered from the
    /// [cache](SessionOptions::cache) has none, since nothing is asked of anybody.
    ///
    /// Their target is `mcp_session::span`, their level `INFO`, and they cost nothing where nobody listens
    /// for these. Their fields follow the semantic conventions of OpenTelemetry for MCP: the name
    /// (`otel.name`) is the method with the tool or prompt; `otel.kind` is `client`, or `server` where the
    /// server asks; `error.type` is the code of a JSON-RPC error, `tool_error`, `timeout`, `cancelled` for a
    /// future that was dropped, or another word for the kind of the [`Error`](crate::Error). No span holds
    /// arguments, results, `_meta`, texts of errors, or the credentials and queries of URIs.
    pub spans: bool,
    /// How results of tools are judged by what the tools say of them. Default: not at all.
    #[cfg(feature = "validation")]
    pub output_checks: Option<crate::OutputChecks>,
    /// What becomes of results that servers let their clients keep. Sessions that are opened with clones
    /// of one [`Cache`] are taken for sessions of one client, and share what is kept. Default: `None`, and
    /// each session keeps results in a memory of its own, with the settings of [`Cache::new`].
    pub cache: Option<Cache>,
    /// Extensions of the protocol that are declared and used. Default: none.
    pub extensions: Vec<Arc<dyn Extension>>,
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
            trace_context: None,
            spans: true,
            #[cfg(feature = "validation")]
            output_checks: None,
            cache: None,
            extensions: Vec::new(),
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
            .field("cache", &self.cache)
            .field("extensions", &self.extensions.iter().map(|it| it.id()).collect::<Vec<_>>())
            .finish_non_exhaustive()
    }
}
