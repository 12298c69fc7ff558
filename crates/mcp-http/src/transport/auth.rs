use std::any::Any;

use mcp_transport::{Delivery, Error, ErrorKind, Hold};

use super::Endpoint;
use crate::authorize::{Authorize, Credentials, IntoAuthorize, NextStep, Refusal, SharedAuthorize};
use crate::authorized::Authorized;
use crate::client::HttpClient;
use crate::hook::RequestHead;
use crate::service::HttpService;

/// How a transport authorizes its requests to an [`Endpoint`]: with an [`Authorize`], or, by default, only with the
/// headers of the endpoint.
#[derive(Clone, Debug, Default)]
pub struct EndpointAuth(Option<Result<SharedAuthorize, Error>>);

impl EndpointAuth {
    /// Authorizes requests to `endpoint` with `auth`. If `auth` does not match the endpoint, [`get`](Self::get) fails.
    /// If `service` is an [`HttpClient`], it also sends the requests of `auth` itself.
    pub fn new<S: HttpService>(auth: impl IntoAuthorize, endpoint: &Endpoint, service: &S) -> Self {
        let client = (service as &dyn Any).downcast_ref::<HttpClient>();
        let auth = auth.into_authorize(endpoint.url(), client).map_err(|error| {
            Error::new(ErrorKind::Config, "the settings of `auth` do not match the server")
                .with_delivery(Delivery::NotSent)
                .with_target(endpoint.to_string())
                .with_source(error)
        });
        Self(Some(auth))
    }

    /// Wraps `service` so that its requests are authorized.
    pub fn wrap<S>(&self, service: S) -> Authorized<S> {
        match &self.0 {
            Some(Ok(auth)) => Authorized::with_shared(service, auth.clone()),
            // No request is sent: connecting fails first.
            Some(Err(_)) | None => Authorized::new(service, NoCredentials),
        }
    }

    /// The [`Authorize`], if there is one.
    ///
    /// # Errors
    ///
    /// [`Config`](ErrorKind::Config) if it does not match the endpoint, or if the endpoint has an `Authorization`
    /// header or credentials in its URL.
    pub fn get(&self, endpoint: &Endpoint) -> Result<Option<SharedAuthorize>, Error> {
        let Some(auth) = &self.0 else { return Ok(None) };
        endpoint.check_unauthorized()?;
        auth.clone().map(Some)
    }

    /// The waits for a user; see [`Connect::hold`](mcp_transport::Connect::hold).
    pub fn hold(&self) -> Option<Hold> {
        self.0.as_ref()?.as_ref().ok()?.hold()
    }
}

/// Adds no credentials: placeholder for an [`Authorize`] that could not be created.
#[derive(Debug)]
struct NoCredentials;

impl Authorize for NoCredentials {
    fn ready(&self, _: &RequestHead) -> Option<Credentials> {
        Some(Credentials::none())
    }

    async fn authorize(&self, _: &RequestHead) -> Result<Credentials, crate::Error> {
        Ok(Credentials::none())
    }

    async fn challenged(&self, _: &RequestHead, _: Refusal<'_>) -> Result<NextStep, crate::Error> {
        Ok(NextStep::GiveUp)
    }
}
