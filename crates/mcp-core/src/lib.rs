//! Protocol types of the Model Context Protocol: the JSON-RPC envelope and every MCP type of both eras.
//!
//! The crate has no I/O and no async code. [`Message::parse`] parses a received frame into an envelope whose
//! payload stays raw ([`RawJson`]). The layer that knows the method decodes the payload once.
//!
//! - [`Message`], [`Request`], [`Notification`], [`Response`], [`RequestId`], [`ErrorObject`]: JSON-RPC 2.0.
//! - [`requests`] and [`notifications`]: every method as a type, with its parameters and its result.
//! - [`Tool`], [`Resource`], [`Prompt`], [`ContentBlock`] and so on: the objects of the protocol. A type has
//!   the members of all revisions; members that not every revision has are optional.
//! - [`method`], [`error_code`], [`header`], [`meta_key`]: names and codes.
//!
//! Protocol objects are built with `new`, which takes the required members, and `with_*` setters. Decoding is
//! lenient: unknown members, kinds and values are preserved.
//!
//! This crate enables the feature `preserve_order` of `serde_json`, and with it for the whole program: objects keep the
//! order of their members. Models read schemas, metadata and structured results as text, in which the order carries
//! meaning, and `serde_json::Value` is the type of these members for all users. A program that relies on sorted members
//! sorts them itself ([`Value::sort_all_objects`](serde_json::Value::sort_all_objects)). It adds 21 kB to a program.
//!
//! ```
//! use mcp_core::{CallToolRequestParams, Message, RawJson, Request, method};
//!
//! let params = CallToolRequestParams::new("roll_dice");
//! let request = Request::new(1, method::TOOLS_CALL).with_params(RawJson::from_serialize(&params)?);
//! let mut line = Vec::new();
//! Message::from(request).encode(&mut line);
//! assert_eq!(
//!     String::from_utf8_lossy(&line),
//!     r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"roll_dice"}}"#
//! );
//! # Ok::<(), serde_json::Error>(())
//! ```
//!
//! Spec: [Overview](https://modelcontextprotocol.io/specification/2026-07-28/basic/index)
#![cfg_attr(docsrs, feature(doc_cfg))]

pub mod error_code;
mod excerpt;
pub mod header;
pub mod meta_key;
pub mod method;
mod nearest;
mod public_error;
mod rpc;
mod types;
mod version;

pub use excerpt::Excerpt;
pub use nearest::nearest;
pub use public_error::{ErrorClass, PublicError};
pub use rpc::{
    ErrorObject, Message, MessageHint, Notification, ParseError, ParseErrorKind, RawJson,
    RawObject, Request, RequestId, Response, parse_batch,
};
pub use types::*;
pub use version::{Era, ProtocolVersion, UnknownVersion};
