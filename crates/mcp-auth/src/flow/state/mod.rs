//! Authorization state of one server.

mod current;
mod tokens;

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use http::Uri;
use http::uri::Authority;
use mcp_http::HttpClient;
use mcp_transport::Hold;
use tokio::sync::{OnceCell, watch};
use url::Url;

pub(crate) use current::{Current, Freshness};

use super::flight::Flight;
use crate::discovery::fetch::Fetch;
use crate::discovery::policy::shown;
use crate::settings::Settings;
use crate::sign::ProofKey;
use crate::store::StoreKey;

/// Authorization state of one server.
pub(crate) struct ServerState {
    pub(crate) settings: Arc<Settings>,
    /// One login at a time across all servers.
    pub(crate) gate: Arc<tokio::sync::Mutex<()>>,
    pub(crate) url: Url,
    /// Scheme and authority of the URL.
    origin: Option<Uri>,
    /// Display form of the URL.
    pub(crate) shown: String,
    pub(crate) key: StoreKey,
    pub(crate) flight: Flight,
    pub(crate) hold: Hold,
    client: HttpClient,
    fetch: OnceCell<Fetch>,
    tokens: Mutex<Known>,
    changes: watch::Sender<u64>,
}

#[derive(Default)]
struct Known {
    is_loaded: bool,
    current: Option<Arc<Current>>,
    /// The key that tokens are bound to, with the nonces and clock offset of the servers.
    proof_key: Option<ProofKey>,
    /// Scopes that were requested and not granted.
    refused_scopes: BTreeSet<String>,
}

impl ServerState {
    pub(crate) fn new(
        settings: Arc<Settings>,
        gate: Arc<tokio::sync::Mutex<()>>,
        url: Url,
        client: HttpClient,
    ) -> Self {
        let client_id = settings.client_id.as_deref().unwrap_or_default();
        let scopes = settings.scopes.join(" ");
        let mut about = vec![url.as_str(), &settings.namespace];
        // For a service, another identity has other tokens.
        if !settings.grant.asks_user() {
            about.extend([client_id, &scopes]);
        }
        let key = StoreKey::new("tokens", &about);
        Self {
            shown: shown(&url),
            origin: url.origin().ascii_serialization().parse().ok(),
            key,
            gate,
            url,
            client,
            settings,
            flight: Flight::default(),
            hold: Hold::new(),
            fetch: OnceCell::new(),
            tokens: Mutex::default(),
            changes: watch::channel(0).0,
        }
    }

    /// Whether a request goes to the origin of the server. Other origins get no token.
    pub(crate) fn is_for(&self, uri: &Uri) -> bool {
        // Compare the usual spelling first: it is the cheapest.
        let is_same = |origin: &Uri| {
            uri.scheme() == origin.scheme()
                && uri.authority().map(Authority::as_str)
                    == origin.authority().map(Authority::as_str)
        };
        if self.origin.as_ref().is_some_and(is_same) {
            return true;
        }
        let port = uri.port_u16().or_else(|| match uri.scheme_str() {
            Some("https") => Some(443),
            Some("http") => Some(80),
            _ => None,
        });
        uri.scheme_str() == Some(self.url.scheme())
            && port == self.url.port_or_known_default()
            && uri
                .host()
                .zip(self.url.host_str())
                .is_some_and(|(one, other)| one.eq_ignore_ascii_case(other))
    }

    /// The HTTP client for authorization requests.
    pub(crate) async fn fetch(&self) -> &Fetch {
        self.fetch.get_or_init(|| Fetch::new(&self.client, &self.url)).await
    }

    fn lock(&self) -> MutexGuard<'_, Known> {
        self.tokens.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn current(&self) -> Option<Arc<Current>> {
        self.lock().current.clone()
    }

    /// The current tokens, or `None` if they were not loaded yet.
    pub(crate) fn known(&self) -> Option<Option<Arc<Current>>> {
        let known = self.lock();
        known.is_loaded.then(|| known.current.clone())
    }
}
