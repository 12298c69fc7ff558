//! Grant types.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use crate::callback::Callback;
use crate::error::Error;
use crate::secret::Secret;

/// A custom grant: provides the parameters of a request to the token endpoint.
pub trait Grant: Send + Sync + 'static {
    /// Returns the parameters, including `grant_type`. Client, resource and scope are added.
    ///
    /// # Errors
    /// The grant cannot provide a token.
    fn parameters(
        &self,
        request: GrantRequest,
    ) -> impl Future<Output = Result<Vec<(String, Secret)>, Error>> + Send;
}

/// What the token is for.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct GrantRequest {
    /// The issuer, as in its metadata.
    pub issuer: String,
    /// The resource that the token is for.
    pub resource: Option<String>,
    /// Requested scopes, separated by spaces.
    pub scope: Option<String>,
}

/// A code that the user enters at a page on another device; see [`OAuth::on_code`](crate::OAuth::on_code).
/// [`OAuth::on_code`](crate::OAuth::on_code).
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct DeviceCode {
    /// The code to enter.
    pub user_code: String,
    /// The page to enter it at.
    pub verification_uri: String,
    /// The URL with the code included, if the authorization server provides one: for a QR code.
    pub verification_uri_complete: Option<String>,
    /// The server that the login is for.
    pub server: String,
}

/// Grant type of the settings.
#[derive(Clone)]
pub(crate) enum GrantKind {
    /// The user logs in at a page.
    Code,
    ClientCredentials,
    /// Callback from an audience to an assertion.
    JwtBearer(Callback),
    Enterprise(Enterprise),
    Device(Option<Arc<dyn Fn(DeviceCode) + Send + Sync>>),
    Custom(SharedGrant),
}

impl GrantKind {
    /// Whether a user takes part.
    pub(crate) fn asks_user(&self) -> bool {
        matches!(self, Self::Code | Self::Device(_))
    }
}

/// An identity provider that vouches for the user at other servers.
#[derive(Clone, Default)]
pub(crate) struct Enterprise {
    pub(crate) id_token: Option<Callback>,
    pub(crate) idp: Option<String>,
    pub(crate) idp_token_endpoint: Option<String>,
    pub(crate) idp_client: Option<String>,
    pub(crate) idp_secret: Option<Secret>,
}

type Parameters = Pin<Box<dyn Future<Output = Result<Vec<(String, Secret)>, Error>> + Send>>;

/// A type-erased [`Grant`].
#[derive(Clone)]
pub(crate) struct SharedGrant(Arc<dyn Fn(GrantRequest) -> Parameters + Send + Sync>);

impl SharedGrant {
    pub(crate) fn new(grant: impl Grant) -> Self {
        let grant = Arc::new(grant);
        Self(Arc::new(move |request| {
            let grant = Arc::clone(&grant);
            Box::pin(async move { grant.parameters(request).await })
        }))
    }

    pub(crate) async fn parameters(
        &self,
        request: GrantRequest,
    ) -> Result<Vec<(String, Secret)>, Error> {
        (self.0)(request).await
    }
}
