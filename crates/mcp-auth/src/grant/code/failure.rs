//! Failures of a login that a retry may resolve.

use crate::error::Error;
use crate::token::response::Refused;

/// Why there is no token, and what a retry must change.
pub(super) enum Failure {
    /// The authorization server does not know the client.
    UnknownClient(Error),
    /// The authorization server refused a scope.
    Scope(Error),
    Final(Error),
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::Final(error)
    }
}

impl From<Refused> for Failure {
    fn from(refused: Refused) -> Self {
        if refused.is_unknown_client() {
            Failure::UnknownClient(refused.into_error())
        } else if refused.is("invalid_scope") {
            Failure::Scope(refused.into_error())
        } else {
            Failure::Final(refused.into_error())
        }
    }
}
