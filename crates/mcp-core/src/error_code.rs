//! Codes that an [`ErrorObject`](crate::ErrorObject) can have.
//!
//! Spec: basic/index#error-codes

/// The message is not JSON.
pub const PARSE_ERROR: i64 = -32700;
/// The JSON is not a request.
pub const INVALID_REQUEST: i64 = -32600;
/// There is no such method, or what it needs was not declared.
pub const METHOD_NOT_FOUND: i64 = -32601;
/// The parameters do not fit: also an unknown tool, prompt or, since 2026-07-28, resource; a bad cursor
/// or log level; a request without the `_meta` it must have.
pub const INVALID_PARAMS: i64 = -32602;
/// The receiver failed.
pub const INTERNAL_ERROR: i64 = -32603;

/// The HTTP headers and the body of a request disagree. Since 2026-07-28, over HTTP alone.
pub const HEADER_MISMATCH: i64 = -32020;
/// The request needs a capability that the client does not declare; see
/// [`MissingRequiredClientCapabilityData`](crate::MissingRequiredClientCapabilityData). Since 2026-07-28.
pub const MISSING_REQUIRED_CLIENT_CAPABILITY: i64 = -32021;
/// The server does not speak the revision of the request; see
/// [`UnsupportedProtocolVersionData`](crate::UnsupportedProtocolVersionData). Since 2026-07-28.
pub const UNSUPPORTED_PROTOCOL_VERSION: i64 = -32022;

/// There is no such resource. Until 2025-11-25; later ones answer [`INVALID_PARAMS`].
pub const RESOURCE_NOT_FOUND: i64 = -32002;
/// A web page has to be visited first; see
/// [`UrlElicitationRequiredData`](crate::UrlElicitationRequiredData). In 2025-11-25 alone.
pub const URL_ELICITATION_REQUIRED: i64 = -32042;
/// The person at the client refused sampling. Until 2025-11-25, from clients alone.
pub const USER_REJECTED: i64 = -1;
