use std::fmt;

use http::{Extensions, HeaderMap, HeaderName, Method, Request, Uri};
use mcp_transport::{Delivery, Error, ErrorKind, IdleLimit, TraceContext};

use crate::body::Body;
use crate::client::ReadTimeout;

/// What the extensions of an [`Envelope`](mcp_transport::Envelope) add to the HTTP request of its
/// message.
///
/// An [`http::HeaderMap`] among them goes to the headers, and so does a [`TraceContext`] unless the map
/// has its headers; an [`IdleLimit`] becomes the [`ReadTimeout`]; all others are handed to the HTTP
/// service as they are. `Debug` shows no value.
#[derive(Clone, Default)]
pub struct Extras {
    headers: HeaderMap,
    extensions: Extensions,
}

impl Extras {
    /// What `extensions` say.
    ///
    /// # Errors
    ///
    /// [`InvalidRequest`](ErrorKind::InvalidRequest), not sent, if one of the headers is among
    /// those of the protocol (`owned`), which nobody else may set.
    pub fn new(mut extensions: Extensions, owned: &[HeaderName]) -> Result<Self, Error> {
        let mut headers = extensions.remove::<HeaderMap>().unwrap_or_default();
        if let Some(name) = headers.keys().find(|name| owned.contains(name)) {
            let text = format!("the header {name} is set by the protocol");
            return Err(
                Error::new(ErrorKind::InvalidRequest, text).with_delivery(Delivery::NotSent)
            );
        }
        if let Some(context) = extensions.remove::<TraceContext>() {
            for (name, value) in context.headers() {
                headers.entry(name).or_insert_with(|| value.clone());
            }
        }
        if let Some(IdleLimit(limit)) = extensions.remove() {
            extensions.insert(ReadTimeout(limit));
        }
        Ok(Self { headers, extensions })
    }

    /// What the HTTP service is handed beside the request.
    pub fn extensions_mut(&mut self) -> &mut Extensions {
        &mut self.extensions
    }

    /// A request with these beside the `headers` that all have.
    #[must_use]
    pub fn request(
        &self,
        method: Method,
        url: &Uri,
        headers: &HeaderMap,
        body: Body,
    ) -> Request<Body> {
        let mut request = Request::new(body);
        *request.method_mut() = method;
        *request.uri_mut() = url.clone();
        *request.headers_mut() = headers.clone();
        if !self.headers.is_empty() {
            request.headers_mut().extend(self.headers.clone());
        }
        if !self.extensions.is_empty() {
            request.extensions_mut().extend(self.extensions.clone());
        }
        request
    }
}

impl fmt::Debug for Extras {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Extras")
            .field("headers", &self.headers.keys().collect::<Vec<_>>())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use std::time::Duration;

    use http::{HeaderValue, header};

    use super::*;

    fn with_header(name: HeaderName, value: &'static str) -> Extensions {
        let mut headers = HeaderMap::new();
        headers.insert(name, HeaderValue::from_static(value));
        let mut extensions = Extensions::new();
        extensions.insert(headers);
        extensions
    }

    #[test]
    fn headers_of_the_protocol_are_refused() {
        let owned = [header::ACCEPT, header::CONTENT_TYPE];
        for name in owned.clone() {
            let error = Extras::new(with_header(name.clone(), "x"), &owned).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InvalidRequest);
            assert_eq!(error.delivery(), Delivery::NotSent);
            assert!(error.to_string().contains(name.as_str()), "{error}");
        }
    }

    #[test]
    fn what_an_envelope_adds_is_in_the_request() {
        let mut extensions = with_header(HeaderName::from_static("x-region"), "eu");
        extensions.insert(7_u8);
        extensions.insert(IdleLimit(Some(Duration::from_secs(9))));
        let extras = Extras::new(extensions, &[header::ACCEPT]).unwrap();
        assert!(!format!("{extras:?}").contains("eu"));
        let mut all = HeaderMap::new();
        all.insert("x-region", HeaderValue::from_static("us"));
        all.insert(header::ACCEPT, HeaderValue::from_static("text/plain"));
        let url = Uri::from_static("http://h/mcp");
        let request = extras.request(Method::PUT, &url, &all, "body".into());
        assert_eq!((request.method(), request.uri()), (&Method::PUT, &url));
        assert_eq!(request.body().len(), 4);
        assert_eq!(request.headers().len(), 2);
        assert_eq!(request.headers()["x-region"], "eu");
        let extensions = request.extensions();
        assert_eq!(extensions.get(), Some(&7_u8));
        assert_eq!(extensions.get(), Some(&ReadTimeout(Some(Duration::from_secs(9)))));
        assert!(extensions.get::<HeaderMap>().is_none() && extensions.get::<IdleLimit>().is_none());
    }

    #[test]
    fn a_trace_context_becomes_headers_and_those_of_the_caller_win() {
        let parent = "00-0af7651916cd43dd8448eb211c80319c-00f067aa0ba902b7-01";
        let mut extensions = with_header(HeaderName::from_static("baggage"), "mine=1");
        extensions.insert(TraceContext::new(parent).with_baggage("theirs=1"));
        let extras = Extras::new(extensions, &[]).unwrap();
        let url = Uri::from_static("http://h/mcp");
        let request = extras.request(Method::POST, &url, &HeaderMap::new(), Body::empty());
        assert_eq!(request.headers()["traceparent"], parent);
        assert_eq!(request.headers()["baggage"], "mine=1");
        assert_eq!(request.headers().len(), 2);
        assert!(request.extensions().get::<TraceContext>().is_none());
    }
}
