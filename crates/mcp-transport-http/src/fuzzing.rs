//! Encoding of values in headers, for fuzzing only.

use http::{HeaderMap, Method, Uri};
use mcp_core::{Notification, ProtocolVersion};
use mcp_http::Body;
use mcp_transport::{Envelope, Error, OneWay, Routing};

use crate::headers::RequestHeaders;

/// The `Mcp-Param-*` headers of these parameters.
///
/// # Errors
/// A name is not valid in a header name.
pub fn param_headers(params: Vec<(String, String)>) -> Result<HeaderMap, Error> {
    let routing = Box::new(Routing::new().with_params(params));
    let notification: OneWay = Notification::new("x").into();
    let envelope = Envelope::new(notification).with_routing(routing);
    let version = ProtocolVersion::LATEST_MODERN;
    let headers = RequestHeaders::modern(version, "x".into(), None, &envelope)?;
    let url = Uri::from_static("http://h/");
    let request = headers.request(Method::POST, &url, &HeaderMap::new(), Body::empty());
    let params = request.into_parts().0.headers.into_iter();
    Ok(params
        .filter_map(|(name, value)| Some((name?, value)))
        .filter(|(name, _)| name.as_str().starts_with("mcp-param-"))
        .collect())
}
