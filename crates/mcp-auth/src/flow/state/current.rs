//! The current tokens and the credentials of requests.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use http::HeaderValue;
use mcp_http::{Credentials, RequestHead};
use tokio::time::Instant;
use url::Url;

use crate::error::{Error, ErrorKind};
use crate::sign::ProofKey;
use crate::token::set::Tokens;

/// The current tokens.
pub(crate) struct Current {
    pub(crate) tokens: Tokens,
    authorization: HeaderValue,
    pub(crate) proof_key: Option<ProofKey>,
    /// When the token expires, and when a background refresh is due.
    hard: Option<Instant>,
    soft: Option<Instant>,
    /// Whether a background refresh was started.
    was_tried: AtomicBool,
}

/// Freshness of a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Freshness {
    Fresh,
    /// Valid, but a refresh is due.
    Aging,
    Stale,
}

impl Current {
    pub(super) fn new(tokens: Tokens, proof_key: Option<ProofKey>) -> Result<Self, Error> {
        let scheme = if tokens.is_bound { "DPoP" } else { "Bearer" };
        let value = zeroize::Zeroizing::new(format!("{scheme} {}", tokens.access_token.expose()));
        let mut authorization = HeaderValue::from_str(&value)
            .map_err(|_| Error::new(ErrorKind::Protocol, "the token cannot be sent in a header"))?;
        authorization.set_sensitive(true);
        let left = tokens.left();
        let after = |time: Duration| Instant::now().checked_add(time);
        let hard = left.and_then(|(hard, _)| after(hard));
        let soft = left.and_then(|(_, soft)| after(soft));
        let was_tried = AtomicBool::new(false);
        Ok(Self { tokens, authorization, proof_key, hard, soft, was_tried })
    }

    pub(crate) fn freshness(&self) -> Freshness {
        let Some(hard) = self.hard else { return Freshness::Fresh };
        let now = Instant::now();
        match self.soft {
            _ if now >= hard => Freshness::Stale,
            Some(soft) if now >= soft => Freshness::Aging,
            _ => Freshness::Fresh,
        }
    }

    /// Whether this is the first call.
    pub(crate) fn is_first_try(&self) -> bool {
        !self.was_tried.swap(true, Ordering::Relaxed)
    }

    pub(crate) fn can_refresh(&self) -> bool {
        self.tokens.refresh_token.is_some()
    }

    /// The credentials for a request.
    pub(crate) fn credentials(&self, head: &RequestHead) -> Result<Credentials, Error> {
        let credentials = Credentials::new(self.authorization.clone());
        let Some(key) = self.proof_key.as_ref().filter(|_| self.tokens.is_bound) else {
            return Ok(credentials);
        };
        let url = Url::parse(&head.uri.to_string())
            .map_err(|_| Error::new(ErrorKind::Config, "the URL of a request cannot be proved"))?;
        let proof = key.proof(head.method.as_str(), &url, Some(&self.tokens.access_token))?;
        Ok(credentials.with_proof(proof))
    }

    /// Whether a request was sent with this token.
    pub(crate) fn is_in(&self, sent: &Credentials) -> bool {
        sent.authorization.as_ref() == Some(&self.authorization)
    }
}
