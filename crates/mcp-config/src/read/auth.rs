//! How to authenticate at a remote server.

use serde_json::Value;

use crate::fields::Fields;
use crate::server::Auth;

/// Fields of a bearer token that is written out.
const TOKENS: &[&str] = &["bearer_token", "bearerToken", "authorization_token", "apiKey"];
/// Fields with the name of a variable that holds a bearer token.
const TOKEN_VARIABLES: &[&str] = &["bearer_token_env_var", "bearerTokenEnvVar", "bearerTokenEnv"];

pub(super) fn read(fields: &mut Fields<'_>) -> Option<Auth> {
    if let Some(variable) = fields.text(TOKEN_VARIABLES) {
        return Some(Auth::Bearer(format!("${{{variable}}}")));
    }
    if let Some(token) = fields.text(TOKENS) {
        return Some(Auth::Bearer(token));
    }
    let path = fields.at("auth");
    match fields.take(&["auth"]) {
        Some((_, Value::String(text))) if text.eq_ignore_ascii_case("oauth") => Some(Auth::OAuth),
        Some((_, Value::String(token))) => Some(Auth::Bearer(token)),
        Some((_, Value::Object(settings))) => Some(Auth::Other(settings)),
        Some((_, Value::Bool(false))) => None,
        Some((_, other)) => {
            fields.wrong(&path, &other, "\"oauth\", a token, or an object");
            None
        }
        None if fields.get("oauth") == Some(&Value::Bool(true)) => {
            fields.take(&["oauth"]);
            Some(Auth::OAuth)
        }
        None => None,
    }
}
