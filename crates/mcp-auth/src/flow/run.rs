//! Authorizes the requests to one server.

use std::fmt;
use std::sync::Arc;

use http::{HeaderMap, StatusCode};
use mcp_http::{Authorize, Credentials, NextStep, Refusal, RequestHead};
use mcp_transport::Hold;
use url::Url;

use super::challenge::Challenged;
use super::decide::{Facts, Step, decide};
use super::flight::{FlightKind, Outcome, Waiting};
use super::login::{Reason, login};
use super::refresh::refresh;
use super::stage::Stage;
use super::state::{Freshness, ServerState};
use crate::error::Error;
use crate::token::set::Tokens;

/// Maximum number of waits for work started by other callers.
const MAX_TURNS: usize = 6;

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

    fn facts(&self, head: &RequestHead, challenge: &Challenged, refusal: &Refusal<'_>) -> Facts {
        let current = self.state.current();
        let is_service = !self.state.settings.grant.asks_user();
        let has_other = current.as_ref().is_some_and(|it| !it.is_in(refusal.sent));
        Facts {
            is_unauthorized: refusal.status == StatusCode::UNAUTHORIZED,
            lacks_scope: challenge.lacks_scope && current.is_some(),
            // Servers that name no scope publish their scopes: the metadata decides whether there are more.
            asks_for_more: challenge.scopes.is_empty() || self.state.is_more(&challenge.scopes),
            wants_nonce: challenge.wants_nonce && refusal.sent.proof.is_some(),
            has_other,
            can_refresh: current.is_some_and(|it| it.can_refresh()),
            may_not_ask: head.is_background && !is_service,
            is_service,
            stage: Stage::decode(refusal.sent.stage),
        }
    }

    fn again(&self, head: &RequestHead, stage: Stage) -> Result<NextStep, Error> {
        let credentials = match self.state.current() {
            Some(current) => current.credentials(head)?,
            None => Credentials::none(),
        };
        Ok(NextStep::Again(credentials.with_stage(stage.encode())))
    }

    async fn next_step(&self, head: &RequestHead, refusal: Refusal<'_>) -> Result<NextStep, Error> {
        let challenge = Challenged::of(refusal.status, refusal.headers);
        let mut facts = self.facts(head, &challenge, &refusal);
        for _ in 0..MAX_TURNS {
            let mut stage = facts.stage;
            let step = decide(&facts);
            let has_to_wait = matches!(step, Step::Refresh | Step::Grant | Step::MoreScopes);
            if has_to_wait && head.is_background && self.state.flight.is_login() {
                return Ok(NextStep::GiveUp);
            }
            let waiting = match step {
                Step::GiveUp => return Ok(NextStep::GiveUp),
                Step::Retry => {
                    stage.retried = true;
                    return self.again(head, stage);
                }
                Step::Prove => {
                    stage.has_nonce = true;
                    return self.again(head, stage);
                }
                Step::Refresh => {
                    stage.refreshed = true;
                    // Other running work, such as a login, also produces a token.
                    self.start_refresh(Some(challenge.clone()))
                }
                Step::Grant | Step::MoreScopes => {
                    stage.granted = true;
                    let is_step_up = step == Step::MoreScopes;
                    stage.step_ups += u8::from(is_step_up);
                    let current = self.state.current();
                    let refused = current.filter(|it| it.is_in(refusal.sent));
                    let refused = refused.map(|it| it.tokens.access_token.clone());
                    self.start_login(Reason { challenge: challenge.clone(), refused, is_step_up })
                }
            };
            let is_own = waiting.is_own;
            match (waiting.done().await, is_own) {
                (Ok(true), true) => return self.again(head, stage),
                (Ok(false), true) if stage.granted => return Ok(NextStep::GiveUp),
                (Ok(_), _) => {}
                // After a failed refresh, log in.
                (Err(error), _) if stage.refreshed && !stage.granted && !error.is_transient() => {
                    facts.stage.refreshed = true;
                }
                (Err(error), true) => return Err(error),
                (Err(_), false) => {}
            }
            let stage = facts.stage;
            facts = self.facts(head, &challenge, &refusal);
            facts.stage = stage;
        }
        Ok(NextStep::GiveUp)
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
