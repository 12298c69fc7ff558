use std::any::Any;
use std::error::Error as StdError;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http::{Request, Response, Uri};
use mcp_transport::Carrier;
use tower_service::Service;

use crate::authorized::{Authorized, carrier_of};
use crate::body::Body;
use crate::client::HttpClient;
use crate::direct::Direct;
use crate::error::Error;
use crate::redirect::{follow, follow_redirects};
use crate::response::ResponseBody;
use crate::timer::ReadTimeout;

/// The HTTP service of a transport: any `tower_service::Service<http::Request<Body>>` that can be cloned
/// and shared, whose response body yields [`Bytes`] and whose errors can be boxed.
///
/// [`HttpClient`] is one; a stack of layers for proxies, credentials or retries is another. Implemented for all such
/// services; it cannot be implemented manually. The transports follow redirects themselves, only those that preserve
/// origin and method, at most five; the service should not follow any.
///
/// The extensions of a request are those of its [`Envelope`](mcp_transport::Envelope), and
/// [`ReadTimeout`](crate::ReadTimeout) if the response has its own limit. The body of a response may be a stream that
/// lives as long as the connection: a time limit for the whole response would break it.
pub trait HttpService: sealed::Sealed + Clone + Send + Sync + 'static {
    /// The body type of its responses.
    type ResponseBody: http_body::Body<Data = Bytes, Error: Into<Box<dyn StdError + Send + Sync>>>
        + Send
        + 'static;

    /// Sends the request that `request` creates for a URL, first for `url`, and follows redirects; see
    /// [`follow_redirects`], also for cancel safety and errors. `read_timeout` overrides that of the service.
    fn exchange(
        &self,
        url: &Uri,
        read_timeout: Option<ReadTimeout>,
        request: impl FnMut(&Uri) -> Request<Body> + Send,
    ) -> impl Future<Output = Result<Response<Self::ResponseBody>, Error>> + Send;

    /// The carrier of the connections: that of an [`HttpClient`], also below an [`Authorized`], and TCP for any other
    /// service.
    fn carrier(&self) -> Carrier {
        carrier_of(self).unwrap_or(Carrier::Tcp)
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
        read_timeout: Option<ReadTimeout>,
        mut request: impl FnMut(&Uri) -> Request<Body> + Send,
    ) -> impl Future<Output = Result<Response<B>, Error>> + Send {
        let any = self as &dyn Any;
        let (client, authorize) = match any.downcast_ref::<Authorized<HttpClient>>() {
            Some(Authorized { service, authorize }) => (Some(service), Some(authorize)),
            None => (any.downcast_ref::<HttpClient>(), None),
        };
        if let Some(client) = client {
            let direct = Direct { client: client.direct(read_timeout), authorize, request };
            return Exchange::Direct { direct: follow(direct, url) };
        }
        let request = move |url: &Uri| {
            let mut request = request(url);
            if let Some(timeout) = read_timeout {
                request.extensions_mut().insert(timeout);
            }
            request
        };
        let service = self.clone();
        Exchange::Service { sending: follow_redirects(service, url, request) }
    }
}

pin_project_lite::pin_project! {
    /// Either of two futures, constructed in place. The first has the body of an `HttpClient`, which is that of the
    /// service.
    #[project = ExchangeProjection]
    enum Exchange<D, S> {
        Direct { #[pin] direct: D },
        Service { #[pin] sending: S },
    }
}

impl<B, D, S> Future for Exchange<D, S>
where
    B: 'static,
    D: Future<Output = Result<Response<ResponseBody>, Error>>,
    S: Future<Output = Result<Response<B>, Error>>,
{
    type Output = S::Output;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<S::Output> {
        match self.project() {
            ExchangeProjection::Direct { direct } => {
                let mut output = Some(ready!(direct.poll(cx)));
                let output = (&mut output as &mut dyn Any).downcast_mut::<Option<S::Output>>();
                let output = output.and_then(Option::take);
                Poll::Ready(output.expect("the body of this service is that of the client"))
            }
            ExchangeProjection::Service { sending } => sending.poll(cx),
        }
    }
}

mod sealed {
    use super::{Body, Request, Service};

    pub trait Sealed {}

    impl<S: Service<Request<Body>>> Sealed for S {}
}
