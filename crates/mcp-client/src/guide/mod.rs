//! The guide: one page for each topic. The tests compile the examples, except the marked ones.
//!
//! | page | topic |
//! |---|---|
//! | [`cookbook`] | short programs for common tasks |
//! | [`targets`] | what can be passed to [`Client::new`](crate::Client::new), and what it becomes |
//! | [`stdio`] | child processes: environment, runners, shutdown, stderr |
//! | [`http`] | Streamable HTTP and HTTP+SSE: headers, proxies, certificates, your own HTTP client |
//! | [`auth`] | tokens, OAuth, and what to write for which provider |
//! | [`config`] | `mcpServers` documents |
//! | [`groups`] | many servers behind one session |
//! | [`handlers`] | elicitation, sampling, roots, logs and progress |
//! | [`subscriptions`] | changes of lists and resources |
//! | [`caching`] | the response cache: `ttlMs`, `cacheScope`, stores |
//! | [`results`] | results of tools as Rust types, content, validation |
//! | [`agents`] | tools as functions of a language model |
//! | [`extensions`] | tasks, skills, and extensions of your own |
//! | [`errors`] | each kind: its cause, whether a retry is safe, what to do |
//! | [`time_limits`] | limits on calls and starts, and cancellation |
//! | [`reconnecting`] | what reconnects by default, and what must be enabled |
//! | [`tracing`] | spans, log messages, trace context |
//! | [`testing`] | servers in memory, scripted and hostile servers |
//! | [`many_machines`] | several instances of one service |
//! | [`windows`] | differences on Windows |
//!
//! Authors of transports start at [`transport`](crate::transport::guide::writing_a_transport).

#[doc = include_str!("agents.md")]
pub mod agents {}
#[doc = include_str!("auth.md")]
pub mod auth {}
#[doc = include_str!("caching.md")]
pub mod caching {}
#[doc = include_str!("config.md")]
pub mod config {}
#[doc = include_str!("cookbook.md")]
#[doc(alias = "parallel")]
#[doc(alias = "examples")]
pub mod cookbook {}
#[doc = include_str!("errors.md")]
pub mod errors {}
#[doc = include_str!("extensions.md")]
pub mod extensions {}
#[doc = include_str!("groups.md")]
pub mod groups {}
#[doc = include_str!("handlers.md")]
pub mod handlers {}
#[doc = include_str!("http.md")]
pub mod http {}
#[doc = include_str!("many_machines.md")]
pub mod many_machines {}
#[doc = include_str!("reconnecting.md")]
#[doc(alias = "reconnect")]
#[doc(alias = "retry")]
#[doc(alias = "disconnect")]
pub mod reconnecting {}
#[doc = include_str!("results.md")]
pub mod results {}
#[doc = include_str!("stdio.md")]
pub mod stdio {}
#[doc = include_str!("subscriptions.md")]
pub mod subscriptions {}
#[doc = include_str!("targets.md")]
pub mod targets {}
#[doc = include_str!("testing.md")]
pub mod testing {}
#[doc = include_str!("time_limits.md")]
#[doc(alias = "timeout")]
#[doc(alias = "cancel")]
pub mod time_limits {}
#[doc = include_str!("tracing.md")]
pub mod tracing {}
#[doc = include_str!("windows.md")]
pub mod windows {}
