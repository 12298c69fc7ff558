//! The trait for authorizing requests, and its shared handle.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, Uri, header};
use mcp_transport::Hold;

use crate::client::HttpClient;
use crate::error::Error;
use crate::hook::RequestHead;

/// The header of a proof of possession.
///
/// Spec: [RFC 9449](https://www.rfc-editor.org/rfc/rfc9449#section-4)
const DPOP: HeaderName = HeaderName::from_static("dpop");

/// Authorizes the requests to one server. [`Authorized`](crate::Authorized) calls it before each request, and when the
/// server refuses one.
///
/// Must not hold a lock across a request: many requests are authorized concurrently.
pub trait Authorize: Send + Sync + 'static {
    /// The credentials for a request, if available without waiting. `None`: call [`authorize`](Self::authorize).
    fn ready(&self, request: &RequestHead) -> Option<Credentials>;

    /// Obtains the credentials for a request, for example by loading or refreshing a token. Cancel safe.
    ///
    /// # Errors
    /// The request is not sent. See [`Error::unauthorized`] and [`Error::unavailable`].
    fn authorize(
        &self,
        request: &RequestHead,
    ) -> impl Future<Output = Result<Credentials, Error>> + Send;

    /// Handles a refusal with status 401 or 403. Cancel safe.
    ///
    /// # Errors
    /// Returned to the caller instead of the response. See [`Error::unauthorized`] and [`Error::unavailable`].
    fn challenged(
        &self,
        request: &RequestHead,
        refusal: Refusal<'_>,
    ) -> impl Future<Output = Result<NextStep, Error>> + Send;

    /// Called with the response to a request that had a [proof](Credentials::proof). Default: does nothing.
    fn answered(&self, request: &RequestHead, headers: &HeaderMap) {
        let _ = (request, headers);
    }

    /// Completes when the credentials have changed since this call (not since the first poll). Cancel safe. Default:
    /// never completes.
    fn changed(&self) -> impl Future<Output = ()> + Send + 'static {
        std::future::pending()
    }

    /// When the last wait for a user, for example for a login, started and ended. Default: `None`, never.
    fn hold(&self) -> Option<Hold> {
        None
    }
}

/// Conversion into an [`Authorize`] for the server at a URL: an `Authorize` itself, or settings for one.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot authorize requests",
    note = "pass an `OAuth` of mcp-auth, or implement `mcp_http::Authorize`"
)]
pub trait IntoAuthorize {
    /// The `Authorize` for the server at `url`. `client` is the [`HttpClient`] that sends the requests, if it is one:
    /// requests to other servers should use its proxy and certificates ([`HttpClient::apart`]).
    ///
    /// # Errors
    /// The settings do not match the server.
    fn into_authorize(
        self,
        url: &Uri,
        client: Option<&HttpClient>,
    ) -> Result<SharedAuthorize, Error>;
}

impl<A: Authorize> IntoAuthorize for A {
    fn into_authorize(self, _: &Uri, _: Option<&HttpClient>) -> Result<SharedAuthorize, Error> {
        Ok(SharedAuthorize::new(self))
    }
}

impl IntoAuthorize for SharedAuthorize {
    fn into_authorize(self, _: &Uri, _: Option<&HttpClient>) -> Result<SharedAuthorize, Error> {
        Ok(self)
    }
}

/// The headers that authorize a request. `Debug` redacts their values.
#[derive(Clone, Default)]
#[non_exhaustive]
pub struct Credentials {
    /// The value of `Authorization`.
    pub authorization: Option<HeaderValue>,
    /// The value of `DPoP`: a proof for this request only.
    pub proof: Option<HeaderValue>,
    /// Returned in [`Refusal::sent`], so that the `Authorize` knows which credentials it has tried.
    pub stage: u32,
}

impl Credentials {
    /// No header: the request is sent unchanged.
    #[must_use]
    pub fn none() -> Self {
        Self::default()
    }

    /// Sets `Authorization` to this value and marks it as sensitive.
    #[must_use]
    pub fn new(mut authorization: HeaderValue) -> Self {
        authorization.set_sensitive(true);
        Self { authorization: Some(authorization), proof: None, stage: 0 }
    }

    /// Adds a proof of possession and marks it as sensitive.
    #[must_use]
    pub fn with_proof(mut self, mut proof: HeaderValue) -> Self {
        proof.set_sensitive(true);
        self.proof = Some(proof);
        self
    }

