use std::fmt;

use http::{Extensions, HeaderMap, HeaderName, Method, Request, Uri};
use mcp_transport::{Background, Delivery, Envelope, Error, ErrorKind, IdleLimit};

use crate::body::Body;
use crate::timer::ReadTimeout;

/// The number of headers for which a request has room besides those of its transport and its envelope: of the
/// protocol, the client and its credentials.
const ADDED_HEADERS: usize = 8;

/// What an [`Envelope`] adds to the HTTP request of its message.
///
/// An [`http::HeaderMap`] in its extensions is added to the headers, and so is its trace context unless the map has
/// those headers. Its idle limit becomes the [`ReadTimeout`]. All other extensions are passed to the HTTP service.
/// `Debug` redacts values.
#[derive(Clone, Default)]
pub struct EnvelopeExtras {
    headers: HeaderMap,
    read_timeout: Option<ReadTimeout>,
    extensions: Extensions,
}

impl EnvelopeExtras {
    /// The additions of `envelope`.
    ///
    /// # Errors
    ///
    /// [`InvalidRequest`](ErrorKind::InvalidRequest), not sent, if one of the headers is set by the protocol (`owned`).
    pub fn new<M>(envelope: &Envelope<M>, owned: &[HeaderName]) -> Result<Self, Error> {
        let mut extensions = envelope.extensions.clone();
        let mut headers = extensions.remove::<HeaderMap>().unwrap_or_default();
        if let Some(name) = headers.keys().find(|name| owned.contains(name)) {
            let text = format!("the header {name} is set by the protocol");
            return Err(
                Error::new(ErrorKind::InvalidRequest, text).with_delivery(Delivery::NotSent)
            );
        }
        if let Some(context) = &envelope.trace {
            for (name, value) in context.headers() {
                headers.entry(name).or_insert_with(|| value.clone());
            }
        }
        let read_timeout = match envelope.idle_limit {
            IdleLimit::Transport if !envelope.is_long_lived => None,
            limit => Some(ReadTimeout(limit.or(None))),
        };
        Ok(Self { headers, read_timeout, extensions })
    }

    /// The same for a response that may be silent without limit, unless the envelope sets one.
    #[must_use]
    pub fn long_lived(mut self) -> Self {
        self.read_timeout.get_or_insert(ReadTimeout(None));
        self
    }

    /// Marks the request as one that no caller waits for.
    #[must_use]
    pub fn in_background(mut self) -> Self {
        self.extensions.insert(Background);
        self
    }

    /// The read timeout of the request, for [`HttpService::exchange`](crate::HttpService::exchange).
    #[must_use]
    pub fn read_timeout(&self) -> Option<ReadTimeout> {
        self.read_timeout
    }

    /// A request with these additions and the common `headers`.
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
        // A clone of `headers` would have no room for those that are added before the request is sent.
        let mut all = HeaderMap::with_capacity(headers.len() + self.headers.len() + ADDED_HEADERS);
        for (name, value) in headers {
            all.append(name, value.clone());
        }
        if !self.headers.is_empty() {
            all.extend(self.headers.clone());
        }
        *request.headers_mut() = all;
        if !self.extensions.is_empty() {
            request.extensions_mut().extend(self.extensions.clone());
        }
        request
    }
}

impl fmt::Debug for EnvelopeExtras {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EnvelopeExtras")
            .field("headers", &self.headers.keys().collect::<Vec<_>>())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use std::time::Duration;

    use http::{HeaderValue, header};
    use mcp_transport::TraceContext;

    use super::*;

    fn with_header(name: HeaderName, value: &'static str) -> Envelope<()> {
        let mut headers = HeaderMap::new();
        headers.insert(name, HeaderValue::from_static(value));
        Envelope::new(()).with_extension(headers)
    }

    #[test]
    fn headers_of_the_protocol_are_refused() {
        let owned = [header::ACCEPT, header::CONTENT_TYPE];
        for name in owned.clone() {
            let error = EnvelopeExtras::new(&with_header(name.clone(), "x"), &owned).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InvalidRequest);
            assert_eq!(error.delivery(), Delivery::NotSent);
            assert!(error.to_string().contains(name.as_str()), "{error}");
        }
    }

    #[test]
    fn additions_of_an_envelope_are_in_the_request() {
        let envelope = with_header(HeaderName::from_static("x-region"), "eu").with_extension(7_u8);
        let extras = EnvelopeExtras::new(&envelope, &[header::ACCEPT]).unwrap();
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
        assert!(
            extensions.get::<HeaderMap>().is_none() && extensions.get::<ReadTimeout>().is_none()
        );
    }

    #[test]
    fn the_idle_limit_becomes_the_read_timeout() {
        let (second, after) = (Duration::from_secs(1), IdleLimit::After(Duration::from_secs(1)));
        for (limit, is_long_lived, expected) in [
            (IdleLimit::Transport, false, None),
            (IdleLimit::Transport, true, Some(ReadTimeout(None))),
            (after, false, Some(ReadTimeout(Some(second)))),
            (after, true, Some(ReadTimeout(Some(second)))),
            (IdleLimit::Caller, false, Some(ReadTimeout(None))),
            (IdleLimit::Caller, true, Some(ReadTimeout(None))),
        ] {
            let mut envelope = Envelope::new(()).with_idle_limit(limit);
            envelope.is_long_lived = is_long_lived;
            let extras = EnvelopeExtras::new(&envelope, &[]).unwrap();
            assert_eq!(extras.read_timeout(), expected, "{limit:?} {is_long_lived}");
            let kept = extras.long_lived().read_timeout;
            assert_eq!(kept, expected.or(Some(ReadTimeout(None))));
        }
    }

    #[test]
    fn a_trace_context_becomes_headers_unless_the_caller_sets_them() {
        let parent = "00-0af7651916cd43dd8448eb211c80319c-00f067aa0ba902b7-01";
        let context = TraceContext::new(parent).with_baggage("theirs=1");
        let envelope =
            with_header(HeaderName::from_static("baggage"), "mine=1").with_trace(Box::new(context));
        let extras = EnvelopeExtras::new(&envelope, &[]).unwrap();
        let url = Uri::from_static("http://h/mcp");
        let request = extras.request(Method::POST, &url, &HeaderMap::new(), Body::empty());
        assert_eq!(request.headers()["traceparent"], parent);
        assert_eq!(request.headers()["baggage"], "mine=1");
        assert_eq!(request.headers().len(), 2);
    }
}
