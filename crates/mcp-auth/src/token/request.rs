//! Requests to a token endpoint.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::{HeaderMap, HeaderName, HeaderValue, Method, header};
use url::{Url, form_urlencoded};
use zeroize::Zeroizing;

use super::response::{Refused, TokenResponse, read};
use crate::discovery::fetch::{Fetch, Fetched};
use crate::error::{Error, ErrorKind};
use crate::identity::registered::{AuthMethod, Identity, IdentityKind};
use crate::secret::Secret;
use crate::settings::Settings;
use crate::sign::{ProofKey, jwt};

/// Parameters that contain secrets.
const SECRETS: &[&str] = &[
    "assertion",
    "client_assertion",
    "client_secret",
    "code",
    "code_verifier",
    "device_code",
    "refresh_token",
    "subject_token",
    "token",
];
const DPOP: HeaderName = HeaderName::from_static("dpop");
/// Type of a JWT client assertion.
const JWT_BEARER: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

/// A client at an authorization server.
pub(crate) struct Requester<'a> {
    pub(crate) fetch: &'a Fetch,
    pub(crate) settings: &'a Settings,
    pub(crate) issuer: &'a str,
    pub(crate) client: &'a Identity,
    pub(crate) proof_key: Option<&'a ProofKey>,
}

/// The parameters of a request.
pub(crate) struct Form(Vec<(String, Secret)>);

impl Form {
    pub(crate) fn new(grant_type: &str) -> Self {
        Self::empty().with("grant_type", grant_type)
    }

    pub(crate) fn empty() -> Self {
        Self(Vec::new())
    }

    /// Sets a parameter unless it is set already.
    pub(crate) fn with(mut self, name: &str, value: impl Into<Secret>) -> Self {
        if !self.0.iter().any(|(it, _)| it == name) {
            self.0.push((name.to_owned(), value.into()));
        }
        self
    }

    pub(crate) fn with_some(self, name: &str, value: Option<&str>) -> Self {
        match value {
            Some(value) => self.with(name, value),
            None => self,
        }
    }

    fn secrets(&self) -> impl Iterator<Item = Secret> {
        let secrets = self.0.iter().filter(|(name, _)| SECRETS.contains(&name.as_str()));
        secrets.map(|(_, value)| value.clone())
    }

    fn encode(&self) -> Zeroizing<String> {
        let mut serializer = form_urlencoded::Serializer::new(String::new());
        for (name, value) in &self.0 {
            serializer.append_pair(name, value.expose());
        }
        Zeroizing::new(serializer.finish())
    }
}

impl Requester<'_> {
    /// Requests a token.
    pub(crate) async fn token(
        &self,
        endpoint: &str,
        mut form: Form,
    ) -> Result<Result<TokenResponse, Refused>, Error> {
        let url = self.fetch.policy.check(endpoint, "token endpoint")?;
        for (name, value) in &self.settings.token_params {
            form = form.with(name, value.as_str());
        }
        let answer = self.send(&url, form).await?;
        read(&answer)
    }

    /// Sends a form as the client, with a proof if tokens are bound to a key.
    pub(crate) async fn send(&self, url: &Url, form: Form) -> Result<Fetched, Error> {
        let (form, headers) = self.authenticate(form).await?;
        let body = form.encode();
        let mut answer = self.post(url, headers.clone(), &body).await?;
        let wants_nonce = |answer: &Fetched| {
            let body = String::from_utf8_lossy(&answer.body);
            answer.status.is_client_error() && body.contains("use_dpop_nonce")
        };
        if self.proof_key.is_some() && wants_nonce(&answer) {
            answer = self.post(url, headers.clone(), &body).await?;
        }
        let basic = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
        let basic = basic.and_then(|value| value.strip_prefix("Basic ")).map(Secret::new);
        let own = self.secret().ok().cloned();
        answer.sent = form.secrets().chain(own).chain(basic).collect();
        Ok(answer)
    }

    async fn post(&self, url: &Url, mut headers: HeaderMap, body: &str) -> Result<Fetched, Error> {
        if let Some(key) = self.proof_key {
            headers.insert(DPOP, key.proof("POST", url, None)?);
        }
        let form = HeaderValue::from_static("application/x-www-form-urlencoded");
        headers.insert(header::CONTENT_TYPE, form);
        let answer = self.fetch.send(Method::POST, url, headers, body.to_owned().into()).await?;
        if let Some(key) = self.proof_key {
            key.answered(url, &answer.headers);
        }
        Ok(answer)
    }

    /// Adds the client authentication.
    ///
    /// Spec: RFC 6749, 2.3.1
    async fn authenticate(&self, form: Form) -> Result<(Form, HeaderMap), Error> {
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

    fn secret(&self) -> Result<&Secret, Error> {
        let secret = match self.client.kind {
            IdentityKind::Registered => self.settings.secret.as_ref(),
            IdentityKind::Document | IdentityKind::Dynamic => self.client.secret.as_ref(),
        };
        secret.ok_or_else(|| Error::new(ErrorKind::Config, "the client has no secret"))
    }
}
