//! Enterprise-managed authorization and its identity provider.

use std::future::Future;

use crate::callback::{Callback, IntoSecret};
use crate::grant::kind::{Enterprise, GrantKind};
use crate::oauth::OAuth;
use crate::secret::Secret;

/// Enterprise-managed authorization.
impl OAuth {
    /// Enterprise-managed authorization: the identity provider of an organization vouches for its user. Requires
    /// [`id_token`](Self::id_token), [`idp`](Self::idp) and [`idp_client`](Self::idp_client).
    ///
    /// Spec: extensions/auth/enterprise-managed-authorization
    pub fn enterprise(client_id: impl Into<String>) -> Self {
        Self::of(GrantKind::Enterprise(Enterprise::default())).client(client_id)
    }

    /// Provides the ID token of the user and its issuer; for [`enterprise`](Self::enterprise).
    pub fn id_token<F, R>(self, id_token: F) -> Self
    where
        F: Fn() -> R + Send + Sync + 'static,
        R: Future<Output: IntoSecret> + Send + 'static,
    {
        let id_token = Callback::new("ID token", move |_| id_token());
        self.of_enterprise(|it| it.id_token = Some(id_token))
    }

    /// The issuer of the identity provider; for [`enterprise`](Self::enterprise).
    pub fn idp(self, issuer: impl Into<String>) -> Self {
        self.of_enterprise(|it| it.idp = Some(issuer.into()))
    }

    /// The token endpoint of an identity provider that publishes no metadata; for [`enterprise`](Self::enterprise).
    pub fn idp_token_endpoint(self, url: impl Into<String>) -> Self {
        self.of_enterprise(|it| it.idp_token_endpoint = Some(url.into()))
    }

    /// The client id at the identity provider; for [`enterprise`](Self::enterprise).
    pub fn idp_client(self, id: impl Into<String>) -> Self {
        self.of_enterprise(|it| it.idp_client = Some(id.into()))
    }

    /// The secret of the client at the identity provider; for [`enterprise`](Self::enterprise).
    pub fn idp_secret(self, secret: impl Into<Secret>) -> Self {
        self.of_enterprise(|it| it.idp_secret = Some(secret.into()))
    }

    fn of_enterprise(self, change: impl FnOnce(&mut Enterprise)) -> Self {
        self.set(|it| match &mut it.grant {
            GrantKind::Enterprise(enterprise) => change(enterprise),
            _ => it.set_error("the settings of an identity provider are for `OAuth::enterprise`"),
        })
    }
}
