use super::{TlsSettings, unavailable};
use crate::error::Error;

/// Placeholder for builds without TLS.
#[derive(Debug)]
pub(crate) struct Tls;

impl Tls {
    pub(crate) fn new(settings: &TlsSettings, _: bool) -> Result<Self, Error> {
        let is_used = !settings.extra_roots.is_empty() || settings.identity.is_some();
        if is_used { Self.check().map(|()| Self) } else { Ok(Self) }
    }

    pub(crate) fn without_identity(&self) -> Self {
        Self
    }

    pub(crate) fn check(&self) -> Result<(), Error> {
        Err(unavailable("`tls-ring` or `tls-aws-lc`"))
    }
}
