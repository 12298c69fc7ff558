//! Settings of an [`OAuth`].

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use mcp_http::HttpClient;

use crate::agent::UserAgent;
use crate::agent::erased::SharedAgent;
use crate::callback::{Callback, IntoSecret};
use crate::error::{Error, ErrorKind};
use crate::event::Event;
use crate::grant::kind::{DeviceCode, Enterprise, Grant, GrantKind, SharedGrant};
use crate::oauth::OAuth;
use crate::secret::Secret;
use crate::settings::{Dpop, Resource};
use crate::sign::{Sign, Signer};
use crate::store::TokenStore;
use crate::store::erased::SharedStore;

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

    /// Enterprise-managed authorization: the identity provider of an organization vouches for its user. Requires
    /// [`id_token`](Self::id_token), [`idp`](Self::idp) and [`idp_client`](Self::idp_client).
    ///
    /// Spec: extensions/auth/enterprise-managed-authorization
    pub fn enterprise(client_id: impl Into<String>) -> Self {
        Self::of(GrantKind::Enterprise(Enterprise::default())).client(client_id)
    }

    /// Device code: the user enters a code on another device; [`on_code`](Self::on_code) shows it.
    pub fn device_code(client_id: impl Into<String>) -> Self {
        Self::of(GrantKind::Device(None)).client(client_id)
    }

    /// Uses a custom grant of the application.
    pub fn grant(client_id: impl Into<String>, grant: impl Grant) -> Self {
        Self::of(GrantKind::Custom(SharedGrant::new(grant))).client(client_id)
    }
}

/// Client identity.
impl OAuth {
    /// The client id registered with the authorization server. Default: the [metadata
    /// document](Self::client_metadata_url) if one is set, otherwise dynamic registration.
    pub fn client(self, id: impl Into<String>) -> Self {
        self.set(|it| it.client_id = Some(id.into()))
    }

    /// The client secret. It is sent only to the [`issuer`](Self::issuer) or, if none is set, to the first issuer it
    /// was used with.
    pub fn secret(self, secret: impl Into<Secret>) -> Self {
        self.set(|it| it.secret = Some(secret.into()))
    }

    /// The private key of the client in PEM; see `PrivateKey`.
    ///
    /// # Errors
    /// [`Config`](ErrorKind::Config) if the text is not a supported key.
    #[cfg(feature = "_crypto")]
    pub fn private_key_pem(self, pem: impl AsRef<[u8]>) -> Result<Self, Error> {
        Ok(self.private_key(crate::sign::PrivateKey::from_pem(pem)?))
    }

    /// The signer of the client: a `PrivateKey`, or an external key.
    pub fn private_key(self, key: impl Sign) -> Self {
        self.set(|it| it.signer = Some(Signer::new(key)))
    }

    /// A function that returns the client assertion for an audience, instead of a key.
    pub fn assertion<F, R>(self, assertion: F) -> Self
    where
        F: Fn(String) -> R + Send + Sync + 'static,
        R: Future<Output: IntoSecret> + Send + 'static,
    {
        self.set(|it| it.assertion = Some(Callback::new("assertion", assertion)))
    }

    /// The URL of the client id metadata document. It is the client id where the authorization server supports such
    /// documents.
    ///
    /// Spec: basic/authorization#client-id-metadata-documents
    pub fn client_metadata_url(self, url: impl Into<String>) -> Self {
        let url = url.into();
        let has_path = url.strip_prefix("https://").is_some_and(|rest| {
            rest.find('/').is_some_and(|at| at > 0 && rest.len() > at + 1) && !rest.contains('#')
        });
        self.set(|it| {
            if !has_path {
                let message = "the URL of the client's metadata is not an https URL with a path";
                it.error.get_or_insert_with(|| Error::new(ErrorKind::Config, message));
            }
            it.client_metadata_url = Some(url);
        })
    }

    /// The client name for dynamic registration, which the login page shows. Default: `MCP client`.
    pub fn client_name(self, name: impl Into<String>) -> Self {
        self.set(|it| it.client_name = name.into())
    }
}

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

/// User agent, store, HTTP client and events.
impl OAuth {
    /// Sets how a user logs in: `Browser`, [`Terminal`](crate::Terminal), [`follow`](crate::follow), or a custom agent.
    /// Default: `Browser`, with the feature `browser`.
    pub fn user_agent(self, agent: impl UserAgent) -> Self {
        self.set(|it| it.agent = Some(SharedAgent::new(agent)))
    }

    /// The token store. Default: in memory.
    pub fn store(self, store: impl TokenStore) -> Self {
        self.set(|it| it.store = SharedStore::new(store))
    }

    /// Separates tokens from those of other namespaces in the same store, for example one namespace for each user.
    pub fn namespace(self, namespace: impl Into<String>) -> Self {
        self.set(|it| it.namespace = namespace.into())
    }

    /// The HTTP client for requests to authorization servers: its proxy and certificates are used, its headers are not
    /// sent. Default: the client of the transport.
    pub fn http(self, client: HttpClient) -> Self {
        self.set(|it| it.http = Some(client))
    }

    /// Limit on the time for a login. Default: 5 min.
    pub fn login_timeout(self, limit: Duration) -> Self {
        self.set(|it| it.login_timeout = limit)
    }

    /// Sets the event handler. It must not block.
    pub fn on_event(self, handler: impl Fn(Event) + Send + Sync + 'static) -> Self {
        self.set(|it| it.on_event = Some(Arc::new(handler)))
    }

    /// Shows the code of a login on another device; for [`device_code`](Self::device_code).
    pub fn on_code(self, show: impl Fn(DeviceCode) + Send + Sync + 'static) -> Self {
        self.set(|it| match &mut it.grant {
            GrantKind::Device(on_code) => *on_code = Some(Arc::new(show)),
            _ => misplaced(it, "`.on_code(…)` is for `OAuth::device_code`"),
        })
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
            _ => misplaced(it, "the settings of an identity provider are for `OAuth::enterprise`"),
        })
    }
}

fn misplaced(settings: &mut crate::settings::Settings, message: &'static str) {
    settings.error.get_or_insert_with(|| Error::new(ErrorKind::Config, message));
}
