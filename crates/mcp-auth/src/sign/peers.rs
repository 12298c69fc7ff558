//! Nonces and clocks of the servers that receive proofs.

use std::collections::HashMap;

use http::HeaderMap;
use url::Url;

use super::{date, jwt::now};

/// Maximum number of origins with a nonce.
const MAX_NONCES: usize = 16;

/// What the servers require of a proof.
#[derive(Debug, Default)]
pub(super) struct Peers {
    /// Nonces by origin.
    nonces: HashMap<String, String>,
    /// How far the clock of the servers is ahead, in seconds.
    ahead: i64,
}

impl Peers {
    /// The last nonce of the origin of a URL.
    pub(super) fn nonce(&self, url: &Url) -> Option<String> {
        self.nonces.get(&origin(url)).cloned()
    }

    /// How far the clock of the servers is ahead, in seconds.
    pub(super) fn ahead(&self) -> i64 {
        self.ahead
    }

    /// Records the nonce and date of a response. Returns whether the nonce is new.
    pub(super) fn answered(&mut self, url: &Url, headers: &HeaderMap) -> bool {
        if let Some(date) = headers.get(http::header::DATE).and_then(|date| date.to_str().ok())
            && let Some(theirs) = date::parse(date)
        {
            // Ignore differences of up to a minute: they may be network latency.
            let ahead = theirs.cast_signed() - now().cast_signed();
            self.ahead = if ahead.abs() > 60 { ahead } else { 0 };
        }
        let Some(nonce) = headers.get("dpop-nonce").and_then(|nonce| nonce.to_str().ok()) else {
            return false;
        };
        let origin = origin(url);
        if self.nonces.len() >= MAX_NONCES && !self.nonces.contains_key(&origin) {
            self.nonces.clear();
        }
        self.nonces.insert(origin, nonce.to_owned()).as_deref() != Some(nonce)
    }
}

fn origin(url: &Url) -> String {
    url.origin().ascii_serialization()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use http::HeaderValue;

    use super::*;

    #[test]
    fn the_number_of_nonces_is_bounded() {
        let mut peers = Peers::default();
        let mut headers = HeaderMap::new();
        headers.insert("dpop-nonce", HeaderValue::from_static("n1"));
        for n in 0..100 {
            let url = Url::parse(&format!("https://h{n}/")).unwrap();
            assert!(peers.answered(&url, &headers));
            assert_eq!(peers.nonce(&url).as_deref(), Some("n1"));
        }
        assert!(peers.nonces.len() <= MAX_NONCES);
    }
}
