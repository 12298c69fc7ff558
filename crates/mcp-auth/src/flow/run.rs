//! Authorizes the requests to one server.

use std::fmt;
use std::sync::Arc;

use http::HeaderMap;
use mcp_http::{Authorize, Credentials, NextStep, Refusal, RequestHead};
use mcp_transport::Hold;
use url::Url;

use super::challenge::Challenged;
use super::flight::{FlightKind, Outcome, Waiting};
use super::login::{Reason, login};
use super::refresh::refresh;
use super::state::{Freshness, ServerState};
use crate::error::Error;
use crate::token::set::Tokens;

/// Maximum number of waits for work started by other callers.
pub(super) const MAX_TURNS: usize = 6;

/// Authorizes the requests to one server; see [`OAuth::for_server`](crate::OAuth::for_server). Clones share all state.
#[derive(Clone)]
pub struct ServerAuth {
    pub(crate) state: Arc<ServerState>,
    /// Cancels a login when the last handle is dropped.
    pub(crate) _owner: Arc<dyn Send + Sync>,
}

impl ServerAuth {
    /// Loads the stored tokens, once.
    pub(crate) async fn loaded(&self) -> Result<(), Error> {
        while !self.state.is_loaded() {
            let state = Arc::clone(&self.state);
            self.state.flight.join(FlightKind::Load, || load(state)).done().await?;
        }
        Ok(())
    }

    pub(crate) fn start_refresh(&self, challenge: Option<Challenged>) -> Waiting {
        let state = Arc::clone(&self.state);
        self.state.flight.join(FlightKind::Refresh, || refresh(state, challenge))
    }

    pub(crate) fn start_login(&self, reason: Reason) -> Waiting {
        let state = Arc::clone(&self.state);
        self.state.flight.join(FlightKind::Login, || login(state, reason))
    }

    async fn current(&self, head: &RequestHead) -> Result<Credentials, Error> {
        self.loaded().await?;
        for _ in 0..MAX_TURNS {
            let Some(current) = self.state.current() else { return Ok(Credentials::none()) };
            if current.freshness() != Freshness::Stale {
                return current.credentials(head);
            }
            if !current.can_refresh() {
                break;
            }
            let waiting = self.start_refresh(None);
            let is_own = waiting.is_own;
            match waiting.done().await {
                Ok(_) => {}
                Err(error) if error.is_transient() && is_own => return Err(error),
                Err(error) => {
                    tracing::debug!(%error, "the request is sent without a token");
                    if is_own {
                        break;
                    }
                }
            }
        }
        // A stale token would be refused, and for some servers its use revokes the grant.
        Ok(Credentials::none())
    }
}

async fn load(state: Arc<ServerState>) -> Outcome {
    if state.is_loaded() {
        return Ok(false);
    }
    let stored = state.settings.store.load(&state.key).await?;
    match stored.as_ref().and_then(Tokens::from_stored) {
        // Ignore tokens whose key cannot be used.
        Some(tokens) if state.current_of(tokens.clone()).is_ok() => state.adopt(tokens)?,
        _ => state.set_empty(),
    }
    Ok(true)
}

impl Authorize for ServerAuth {
    fn ready(&self, head: &RequestHead) -> Option<Credentials> {
        if !self.state.is_for(&head.uri) {
            return Some(Credentials::none());
        }
        let Some(current) = self.state.known()? else { return Some(Credentials::none()) };
        match current.freshness() {
            Freshness::Fresh => {}
            Freshness::Aging => {
                if current.can_refresh() && current.is_first_try() {
                    // Runs in the background: the token is still valid.
                    drop(self.start_refresh(None));
                }
            }
            Freshness::Stale => return None,
        }
        current.credentials(head).ok()
    }

    async fn authorize(&self, head: &RequestHead) -> Result<Credentials, mcp_http::Error> {
        self.current(head).await.map_err(Error::into_http)
    }

    async fn challenged(
        &self,
        head: &RequestHead,
        refusal: Refusal<'_>,
    ) -> Result<NextStep, mcp_http::Error> {
        if !self.state.is_for(&head.uri) {
            return Ok(NextStep::GiveUp);
        }
        self.next_step(head, refusal).await.map_err(Error::into_http)
    }

    fn answered(&self, head: &RequestHead, headers: &HeaderMap) {
        if let Some(current) = self.state.current()
            && let Some(key) = &current.proof_key
            && let Ok(url) = Url::parse(&head.uri.to_string())
        {
            key.answered(&url, headers);
        }
    }

    fn changed(&self) -> impl Future<Output = ()> + Send + 'static {
        self.state.changed()
    }

    fn hold(&self) -> Option<Hold> {
        Some(self.state.hold.clone())
    }
}

impl fmt::Debug for ServerAuth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ServerAuth").field("server", &self.state.shown).finish_non_exhaustive()
    }
}
