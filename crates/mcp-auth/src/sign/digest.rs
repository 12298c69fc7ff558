//! Hashes, random texts and their encoding.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest, Sha256};

use crate::error::{Error, ErrorKind};
use crate::secret::Secret;

/// Base64 for URLs, without padding.
pub(crate) fn base64url(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

pub(crate) fn sha256(bytes: impl AsRef<[u8]>) -> [u8; 32] {
    Sha256::digest(bytes.as_ref()).into()
}

/// The hash of a text, encoded.
pub(crate) fn fingerprint(text: &str) -> String {
    base64url(sha256(text))
}

/// Random bytes from the operating system.
pub(crate) fn random<const N: usize>() -> Result<[u8; N], Error> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).map_err(|error| {
        let message = "the operating system returned no random bytes";
        Error::new(ErrorKind::Unavailable, message)
            .with_source(std::io::Error::other(error.to_string()))
    })?;
    Ok(bytes)
}

/// A random text of 43 characters with 256 bits of entropy.
pub(crate) fn unguessable() -> Result<Secret, Error> {
    random::<32>().map(|bytes| Secret::new(base64url(bytes)))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use super::*;

    #[test]
    fn the_challenge_of_rfc_7636() {
        let verifier = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
        assert_eq!(fingerprint(verifier), "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM");
        let (one, other) = (unguessable().unwrap(), unguessable().unwrap());
        assert_eq!(one.expose().len(), 43);
        assert!(one != other);
    }
}
