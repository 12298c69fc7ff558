//! Protocol types of the Model Context Protocol: the JSON-RPC envelope and every MCP type of both eras.
//!
//! No I/O and no async: what goes over a wire is parsed by [`Message::parse`] into an envelope whose
//! payload stays raw ([`RawJson`]) until the layer that knows the method decodes it, once.

mod rpc;
mod version;

pub use rpc::{
    ErrorObject, Message, Notification, ParseError, ParseErrorKind, RawJson, Request, RequestId,
    Response, parse_batch,
};
pub use version::{Era, ProtocolVersion, UnknownVersion};
