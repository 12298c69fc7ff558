//! Retries a request that was refused for lack of authorization.

use std::error::Error as StdError;
use std::future::poll_fn;
use std::time::Duration;

use bytes::Bytes;
use http::{
    Extensions, HeaderMap, HeaderName, HeaderValue, Method, Request, Response, StatusCode, Uri,
};
use http_body::Body as HttpBody;
use tower_service::Service;

use crate::authorize::{Credentials, NextStep, Refusal, SharedAuthorize};
use crate::body::Body;
use crate::collect::read_to_end;
use crate::error::Error;
use crate::hook::RequestHead;

/// Maximum number of attempts for one request: stale token, nonce, login, step-up.
const MAX_ATTEMPTS: usize = 8;
/// Maximum bytes read from the body of a refusal, so that its connection can be reused.
const DRAIN_LIMIT: usize = 8 * 1024;
/// Time limit for reading the body of a refusal.
const DRAIN_TIMEOUT: Duration = Duration::from_secs(1);

/// Whether the server requires other authorization.
pub(crate) fn is_refused(status: StatusCode) -> bool {
    matches!(status, StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN)
}

/// A request that may have to be sent again.
pub(crate) struct Again {
    head: RequestHead,
    /// A list needs one allocation, a map would need two.
    headers: Vec<(HeaderName, HeaderValue)>,
    extensions: Extensions,
    body: Body,
    authorize: SharedAuthorize,
}

impl Again {
    pub(crate) fn new(
        head: RequestHead,
        request: &Request<Body>,
        authorize: &SharedAuthorize,
    ) -> Self {
        let headers = request.headers();
        let mut list = Vec::with_capacity(headers.len());
        list.extend(headers.iter().map(|(name, value)| (name.clone(), value.clone())));
        Self {
            head,
            headers: list,
            extensions: request.extensions().clone(),
            body: request.body().clone(),
            authorize: authorize.clone(),
        }
    }

    /// Reports the response to a request that had a proof.
    pub(crate) fn answered(&self, sent: &Credentials, headers: &HeaderMap) {
        if sent.proof.is_some() {
            self.authorize.answered(&self.head, headers);
        }
    }

    /// Sends the request with the credentials of its `Authorize`.
    pub(crate) async fn authorized<S, B>(self, mut service: S) -> Result<Response<B>, Error>
    where
        S: Service<Request<Body>, Response = Response<B>>,
        S::Error: Into<Box<dyn StdError + Send + Sync>>,
        B: HttpBody<Data = Bytes>,
        B::Error: Into<Box<dyn StdError + Send + Sync>>,
    {
        let credentials = self.authorize.authorize(&self.head).await?;
        let response = self.send(&credentials, &mut service).await?;
        match is_refused(response.status()) {
            true => self.after(response, credentials, service).await,
            false => Ok(response),
        }
    }

    /// Handles refusals, and retries the request while the `Authorize` returns new credentials.
    pub(crate) async fn after<S, B>(
        self,
        mut response: Response<B>,
        mut sent: Credentials,
        mut service: S,
    ) -> Result<Response<B>, Error>
    where
        S: Service<Request<Body>, Response = Response<B>>,
        S::Error: Into<Box<dyn StdError + Send + Sync>>,
        B: HttpBody<Data = Bytes>,
        B::Error: Into<Box<dyn StdError + Send + Sync>>,
    {
        for _ in 1..MAX_ATTEMPTS {
            let (status, headers) = (response.status(), response.headers().clone());
            let refusal = Refusal::new(&sent, status, &headers);
            match self.authorize.challenged(&self.head, refusal).await? {
                NextStep::GiveUp => break,
                NextStep::Again(credentials) => sent = credentials,
            }
            let drained = read_to_end(response.into_body(), DRAIN_LIMIT);
            // A longer or slower body closes the connection.
            let _ = tokio::time::timeout(DRAIN_TIMEOUT, drained).await;
            response = self.send(&sent, &mut service).await?;
            if !is_refused(response.status()) {
                break;
            }
        }
        Ok(response)
    }

    async fn send<S, B>(
        &self,
        credentials: &Credentials,
        service: &mut S,
    ) -> Result<Response<B>, Error>
    where
        S: Service<Request<Body>, Response = Response<B>>,
        S::Error: Into<Box<dyn StdError + Send + Sync>>,
    {
        poll_fn(|cx| service.poll_ready(cx)).await.map_err(Error::from_service)?;
        let response =
            service.call(self.request(credentials)).await.map_err(Error::from_service)?;
        self.answered(credentials, response.headers());
        Ok(response)
    }

    fn request(&self, credentials: &Credentials) -> Request<Body> {
        let RequestHead { method, uri, .. } = &self.head;
        let mut request = Request::new(self.body.clone());
        *request.method_mut() = Method::clone(method);
        *request.uri_mut() = Uri::clone(uri);
        *request.extensions_mut() = self.extensions.clone();
        for (name, value) in &self.headers {
            request.headers_mut().append(name, value.clone());
        }
        credentials.apply(request.headers_mut());
        request
    }
}
