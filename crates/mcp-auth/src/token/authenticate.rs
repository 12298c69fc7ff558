//! Client authentication.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::{HeaderMap, HeaderValue, header};
use url::form_urlencoded;
use zeroize::Zeroizing;

use super::form::Form;
use super::request::Requester;
use crate::error::{Error, ErrorKind};
use crate::identity::registered::{AuthMethod, IdentityKind};
use crate::secret::Secret;
use crate::sign::jwt;

/// Type of a JWT client assertion.
const JWT_BEARER: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

impl Requester<'_> {
    /// Adds the client authentication.
    ///
    /// Spec: RFC 6749, 2.3.1
    pub(super) async fn authenticate(&self, form: Form) -> Result<(Form, HeaderMap), Error> {
        let client_id = self.client.client_id.as_str();
        let mut headers = HeaderMap::new();
        let form = match self.client.method {
            AuthMethod::None => form.with("client_id", client_id),
            AuthMethod::Post => {
                form.with("client_id", client_id).with("client_secret", self.secret()?.clone())
            }
            AuthMethod::Basic => {
                let encode = |text: &str| {
                    Zeroizing::new(
                        form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>(),
                    )
                };
                let (id, secret) = (encode(client_id), encode(self.secret()?.expose()));
                let plain = Zeroizing::new(format!("{}:{}", *id, *secret));
                let encoded = Zeroizing::new(format!("Basic {}", STANDARD.encode(&*plain)));
                let mut value = HeaderValue::from_str(&encoded).map_err(|_| {
                    Error::new(ErrorKind::Config, "the client secret is not a valid header")
                })?;
                value.set_sensitive(true);
                headers.insert(header::AUTHORIZATION, value);
                // The official Python SDK also requires the id in the body.
                form.with("client_id", client_id)
            }
            AuthMethod::PrivateKey => {
                let assertion = self.assertion(client_id).await?;
                form.with("client_id", client_id)
                    .with("client_assertion_type", JWT_BEARER)
                    .with("client_assertion", assertion)
            }
        };
        Ok((form, headers))
    }

    async fn assertion(&self, client_id: &str) -> Result<Secret, Error> {
        match (&self.settings.assertion, &self.settings.signer) {
            (Some(assertion), _) => assertion.call(self.issuer).await,
            (None, Some(signer)) => jwt::client_assertion(signer, client_id, self.issuer).await,
            (None, None) => Err(Error::new(ErrorKind::Config, "the client has no private key")),
        }
    }

    pub(super) fn secret(&self) -> Result<&Secret, Error> {
        let secret = match self.client.kind {
            IdentityKind::Registered => self.settings.secret.as_ref(),
            IdentityKind::Document | IdentityKind::Dynamic => self.client.secret.as_ref(),
        };
        secret.ok_or_else(|| Error::new(ErrorKind::Config, "the client has no secret"))
    }
}
