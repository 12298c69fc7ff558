//! From a refused request to its next step: executes the decision table.

use http::StatusCode;
use mcp_http::{Credentials, NextStep, Refusal, RequestHead};

use super::challenge::Challenged;
use super::decide::{Facts, Step, decide};
use super::login::Reason;
use super::run::{MAX_TURNS, ServerAuth};
use super::stage::Stage;
use crate::error::Error;

impl ServerAuth {
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

    /// Obtains the token that a refused request needs, and returns whether to send it again.
    pub(super) async fn next_step(
        &self,
        head: &RequestHead,
        refusal: Refusal<'_>,
    ) -> Result<NextStep, Error> {
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
