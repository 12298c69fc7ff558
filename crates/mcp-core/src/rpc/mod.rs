//! The JSON-RPC 2.0 envelope: ids, messages, raw payloads, and the parser used by all transports.

mod hint;
mod id;
mod message;
mod parse;
mod raw;
mod raw_object;

pub use hint::MessageHint;
pub use id::RequestId;
pub use message::{ErrorObject, Message, Notification, Request, Response};
pub use parse::{ParseError, ParseErrorKind, parse_batch};
pub use raw::RawJson;
pub(crate) use raw::from_value;
pub use raw_object::RawObject;
