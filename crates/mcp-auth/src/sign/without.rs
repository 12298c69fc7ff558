//! A build without TLS has no keys.

use http::{HeaderMap, HeaderValue};
use url::Url;

use crate::error::{Error, ErrorKind};
use crate::secret::Secret;

/// Placeholder for the key of proofs.
#[derive(Clone, Debug)]
pub(crate) enum ProofKey {}

impl ProofKey {
    pub(crate) fn generate() -> Result<Self, Error> {
        let message = "DPoP requires the feature `tls-ring` or `tls-aws-lc` of mcp-auth";
        Err(Error::new(ErrorKind::Unsupported, message))
    }

    pub(crate) fn from_stored(_: &Secret) -> Result<Self, Error> {
        Self::generate()
    }

    pub(crate) fn stored(&self) -> &Secret {
        match *self {}
    }

    pub(crate) fn thumbprint(&self) -> String {
        match *self {}
    }

    pub(crate) fn proof(&self, _: &str, _: &Url, _: Option<&Secret>) -> Result<HeaderValue, Error> {
        match *self {}
    }

    pub(crate) fn answered(&self, _: &Url, _: &HeaderMap) -> bool {
        match *self {}
    }
}
