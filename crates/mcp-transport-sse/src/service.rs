use std::error::Error as StdError;

use bytes::Bytes;
use http::{Request, Response, Uri};
use mcp_http::{Body, follow_redirects};
use tower_service::Service;

/// What sends HTTP requests: any `tower_service::Service<http::Request<mcp_http::Body>>` that can be
/// cloned and shared, whose response body yields [`Bytes`] and whose errors can be boxed.
///
/// [`HttpClient`](mcp_http::HttpClient) is one; a user's own stack of proxies, credentials, retries or
/// other sockets is another. It is never implemented by hand. Redirects are followed above it, so it
/// should not follow any itself: only same-origin ones that keep the method, at most five.
///
/// The body of the GET is the stream of the server, which lives as long as the connection: a limit on the
/// time of a whole response would break it. The extensions of each request are those of its
/// [`Envelope`](mcp_transport::Envelope), and [`ReadTimeout`](mcp_http::ReadTimeout) where a response may
/// stay silent.
pub trait HttpService: sealed::Sealed + Clone + Send + Sync + 'static {
    /// The body of its responses.
    #[doc(hidden)]
    type ResponseBody: http_body::Body<Data = Bytes, Error: Into<Box<dyn StdError + Send + Sync>>>
        + Send
        + 'static;

    /// Sends the request that `request` makes for a URL, and follows redirects.
    #[doc(hidden)]
    fn exchange(
        &self,
        url: &Uri,
        request: impl FnMut(&Uri) -> Request<Body> + Send,
    ) -> impl Future<Output = Result<Response<Self::ResponseBody>, mcp_http::Error>> + Send;
}

impl<S, B> HttpService for S
where
    S: Service<Request<Body>, Response = Response<B>> + Clone + Send + Sync + 'static,
    S::Future: Send,
    S::Error: Into<Box<dyn StdError + Send + Sync>>,
    B: http_body::Body<Data = Bytes> + Send + 'static,
    B::Error: Into<Box<dyn StdError + Send + Sync>>,
{
    type ResponseBody = B;

    fn exchange(
        &self,
        url: &Uri,
        request: impl FnMut(&Uri) -> Request<Body> + Send,
    ) -> impl Future<Output = Result<Response<B>, mcp_http::Error>> + Send {
        follow_redirects(self.clone(), url, request)
    }
}

mod sealed {
    use super::{Body, Request, Service};

    pub trait Sealed {}

    impl<S: Service<Request<Body>>> Sealed for S {}
}
