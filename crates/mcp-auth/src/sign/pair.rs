//! Key pairs of the cryptography provider: `ring` or `aws-lc-rs`.

#[cfg(all(feature = "tls-aws-lc", not(feature = "tls-ring")))]
use aws_lc_rs as provider;
#[cfg(feature = "tls-ring")]
use ring as provider;

use provider::rand::SystemRandom;
use provider::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair, RSA_PKCS1_SHA256,
    RsaKeyPair,
};
use zeroize::Zeroizing;

/// A key pair, by its algorithm.
pub(super) enum Pair {
    Es256(EcdsaKeyPair),
    Ed25519(Ed25519KeyPair),
    Rs256(RsaKeyPair),
}

impl Pair {
    /// Parses PKCS#8 of any of the algorithms.
    pub(super) fn from_pkcs8(der: &[u8]) -> Option<Self> {
        Self::es256(der)
            .or_else(|| Ed25519KeyPair::from_pkcs8_maybe_unchecked(der).ok().map(Self::Ed25519))
            .or_else(|| RsaKeyPair::from_pkcs8(der).ok().map(Self::Rs256))
    }

    /// Parses an RSA key in PKCS#1.
    pub(super) fn from_pkcs1(der: &[u8]) -> Option<Self> {
        RsaKeyPair::from_der(der).ok().map(Self::Rs256)
    }

    /// Parses a P-256 key in PKCS#8.
    #[cfg(feature = "tls-ring")]
    pub(super) fn es256(der: &[u8]) -> Option<Self> {
        let random = SystemRandom::new();
        let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, der, &random);
        pair.ok().map(Self::Es256)
    }

    /// Parses a P-256 key in PKCS#8.
    #[cfg(all(feature = "tls-aws-lc", not(feature = "tls-ring")))]
    pub(super) fn es256(der: &[u8]) -> Option<Self> {
        EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, der).ok().map(Self::Es256)
    }

    /// Generates the PKCS#8 of a P-256 key.
    pub(super) fn generate() -> Option<Zeroizing<Vec<u8>>> {
        let random = SystemRandom::new();
        let pkcs8 = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &random);
        pkcs8.ok().map(|der| Zeroizing::new(der.as_ref().to_vec()))
    }

    /// The JOSE name of the algorithm.
    pub(super) fn algorithm(&self) -> &'static str {
        match self {
            Self::Es256(_) => "ES256",
            Self::Ed25519(_) => "EdDSA",
            Self::Rs256(_) => "RS256",
        }
    }

    /// The public point of an `ES256` key, uncompressed.
    pub(super) fn public_point(&self) -> Option<&[u8]> {
        match self {
            Self::Es256(pair) => Some(pair.public_key().as_ref()),
            _ => None,
        }
    }

    /// Signs `message`, in the JOSE format.
    pub(super) fn sign(&self, message: &[u8]) -> Option<Vec<u8>> {
        let random = SystemRandom::new();
        match self {
            Self::Es256(pair) => pair.sign(&random, message).ok().map(|it| it.as_ref().to_vec()),
            Self::Ed25519(pair) => Some(pair.sign(message).as_ref().to_vec()),
            Self::Rs256(pair) => {
                let mut signature = vec![0; modulus_len(pair)];
                let signed = pair.sign(&RSA_PKCS1_SHA256, &random, message, &mut signature);
                signed.ok().map(|()| signature)
            }
        }
    }
}

#[cfg(feature = "tls-ring")]
fn modulus_len(pair: &RsaKeyPair) -> usize {
    pair.public().modulus_len()
}

#[cfg(all(feature = "tls-aws-lc", not(feature = "tls-ring")))]
fn modulus_len(pair: &RsaKeyPair) -> usize {
    pair.public_modulus_len()
}
