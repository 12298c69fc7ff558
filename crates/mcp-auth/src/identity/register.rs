//! Dynamic client registration.
//!
//! Spec: RFC 7591

use http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use serde_json::{Value, json};

use super::registered::{AuthMethod, Identity, IdentityKind, method_to_register};
use crate::discovery::fetch::{Fetch, Fetched};
use crate::discovery::server::ServerMetadata;
use crate::error::{Error, ErrorKind, one_line};
use crate::secret::Secret;
use crate::token::response::{members, refused};

/// A client to be registered.
pub(crate) struct Registration<'a> {
    pub(crate) client_name: &'a str,
    pub(crate) redirect_uri: &'a str,
    pub(crate) scopes: Vec<String>,
}

impl Registration<'_> {
    /// Registers the client.
    ///
    /// # Errors
    /// [`Registration`](ErrorKind::Registration), with the setting to use instead.
    pub(crate) async fn register(
        &self,
        fetch: &Fetch,
        server: &ServerMetadata,
    ) -> Result<Identity, Error> {
        let Some(endpoint) = &server.registration_endpoint else {
            let message = format!(
                "{} registers no clients: register one there and set `.client(\"id\")`, or \
                 `.client_metadata_url(…)`",
                one_line(&server.issuer)
            );
            return Err(Error::new(ErrorKind::Registration, message));
        };
        let methods = &server.token_endpoint_auth_methods_supported;
        let Some(method) = method_to_register(methods) else {
            let message = format!(
                "{} requires client authentication by {}: register one there and set `.client(\"id\")`",
                one_line(&server.issuer),
                one_line(&methods.join(", "))
            );
            return Err(Error::new(ErrorKind::Registration, message));
        };
        let mut scopes = self.scopes.clone();
        let mut answer = self.ask(fetch, endpoint, method, true).await?;
        let is_about_metadata = |answer: &Fetched| {
            let members = members(&answer.body).unwrap_or_default();
            refused(answer, &members).is("invalid_client_metadata")
        };
        if !self.scopes.is_empty() && answer.status.is_client_error() && is_about_metadata(&answer)
        {
            // The refusal may be about a scope.
            answer = self.ask(fetch, endpoint, method, false).await?;
            scopes.clear();
        }
        let identity = self.read(server, method, &answer)?;
        Ok(Identity { scopes, ..identity })
    }

    async fn ask(
        &self,
        fetch: &Fetch,
        endpoint: &str,
        method: AuthMethod,
        with_scope: bool,
    ) -> Result<Fetched, Error> {
        let url = fetch.policy.check(endpoint, "registration endpoint")?;
        let mut body = json!({
            "client_name": self.client_name,
            "redirect_uris": [self.redirect_uri],
            "application_type": "native",
            "grant_types": ["authorization_code", "refresh_token"],
            "response_types": ["code"],
            "token_endpoint_auth_method": method.name(),
        });
        if with_scope && !self.scopes.is_empty() {
            body["scope"] = self.scopes.join(" ").into();
        }
        let mut headers = HeaderMap::new();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        fetch.send(Method::POST, &url, headers, body.to_string().into()).await
    }

    fn read(
        &self,
        server: &ServerMetadata,
        asked: AuthMethod,
        answer: &Fetched,
    ) -> Result<Identity, Error> {
        let members = members(&answer.body).unwrap_or_default();
        let issuer = one_line(&server.issuer);
        let unusable = |why: &str| {
            let message = format!(
                "the registration at {issuer} {why}: register a client there and set `.client(\"id\")`"
            );
            Error::new(ErrorKind::Registration, message)
        };
        if !matches!(answer.status, StatusCode::OK | StatusCode::CREATED) {
            let cause = refused(answer, &members).into_error();
            let why = format!("was refused with {}", answer.status);
            return Err(unusable(&why).with_source(cause));
        }
        let text =
            |name: &str| members.get(name).and_then(Value::as_str).filter(|it| !it.is_empty());
        let client_id = text("client_id").ok_or_else(|| unusable("returned no client id"))?;
        let method =
            match text("token_endpoint_auth_method") {
                Some(name) => AuthMethod::of(name)
                    .filter(|method| *method != AuthMethod::PrivateKey)
                    .ok_or_else(|| unusable("requires an unsupported authentication method"))?,
                None => asked,
            };
        let secret = text("client_secret").map(Secret::new);
        if secret.is_none() && method != AuthMethod::None {
            return Err(unusable("returned no secret"));
        }
        if let Some(Value::Array(uris)) = members.get("redirect_uris")
            && !uris.is_empty()
            && !uris.iter().any(|uri| uri == self.redirect_uri)
        {
            return Err(unusable("returned another redirect URI"));
        }
        let expires_at = members.get("client_secret_expires_at").and_then(Value::as_u64);
        Ok(Identity {
            client_id: client_id.to_owned(),
            secret,
            method,
            kind: IdentityKind::Dynamic,
            redirect_uri: Some(self.redirect_uri.to_owned()),
            scopes: Vec::new(),
            expires_at: expires_at.filter(|at| *at > 0),
        })
    }
}
