//! Private keys in memory.

use std::fmt;
use std::sync::Arc;

#[cfg(all(feature = "tls-aws-lc", not(feature = "tls-ring")))]
use aws_lc_rs as provider;
#[cfg(feature = "tls-ring")]
use ring as provider;

use provider::rand::SystemRandom;
use provider::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair, RSA_PKCS1_SHA256,
    RsaKeyPair,
};
use rustls_pki_types::PrivateKeyDer;
use rustls_pki_types::pem::PemObject;

use super::Sign;
use crate::error::{Error, ErrorKind};
use crate::secret::Secret;

/// A private key: P-256 (`ES256`), Ed25519 (`EdDSA`) or RSA of at least 2,048 bits (`RS256`). Clones share it. `Debug`
/// shows only the algorithm.
#[derive(Clone)]
pub struct PrivateKey {
    pair: Arc<Pair>,
    id: Option<String>,
}

enum Pair {
    Es256(EcdsaKeyPair),
    Ed25519(Ed25519KeyPair),
    Rs256(RsaKeyPair),
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
            PrivateKeyDer::Pkcs8(der) => of_pkcs8(der.secret_pkcs8_der()),
            PrivateKeyDer::Sec1(der) => es256(&wrapped(der.secret_sec1_der())),
            PrivateKeyDer::Pkcs1(der) => {
                RsaKeyPair::from_der(der.secret_pkcs1_der()).ok().map(Pair::Rs256)
            }
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
        let pkcs8 =
            EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &SystemRandom::new())
                .map_err(|_| Error::new(ErrorKind::Unavailable, "could not generate a key"))?;
        let text = Secret::new(super::digest::base64url(pkcs8.as_ref()));
        Ok((Self::from_stored(&text)?, text))
    }

    /// Restores a key of [`generate`](Self::generate).
    pub(crate) fn from_stored(text: &Secret) -> Result<Self, Error> {
        use base64::Engine;
        let decoded = base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(text.expose());
        let decoded = decoded.map(zeroize::Zeroizing::new).ok();
        let pair = decoded.and_then(|der| es256(&der)).ok_or_else(unusable)?;
        Ok(Self { pair: Arc::new(pair), id: None })
    }

    /// The public point of an `ES256` key, uncompressed.
    pub(crate) fn public_point(&self) -> Option<&[u8]> {
        match &*self.pair {
            Pair::Es256(pair) => Some(pair.public_key().as_ref()),
            _ => None,
        }
    }

    /// Signs `message`, in the JOSE format.
    pub(crate) fn signature(&self, message: &[u8]) -> Result<Vec<u8>, Error> {
        let random = SystemRandom::new();
        let failed = |_| Error::new(ErrorKind::Config, "the private key cannot sign");
        match &*self.pair {
            Pair::Es256(pair) => {
                pair.sign(&random, message).map(|it| it.as_ref().to_vec()).map_err(failed)
            }
            Pair::Ed25519(pair) => Ok(pair.sign(message).as_ref().to_vec()),
            Pair::Rs256(pair) => {
                let mut signature = vec![0; modulus_len(pair)];
                pair.sign(&RSA_PKCS1_SHA256, &random, message, &mut signature)
                    .map(|()| signature)
                    .map_err(failed)
            }
        }
    }
}

impl Sign for PrivateKey {
    fn algorithm(&self) -> &str {
        match &*self.pair {
            Pair::Es256(_) => "ES256",
            Pair::Ed25519(_) => "EdDSA",
            Pair::Rs256(_) => "RS256",
        }
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

fn of_pkcs8(der: &[u8]) -> Option<Pair> {
    es256(der)
        .or_else(|| Ed25519KeyPair::from_pkcs8_maybe_unchecked(der).ok().map(Pair::Ed25519))
        .or_else(|| RsaKeyPair::from_pkcs8(der).ok().map(Pair::Rs256))
}

#[cfg(feature = "tls-ring")]
fn es256(der: &[u8]) -> Option<Pair> {
    let random = SystemRandom::new();
    let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, der, &random);
    pair.ok().map(Pair::Es256)
}

#[cfg(all(feature = "tls-aws-lc", not(feature = "tls-ring")))]
fn es256(der: &[u8]) -> Option<Pair> {
    EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, der).ok().map(Pair::Es256)
}

#[cfg(feature = "tls-ring")]
fn modulus_len(pair: &RsaKeyPair) -> usize {
    pair.public().modulus_len()
}

#[cfg(all(feature = "tls-aws-lc", not(feature = "tls-ring")))]
fn modulus_len(pair: &RsaKeyPair) -> usize {
    pair.public_modulus_len()
}

/// Wraps a SEC1 key of P-256 in PKCS#8. The result for another curve is not a valid key.
fn wrapped(sec1: &[u8]) -> zeroize::Zeroizing<Vec<u8>> {
    /// The version, and `ecPublicKey` with `prime256v1`.
    const HEAD: [u8; 24] = [
        0x02, 0x01, 0x00, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06,
        0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07,
    ];
    let mut inner = zeroize::Zeroizing::new(HEAD.to_vec());
    element(&mut inner, 0x04, sec1);
    let mut der = zeroize::Zeroizing::new(Vec::new());
    element(&mut der, 0x30, &inner);
    der
}

fn element(to: &mut Vec<u8>, tag: u8, content: &[u8]) {
    to.push(tag);
    let [.., high, low] = content.len().to_be_bytes();
    match content.len() {
        0..=0x7f => to.push(low),
        0x80..=0xff => to.extend([0x81, low]),
        _ => to.extend([0x82, high, low]),
    }
    to.extend_from_slice(content);
}

fn unusable() -> Error {
    let message = "the private key is not a P-256, Ed25519 or RSA (2,048 bits or more) key in PEM";
    Error::new(ErrorKind::Config, message)
}
