//! OAuth settings, in the spellings of several applications.

use serde_json::{Map, Value};

use crate::fields::Fields;
use crate::oauth::{OAuth, OAuthGrant, OAuthStore};
use crate::path::Path;

const CLIENT_ID: &[&str] = &["client_id", "clientId", "CLIENT_ID"];
const CLIENT_SECRET: &[&str] = &["client_secret", "clientSecret", "CLIENT_SECRET"];
const SCOPES: &[&str] = &["scopes", "scope"];
const CALLBACK_PORT: &[&str] = &["callback_port", "callbackPort"];
const GRANT: &[&str] = &["grant", "grant_type", "grantType"];
const TOKEN_STORE: &[&str] = &["token_store", "tokenStore"];

/// Reads the object at `path`. `None` means that it disables OAuth.
pub(super) fn object(
    fields: &mut Fields<'_>,
    settings: Map<String, Value>,
    path: Path,
) -> Option<OAuth> {
    let mut inner = Fields::new(settings, path, fields.findings());
    let is_off = inner.flag(&["enabled"]) == Some(false);
    // The type was checked before.
    inner.take(&["type"]);
    let grants = [OAuthGrant::AuthorizationCode, OAuthGrant::ClientCredentials];
    let stores = [OAuthStore::Memory, OAuthStore::File];
    let oauth = OAuth {
        client_id: inner.text(CLIENT_ID),
        client_secret: inner.text(CLIENT_SECRET),
        scopes: scopes(&mut inner, SCOPES).unwrap_or_default(),
        issuer: inner.text(&["issuer"]),
        resource: inner.text(&["resource"]),
        callback_port: port(&mut inner, CALLBACK_PORT),
        redirect_uri: inner.text(&["redirect_uri", "redirectUri"]),
        client_metadata_url: inner.text(&["client_metadata_url", "clientMetadataUrl"]),
        grant: one_of(&mut inner, GRANT, &grants, OAuthGrant::as_str),
        token_store: one_of(&mut inner, TOKEN_STORE, &stores, OAuthStore::as_str),
    };
    let left: Vec<Path> = inner.iter().map(|(name, _)| inner.at(name)).collect();
    for path in left {
        inner.doubt(path, "not used: none of these OAuth settings is known");
    }
    (!is_off).then_some(oauth)
}

/// Reads OAuth settings at the level of the server entry. `None` if there are none.
pub(super) fn beside(fields: &mut Fields<'_>, oauth: Option<OAuth>) -> Option<OAuth> {
    const NAMES: &[&str] = &[
        "scopes",
        "client_id",
        "client_secret_key",
        "oauthScopes",
        "oauth_resource",
        "oauth_client_id",
        "oauthClientId",
        "oauth_client_secret",
        "oauth_callback_port",
        "oauthPublicClient",
    ];
    if !NAMES.iter().any(|name| fields.has(name)) {
        return oauth;
    }
    let mut oauth = oauth.unwrap_or_default();
    let client_id = fields.text(&["oauth_client_id", "oauthClientId", "client_id"]);
    oauth.client_id = oauth.client_id.or(client_id);
    let secret = fields.text(&["oauth_client_secret"]);
    // The name of the variable that holds the secret.
    let variable = fields.text(&["client_secret_key"]).map(|name| format!("${{{name}}}"));
    oauth.client_secret = oauth.client_secret.or(secret).or(variable);
    let resource = fields.text(&["oauth_resource"]);
    oauth.resource = oauth.resource.or(resource);
    let callback_port = port(fields, &["oauth_callback_port"]);
    oauth.callback_port = oauth.callback_port.or(callback_port);
    if let Some(scopes) = scopes(fields, &["scopes", "oauthScopes"]) {
        oauth.scopes.extend(scopes);
    }
    // A client without a secret is public by definition.
    fields.take(&["oauthPublicClient"]);
    Some(oauth)
}

/// A list, or space-separated words.
fn scopes(fields: &mut Fields<'_>, names: &[&str]) -> Option<Vec<String>> {
    let (name, value) = fields.take(names)?;
    match value {
        Value::String(text) => Some(text.split_whitespace().map(str::to_owned).collect()),
        value => {
            let path = fields.at(name);
            fields.text_list(value, &path)
        }
    }
}

fn port(fields: &mut Fields<'_>, names: &[&str]) -> Option<u16> {
    let (name, value) = fields.take(names)?;
    let port = value.as_u64().and_then(|port| u16::try_from(port).ok()).filter(|port| *port > 0);
    if port.is_none() {
        let path = fields.at(name);
        fields.wrong(&path, &value, "a port: a number from 1 to 65535");
    }
    port
}

fn one_of<T: Copy>(
    fields: &mut Fields<'_>,
    names: &[&str],
    known: &[T],
    name_of: impl Fn(T) -> &'static str,
) -> Option<T> {
    let (name, path) = names.iter().find(|name| fields.has(name)).map(|it| (*it, fields.at(it)))?;
    let text = fields.text(&[name])?;
    let found = known.iter().copied().find(|it| name_of(*it) == text);
    if found.is_none() {
        let words: Vec<_> = known.iter().map(|it| format!("{:?}", name_of(*it))).collect();
        fields.invalid(path, format!("expected {}", words.join(" or ")));
    }
    found
}
