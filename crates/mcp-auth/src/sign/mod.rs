//! Signatures: with a key in memory, or by a service.

#[cfg(feature = "_crypto")]
pub(crate) mod date;
pub(crate) mod digest;
#[cfg(feature = "_crypto")]
pub(crate) mod dpop;
pub(crate) mod jwt;
#[cfg(feature = "_crypto")]
pub(crate) mod key;
#[cfg(not(feature = "_crypto"))]
mod without;

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

#[cfg(feature = "_crypto")]
pub(crate) use dpop::ProofKey;
#[cfg(feature = "_crypto")]
pub use key::PrivateKey;
#[cfg(not(feature = "_crypto"))]
pub(crate) use without::ProofKey;

use crate::error::Error;

/// Signs assertions of a client, such as a key in a module of hardware or in the service of a cloud.
///
/// A `PrivateKey` in memory is one.
pub trait Sign: Send + Sync + 'static {
    /// The algorithm, by its name in JOSE, such as `ES256`.
    fn algorithm(&self) -> &str;

    /// The id of the key, for the header of what is signed. Default: none.
    fn key_id(&self) -> Option<&str> {
        None
    }

    /// The signature of `message`, in the form of JOSE: for `ES256` 64 bytes, not DER.
    ///
    /// # Errors
    /// The key cannot be used.
    fn sign(&self, message: Vec<u8>) -> impl Future<Output = Result<Vec<u8>, Error>> + Send;
}

/// A [`Sign`] of any type.
#[derive(Clone)]
pub(crate) struct Signer(Arc<dyn Erased>);

impl Signer {
    pub(crate) fn new(sign: impl Sign) -> Self {
        Self(Arc::new(sign))
    }

    pub(crate) fn algorithm(&self) -> &str {
        self.0.algorithm()
    }

    pub(crate) fn key_id(&self) -> Option<&str> {
        self.0.key_id()
    }

    pub(crate) async fn sign(&self, message: Vec<u8>) -> Result<Vec<u8>, Error> {
        self.0.sign(message).await
    }
}

trait Erased: Send + Sync {
    fn algorithm(&self) -> &str;
    fn key_id(&self) -> Option<&str>;
    fn sign(
        &self,
        message: Vec<u8>,
    ) -> Pin<Box<dyn Future<Output = Result<Vec<u8>, Error>> + Send + '_>>;
}

impl<S: Sign> Erased for S {
    fn algorithm(&self) -> &str {
        Sign::algorithm(self)
    }

    fn key_id(&self) -> Option<&str> {
        Sign::key_id(self)
    }

    fn sign(
        &self,
        message: Vec<u8>,
    ) -> Pin<Box<dyn Future<Output = Result<Vec<u8>, Error>> + Send + '_>> {
        Box::pin(Sign::sign(self, message))
    }
}
