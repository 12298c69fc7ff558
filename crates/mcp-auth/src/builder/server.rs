//! What is requested from which authorization server.

use std::sync::Arc;

use crate::oauth::OAuth;
use crate::settings::{Dpop, Resource};

/// Scopes, resource and authorization server.
impl OAuth {
    /// Additional scopes to request, on top of those that the server requires.
    pub fn scopes<S: Into<String>>(self, scopes: impl IntoIterator<Item = S>) -> Self {
        self.set(|it| it.scopes = scopes.into_iter().map(Into::into).collect())
    }

    /// The authorization server: no other one is used, also where the server or it publishes no metadata.
    pub fn issuer(self, issuer: impl Into<String>) -> Self {
        self.set(|it| it.issuer = Some(issuer.into()))
    }

    /// Chooses one of the authorization servers that a server trusts. Default: the first.
    pub fn choose(
        self,
        choose: impl Fn(&[String]) -> Option<String> + Send + Sync + 'static,
    ) -> Self {
        self.set(|it| it.chooser = Some(Arc::new(choose)))
    }

    /// The resource that tokens are issued for. Default: the resource in the server's metadata, otherwise the server's
    /// URL.
    pub fn resource(self, resource: Resource) -> Self {
        self.set(|it| it.resource = resource)
    }

    /// Adds a query parameter to the login URL, such as `audience` for Auth0. Replaces a parameter of the same name.
    pub fn authorize_param(self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.set(|it| it.authorize_params.push((name.into(), value.into())))
    }

    /// Adds a parameter to requests to the token endpoint.
    pub fn token_param(self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.set(|it| it.token_params.push((name.into(), value.into())))
    }

    /// Whether tokens are bound to a key (DPoP). Default: if the server requires it.
    ///
    /// Spec: RFC 9449
    pub fn dpop(self, dpop: Dpop) -> Self {
        self.set(|it| it.dpop = dpop)
    }

    /// Assumes that an authorization server supports PKCE even if it does not announce it, as Cognito and Entra do not.
    /// Default: off, and such a server is refused.
    pub fn assume_pkce(self, assume: bool) -> Self {
        self.set(|it| it.assume_pkce = assume)
    }

    /// Whether a server without metadata is treated as one of 2025-03-26, with `/authorize`, `/token` and `/register`
    /// at its origin. Default: on.
    pub fn legacy(self, legacy: bool) -> Self {
        self.set(|it| it.legacy = legacy)
    }
}
