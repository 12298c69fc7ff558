//! Signatures with a key in memory or in an external service.

#[cfg(feature = "_crypto")]
pub(crate) mod date;
pub(crate) mod digest;
#[cfg(feature = "_crypto")]
pub(crate) mod dpop;
pub(crate) mod jwt;
#[cfg(feature = "_crypto")]
pub(crate) mod key;
#[cfg(feature = "_crypto")]
mod pair;
#[cfg(feature = "_crypto")]
mod peers;
#[cfg(feature = "_crypto")]
mod sec1;
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

/// Signs client assertions with an external key, such as one in a hardware module or a cloud service.
///
/// `PrivateKey` implements it with a key in memory.
pub trait Sign: Send + Sync + 'static {
    /// The algorithm, by its JOSE name, such as `ES256`.
    fn algorithm(&self) -> &str;

    /// The key id, for the header of the assertion. Default: none.
    fn key_id(&self) -> Option<&str> {
        None
    }

    /// Signs `message`, in the JOSE format: for `ES256` 64 bytes, not DER.
    ///
    /// # Errors
    /// The key cannot be used.
    fn sign(&self, message: Vec<u8>) -> impl Future<Output = Result<Vec<u8>, Error>> + Send;
}

/// A type-erased [`Sign`].
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
