//! JSON Web Tokens signed by the client.

use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::{Value, json};

use super::Signer;
use super::digest::{base64url, unguessable};
use crate::error::Error;
use crate::secret::Secret;

/// Lifetime of a client assertion, in seconds.
const ASSERTION_LIFETIME: u64 = 60;

/// Seconds since 1970.
pub(crate) fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs()
}

/// Encodes header and claims for signing.
pub(crate) fn signing_input(header: &Value, claims: &Value) -> String {
    format!("{}.{}", base64url(header.to_string()), base64url(claims.to_string()))
}

/// The client assertion for one authorization server.
///
/// Spec: RFC 7523, 3
pub(crate) async fn client_assertion(
    signer: &Signer,
    client_id: &str,
    audience: &str,
) -> Result<Secret, Error> {
    let mut header = json!({ "alg": signer.algorithm(), "typ": "JWT" });
    if let Some(id) = signer.key_id() {
        header["kid"] = id.into();
    }
    let issued = now();
    let claims = json!({
        "iss": client_id,
        "sub": client_id,
        "aud": audience,
        "iat": issued,
        "exp": issued + ASSERTION_LIFETIME,
        "jti": unguessable()?.expose(),
    });
    let input = signing_input(&header, &claims);
    let signature = signer.sign(input.clone().into_bytes()).await?;
    Ok(Secret::new(format!("{input}.{}", base64url(signature))))
}
