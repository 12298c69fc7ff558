//! Responses of token endpoints, in the formats that servers send.

use serde_json::{Map, Value};
use url::form_urlencoded;

use crate::discovery::fetch::Fetched;
use crate::error::{Error, ErrorKind, one_line};
use crate::secret::Secret;

/// Minimum length of a secret that is masked in texts: shorter ones occur by chance.
const MIN_SECRET: usize = 6;
/// Replacement of a masked secret.
const MASK: &str = "[redacted]";

/// A token.
#[derive(Debug)]
pub(crate) struct TokenResponse {
    pub(crate) access_token: Secret,
    pub(crate) refresh_token: Option<Secret>,
    /// In seconds.
    pub(crate) expires_in: Option<u64>,
    pub(crate) scope: Option<String>,
    /// Whether the type is `DPoP`.
    pub(crate) is_bound: bool,
}

/// A refusal of an authorization server.
#[derive(Debug)]
pub(crate) struct Refused {
    /// The `error` code, or its equivalent.
    pub(crate) code: String,
    pub(crate) description: Option<String>,
    status: u16,
    place: String,
    /// Whether the text is about the refresh token.
    pub(crate) names_refresh_token: bool,
}

impl Refused {
    pub(crate) fn is(&self, code: &str) -> bool {
        self.code == code
    }

    /// Whether the refresh token is no longer valid.
    pub(crate) fn ends_grant(&self) -> bool {
        self.is("invalid_grant") || (matches!(self.status, 400 | 401) && self.names_refresh_token)
    }

    /// Whether the authorization server does not know the client.
    pub(crate) fn is_unknown_client(&self) -> bool {
        self.is("invalid_client") || self.is("unauthorized_client")
    }

    pub(crate) fn into_error(self) -> Error {
        let mut message = format!("{} refuses with {}", self.place, self.code);
        if let Some(description) = &self.description {
            message = format!("{message}: {description}");
        }
        Error::new(ErrorKind::Refused, message).with_code(&self.code)
    }
}

/// Parses a response: JSON or a form, including errors with status 200.
pub(crate) fn read(answer: &Fetched) -> Result<Result<TokenResponse, Refused>, Error> {
    let Some(members) = members(&answer.body) else {
        let status = answer.status;
        let message = format!("{} responded with {status} and no token", answer.place);
        // A response that is not OAuth, such as a proxy's page, does not end the grant.
        return Err(Error::new(ErrorKind::Unavailable, message));
    };
    let text = |name: &str| members.get(name).and_then(Value::as_str);
    let is_refused = !answer.status.is_success()
        || members.contains_key("error")
        || members.get("ok") == Some(&Value::Bool(false));
    if is_refused {
        return Ok(Err(refused(answer, &members)));
    }
    let access_token = text("access_token").filter(|token| !token.is_empty());
    let Some(access_token) = access_token else {
        let message = format!("{} responded without an access token", answer.place);
        return Err(Error::new(ErrorKind::Protocol, message));
    };
    if !access_token.bytes().all(|byte| (0x21..0x7f).contains(&byte)) {
        let message = format!("{} sent an unusable token", answer.place);
        return Err(Error::new(ErrorKind::Protocol, message));
    }
    let expires_in = members.get("expires_in").and_then(seconds);
    Ok(Ok(TokenResponse {
        access_token: Secret::new(access_token),
        refresh_token: text("refresh_token").filter(|token| !token.is_empty()).map(Secret::new),
        expires_in,
        scope: text("scope").map(str::to_owned),
        is_bound: text("token_type").is_some_and(|kind| kind.eq_ignore_ascii_case("dpop")),
    }))
}

/// Members of a body: a JSON object or a form.
pub(crate) fn members(body: &[u8]) -> Option<Map<String, Value>> {
    if let Ok(members) = serde_json::from_slice(body) {
        return Some(members);
    }
    let text = std::str::from_utf8(body).ok()?.trim();
    let is_form = text.contains('=') && !text.contains(['<', '{', '\n']);
    let pairs = form_urlencoded::parse(text.as_bytes());
    is_form
        .then(|| pairs.map(|(key, value)| (key.into_owned(), value.into_owned().into())).collect())
}

/// Parses the refusal of an authorization server.
pub(crate) fn refused(answer: &Fetched, members: &Map<String, Value>) -> Refused {
    let text = |name: &str| members.get(name).and_then(Value::as_str).map(|it| masked(it, answer));
    let first = |names: &[&str]| names.iter().find_map(|name| text(name));
    let code = first(&["error", "error_code", "code"]).unwrap_or_else(|| answer.status.to_string());
    let description = first(&["error_description", "msg", "message"]);
    let body = String::from_utf8_lossy(&answer.body).to_ascii_lowercase();
    let names_refresh_token = body.contains("refresh_token") || body.contains("refresh token");
    let (status, place) = (answer.status.as_u16(), answer.place.clone());
    Refused { code, description, status, place, names_refresh_token }
}

/// Text of the authorization server as one line, with the secrets of the request masked.
fn masked(text: &str, answer: &Fetched) -> String {
    let mut text = text.to_owned();
    for secret in answer.sent.iter().map(Secret::expose).filter(|it| it.len() >= MIN_SECRET) {
        let encoded: String = form_urlencoded::byte_serialize(secret.as_bytes()).collect();
        text = text.replace(secret, MASK).replace(&encoded, MASK);
    }
    one_line(&text)
}

/// A number of seconds, as a number or text.
fn seconds(value: &Value) -> Option<u64> {
    let number = match value {
        Value::String(text) => text.trim().parse::<f64>().ok()?,
        value => value.as_f64()?,
    };
    // Ignore a lifetime of more than a century.
    (number > 0.0 && number < 4e9).then_some(number as u64)
}
