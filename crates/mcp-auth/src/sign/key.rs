//! Private keys in memory.

use std::fmt;
use std::sync::Arc;

use rustls_pki_types::PrivateKeyDer;
use rustls_pki_types::pem::PemObject;

use super::Sign;
use super::pair::Pair;
use super::sec1::wrapped;
use crate::error::{Error, ErrorKind};
use crate::secret::Secret;

/// A private key: P-256 (`ES256`), Ed25519 (`EdDSA`) or RSA of at least 2,048 bits (`RS256`). Clones share it. `Debug`
/// shows only the algorithm.
#[derive(Clone)]
pub struct PrivateKey {
    pair: Arc<Pair>,
    id: Option<String>,
}

impl PrivateKey {
    /// Parses a key in PEM: PKCS#8, SEC1 (`EC PRIVATE KEY`) or PKCS#1 (`RSA PRIVATE KEY`).
    ///
    /// # Errors
    /// [`Config`](ErrorKind::Config) if the text is not such a key.
    pub fn from_pem(pem: impl AsRef<[u8]>) -> Result<Self, Error> {
        let key = PrivateKeyDer::from_pem_slice(pem.as_ref())
            .map_err(|error| unusable().with_source(std::io::Error::other(error.to_string())))?;
        let pair = match key {
            PrivateKeyDer::Pkcs8(der) => Pair::from_pkcs8(der.secret_pkcs8_der()),
            PrivateKeyDer::Sec1(der) => Pair::es256(&wrapped(der.secret_sec1_der())),
            PrivateKeyDer::Pkcs1(der) => Pair::from_pkcs1(der.secret_pkcs1_der()),
            _ => None,
        };
        let pair = pair.ok_or_else(unusable)?;
        Ok(Self { pair: Arc::new(pair), id: None })
    }

    /// Sets the key id, which the authorization server uses to find the public key.
    #[must_use]
    pub fn with_id(mut self, id: impl Into<String>) -> Self {
        self.id = Some(id.into());
        self
    }

    /// Generates a key for `ES256`, and returns it with its PKCS#8 in Base64.
    pub(crate) fn generate() -> Result<(Self, Secret), Error> {
        let pkcs8 = Pair::generate()
            .ok_or_else(|| Error::new(ErrorKind::Unavailable, "could not generate a key"))?;
        let text = Secret::new(super::digest::base64url(&pkcs8));
        Ok((Self::from_stored(&text)?, text))
    }

    /// Restores a key of [`generate`](Self::generate).
    pub(crate) fn from_stored(text: &Secret) -> Result<Self, Error> {
        use base64::Engine;
        let decoded = base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(text.expose());
        let decoded = decoded.map(zeroize::Zeroizing::new).ok();
        let pair = decoded.and_then(|der| Pair::es256(&der)).ok_or_else(unusable)?;
        Ok(Self { pair: Arc::new(pair), id: None })
    }

    /// The public point of an `ES256` key, uncompressed.
    pub(crate) fn public_point(&self) -> Option<&[u8]> {
        self.pair.public_point()
    }

    /// Signs `message`, in the JOSE format.
    pub(crate) fn signature(&self, message: &[u8]) -> Result<Vec<u8>, Error> {
        let signature = self.pair.sign(message);
        signature.ok_or_else(|| Error::new(ErrorKind::Config, "the private key cannot sign"))
    }
}

impl Sign for PrivateKey {
    fn algorithm(&self) -> &str {
        self.pair.algorithm()
    }

    fn key_id(&self) -> Option<&str> {
        self.id.as_deref()
    }

    async fn sign(&self, message: Vec<u8>) -> Result<Vec<u8>, Error> {
        self.signature(&message)
    }
}

impl fmt::Debug for PrivateKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("PrivateKey").field(&self.algorithm()).finish()
    }
}

fn unusable() -> Error {
    let message = "the private key is not a P-256, Ed25519 or RSA (2,048 bits or more) key in PEM";
    Error::new(ErrorKind::Config, message)
}
