use std::any::Any;
use std::error::Error as StdError;

use bytes::Bytes;
use http::{Request, Response, Uri};
use mcp_transport::Carrier;
use tower_service::Service;

use crate::body::Body;
use crate::client::HttpClient;
use crate::error::Error;
use crate::redirect::follow_redirects;

/// What a transport sends HTTP requests with: any `tower_service::Service<http::Request<Body>>` that
/// can be cloned and shared, whose response body yields [`Bytes`] and whose errors can be boxed.
///
/// [`HttpClient`](crate::HttpClient) is one; a user's own stack of proxies, credentials, retries or
/// other sockets is another. It is never implemented by hand. Redirects are followed above it, so
/// it should not follow any itself: only same-origin ones that keep the method, at most five.
///
/// What the service should know of one request alone stands in the extensions of the request: all
/// those of the [`Envelope`](mcp_transport::Envelope), and [`ReadTimeout`](crate::ReadTimeout)
/// where a response may stay silent. The body of a response may be a stream that lives as long as
/// the connection: a limit on the time of a whole response would break it.
pub trait HttpService: sealed::Sealed + Clone + Send + Sync + 'static {
    /// The body of its responses.
    type ResponseBody: http_body::Body<Data = Bytes, Error: Into<Box<dyn StdError + Send + Sync>>>
        + Send
        + 'static;

    /// Sends the request that `request` makes for a URL, at first `url`, and follows redirects: see
    /// [`follow_redirects`], also for cancel safety and errors.
    fn exchange(
        &self,
        url: &Uri,
        request: impl FnMut(&Uri) -> Request<Body> + Send,
    ) -> impl Future<Output = Result<Response<Self::ResponseBody>, Error>> + Send;

    /// What carries the bytes: that of an [`HttpClient`], and TCP for other services.
    fn carrier(&self) -> Carrier {
        (self as &dyn Any).downcast_ref::<HttpClient>().map_or(Carrier::Tcp, HttpClient::carrier)
    }
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
    ) -> impl Future<Output = Result<Response<B>, Error>> + Send {
        follow_redirects(self.clone(), url, request)
    }
}

mod sealed {
    use super::{Body, Request, Service};

    pub trait Sealed {}

    impl<S: Service<Request<Body>>> Sealed for S {}
}
