//! Authorization state of one server.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use http::uri::Authority;
use http::{HeaderValue, Uri};
use mcp_http::{Credentials, HttpClient, RequestHead};
use mcp_transport::Hold;
use tokio::sync::{OnceCell, watch};
use tokio::time::Instant;
use url::Url;

use super::flight::Flight;
use crate::discovery::fetch::Fetch;
use crate::discovery::policy::shown;
use crate::error::{Error, ErrorKind};
use crate::secret::Secret;
use crate::settings::Settings;
use crate::sign::ProofKey;
use crate::store::StoreKey;
use crate::token::set::Tokens;

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

/// The current tokens.
pub(crate) struct Current {
    pub(crate) tokens: Tokens,
    authorization: HeaderValue,
    pub(crate) proof_key: Option<ProofKey>,
    /// When the token expires, and when a background refresh is due.
    hard: Option<Instant>,
    soft: Option<Instant>,
    /// Whether a background refresh was started.
    was_tried: AtomicBool,
}

/// Freshness of a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Freshness {
    Fresh,
    /// Valid, but a refresh is due.
    Aging,
    Stale,
}

impl Current {
    fn new(tokens: Tokens, proof_key: Option<ProofKey>) -> Result<Self, Error> {
        let scheme = if tokens.is_bound { "DPoP" } else { "Bearer" };
        let value = zeroize::Zeroizing::new(format!("{scheme} {}", tokens.access_token.expose()));
        let mut authorization = HeaderValue::from_str(&value)
            .map_err(|_| Error::new(ErrorKind::Protocol, "the token cannot be sent in a header"))?;
        authorization.set_sensitive(true);
        let left = tokens.left();
        let after = |time: Duration| Instant::now().checked_add(time);
        let hard = left.and_then(|(hard, _)| after(hard));
        let soft = left.and_then(|(_, soft)| after(soft));
        let was_tried = AtomicBool::new(false);
        Ok(Self { tokens, authorization, proof_key, hard, soft, was_tried })
    }

    pub(crate) fn freshness(&self) -> Freshness {
        let Some(hard) = self.hard else { return Freshness::Fresh };
        let now = Instant::now();
        match self.soft {
            _ if now >= hard => Freshness::Stale,
            Some(soft) if now >= soft => Freshness::Aging,
            _ => Freshness::Fresh,
        }
    }

    /// Whether this is the first call.
    pub(crate) fn is_first_try(&self) -> bool {
        !self.was_tried.swap(true, Ordering::Relaxed)
    }

    pub(crate) fn can_refresh(&self) -> bool {
        self.tokens.refresh_token.is_some()
    }

    /// The credentials for a request.
    pub(crate) fn credentials(&self, head: &RequestHead) -> Result<Credentials, Error> {
        let credentials = Credentials::new(self.authorization.clone());
        let Some(key) = self.proof_key.as_ref().filter(|_| self.tokens.is_bound) else {
            return Ok(credentials);
        };
        let url = Url::parse(&head.uri.to_string())
            .map_err(|_| Error::new(ErrorKind::Config, "the URL of a request cannot be proved"))?;
        let proof = key.proof(head.method.as_str(), &url, Some(&self.tokens.access_token))?;
        Ok(credentials.with_proof(proof))
    }

    /// Whether a request was sent with this token.
    pub(crate) fn is_in(&self, sent: &Credentials) -> bool {
        sent.authorization.as_ref() == Some(&self.authorization)
    }
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

    pub(crate) fn is_loaded(&self) -> bool {
        self.lock().is_loaded
    }

    pub(crate) fn current(&self) -> Option<Arc<Current>> {
        self.lock().current.clone()
    }

    /// The current tokens, or `None` if they were not loaded yet.
    pub(crate) fn known(&self) -> Option<Option<Arc<Current>>> {
        let known = self.lock();
        known.is_loaded.then(|| known.current.clone())
    }

    /// Converts tokens into current ones, without storing them.
    ///
    /// # Errors
    /// The tokens or their key cannot be used.
    pub(crate) fn current_of(&self, tokens: Tokens) -> Result<Current, Error> {
        let proof_key = self.proof_key_of(&tokens)?;
        Current::new(tokens, proof_key)
    }

    /// The key of tokens: reuses the known key if it is the same.
    pub(crate) fn proof_key_of(&self, tokens: &Tokens) -> Result<Option<ProofKey>, Error> {
        let Some(stored) = &tokens.proof_key else { return Ok(None) };
        let known = self.proof_key().filter(|key| key.stored() == stored);
        known.map_or_else(|| ProofKey::from_stored(stored), Ok).map(Some)
    }

    /// The key for new tokens, if there was one before.
    pub(crate) fn proof_key(&self) -> Option<ProofKey> {
        self.lock().proof_key.clone()
    }

    /// Sets the key that new tokens are bound to.
    pub(crate) fn set_proof_key(&self, key: Option<&ProofKey>) {
        self.lock().proof_key = key.cloned();
    }

    /// Replaces the current tokens.
    pub(crate) fn adopt(&self, tokens: Tokens) -> Result<(), Error> {
        let current = Arc::new(self.current_of(tokens)?);
        {
            let mut known = self.lock();
            known.is_loaded = true;
            known.proof_key = current.proof_key.clone().or(known.proof_key.take());
            known.current = Some(current);
        }
        self.changes.send_modify(|count| *count += 1);
        Ok(())
    }

    /// Records that there are no tokens.
    pub(crate) fn set_empty(&self) {
        let mut known = self.lock();
        known.is_loaded = true;
        known.current = None;
    }

    /// Removes the tokens with this access token.
    pub(crate) fn forget(&self, access_token: &Secret) {
        let mut known = self.lock();
        known.current.take_if(|current| current.tokens.access_token == *access_token);
    }

    /// Waits until the current tokens differ from those at the time of the call.
    pub(crate) fn changed(&self) -> impl Future<Output = ()> + Send + 'static {
        let mut changes = self.changes.subscribe();
        async move {
            if changes.changed().await.is_err() {
                std::future::pending::<()>().await;
            }
        }
    }

    /// Records scopes that were requested and not granted.
    pub(crate) fn note_refused(&self, asked: &[String], granted: &[String]) {
        let mut known = self.lock();
        let refused = asked.iter().filter(|scope| !granted.contains(scope)).cloned();
        known.refused_scopes.extend(refused);
    }

    /// Whether a scope was neither granted nor refused before.
    pub(crate) fn is_more(&self, scopes: &[String]) -> bool {
        let known = self.lock();
        let granted = known.current.as_ref().map(|current| &current.tokens.scopes);
        let is_granted = |scope: &String| granted.is_some_and(|granted| granted.contains(scope));
        scopes.iter().any(|scope| !is_granted(scope) && !known.refused_scopes.contains(scope))
    }
}
