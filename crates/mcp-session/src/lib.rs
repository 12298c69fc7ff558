//! MCP sessions over any transport: negotiation, typed calls, progress, cancellation.
//!
//! [`Session::open`] detects the era of a server and opens a session; the methods of [`Session`] are those of the
//! protocol. This crate does not depend on a concrete transport.
#![cfg_attr(docsrs, feature(doc_cfg))]

// First, so that the documentation of `Session` begins with the methods of the protocol.
mod methods;
mod session;

mod cache;
mod call;
mod closing;
mod deadline;
mod diagnostics;
mod error;
mod exchange;
pub mod extension;
#[cfg(feature = "_fuzzing")]
#[doc(hidden)]
pub mod fuzzing;
mod handlers;
mod inner;
mod input_required;
mod join;
mod list;
mod logging;
mod negotiate;
mod notifications;
mod open;
mod options;
mod output;
mod pace;
mod pages;
mod param_headers;
mod params;
mod receive;
mod reopening;
mod resumable;
mod server_requests;
mod subscribe;
mod task_progress;
mod task_tools;
mod timeout;
mod trace;

pub use cache::{Cache, CacheEntry, CacheMode, CacheStore, MemoryStore};
pub use call::{Call, CallFuture, Input, InputRound, ManualCall};
pub use error::{Error, ErrorKind};
pub use handlers::{
    CallInfo, Handlers, LogMessage, RawRequest, Reply, ServerRequest, check_form_field,
};
pub use input_required::SERVER_META_KEY;
pub use list::{Items, List, PageStream};
pub use negotiate::{EraPolicy, Verdict};
pub use options::SessionOptions;
#[cfg(feature = "validation")]
pub use output::OutputChecks;
pub use output::{OrError, ResultAs};
pub use session::Session;
pub use subscribe::{Event, Subscribe, Subscription};
pub use timeout::Timeout;
