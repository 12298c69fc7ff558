//! Refreshes a token, one process at a time.

mod request;

use std::sync::Arc;
use std::time::Duration;

use request::attempt;

use super::challenge::Challenged;
use super::flight::Outcome;
use super::keep::keep;
use super::state::{Freshness, ServerState};
use crate::error::{Error, ErrorKind};
use crate::event::Event;
use crate::token::set::Tokens;

/// Timeout of a refresh, not counting the wait for other processes.
const REFRESH_TIMEOUT: Duration = Duration::from_secs(45);

/// Refreshes the token. A challenge means that the server refused the current one.
pub(crate) async fn refresh(state: Arc<ServerState>, challenge: Option<Challenged>) -> Outcome {
    let _lock = state.settings.store.lock(&state.key).await?;
    // Read under the lock: an earlier logout leaves nothing to refresh.
    let Some(current) = state.current() else { return Ok(false) };
    let refused = challenge.as_ref().map(|_| current.tokens.access_token.clone());
    let stored = state.settings.store.load(&state.key).await?;
    let stored = stored.as_ref().and_then(Tokens::from_stored);
    // Another process may have refreshed it already.
    if let Some(stored) = &stored
        && stored.access_token != current.tokens.access_token
    {
        let other = state.current_of(stored.clone())?;
        if other.freshness() != Freshness::Stale && refused.as_ref() != Some(&stored.access_token) {
            state.adopt(stored.clone())?;
            return Ok(true);
        }
    }
    let base = stored.filter(|it| it.refresh_token.is_some());
    let base = base.unwrap_or_else(|| current.tokens.clone());
    let refreshing = attempt(&state, &base, challenge.as_ref());
    let refreshed = match tokio::time::timeout(REFRESH_TIMEOUT, refreshing).await {
        Ok(refreshed) => refreshed,
        Err(_) => {
            let message = format!("the token was not refreshed within {REFRESH_TIMEOUT:?}");
            Err(Error::new(ErrorKind::Unavailable, message))
        }
    };
    match refreshed {
        Ok(tokens) => {
            keep(&state, tokens).await?;
            state.settings.report(Event::Refreshed { server: state.shown.clone() });
            Ok(true)
        }
        Err(error) => {
            let server = state.shown.clone();
            tracing::debug!(%server, %error, "the token was not refreshed");
            state.settings.report(Event::Failed { server, error: error.clone() });
            Err(error)
        }
    }
}
