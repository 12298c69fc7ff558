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

/// The settings of TLS, not yet checked.
#[derive(Clone, Default)]
pub(crate) struct TlsSettings {
    pub(crate) extra_roots: Vec<Vec<u8>>,
    /// The chain of certificates and the key.
    pub(crate) identity: Option<(Vec<u8>, Vec<u8>)>,
    /// Has no meaning in a build without TLS.
    pub(crate) accept_invalid: bool,
}

fn unavailable(features: &'static str) -> Error {
    Error::new(
        ErrorKind::TlsUnavailable,
        format!("this build cannot speak https: enable the feature {features} of mcp-http"),
    )
    .not_sent()
}
