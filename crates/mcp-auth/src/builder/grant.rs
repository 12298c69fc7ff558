//! The grant: how a token is obtained.

use std::future::Future;

use crate::callback::{Callback, IntoSecret};
use crate::grant::kind::{Grant, GrantKind, SharedGrant};
use crate::oauth::OAuth;

/// Grants.
impl OAuth {
    /// Authorization code: the user logs in with the browser, or with another [agent](Self::user_agent).
    pub fn new() -> Self {
        let auth = Self::of(GrantKind::Code);
        #[cfg(feature = "browser")]
        let auth = auth.user_agent(crate::agent::Browser::new());
        auth
    }

    /// Client credentials: a service authenticates with a [`secret`](Self::secret), a private key (`private_key_pem`)
    /// or an [`assertion`](Self::assertion).
    ///
    /// Spec: extensions/auth/oauth-client-credentials
    pub fn client_credentials(client_id: impl Into<String>) -> Self {
        Self::of(GrantKind::ClientCredentials).client(client_id)
    }

    /// JWT bearer: a workload presents a token of its platform. `assertion` returns the token for an audience.
    pub fn jwt_bearer<F, R>(client_id: impl Into<String>, assertion: F) -> Self
    where
        F: Fn(String) -> R + Send + Sync + 'static,
        R: Future<Output: IntoSecret> + Send + 'static,
    {
        let assertion = Callback::new("assertion", assertion);
        Self::of(GrantKind::JwtBearer(assertion)).client(client_id)
    }

    /// Uses a custom grant of the application.
    pub fn grant(client_id: impl Into<String>, grant: impl Grant) -> Self {
        Self::of(GrantKind::Custom(SharedGrant::new(grant))).client(client_id)
    }
}
