//! Decoders of untrusted data, for fuzzing only.

use http::Uri;
use mcp_transport::Error;

/// The URL for POSTs, from the `endpoint` event of a stream.
///
/// # Errors
/// It is not a URL of the same origin.
pub fn post_url(stream: &Uri, data: &[u8], prefix: Option<&str>) -> Result<Uri, Error> {
    crate::endpoint_event::post_url(stream, data, prefix)
}
