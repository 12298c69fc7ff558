//! The ways to get a token.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use crate::callback::Callback;
use crate::error::Error;
use crate::secret::Secret;

/// A way to get a token that this crate does not know: the parameters of a request to the token endpoint.
pub trait Grant: Send + Sync + 'static {
    /// The parameters, `grant_type` among them. The client, the resource and the scope are added.
    ///
    /// # Errors
    /// There is no token to get.
    fn parameters(
        &self,
        request: GrantRequest,
    ) -> impl Future<Output = Result<Vec<(String, Secret)>, Error>> + Send;
}

/// What a token is wanted for.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct GrantRequest {
    /// The issuer of the token, as its metadata says.
    pub issuer: String,
    /// The resource that the token is for.
    pub resource: Option<String>,
    /// The scopes that are wanted, separated by spaces.
    pub scope: Option<String>,
}

/// A code that a user enters at a page, on another device; see
/// [`OAuth::on_code`](crate::OAuth::on_code).
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct DeviceCode {
    /// The code to enter.
    pub user_code: String,
    /// The page to enter it at.
    pub verification_uri: String,
    /// The page with the code in it, where the authorization server has one: for a QR code.
    pub verification_uri_complete: Option<String>,
    /// The server that the login is for.
    pub server: String,
}

/// How tokens are got.
#[derive(Clone)]
pub(crate) enum GrantKind {
    /// A user logs in.
    Code,
    ClientCredentials,
    /// An assertion from its audience.
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

/// A login at an identity provider, which vouches for the user at others.
#[derive(Clone, Default)]
pub(crate) struct Enterprise {
    pub(crate) id_token: Option<Callback>,
    pub(crate) idp: Option<String>,
    pub(crate) idp_token_endpoint: Option<String>,
    pub(crate) idp_client: Option<String>,
    pub(crate) idp_secret: Option<Secret>,
}

type Parameters = Pin<Box<dyn Future<Output = Result<Vec<(String, Secret)>, Error>> + Send>>;

/// A [`Grant`] of any type.
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
