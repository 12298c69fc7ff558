use std::any::Any;
use std::error::Error as StdError;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http::{Request, Response};
use http_body::Body as HttpBody;
use mcp_transport::Carrier;
use tower_service::Service;

use crate::again::{Again, is_refused};
use crate::authorize::{Authorize, Credentials, SharedAuthorize};
use crate::body::Body;
use crate::client::HttpClient;
use crate::error::Error;
use crate::hook::RequestHead;

/// An HTTP service that authorizes the requests to one server. A request refused with 401 or 403 is sent again if its
/// [`Authorize`] provides other credentials.
///
/// Bodies are not buffered: a retried request shares its body, and the refused response is dropped after reading at
/// most 8 KiB within 1 s. The response type is that of the inner service.
///
/// ```
/// use http::HeaderValue;
/// use mcp_http::{Authorize, Authorized, Credentials, Error, HttpClient, NextStep, Refusal, RequestHead};
///
/// /// Presents a constant token.
/// struct Fixed(HeaderValue);
///
/// impl Authorize for Fixed {
///     fn ready(&self, _: &RequestHead) -> Option<Credentials> {
///         Some(Credentials::new(self.0.clone()))
///     }
///
///     async fn authorize(&self, _: &RequestHead) -> Result<Credentials, Error> {
///         Ok(Credentials::new(self.0.clone()))
///     }
///
///     async fn challenged(&self, _: &RequestHead, _: Refusal<'_>) -> Result<NextStep, Error> {
///         Ok(NextStep::GiveUp)
///     }
/// }
///
/// let token = HeaderValue::from_static("Bearer secret");
/// let service = Authorized::new(HttpClient::new(), Fixed(token));
/// ```
#[derive(Clone)]
pub struct Authorized<S> {
    pub(crate) service: S,
    pub(crate) authorize: SharedAuthorize,
}

impl<S> Authorized<S> {
    /// Wraps `service` with `authorize`.
    pub fn new(service: S, authorize: impl Authorize) -> Self {
        Self::with_shared(service, SharedAuthorize::new(authorize))
    }

    /// Wraps `service` with a shared handle.
    pub fn with_shared(service: S, authorize: SharedAuthorize) -> Self {
        Self { service, authorize }
    }
}

/// The carrier of the client, also below an [`Authorized`].
pub(crate) fn carrier_of(service: &dyn Any) -> Option<Carrier> {
    match service.downcast_ref::<HttpClient>() {
        Some(client) => Some(client.carrier()),
        None => service.downcast_ref::<Authorized<HttpClient>>().map(|it| it.service.carrier()),
    }
}

impl<S> fmt::Debug for Authorized<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Authorized").finish_non_exhaustive()
    }
}

impl<S, B> Service<Request<Body>> for Authorized<S>
where
    S: Service<Request<Body>, Response = Response<B>> + Clone + Send + 'static,
    S::Future: Send,
    S::Error: Into<Box<dyn StdError + Send + Sync>>,
    B: HttpBody<Data = Bytes> + Send + 'static,
    B::Error: Into<Box<dyn StdError + Send + Sync>>,
{
    type Response = Response<B>;
    type Error = Error;
    type Future = AuthorizedFuture<S, B>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        self.service.poll_ready(cx).map_err(Error::from_service)
    }

    fn call(&mut self, mut request: Request<Body>) -> AuthorizedFuture<S, B> {
        let head = RequestHead::of(&request);
        let credentials = self.authorize.ready(&head);
        // Call the service that `poll_ready` was called on.
        let next = self.service.clone();
        let mut service = std::mem::replace(&mut self.service, next);
        let again = Again::new(head, &request, &self.authorize);
        match credentials {
            Some(credentials) => {
                credentials.apply(request.headers_mut());
                let sending = service.call(request);
                let context = Some((again, credentials, service));
                AuthorizedFuture { state: State::First { sending, context } }
            }
            None => AuthorizedFuture {
                state: State::Later { later: Box::pin(again.authorized(service)) },
            },
        }
    }
}

pin_project_lite::pin_project! {
    /// The future of an [`Authorized`]. Dropping it cancels the request in flight.
    #[must_use = "futures do nothing unless polled"]
    pub struct AuthorizedFuture<S, B>
    where
        S: Service<Request<Body>>,
    {
        #[pin]
        state: State<S, S::Future, B>,
    }
}

type Later<B> = Pin<Box<dyn Future<Output = Result<Response<B>, Error>> + Send>>;

pin_project_lite::pin_project! {
    #[project = StateProjection]
    enum State<S, F, B> {
        /// The usual case, without a box.
        First { #[pin] sending: F, context: Option<(Again, Credentials, S)> },
        Later { later: Later<B> },
    }
}

impl<S: Service<Request<Body>>, B> fmt::Debug for AuthorizedFuture<S, B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AuthorizedFuture").finish_non_exhaustive()
    }
}

impl<S, B> Future for AuthorizedFuture<S, B>
where
    S: Service<Request<Body>, Response = Response<B>> + Send + 'static,
    S::Future: Send,
    S::Error: Into<Box<dyn StdError + Send + Sync>>,
    B: HttpBody<Data = Bytes> + Send + 'static,
    B::Error: Into<Box<dyn StdError + Send + Sync>>,
{
    type Output = Result<Response<B>, Error>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut state = self.project().state;
        loop {
            let later = match state.as_mut().project() {
                StateProjection::Later { later } => return later.as_mut().poll(cx),
                StateProjection::First { sending, context } => {
                    let response = ready!(sending.poll(cx)).map_err(Error::from_service)?;
                    let (again, sent, service) = context.take().expect("polled after its end");
                    again.answered(&sent, response.headers());
                    if !is_refused(response.status()) {
                        return Poll::Ready(Ok(response));
                    }
                    Box::pin(again.after(response, sent, service))
                }
            };
            state.set(State::Later { later });
        }
    }
}
