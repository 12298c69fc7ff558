//! Requests to a token endpoint.

use http::{HeaderMap, HeaderName, HeaderValue, Method, header};
use url::Url;

use super::form::Form;
use super::response::{Refused, TokenResponse, read};
use crate::discovery::fetch::{Fetch, Fetched};
use crate::error::Error;
use crate::identity::registered::Identity;
use crate::secret::Secret;
use crate::settings::Settings;
use crate::sign::ProofKey;

const DPOP: HeaderName = HeaderName::from_static("dpop");

/// A client at an authorization server.
pub(crate) struct Requester<'a> {
    pub(crate) fetch: &'a Fetch,
    pub(crate) settings: &'a Settings,
    pub(crate) issuer: &'a str,
    pub(crate) client: &'a Identity,
    pub(crate) proof_key: Option<&'a ProofKey>,
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
}
