//! The codes of an [`ErrorObject`](crate::ErrorObject).
//!
//! Spec: [Error codes](https://modelcontextprotocol.io/specification/2026-07-28/basic/index#error-codes)

/// The message is not JSON.
pub const PARSE_ERROR: i64 = -32700;
/// The JSON is not a valid request.
pub const INVALID_REQUEST: i64 = -32600;
/// The method is unknown, or requires a capability that was not declared.
pub const METHOD_NOT_FOUND: i64 = -32601;
/// The parameters are invalid. Includes an unknown tool, prompt or (since 2026-07-28) resource, an invalid
/// cursor or log level, and a missing `_meta`.
pub const INVALID_PARAMS: i64 = -32602;
/// An internal error of the receiver.
pub const INTERNAL_ERROR: i64 = -32603;

/// The HTTP headers and the body of a request do not match. Since 2026-07-28, over HTTP only.
pub const HEADER_MISMATCH: i64 = -32020;
/// The request needs a capability that the client did not declare; see
/// [`MissingRequiredClientCapabilityData`](crate::MissingRequiredClientCapabilityData). Since 2026-07-28.
pub const MISSING_REQUIRED_CLIENT_CAPABILITY: i64 = -32021;
/// The server does not support the protocol version of the request; see
/// [`UnsupportedProtocolVersionData`](crate::UnsupportedProtocolVersionData). Since 2026-07-28.
pub const UNSUPPORTED_PROTOCOL_VERSION: i64 = -32022;

/// The resource does not exist. Until 2025-11-25; replaced by [`INVALID_PARAMS`].
///
/// Spec: [Error
/// handling](https://modelcontextprotocol.io/specification/2025-11-25/server/resources#error-handling)
pub const RESOURCE_NOT_FOUND: i64 = -32002;
/// The user must visit a web page first; see
/// [`UrlElicitationRequiredData`](crate::UrlElicitationRequiredData). Only in 2025-11-25.
///
/// Spec: [URL elicitation required
/// error](https://modelcontextprotocol.io/specification/2025-11-25/client/elicitation#url-elicitation-required-error)
pub const URL_ELICITATION_REQUIRED: i64 = -32042;
/// The user rejected the sampling request. Until 2025-11-25, from clients only.
///
/// Spec: [Error handling](https://modelcontextprotocol.io/specification/2025-11-25/client/sampling#error-handling)
pub const USER_REJECTED: i64 = -1;
