//! Chooses the next step after a refusal: a pure function.

use super::stage::Stage;

/// Maximum number of step-up logins for each request.
const MAX_STEP_UPS: u8 = 2;
/// Maximum number of step-ups for each request of a service.
const MAX_STEP_UPS_OF_SERVICE: u8 = 1;

/// The input of the decision.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Facts {
    /// The status is 401, not 403.
    pub(crate) is_unauthorized: bool,
    /// The token lacks a scope.
    pub(crate) lacks_scope: bool,
    /// A required scope was neither granted nor refused to this client before.
    pub(crate) asks_for_more: bool,
    pub(crate) wants_nonce: bool,
    /// There is a newer token than that of the refused request.
    pub(crate) has_other: bool,
    pub(crate) can_refresh: bool,
    /// The grant needs a user, and the request is a background request.
    pub(crate) may_not_ask: bool,
    /// The grant works without a user.
    pub(crate) is_service: bool,
    pub(crate) stage: Stage,
}

/// The next step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// Return the refusal as the response.
    GiveUp,
    /// Resend the request with the current token.
    Retry,
    /// Resend the request with a new proof.
    Prove,
    Refresh,
    Grant,
    /// Get a token with more scopes.
    MoreScopes,
}

/// Chooses the next step.
pub(crate) fn decide(facts: &Facts) -> Step {
    let stage = facts.stage;
    if !facts.is_unauthorized && !facts.lacks_scope {
        return Step::GiveUp;
    }
    if facts.wants_nonce {
        return if stage.has_nonce { Step::GiveUp } else { Step::Prove };
    }
    if facts.has_other && !stage.retried {
        return Step::Retry;
    }
    if facts.lacks_scope {
        let limit = if facts.is_service { MAX_STEP_UPS_OF_SERVICE } else { MAX_STEP_UPS };
        let may = facts.asks_for_more && !facts.may_not_ask && stage.step_ups < limit;
        return if may { Step::MoreScopes } else { Step::GiveUp };
    }
    if stage.granted {
        return Step::GiveUp;
    }
    if facts.can_refresh && !stage.refreshed {
        return Step::Refresh;
    }
    if facts.may_not_ask { Step::GiveUp } else { Step::Grant }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table() {
        let base = Facts { is_unauthorized: true, ..Facts::default() };
        let scope = Facts { lacks_scope: true, asks_for_more: true, ..Facts::default() };
        let refreshed = Stage { refreshed: true, ..Stage::default() };
        let granted = Stage { granted: true, refreshed: true, ..Stage::default() };
        let retried = Stage { retried: true, ..Stage::default() };
        let proved = Stage { has_nonce: true, ..Stage::default() };
        let stepped = |step_ups| Stage { step_ups, granted: true, ..Stage::default() };
        let rows = [
            // The first 401.
            (base, Step::Grant),
            (Facts { can_refresh: true, ..base }, Step::Refresh),
            (Facts { has_other: true, can_refresh: true, ..base }, Step::Retry),
            // The second 401.
            (Facts { has_other: true, can_refresh: true, stage: retried, ..base }, Step::Refresh),
            (Facts { can_refresh: true, stage: refreshed, ..base }, Step::Grant),
            (Facts { can_refresh: true, stage: granted, ..base }, Step::GiveUp),
            (Facts { stage: granted, ..base }, Step::GiveUp),
            // Background requests.
            (Facts { may_not_ask: true, ..base }, Step::GiveUp),
            (Facts { may_not_ask: true, can_refresh: true, ..base }, Step::Refresh),
            (Facts { may_not_ask: true, has_other: true, ..base }, Step::Retry),
            // 403 and scopes.
            (Facts::default(), Step::GiveUp),
            (Facts { can_refresh: true, has_other: true, ..Facts::default() }, Step::GiveUp),
            (scope, Step::MoreScopes),
            (Facts { is_unauthorized: true, can_refresh: true, ..scope }, Step::MoreScopes),
            (Facts { asks_for_more: false, ..scope }, Step::GiveUp),
            (Facts { may_not_ask: true, ..scope }, Step::GiveUp),
            (Facts { has_other: true, ..scope }, Step::Retry),
            (Facts { stage: stepped(1), ..scope }, Step::MoreScopes),
            (Facts { stage: stepped(2), ..scope }, Step::GiveUp),
            (Facts { is_service: true, stage: stepped(1), ..scope }, Step::GiveUp),
            // Proofs.
            (Facts { wants_nonce: true, can_refresh: true, ..base }, Step::Prove),
            (Facts { wants_nonce: true, stage: proved, ..base }, Step::GiveUp),
        ];
        for (facts, expected) in rows {
            assert_eq!(decide(&facts), expected, "{facts:?}");
        }
    }
}
