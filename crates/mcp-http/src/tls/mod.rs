#[cfg(feature = "_tls")]
mod unchecked;
#[cfg(feature = "_tls")]
mod with;
#[cfg(not(feature = "_tls"))]
mod without;

use crate::error::{Error, ErrorKind};

#[cfg(feature = "_tls")]
pub(crate) use with::{Tls, wants_certificate};
#[cfg(not(feature = "_tls"))]
pub(crate) use without::Tls;

/// Unvalidated TLS settings.
#[derive(Clone, Default)]
pub(crate) struct TlsSettings {
    pub(crate) extra_roots: Vec<Vec<u8>>,
    /// The certificate chain and the private key.
    pub(crate) identity: Option<(Vec<u8>, Vec<u8>)>,
    /// Ignored in a build without TLS.
    pub(crate) accept_invalid: bool,
}

fn unavailable(features: &'static str) -> Error {
    Error::new(
        ErrorKind::TlsUnavailable,
        format!("this build has no https support: enable the feature {features} of mcp-http"),
    )
    .not_sent()
}
