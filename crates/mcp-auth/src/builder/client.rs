//! The client: its identity and authentication.

use std::future::Future;

use crate::callback::{Callback, IntoSecret};
#[cfg(feature = "_crypto")]
use crate::error::Error;
use crate::oauth::OAuth;
use crate::secret::Secret;
use crate::sign::{Sign, Signer};

/// Client identity.
impl OAuth {
    /// The client id registered with the authorization server. Default: the [metadata
    /// document](Self::client_metadata_url) if one is set, otherwise dynamic registration.
    pub fn client(self, id: impl Into<String>) -> Self {
        self.set(|it| it.client_id = Some(id.into()))
    }

    /// The client secret. It is sent only to the [`issuer`](Self::issuer) or, if none is set, to the first issuer it
    /// was used with.
    pub fn secret(self, secret: impl Into<Secret>) -> Self {
        self.set(|it| it.secret = Some(secret.into()))
    }

    /// The private key of the client in PEM; see `PrivateKey`.
    ///
    /// # Errors
    /// [`Config`](crate::ErrorKind::Config) if the text is not a supported key.
    #[cfg(feature = "_crypto")]
    pub fn private_key_pem(self, pem: impl AsRef<[u8]>) -> Result<Self, Error> {
        Ok(self.private_key(crate::sign::PrivateKey::from_pem(pem)?))
    }

    /// The signer of the client: a `PrivateKey`, or an external key.
    pub fn private_key(self, key: impl Sign) -> Self {
        self.set(|it| it.signer = Some(Signer::new(key)))
    }

    /// A function that returns the client assertion for an audience, instead of a key.
    pub fn assertion<F, R>(self, assertion: F) -> Self
    where
        F: Fn(String) -> R + Send + Sync + 'static,
        R: Future<Output: IntoSecret> + Send + 'static,
    {
        self.set(|it| it.assertion = Some(Callback::new("assertion", assertion)))
    }

    /// The URL of the client id metadata document. It is the client id where the authorization server supports such
    /// documents.
    ///
    /// Spec: basic/authorization#client-id-metadata-documents
    pub fn client_metadata_url(self, url: impl Into<String>) -> Self {
        let url = url.into();
        let has_path = url.strip_prefix("https://").is_some_and(|rest| {
            rest.find('/').is_some_and(|at| at > 0 && rest.len() > at + 1) && !rest.contains('#')
        });
        self.set(|it| {
            if !has_path {
                it.set_error("the URL of the client's metadata is not an https URL with a path");
            }
            it.client_metadata_url = Some(url);
        })
    }

    /// The client name for dynamic registration, which the login page shows. Default: `MCP client`.
    pub fn client_name(self, name: impl Into<String>) -> Self {
        self.set(|it| it.client_name = name.into())
    }
}
