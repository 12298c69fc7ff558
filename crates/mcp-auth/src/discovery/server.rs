//! Metadata of an authorization server.
//!
//! Spec: RFC 8414, OpenID Connect Discovery

use serde::Deserialize;

use super::fetch::{Fetch, read};
use super::wellknown::{is_same_issuer, of_issuer};
use crate::error::{Error, ErrorKind, one_line};

/// Metadata that an authorization server publishes.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct ServerMetadata {
    pub(crate) issuer: String,
    pub(crate) authorization_endpoint: Option<String>,
    pub(crate) token_endpoint: Option<String>,
    pub(crate) registration_endpoint: Option<String>,
    pub(crate) revocation_endpoint: Option<String>,
    pub(crate) device_authorization_endpoint: Option<String>,
    pub(crate) scopes_supported: Vec<String>,
    pub(crate) code_challenge_methods_supported: Vec<String>,
    pub(crate) token_endpoint_auth_methods_supported: Vec<String>,
    pub(crate) token_endpoint_auth_signing_alg_values_supported: Vec<String>,
    pub(crate) authorization_response_iss_parameter_supported: bool,
    pub(crate) client_id_metadata_document_supported: bool,
    pub(crate) dpop_signing_alg_values_supported: Vec<String>,
    /// No metadata was found: the endpoints are those of 2025-03-26.
    #[serde(skip)]
    pub(crate) is_assumed: bool,
}

impl ServerMetadata {
    /// Default endpoints at an origin that publishes no metadata.
    ///
    /// Spec: 2025-03-26 basic/authorization#fallbacks-for-servers-without-metadata-discovery
    pub(crate) fn assumed(base: &str) -> Self {
        let base = base.strip_suffix('/').unwrap_or(base);
        let at = |path| Some(format!("{base}{path}"));
        Self {
            issuer: base.to_owned(),
            authorization_endpoint: at("/authorize"),
            token_endpoint: at("/token"),
            registration_endpoint: at("/register"),
            is_assumed: true,
            ..Self::default()
        }
    }

    pub(crate) fn token_endpoint(&self) -> Result<&str, Error> {
        self.endpoint(&self.token_endpoint, "token endpoint")
    }

    pub(crate) fn endpoint<'a>(
        &self,
        endpoint: &'a Option<String>,
        what: &str,
    ) -> Result<&'a str, Error> {
        endpoint.as_deref().ok_or_else(|| {
            let message = format!("{} has no {what}", one_line(&self.issuer));
            Error::new(ErrorKind::Unsupported, message)
        })
    }
}

/// Finds the metadata of `issuer`.
///
/// # Errors
/// A transient failure of a URL, or metadata of another issuer.
pub(crate) async fn find(fetch: &Fetch, issuer: &str) -> Result<Option<ServerMetadata>, Error> {
    fetch.policy.check(issuer, "issuer")?;
    for place in of_issuer(issuer) {
        let Some(body) = fetch.document(&place).await? else { continue };
        let metadata: ServerMetadata = read(&body).map_err(|error| {
            let message = format!("invalid metadata at {}", one_line(&place));
            Error::new(ErrorKind::Protocol, message).with_source(error)
        })?;
        if !is_same_issuer(&metadata.issuer, issuer) {
            let message = format!(
                "the metadata of {} names another issuer, {}",
                one_line(issuer),
                one_line(&metadata.issuer)
            );
            return Err(Error::new(ErrorKind::Untrusted, message));
        }
        return Ok(Some(metadata));
    }
    Ok(None)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use super::*;

    #[test]
    fn null_members_count_as_absent() {
        let body = br#"{"issuer":"https://h","scopes_supported":null,"jwks_uri":null,"x":[null]}"#;
        let metadata: ServerMetadata = read(body).unwrap();
        assert_eq!(metadata.issuer, "https://h");
        assert!(metadata.scopes_supported.is_empty());
    }
}
