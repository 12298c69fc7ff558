//! Challenges of a refusal.

use http::{HeaderMap, StatusCode};
use mcp_http::challenge::{Challenge, challenges};

use crate::token::set::words;

/// Requirements in the challenges of a refusal.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Challenged {
    /// The URL of the server's metadata.
    pub(crate) resource_metadata: Option<String>,
    /// Required scopes.
    pub(crate) scopes: Vec<String>,
    pub(crate) wants_dpop: bool,
    pub(crate) lacks_scope: bool,
    pub(crate) wants_nonce: bool,
    /// There are challenges, and none is for an OAuth scheme.
    pub(crate) is_foreign: bool,
}

impl Challenged {
    pub(crate) fn of(status: StatusCode, headers: &HeaderMap) -> Self {
        let all = challenges(headers);
        let ours: Vec<&Challenge> =
            all.iter().filter(|it| it.is("bearer") || it.is("dpop")).collect();
        let param = |name: &str| ours.iter().find_map(|challenge| challenge.param(name));
        let has_error = |code: &str| ours.iter().any(|it| it.param("error") == Some(code));
        Self {
            resource_metadata: param("resource_metadata").map(str::to_owned),
            scopes: param("scope").map(words).unwrap_or_default(),
            // If both schemes are offered, either kind of token is accepted.
            wants_dpop: !ours.is_empty() && ours.iter().all(|it| it.is("dpop")),
            lacks_scope: has_error("insufficient_scope"),
            wants_nonce: status == StatusCode::UNAUTHORIZED && has_error("use_dpop_nonce"),
            is_foreign: !all.is_empty() && ours.is_empty(),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use http::{HeaderValue, header::WWW_AUTHENTICATE};

    use super::*;

    fn of(value: &'static str) -> Challenged {
        let headers = HeaderMap::from_iter([(WWW_AUTHENTICATE, HeaderValue::from_static(value))]);
        Challenged::of(StatusCode::UNAUTHORIZED, &headers)
    }

    #[test]
    fn what_challenges_want() {
        let bearer = of("Bearer resource_metadata=https://h/x, scope=\"a b a\"");
        assert_eq!(bearer.resource_metadata.as_deref(), Some("https://h/x"));
        assert_eq!(bearer.scopes, ["a", "b"]);
        assert!(!bearer.is_foreign && !bearer.wants_dpop);
        assert!(of("DPoP algs=\"ES256\", error=\"use_dpop_nonce\"").wants_nonce);
        assert!(of("DPoP algs=\"ES256\"").wants_dpop);
        assert!(!of("DPoP algs=\"ES256\", Bearer").wants_dpop);
        assert!(of("Bearer error=insufficient_scope").lacks_scope);
        assert!(of("Basic realm=x, Negotiate").is_foreign);
        assert!(!of("").is_foreign, "a response without challenges is not foreign");
    }
}
