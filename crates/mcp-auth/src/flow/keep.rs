//! Keeps new tokens: in the store and in memory.

use super::state::ServerState;
use crate::error::Error;
use crate::event::Event;
use crate::token::set::Tokens;

/// Saves tokens and starts to use them, even if they cannot be saved.
pub(crate) async fn keep(state: &ServerState, tokens: Tokens) -> Result<(), Error> {
    let saved = state.settings.store.save(&state.key, &tokens.to_stored()).await;
    if let Err(error) = saved {
        let server = state.shown.clone();
        tracing::warn!(%server, %error, "tokens are kept in memory alone");
        state.settings.report(Event::NotSaved { server, error });
    }
    state.adopt(tokens)
}
