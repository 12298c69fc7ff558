//! The settings of an authorization.

use std::sync::Arc;
use std::time::Duration;

use mcp_http::HttpClient;

use crate::agent::erased::SharedAgent;
use crate::callback::Callback;
use crate::error::{Error, ErrorKind};
use crate::event::Event;
use crate::grant::kind::GrantKind;
use crate::secret::Secret;
use crate::sign::Signer;
use crate::store::erased::SharedStore;
use crate::store::memory::MemoryStore;

/// Default login timeout.
const LOGIN_TIMEOUT: Duration = Duration::from_secs(300);

/// The value of `resource` in requests; see [`OAuth::resource`](crate::OAuth::resource).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Resource {
    /// The resource in the server's metadata, otherwise its URL.
    #[default]
    Discovered,
    /// No resource: for authorization servers that refuse the parameter, such as Entra.
    Omit,
    /// This text.
    As(String),
}

/// Whether tokens are bound to a key; see [`OAuth::dpop`](crate::OAuth::dpop).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Dpop {
    /// If the server requires it.
    #[default]
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

/// Chooses one of the authorization servers that a server trusts.
pub(crate) type Chooser = Arc<dyn Fn(&[String]) -> Option<String> + Send + Sync>;

#[derive(Clone)]
pub(crate) struct Settings {
    pub(crate) grant: GrantKind,
    pub(crate) client_id: Option<String>,
    pub(crate) secret: Option<Secret>,
    pub(crate) signer: Option<Signer>,
    pub(crate) assertion: Option<Callback>,
    pub(crate) client_metadata_url: Option<String>,
    pub(crate) client_name: String,
    pub(crate) scopes: Vec<String>,
    pub(crate) issuer: Option<String>,
    pub(crate) chooser: Option<Chooser>,
    pub(crate) resource: Resource,
    pub(crate) authorize_params: Vec<(String, String)>,
    pub(crate) token_params: Vec<(String, String)>,
    pub(crate) http: Option<HttpClient>,
    pub(crate) dpop: Dpop,
    pub(crate) assume_pkce: bool,
    pub(crate) legacy: bool,
    pub(crate) login_timeout: Duration,
    pub(crate) on_event: Option<Arc<dyn Fn(Event) + Send + Sync>>,
    pub(crate) agent: Option<SharedAgent>,
    pub(crate) store: SharedStore,
    pub(crate) namespace: String,
    /// The first invalid setting.
    pub(crate) error: Option<Error>,
}

impl Settings {
    pub(crate) fn new(grant: GrantKind) -> Self {
        Self {
            grant,
            client_id: None,
            secret: None,
            signer: None,
            assertion: None,
            client_metadata_url: None,
            client_name: "MCP client".to_owned(),
            scopes: Vec::new(),
            issuer: None,
            chooser: None,
            resource: Resource::default(),
            authorize_params: Vec::new(),
            token_params: Vec::new(),
            http: None,
            dpop: Dpop::default(),
            assume_pkce: false,
            legacy: true,
            login_timeout: LOGIN_TIMEOUT,
            on_event: None,
            agent: None,
            store: SharedStore::new(MemoryStore::new()),
            namespace: String::new(),
            error: None,
        }
    }

    /// Records an invalid setting, unless another one was recorded before.
    pub(crate) fn set_error(&mut self, message: &'static str) {
        self.error.get_or_insert_with(|| Error::new(ErrorKind::Config, message));
    }

    /// Chooses the authorization server to use, among those that a server trusts.
    pub(crate) fn choose<'a>(&self, servers: &'a [String]) -> Result<&'a str, Error> {
        let Some(chooser) = &self.chooser else { return Ok(&servers[0]) };
        let chosen = chooser(servers);
        let found = servers.iter().find(|it| Some(*it) == chosen.as_ref());
        found.map(String::as_str).ok_or_else(|| {
            let message = "`.choose(…)` selected none of the server's authorization servers";
            Error::new(ErrorKind::Denied, message)
        })
    }

    pub(crate) fn report(&self, event: Event) {
        if let Some(on_event) = &self.on_event {
            on_event(event);
        }
    }
}
