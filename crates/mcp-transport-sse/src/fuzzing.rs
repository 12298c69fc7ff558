//! The decoders of what servers bring, for fuzzing alone.

use http::Uri;
use mcp_transport::Error;

/// The URL that messages are POSTed to, by the `endpoint` event of a stream.
///
/// # Errors
/// If it is not a URL of the same origin.
pub fn post_url(stream: &Uri, data: &[u8], prefix: Option<&str>) -> Result<Uri, Error> {
    crate::endpoint_event::post_url(stream, data, prefix)
}
