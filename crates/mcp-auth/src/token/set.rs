//! Tokens and their metadata.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::response::TokenResponse;
use crate::identity::registered::Identity;
use crate::secret::Secret;
use crate::sign::jwt::now;

/// Version of the stored format.
const VERSION: u32 = 1;

/// How long before its end a token is refreshed, in seconds; at most a tenth of its lifetime.
const MARGIN: u64 = 60;

/// The tokens for one server.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Tokens {
    version: u32,
    /// Display form of the server's URL.
    pub(crate) server: String,
    pub(crate) access_token: Secret,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) refresh_token: Option<Secret>,
    /// Whether the token is bound to the key.
    #[serde(default)]
    pub(crate) is_bound: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) proof_key: Option<Secret>,
    /// In seconds since 1970.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) expires_at: Option<u64>,
    /// In seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) lifetime: Option<u64>,
    /// Granted scopes.
    #[serde(default)]
    pub(crate) scopes: Vec<String>,
    pub(crate) issuer: String,
    pub(crate) token_endpoint: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) revocation_endpoint: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) resource: Option<String>,
    pub(crate) client: Identity,
    /// Unknown members, written by a later version.
    #[serde(flatten)]
    rest: Map<String, Value>,
}

/// The request that a token answers.
pub(crate) struct Origin {
    pub(crate) server: String,
    pub(crate) issuer: String,
    pub(crate) token_endpoint: String,
    pub(crate) revocation_endpoint: Option<String>,
    pub(crate) resource: Option<String>,
    pub(crate) client: Identity,
    /// Requested scopes: granted unless the response names others.
    pub(crate) scopes: Vec<String>,
    pub(crate) proof_key: Option<Secret>,
}

impl Tokens {
    pub(crate) fn new(origin: Origin, response: TokenResponse) -> Self {
        let scopes = response.scope.as_deref().map_or(origin.scopes, words);
        Self {
            version: VERSION,
            server: origin.server,
            access_token: response.access_token,
            refresh_token: response.refresh_token,
            is_bound: response.is_bound,
            proof_key: origin.proof_key,
            expires_at: response.expires_in.map(|life| now().saturating_add(life)),
            lifetime: response.expires_in,
            scopes,
            issuer: origin.issuer,
            token_endpoint: origin.token_endpoint,
            revocation_endpoint: origin.revocation_endpoint,
            resource: origin.resource,
            client: origin.client,
            rest: Map::new(),
        }
    }

    /// The tokens after a refresh: members missing in the response are kept.
    pub(crate) fn refreshed(&self, response: TokenResponse) -> Self {
        let mut tokens = self.clone();
        tokens.access_token = response.access_token;
        tokens.refresh_token = response.refresh_token.or(tokens.refresh_token);
        tokens.is_bound = response.is_bound;
        tokens.expires_at = response.expires_in.map(|life| now().saturating_add(life));
        tokens.lifetime = response.expires_in;
        tokens.scopes = response.scope.as_deref().map_or(tokens.scopes, words);
        tokens
    }

    /// Parses the output of [`to_stored`](Self::to_stored); `None` if it is invalid.
    pub(crate) fn from_stored(text: &Secret) -> Option<Self> {
        let tokens: Self = serde_json::from_str(text.expose()).ok()?;
        (tokens.version == VERSION && !tokens.access_token.is_empty()).then_some(tokens)
    }

    pub(crate) fn to_stored(&self) -> Secret {
        Secret::new(serde_json::to_string(self).unwrap_or_default())
    }

    /// Time until the token expires, and time until a background refresh is due. `None`: unknown.
    pub(crate) fn left(&self) -> Option<(Duration, Duration)> {
        let left = self.expires_at?.saturating_sub(now());
        let life = self.lifetime.unwrap_or(left);
        let hard = left.saturating_sub(MARGIN.min(life / 10));
        let soft = left.saturating_sub((3 * MARGIN).min(life / 4));
        Some((Duration::from_secs(hard), Duration::from_secs(soft)))
    }
}

/// Splits a list separated by spaces, without duplicates.
pub(crate) fn words(text: &str) -> Vec<String> {
    let mut words: Vec<String> = Vec::new();
    for word in text.split_ascii_whitespace() {
        if !words.iter().any(|it| it == word) {
            words.push(word.to_owned());
        }
    }
    words
}
