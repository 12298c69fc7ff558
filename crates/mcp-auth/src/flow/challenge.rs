//! What a refusal says.

use http::{HeaderMap, StatusCode};
use mcp_http::challenge::{Challenge, challenges};

use crate::token::set::words;

/// What a refusal says about the authorization that is wanted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Challenged {
    /// Where the server's metadata is.
    pub(crate) resource_metadata: Option<String>,
    /// The scopes that are wanted.
    pub(crate) scopes: Vec<String>,
    pub(crate) wants_dpop: bool,
    pub(crate) lacks_scope: bool,
    pub(crate) wants_nonce: bool,
    /// All challenges are of schemes that are none of OAuth.
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
            // With both schemes a token of either kind will do.
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
        assert!(!of("").is_foreign, "no challenge says nothing");
    }
}
