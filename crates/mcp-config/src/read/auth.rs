//! Authentication settings of a remote server.

use serde_json::{Map, Value};

use super::oauth;
use crate::fields::Fields;
use crate::oauth::OAuth;
use crate::server::Auth;

/// Fields with a literal bearer token.
const TOKENS: &[&str] = &["bearer_token", "bearerToken", "authorization_token", "apiKey"];
/// Fields with the name of an environment variable that holds a bearer token.
const TOKEN_VARIABLES: &[&str] = &["bearer_token_env_var", "bearerTokenEnvVar", "bearerTokenEnv"];

pub(super) fn read(fields: &mut Fields<'_>) -> Option<Auth> {
    if let Some(variable) = fields.text(TOKEN_VARIABLES) {
        return Some(Auth::Bearer(format!("${{{variable}}}")));
    }
    if let Some(token) = fields.text(TOKENS) {
        return Some(Auth::Bearer(token));
    }
    let path = fields.at("auth");
    let oauth = match fields.take(&["auth"]) {
        Some((_, Value::String(text))) if text.eq_ignore_ascii_case("oauth") => {
            Some(OAuth::default())
        }
        Some((_, Value::String(token))) => return Some(Auth::Bearer(token)),
        Some((_, Value::Object(settings))) if is_oauth(&settings) => {
            oauth::object(fields, settings, path)
        }
        Some((_, Value::Object(settings))) => return Some(Auth::Other(settings)),
        Some((_, Value::Bool(false))) | None => None,
        Some((_, other)) => {
            fields.wrong(&path, &other, "\"oauth\", a token, or an object");
            None
        }
    };
    let oauth = oauth.or_else(|| own_object(fields));
    oauth::beside(fields, oauth).map(|oauth| Auth::OAuth(Box::new(oauth)))
}

/// The `oauth` field: `true`, or an object.
fn own_object(fields: &mut Fields<'_>) -> Option<OAuth> {
    let path = fields.at("oauth");
    match fields.get("oauth") {
        Some(Value::Bool(true)) => {
            fields.take(&["oauth"]);
            Some(OAuth::default())
        }
        Some(Value::Object(_)) => {
            let (_, settings) = fields.object(&["oauth"])?;
            oauth::object(fields, settings, path)
        }
        _ => None,
    }
}

/// Whether an object has OAuth settings, by its type or its fields.
fn is_oauth(settings: &Map<String, Value>) -> bool {
    match settings.get("type") {
        Some(Value::String(kind)) => {
            kind.eq_ignore_ascii_case("oauth") || kind.eq_ignore_ascii_case("oauth2")
        }
        Some(_) => false,
        None => settings.keys().any(|name| {
            let plain = name.to_ascii_lowercase().replace('_', "");
            matches!(
                &*plain,
                "clientid" | "issuer" | "scopes" | "scope" | "grant" | "clientmetadataurl"
            )
        }),
    }
}
