//! Changes of the tokens, their key and the refused scopes.

use std::sync::Arc;

use super::{Current, ServerState};
use crate::error::Error;
use crate::secret::Secret;
use crate::sign::ProofKey;
use crate::token::set::Tokens;

impl ServerState {
    pub(crate) fn is_loaded(&self) -> bool {
        self.lock().is_loaded
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
