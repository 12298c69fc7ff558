//! Gets a token with the configured grant.

use std::sync::Arc;

use super::challenge::Challenged;
use super::flight::Outcome;
use super::keep::keep;
use super::limit::within_limit;
use super::scope::{Named, select, to_register};
use super::state::{Freshness, ServerState};
use crate::discovery::wellknown::is_same_issuer;
use crate::discovery::{Discovered, discover};
use crate::error::{Error, ErrorKind};
use crate::event::Event;
use crate::grant::{self, context::Context};
use crate::secret::Secret;
use crate::settings::Dpop;
use crate::sign::ProofKey;
use crate::token::set::Tokens;

/// Why a token is requested.
#[derive(Clone, Debug, Default)]
pub(crate) struct Reason {
    pub(crate) challenge: Challenged,
    /// The access token that the server refused.
    pub(crate) refused: Option<Secret>,
    /// Whether more scopes are needed than were granted.
    pub(crate) is_step_up: bool,
}

/// Gets a token. `false`: a login cannot resolve the refusal.
pub(crate) async fn login(state: Arc<ServerState>, reason: Reason) -> Outcome {
    let outcome = attempt(&state, &reason).await;
    if let Err(error) = &outcome {
        let server = state.shown.clone();
        tracing::debug!(%server, %error, "no token");
        state.settings.report(Event::Failed { server, error: error.clone() });
    }
    outcome
}

async fn attempt(state: &Arc<ServerState>, reason: &Reason) -> Outcome {
    let (settings, challenge) = (&state.settings, &reason.challenge);
    let fetch = state.fetch().await;
    let metadata_url = challenge.resource_metadata.as_deref();
    let found = discover(fetch, settings, &state.url, metadata_url).await?;
    let found = found.filter(|it| !(it.server.is_assumed && challenge.is_foreign));
    let Some(discovered) = found else {
        if challenge.is_foreign {
            return Ok(false);
        }
        let message = "the server publishes no authorization metadata: set `.issuer(…)`";
        return Err(Error::new(ErrorKind::Unsupported, message));
    };
    if !reason.is_step_up && adopted(state, reason, &discovered).await? {
        return Ok(true);
    }
    if reason.is_step_up && challenge.scopes.is_empty() && !state.is_more(&discovered.scopes) {
        return Ok(false);
    }
    let before = state.current();
    let granted =
        before.as_ref().filter(|_| reason.is_step_up).map(|it| it.tokens.scopes.as_slice());
    let named = Named {
        challenged: &challenge.scopes,
        published: &discovered.scopes,
        set: &settings.scopes,
        granted: granted.unwrap_or_default(),
        offered: &discovered.server.scopes_supported,
    };
    let scopes = select(named, settings.grant.asks_user());
    let context = Context {
        settings,
        fetch,
        shown: &state.shown,
        discovered: &discovered,
        registered_scopes: to_register(named),
        proof_key: proof_key(state, challenge, &discovered)?,
    };
    let tokens = match settings.grant.asks_user() {
        true => {
            // Waiting for another login counts as waiting for the user.
            let _hold = state.hold.begin();
            let _gate = state.gate.lock().await;
            within_limit(state, &discovered, grant::obtain(&context, scopes.clone())).await?
        }
        false => grant::obtain(&context, scopes.clone()).await?,
    };
    state.note_refused(&scopes, &tokens.scopes);
    let _lock = settings.store.lock(&state.key).await;
    keep(state, tokens).await?;
    settings.report(Event::LoggedIn { server: state.shown.clone() });
    Ok(true)
}

/// Uses the tokens that another process saved in the meantime, if there are any.
async fn adopted(
    state: &ServerState,
    reason: &Reason,
    discovered: &Discovered,
) -> Result<bool, Error> {
    let Some(stored) = state.settings.store.load(&state.key).await? else { return Ok(false) };
    let Some(tokens) = Tokens::from_stored(&stored) else { return Ok(false) };
    let current = state.current();
    let is_known = reason.refused.as_ref() == Some(&tokens.access_token)
        || current.is_some_and(|it| it.tokens.access_token == tokens.access_token);
    if is_known || !is_same_issuer(&tokens.issuer, &discovered.server.issuer) {
        return Ok(false);
    }
    let is_fresh = state.current_of(tokens.clone())?.freshness() != Freshness::Stale;
    if is_fresh {
        state.adopt(tokens)?;
    }
    Ok(is_fresh)
}

/// The key that the token is bound to, if any.
fn proof_key(
    state: &ServerState,
    challenge: &Challenged,
    discovered: &Discovered,
) -> Result<Option<ProofKey>, Error> {
    let is_wanted = match state.settings.dpop {
        Dpop::Always => true,
        Dpop::Never => false,
        Dpop::Auto => challenge.wants_dpop || discovered.wants_dpop,
    };
    if !is_wanted {
        return Ok(None);
    }
    let key = state.proof_key().map_or_else(ProofKey::generate, Ok).map(Some)?;
    state.set_proof_key(key.as_ref());
    Ok(key)
}
