//! MCP sessions over any transport: negotiation, typed calls, progress, cancellation.
//!
//! [`Session::open`] finds out which era a server speaks and opens it; the methods of [`Session`] are
//! the methods of the protocol. Nothing here knows what carries the messages.

mod answering;
mod cache;
mod call;
mod error;
mod extension;
mod handlers;
mod inbound;
mod list;
mod logging;
mod negotiate;
mod options;
mod output;
mod param_headers;
mod params;
mod rounds;
mod session;
mod subscribe;
mod timer;
mod trace;

pub use cache::{Cache, CacheEntry, CacheMode, CacheStore, MemoryStore};
pub use call::Call;
pub use error::{Error, ErrorKind};
pub use extension::{Extension, Finishing, ForeignResult};
pub use handlers::{
    Answer, Asked, CallInfo, Handlers, RawRequest, Reply, RequestHandler, ServerRequest,
};
pub use list::{Items, List};
pub use negotiate::{Mode, Verdict};
pub use options::{NotificationHandler, SessionOptions};
#[cfg(feature = "validation")]
pub use output::OutputChecks;
pub use output::ResultAs;
pub use rounds::{Input, InputRound, ManualCall, SERVER_META_KEY};
pub use session::Session;
pub use subscribe::{Event, Relisten, Subscribe, Subscription};
pub use timer::Timeout;