    /// Sets the [`stage`](Self::stage).
    #[must_use]
    pub fn with_stage(mut self, stage: u32) -> Self {
        self.stage = stage;
        self
    }

    pub(crate) fn apply(&self, headers: &mut HeaderMap) {
        if let Some(value) = &self.authorization {
            headers.insert(header::AUTHORIZATION, value.clone());
        }
        if let Some(value) = &self.proof {
            headers.insert(DPOP, value.clone());
        }
    }
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credentials")
            .field("authorization", &self.authorization.is_some())
            .field("proof", &self.proof.is_some())
            .finish_non_exhaustive()
    }
}

/// A refusal of a request by the server.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Refusal<'a> {
    /// The credentials of the request.
    pub sent: &'a Credentials,
    /// The status: 401 or 403.
    pub status: StatusCode,
    /// The headers of the response.
    pub headers: &'a HeaderMap,
}

impl<'a> Refusal<'a> {
    /// Creates a refusal, for tests of an [`Authorize`].
    #[must_use]
    pub fn new(sent: &'a Credentials, status: StatusCode, headers: &'a HeaderMap) -> Self {
        Self { sent, status, headers }
    }
}

/// How to handle a refusal.
#[derive(Clone, Debug)]
#[expect(clippy::exhaustive_enums, reason = "the request is sent again, or it is not")]
pub enum NextStep {
    /// Send the request again with these credentials.
    Again(Credentials),
    /// Return the refusal as the response.
    GiveUp,
}

/// A type-erased [`Authorize`]. Clones share it.
#[derive(Clone)]
pub struct SharedAuthorize(Arc<dyn Erased>);

impl SharedAuthorize {
    /// Erases the type.
    pub fn new(authorize: impl Authorize) -> Self {
        Self(Arc::new(authorize))
    }

    pub(crate) fn ready(&self, request: &RequestHead) -> Option<Credentials> {
        self.0.ready(request)
    }

    pub(crate) async fn authorize(&self, request: &RequestHead) -> Result<Credentials, Error> {
        self.0.authorize(request).await
    }

    pub(crate) async fn challenged(
        &self,
        request: &RequestHead,
        refusal: Refusal<'_>,
    ) -> Result<NextStep, Error> {
        self.0.challenged(request, refusal).await
    }

    pub(crate) fn answered(&self, request: &RequestHead, headers: &HeaderMap) {
        self.0.answered(request, headers);
    }

    /// See [`Authorize::changed`].
    pub fn changed(&self) -> impl Future<Output = ()> + Send + 'static {
        self.0.changed()
    }

    /// See [`Authorize::hold`].
    #[must_use]
    pub fn hold(&self) -> Option<Hold> {
        self.0.hold()
    }
}

impl fmt::Debug for SharedAuthorize {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SharedAuthorize").finish_non_exhaustive()
    }
}

type Boxed<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

trait Erased: Send + Sync {
    fn ready(&self, request: &RequestHead) -> Option<Credentials>;
    fn authorize<'a>(&'a self, request: &'a RequestHead) -> Boxed<'a, Result<Credentials, Error>>;
    fn challenged<'a>(
        &'a self,
        request: &'a RequestHead,
        refusal: Refusal<'a>,
    ) -> Boxed<'a, Result<NextStep, Error>>;
    fn answered(&self, request: &RequestHead, headers: &HeaderMap);
    fn changed(&self) -> Boxed<'static, ()>;
    fn hold(&self) -> Option<Hold>;
}

impl<A: Authorize> Erased for A {
    fn ready(&self, request: &RequestHead) -> Option<Credentials> {
        Authorize::ready(self, request)
    }

    fn authorize<'a>(&'a self, request: &'a RequestHead) -> Boxed<'a, Result<Credentials, Error>> {
        Box::pin(Authorize::authorize(self, request))
    }

    fn challenged<'a>(
        &'a self,
        request: &'a RequestHead,
        refusal: Refusal<'a>,
    ) -> Boxed<'a, Result<NextStep, Error>> {
        Box::pin(Authorize::challenged(self, request, refusal))
    }

    fn answered(&self, request: &RequestHead, headers: &HeaderMap) {
        Authorize::answered(self, request, headers);
    }

    fn changed(&self) -> Boxed<'static, ()> {
        Box::pin(Authorize::changed(self))
    }

    fn hold(&self) -> Option<Hold> {
        Authorize::hold(self)
    }
}
