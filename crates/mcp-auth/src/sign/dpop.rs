//! DPoP proofs.
//!
//! Spec: RFC 9449

use std::sync::{Arc, Mutex, PoisonError};

use http::{HeaderMap, HeaderValue};
use serde_json::{Value, json};
use url::Url;

use super::digest::{base64url, fingerprint, unguessable};
use super::jwt::{now, signing_input};
use super::key::PrivateKey;
use super::peers::Peers;
use crate::error::{Error, ErrorKind};
use crate::secret::Secret;

/// The key that tokens are bound to, with the nonces and clock offset of the servers. Clones share it.
#[derive(Clone, Debug)]
pub(crate) struct ProofKey(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    key: PrivateKey,
    stored: Secret,
    jwk: Value,
    peers: Mutex<Peers>,
}

impl ProofKey {
    pub(crate) fn generate() -> Result<Self, Error> {
        let (key, stored) = PrivateKey::generate()?;
        Self::new(key, stored)
    }

    pub(crate) fn from_stored(stored: &Secret) -> Result<Self, Error> {
        Self::new(PrivateKey::from_stored(stored)?, stored.clone())
    }

    fn new(key: PrivateKey, stored: Secret) -> Result<Self, Error> {
        let point = key.public_point().filter(|point| point.len() == 65);
        let point =
            point.ok_or_else(|| Error::new(ErrorKind::Store, "the stored key is invalid"))?;
        let (x, y) = (base64url(&point[1..33]), base64url(&point[33..]));
        let jwk = json!({ "kty": "EC", "crv": "P-256", "x": x, "y": y });
        Ok(Self(Arc::new(Inner { key, stored, jwk, peers: Mutex::default() })))
    }

    /// The serialized key.
    pub(crate) fn stored(&self) -> &Secret {
        &self.0.stored
    }

    /// Thumbprint of the public key.
    ///
    /// Spec: RFC 7638
    pub(crate) fn thumbprint(&self) -> String {
        let text = |name: &str| self.0.jwk[name].as_str().unwrap_or_default().to_owned();
        let (x, y) = (text("x"), text("y"));
        fingerprint(&format!(r#"{{"crv":"P-256","kty":"EC","x":"{x}","y":"{y}"}}"#))
    }

    /// A proof for one request, with the hash of the access token if there is one.
    pub(crate) fn proof(
        &self,
        method: &str,
        url: &Url,
        token: Option<&Secret>,
    ) -> Result<HeaderValue, Error> {
        let (nonce, ahead) = {
            let peers = self.lock();
            (peers.nonce(url), peers.ahead())
        };
        let header = json!({ "typ": "dpop+jwt", "alg": "ES256", "jwk": self.0.jwk });
        let mut claims = json!({
            "jti": unguessable()?.expose(),
            "htm": method,
            "htu": bare(url),
            "iat": now().saturating_add_signed(ahead),
        });
        if let Some(token) = token {
            claims["ath"] = fingerprint(token.expose()).into();
        }
        if let Some(nonce) = nonce {
            claims["nonce"] = nonce.into();
        }
        let input = signing_input(&header, &claims);
        let signature = base64url(self.0.key.signature(input.as_bytes())?);
        let mut proof = HeaderValue::try_from(format!("{input}.{signature}"))
            .map_err(|_| Error::new(ErrorKind::Protocol, "the proof is not a valid header"))?;
        proof.set_sensitive(true);
        Ok(proof)
    }

    /// Records the nonce and date of a response. Returns whether the nonce is new.
    pub(crate) fn answered(&self, url: &Url, headers: &HeaderMap) -> bool {
        self.lock().answered(url, headers)
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Peers> {
        self.0.peers.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The URL of a request for a proof: without query and fragment.
fn bare(url: &Url) -> String {
    let mut url = url.clone();
    url.set_query(None);
    url.set_fragment(None);
    let _ = url.set_username("");
    let _ = url.set_password(None);
    url.into()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use base64::Engine;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;

    use super::*;

    fn parts(proof: &HeaderValue) -> (Value, Value) {
        let text = proof.to_str().unwrap();
        let parts: Vec<_> = text.split('.').collect();
        assert_eq!(parts.len(), 3);
        assert_eq!(URL_SAFE_NO_PAD.decode(parts[2]).unwrap().len(), 64);
        let read =
            |part: &str| serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap();
        (read(parts[0]), read(parts[1]))
    }

    #[test]
    fn a_proof_is_for_one_request() {
        let key = ProofKey::generate().unwrap();
        let url = Url::parse("https://h:8443/mcp?key=secret#x").unwrap();
        let token = Secret::new("Kz~8mXK1EalYznwH-LC-1fBAo.4Ljp~zsPE_NeO.gxU");
        let first = key.proof("POST", &url, Some(&token)).unwrap();
        let (header, claims) = parts(&first);
        assert!(first.is_sensitive());
        assert_eq!((&header["typ"], &header["alg"]), (&json!("dpop+jwt"), &json!("ES256")));
        assert!(header["jwk"].get("d").is_none());
        assert_eq!(
            (&claims["htm"], &claims["htu"]),
            (&json!("POST"), &json!("https://h:8443/mcp"))
        );
        // Example of RFC 9449.
        assert_eq!(claims["ath"], "fUHyO2r2Z3DZ53EsNrWBb0xWXoaNy59IiKCAqksmQEo");
        assert!(claims["iat"].as_u64().unwrap().abs_diff(now()) < 5);
        let (_, other) = parts(&key.proof("POST", &url, None).unwrap());
        assert!(other["jti"] != claims["jti"] && other.get("ath").is_none());
        let again = ProofKey::from_stored(key.stored()).unwrap();
        assert_eq!(again.thumbprint(), key.thumbprint());
    }

    #[test]
    fn nonces_and_clocks_are_those_of_the_server() {
        let key = ProofKey::generate().unwrap();
        let (one, other) = (Url::parse("https://a/x").unwrap(), Url::parse("https://b/x").unwrap());
        let mut headers = HeaderMap::new();
        headers.insert("dpop-nonce", HeaderValue::from_static("n1"));
        headers.insert("date", HeaderValue::from_static("Sun, 06 Nov 1994 08:49:37 GMT"));
        assert!(key.answered(&one, &headers));
        assert!(!key.answered(&one, &headers), "the nonce is not new");
        let (_, claims) = parts(&key.proof("GET", &one, None).unwrap());
        assert_eq!(claims["nonce"], "n1");
        assert!(claims["iat"].as_u64().unwrap().abs_diff(784_111_777) < 5);
        let (_, claims) = parts(&key.proof("GET", &other, None).unwrap());
        assert!(claims.get("nonce").is_none(), "a nonce belongs to one origin");
    }
}
