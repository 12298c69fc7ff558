//! Checks whether an earlier registration is still valid.

use http::{HeaderMap, HeaderValue, Method, header};
use mcp_http::Body;
use url::Url;

use crate::discovery::fetch::Fetch;

/// Whether the authorization server still knows the client of a login page. If not, the browser would show an error
/// without redirecting, so this is checked first.
pub(crate) async fn is_alive(fetch: &Fetch, page: &Url) -> bool {
    let mut headers = HeaderMap::new();
    headers.insert(header::ACCEPT, HeaderValue::from_static("text/html"));
    match fetch.send(Method::GET, page, headers, Body::empty()).await {
        Ok(answer) => !matches!(answer.status.as_u16(), 400 | 401 | 404 | 422),
        // A failed request does not prove that it is unknown.
        Err(_) => true,
    }
}
