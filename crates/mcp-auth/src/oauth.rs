use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use http::Uri;
use mcp_http::{HttpClient, IntoAuthorize, SharedAuthorize};
use url::Url;

use crate::error::{Error, ErrorKind};
use crate::flow::login::Reason;
use crate::flow::run::ServerAuth;
use crate::flow::state::ServerState;
use crate::grant::kind::GrantKind;
use crate::revoke::revoke;
use crate::settings::Settings;
use crate::store::StoreKey;
use crate::token::set::Tokens;

/// OAuth 2.1 for MCP servers: one value for any number of them.
///
/// Set it on a transport (`StreamableHttp::new(url)?.auth(OAuth::new())`) or on an HTTP service
/// ([`for_server`](Self::for_server)). A settings page can call [`login`](Self::login), [`status`](Self::status) and
/// [`logout`](Self::logout). Clones share all state; changing a setting of a clone separates it from the original.
///
/// The first request to a server is sent with a stored token, or without one. When the server refuses it, the
/// authorization server is discovered, a token is requested and the request is sent again. Background requests never
/// start a login. Concurrent requests share one login and one refresh, as do processes that share a
/// [store](Self::store).
///
/// ```no_run
/// # fn run() -> Result<(), mcp_auth::Error> {
/// use mcp_auth::{Browser, FileStore, OAuth};
///
/// let auth = OAuth::new().user_agent(Browser::new()).store(FileStore::user()?);
/// # Ok(()) }
/// ```
///
/// Spec: [Authorization](https://modelcontextprotocol.io/specification/2026-07-28/basic/authorization)
#[derive(Clone)]
#[must_use]
pub struct OAuth {
    settings: Arc<Settings>,
    shared: Arc<Shared>,
}

/// State shared by the clones of an [`OAuth`]. Dropping it cancels a login.
#[derive(Default)]
struct Shared {
    gate: Arc<tokio::sync::Mutex<()>>,
    servers: Mutex<HashMap<Url, Arc<ServerState>>>,
}

impl Shared {
    fn servers(&self) -> MutexGuard<'_, HashMap<Url, Arc<ServerState>>> {
        self.servers.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        for state in self.servers().values() {
            state.flight.end_login();
        }
    }
}

/// Cached authorization state of a server; see [`OAuth::status`].
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Status {
    /// Whether there is a token.
    pub is_logged_in: bool,
    /// The granted scopes.
    pub scopes: Vec<String>,
    /// The issuer that granted the token.
    pub issuer: Option<String>,
    /// Time until the token expires. `None`: unknown.
    pub expires_in: Option<Duration>,
    /// Whether the token can be refreshed.
    pub can_refresh: bool,
    /// Whether a login is waiting for the user.
    pub is_waiting: bool,
}

impl OAuth {
    pub(crate) fn of(grant: GrantKind) -> Self {
        Self { settings: Arc::new(Settings::new(grant)), shared: Arc::default() }
    }

    /// Changes a setting: the previous state is no longer shared.
    pub(crate) fn set(mut self, change: impl FnOnce(&mut Settings)) -> Self {
        change(Arc::make_mut(&mut self.settings));
        self.shared = Arc::default();
        self
    }

    /// Authorization of the server at `url`, for any HTTP service.
    ///
    /// ```
    /// # fn run() -> Result<(), mcp_auth::Error> {
    /// use mcp_auth::OAuth;
    /// use mcp_http::{Authorized, HttpClient};
    ///
    /// let auth = OAuth::new().for_server("https://mcp.example.com/mcp")?;
    /// let service = Authorized::new(HttpClient::new(), auth);
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// [`Config`](ErrorKind::Config) if the URL is not an `http` or `https` URL, or a setting is invalid.
    pub fn for_server(&self, url: impl AsRef<str>) -> Result<ServerAuth, Error> {
        self.server(url.as_ref(), None)
    }

