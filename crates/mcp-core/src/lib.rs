//! Protocol types of the Model Context Protocol: the JSON-RPC envelope and every MCP type of both eras.
//!
//! No I/O and no async: what goes over a wire is parsed by [`Message::parse`] into an envelope whose
//! payload stays raw ([`RawJson`]) until the layer that knows the method decodes it, once.

pub mod error_code;
mod excerpt;
pub mod header;
pub mod meta_key;
pub mod method;
mod rpc;
mod types;
mod version;

pub use excerpt::Excerpt;
pub use rpc::{
    ErrorObject, Message, MessageHint, Notification, ParseError, ParseErrorKind, RawJson, Request,
    RequestId, Response, parse_batch,
};
pub use types::*;
pub use version::{Era, ProtocolVersion, UnknownVersion};
