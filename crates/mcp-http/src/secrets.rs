//! Redaction of request header values that servers repeat in texts.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::header::{AUTHORIZATION, COOKIE};
use http::{HeaderMap, HeaderName, HeaderValue};

/// Replacement for a secret.
const MASK: &str = "[redacted]";
/// Minimum length from which any sensitive value is redacted.
const MIN_SECRET: usize = 16;
/// Minimum length from which the value of a known secret header is redacted. Shorter values occur by chance.
const MIN_NAMED_SECRET: usize = 6;

/// The secrets in the headers of a request, which a server may repeat in an error.
///
/// An [`HttpClient`](crate::HttpClient) stores them in the extensions of the response. For a transport that uses it
/// without layers above, they are in the [`ResponseBody`](crate::ResponseBody), since extensions need three
/// allocations.
#[derive(Clone)]
pub struct SentSecrets(Values);

/// Most requests have one.
#[derive(Clone)]
enum Values {
    One(HeaderValue),
    Many(Vec<HeaderValue>),
}

impl SentSecrets {
    /// The secrets in request headers; `None` if there are no sensitive values.
    pub(crate) fn of(headers: &HeaderMap) -> Option<Self> {
        let values = headers.iter().filter(|(name, value)| {
            value.is_sensitive()
                && value.len() >= MIN_NAMED_SECRET
                && (value.len() >= MIN_SECRET || is_secret_name(name))
        });
        let mut values = values.map(|(_, value)| value);
        let first = values.next()?.clone();
        Some(Self(match values.next() {
            None => Values::One(first),
            Some(second) => {
                let all = [first, second.clone()].into_iter();
                Values::Many(all.chain(values.cloned()).collect())
            }
        }))
    }

    fn values(&self) -> &[HeaderValue] {
        match &self.0 {
            Values::One(value) => std::slice::from_ref(value),
            Values::Many(values) => values,
        }
    }

    /// Redacts the secrets in a text.
    pub fn mask(&self, text: &mut String) {
        let values = self.values().iter().filter_map(|value| value.to_str().ok());
        for secret in values.flat_map(spellings) {
            if text.contains(&secret) {
                *text = text.replace(&secret, MASK);
            }
        }
    }

    /// Whether a body may repeat one of the secrets: `false` is certain. Cheaper than masking, for every response.
    #[must_use]
    pub fn may_occur_in(&self, body: &[u8]) -> bool {
        self.values().iter().any(|value| {
            let value = value.as_bytes();
            // A body that repeats part of the value repeats its end, unless the server has decoded it.
            let end = &value[value.len().saturating_sub(MIN_NAMED_SECRET)..];
            let is_decodable = value.get(..6).is_some_and(|it| it.eq_ignore_ascii_case(b"basic "));
            is_decodable || contains(body, end)
        })
    }

    /// Redacts the secrets in a body, if it contains any.
    #[must_use]
    pub fn masked(&self, body: &[u8]) -> Option<String> {
        let mut text = String::from_utf8_lossy(body).into_owned();
        self.mask(&mut text);
        (text.as_bytes() != body).then_some(text)
    }
}

impl std::fmt::Debug for SentSecrets {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SentSecrets").field("count", &self.values().len()).finish()
    }
}

/// Whether a body contains a short text.
fn contains(body: &[u8], text: &[u8]) -> bool {
    // Most bodies are shorter than what preparing the better search costs.
    match text.split_last() {
        Some((last, _)) if body.len() <= 1024 => {
            memchr::memchr_iter(*last, body).any(|at| body[..=at].ends_with(text))
        }
        _ => memchr::memmem::find(body, text).is_some(),
    }
}

/// A value and its secret parts, the longest first.
fn spellings(value: &str) -> Vec<String> {
    let mut all = vec![value.to_owned()];
    if let Some((scheme, credentials)) = value.split_once(' ') {
        all.push(credentials.trim().to_owned());
        let plain =
            STANDARD.decode(credentials.trim()).ok().and_then(|it| String::from_utf8(it).ok());
        if let (true, Some(plain)) = (scheme.eq_ignore_ascii_case("basic"), plain) {
            let password = plain.split_once(':').map(|(_, password)| password.to_owned());
            all.push(plain);
            all.extend(password);
        }
    }
    all.retain(|secret| secret.len() >= MIN_NAMED_SECRET);
    all
}

fn is_secret_name(name: &HeaderName) -> bool {
    let words = ["key", "token", "secret", "auth", "session", "password", "credential"];
    *name == AUTHORIZATION || *name == COOKIE || words.iter().any(|it| name.as_str().contains(it))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use super::*;

    #[test]
    fn secrets_are_redacted_in_all_spellings() {
        let basic = format!("Basic {}", STANDARD.encode("user:p4ssword"));
        let mut headers = HeaderMap::new();
        for (name, value, is_sensitive) in [
            ("authorization", "Bearer s3cr3t-token", true),
            ("proxy-authorization", basic.as_str(), true),
            ("x-api-key", "k3y-123", true),
            ("x-tenant", "production", true),
            ("accept", "application/json, text/event-stream", false),
        ] {
            let mut value = HeaderValue::from_str(value).unwrap();
            value.set_sensitive(is_sensitive);
            headers.insert(HeaderName::try_from(name).unwrap(), value);
        }
        let secrets = SentSecrets::of(&headers).unwrap();
        assert!(!format!("{secrets:?}").contains("k3y"));
        let mut text = format!(
            "no Bearer s3cr3t-token, s3cr3t-token, k3y-123, {basic}, user:p4ssword, p4ssword in \
             production of application/json, text/event-stream"
        );
        secrets.mask(&mut text);
        assert_eq!(
            text,
            "no [redacted], [redacted], [redacted], [redacted], [redacted], [redacted] in \
             production of application/json, text/event-stream"
        );
        assert_eq!(secrets.masked(b"fine"), None);
        assert!(secrets.may_occur_in(b"fine"), "a part of them is decoded");
        headers.remove("proxy-authorization");
        let secrets = SentSecrets::of(&headers).unwrap();
        for (body, expected) in
            [("fine", false), ("a k3y-123 b", true), ("s3cr3t-token", true), ("s3cr3t-toke", false)]
        {
            for body in [body.to_owned(), format!("{body}{}", " ".repeat(2000))] {
                assert_eq!(secrets.may_occur_in(body.as_bytes()), expected, "{body}");
            }
        }
        assert!(SentSecrets::of(&HeaderMap::new()).is_none());
    }
}