    fn server(&self, url: &str, client: Option<&HttpClient>) -> Result<ServerAuth, Error> {
        if let Some(error) = &self.settings.error {
            return Err(error.clone());
        }
        let mut url = Url::parse(url).map_err(|error| {
            Error::new(ErrorKind::Config, "invalid URL of the server").with_source(error)
        })?;
        if !matches!(url.scheme(), "http" | "https") {
            let message = "the URL of the server is not http or https";
            return Err(Error::new(ErrorKind::Config, message));
        }
        let _ = url.set_username("");
        let _ = url.set_password(None);
        url.set_fragment(None);
        let state = {
            let mut servers = self.shared.servers();
            let state = servers.entry(url).or_insert_with_key(|url| {
                let client = self.settings.http.as_ref().or(client).cloned().unwrap_or_default();
                let settings = Arc::clone(&self.settings);
                let gate = Arc::clone(&self.shared.gate);
                Arc::new(ServerState::new(settings, gate, url.clone(), client))
            });
            Arc::clone(state)
        };
        Ok(ServerAuth { state, _owner: Arc::clone(&self.shared) as _ })
    }

    /// The protocol extension of the grant, for `capabilities.extensions`. `None` for the authorization code grant,
    /// which is not an extension.
    #[must_use]
    pub fn extension_id(&self) -> Option<&'static str> {
        match &self.settings.grant {
            GrantKind::ClientCredentials => {
                Some("io.modelcontextprotocol/oauth-client-credentials")
            }
            GrantKind::Enterprise(_) => {
                Some("io.modelcontextprotocol/enterprise-managed-authorization")
            }
            _ => None,
        }
    }

    /// The key of the tokens for the server at `url` in a [store](Self::store).
    ///
    /// # Errors
    /// As [`for_server`](Self::for_server).
    pub fn store_key(&self, url: impl AsRef<str>) -> Result<StoreKey, Error> {
        self.for_server(url).map(|server| server.state.key.clone())
    }

    /// Requests a new token for the server at `url`, even if there is one already.
    ///
    /// Cancel safe: the login continues, and a later call joins it.
    ///
    /// # Errors
    /// No token was granted; see [`ErrorKind`].
    pub async fn login(&self, url: impl AsRef<str>) -> Result<(), Error> {
        let server = self.for_server(url)?;
        server.loaded().await?;
        loop {
            let current = server.state.current();
            let refused = current.map(|it| it.tokens.access_token.clone());
            let waiting = server.start_login(Reason { refused, ..Reason::default() });
            let is_own = waiting.is_own;
            let done = waiting.done().await;
            if is_own {
                return done.map(drop);
            }
        }
    }

    /// Authorization state of the server at `url` from memory and the store. Sends nothing.
    ///
    /// # Errors
    /// The store cannot be read.
    pub async fn status(&self, url: impl AsRef<str>) -> Result<Status, Error> {
        let server = self.for_server(url)?;
        server.loaded().await?;
        let current = server.state.current();
        let tokens = current.as_ref().map(|it| &it.tokens);
        Ok(Status {
            is_logged_in: tokens.is_some(),
            scopes: tokens.map(|it| it.scopes.clone()).unwrap_or_default(),
            issuer: tokens.map(|it| it.issuer.clone()),
            expires_in: tokens.and_then(Tokens::left).map(|(left, _)| left),
            can_refresh: tokens.is_some_and(|it| it.refresh_token.is_some()),
            is_waiting: server.state.flight.is_login(),
        })
    }

    /// Revokes the tokens for the server at `url` if the authorization server supports that. Always deletes the tokens
    /// and the dynamic registration of the client. Does nothing if there are none.
    ///
    /// Spec: RFC 7009
    ///
    /// # Errors
    /// The tokens were deleted here but could not be revoked, so they may still be valid; or the store failed.
    pub async fn logout(&self, url: impl AsRef<str>) -> Result<(), Error> {
        let server = self.for_server(url)?;
        server.loaded().await?;
        server.state.flight.end_login();
        revoke(&server.state).await
    }
}

impl Default for OAuth {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for OAuth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OAuth")
            .field("client_id", &self.settings.client_id)
            .field("issuer", &self.settings.issuer)
            .field("scopes", &self.settings.scopes)
            .finish_non_exhaustive()
    }
}

impl IntoAuthorize for OAuth {
    fn into_authorize(
        self,
        url: &Uri,
        client: Option<&HttpClient>,
    ) -> Result<SharedAuthorize, mcp_http::Error> {
        let server = self.server(&url.to_string(), client).map_err(Error::into_http)?;
        Ok(SharedAuthorize::new(server))
    }
}

impl IntoAuthorize for &OAuth {
    fn into_authorize(
        self,
        url: &Uri,
        client: Option<&HttpClient>,
    ) -> Result<SharedAuthorize, mcp_http::Error> {
        self.clone().into_authorize(url, client)
    }
}
