//! [`OAuth`], its servers and its accounts.

mod account;
mod authorize;
mod shared;

use std::fmt;
use std::sync::Arc;

use mcp_http::HttpClient;
use url::Url;

pub use account::Status;
use shared::Shared;

use crate::error::{Error, ErrorKind};
use crate::flow::run::ServerAuth;
use crate::flow::state::ServerState;
use crate::grant::kind::GrantKind;
use crate::settings::Settings;
use crate::store::StoreKey;

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
