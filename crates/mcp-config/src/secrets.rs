//! Detection of literal secrets in a document.

use serde_json::Value;

/// Fields whose values are all secrets, independent of the keys within.
const CONTAINERS: &[&str] =
    &["env", "envs", "environment", "headers", "http_headers", "httpHeaders", "auth", "oauth"];
/// Fields with names and types of secrets, which are not secret themselves.
const HARMLESS: &[&str] = &[
    "authProviderType",
    "bearer_token_env_var",
    "bearerTokenEnv",
    "bearerTokenEnvVar",
    "client_secret_key",
    "env_http_headers",
    "env_keys",
    "env_vars",
    "headersHelper",
];
/// Parts of the names of secret fields, in lower case and without separators.
const NAMES: &[&str] =
    &["token", "secret", "password", "passwd", "auth", "credential", "bearer", "cookie", "header"];
/// Authentication schemes that may precede a token in a header.
const SCHEMES: &[&str] = &["bearer", "basic", "token", "digest", "apikey"];

/// Maximum nesting of defaults; deeper references count as secrets.
const MAX_DEPTH: usize = 16;

/// Whether a value contains a literal secret.
pub(crate) fn are_in(value: &Value) -> bool {
    match value {
        Value::Object(map) => map.iter().any(|(name, value)| {
            let is_secret = CONTAINERS.contains(&name.as_str()) || is_secret_name(name);
            match value {
                _ if HARMLESS.contains(&name.as_str()) => false,
                Value::Array(items) if matches!(name.as_str(), "args" | "command") => {
                    let texts: Vec<&str> = items.iter().filter_map(Value::as_str).collect();
                    (0..texts.len()).any(|at| secret_start(&texts, at).is_some())
                }
                _ => (is_secret && has_plain_text(value)) || are_in(value),
            }
        }),
        Value::Array(items) => items.iter().any(are_in),
        Value::String(text) => is_secret_url(text),
        _ => false,
    }
}

/// The arguments of a program, with secrets replaced by `..`.
pub(crate) fn masked(args: &[String]) -> Vec<String> {
    let texts: Vec<&str> = args.iter().map(String::as_str).collect();
    (0..texts.len())
        .map(|at| match secret_start(&texts, at) {
            Some(start) => format!("{}..", &texts[at][..start]),
            None => texts[at].to_owned(),
        })
        .collect()
}

/// A URL without its user, password and query, which may hold keys.
pub(crate) fn masked_url(url: &str) -> String {
    let (plain, query) = match url.find(['?', '#']) {
        Some(at) => (&url[..at], "?.."),
        None => (url, ""),
    };
    let start = plain.find("://").map_or(0, |at| at + 3);
    let host = plain[start..].find('/').map_or(plain.len(), |at| start + at);
    match plain[start..host].rfind('@') {
        Some(at) => format!("{}..{}{query}", &plain[..start], &plain[start + at..]),
        None => format!("{plain}{query}"),
    }
}

/// The offset of the secret in an argument that contains one.
fn secret_start(args: &[&str], at: usize) -> Option<usize> {
    let arg = args[at];
    let before = at.checked_sub(1).map(|before| args[before]);
    if let Some(start) = arg.find(['=', ':']).filter(|it| !arg[*it..].starts_with("://")) {
        let is_secret = is_secret_name(&arg[..start]) && is_plain(&arg[start + 1..], 0);
        if is_secret {
            return Some(start + 1);
        }
    }
    let is_value = !arg.starts_with('-')
        && before.is_some_and(|flag| flag.starts_with('-') && is_secret_name(flag));
    if is_value && is_plain(arg, 0) {
        return Some(0);
    }
    is_secret_url(arg).then(|| arg.find("://").map_or(0, |at| at + 3))
}

fn has_plain_text(value: &Value) -> bool {
    match value {
        Value::Object(map) => map.values().any(has_plain_text),
        Value::Array(items) => items.iter().any(has_plain_text),
        Value::String(text) => text != "oauth" && is_plain(text, 0),
        Value::Number(_) => true,
        Value::Null | Value::Bool(_) => false,
    }
}

fn is_secret_name(name: &str) -> bool {
    let plain: String = name
        .chars()
        .filter(|c| c.is_alphanumeric())
        .take(64)
        .flat_map(char::to_lowercase)
        .collect();
    NAMES.iter().any(|part| plain.contains(part)) || plain.ends_with("key") || plain == "pwd"
}

/// Whether a URL has a literal user or query.
fn is_secret_url(text: &str) -> bool {
    let Some((_, rest)) = text.split_once("://") else { return false };
    let (place, query) = rest.split_once('?').unwrap_or((rest, ""));
    let host = place.split('/').next().unwrap_or_default();
    let user = host.rsplit_once('@').map_or("", |(user, _)| user);
    let values = query.split('&').map(|pair| pair.split_once('=').map_or(pair, |(_, it)| it));
    is_plain(user, 0) || values.into_iter().any(|value| is_plain(value, 0))
}

/// Whether a text contains anything except references to variables.
fn is_plain(text: &str, depth: usize) -> bool {
    if depth > MAX_DEPTH {
        return true;
    }
    let mut plain = String::new();
    let mut rest = text;
    while let Some(at) = rest.find("${") {
        plain.push_str(&rest[..at]);
        let inner = &rest[at + 2..];
        let Some(end) = end(inner) else { return true };
        let default = inner[..end].split_once(":-").map_or("", |(_, default)| default);
        if is_plain(default, depth + 1) {
            return true;
        }
        rest = &inner[end + 1..];
    }
    plain.push_str(rest);
    let words = || plain.split_whitespace();
    let has_reference = text.contains("${") || words().any(is_reference);
    let is_scheme = |word: &str| has_reference && SCHEMES.contains(&&*word.to_lowercase());
    words()
        .filter(|word| !is_reference(word) && !is_scheme(word))
        .any(|word| word.contains(char::is_alphanumeric))
}

/// Whether a word is a variable in an application's own syntax: `$NAME`, `{env:NAME}` or `%NAME%`.
fn is_reference(word: &str) -> bool {
    let name = word
        .strip_prefix('$')
        .or_else(|| word.strip_prefix("{env:")?.strip_suffix('}'))
        .or_else(|| word.strip_prefix('%')?.strip_suffix('%'));
    let is_letter = |c: char| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_';
    name.is_some_and(|name| !name.is_empty() && name.chars().all(is_letter))
}

/// The end of the reference that starts before `inner`.
fn end(inner: &str) -> Option<usize> {
    let mut depth = 0_usize;
    for (at, byte) in inner.bytes().enumerate() {
        match byte {
            b'{' => depth += 1,
            b'}' if depth == 0 => return Some(at),
            b'}' => depth -= 1,
            _ => {}
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn literal_secrets_are_found() {
        for entry in [
            json!({ "env": { "A": "sk" } }),
            json!({ "env": { "PORT": 1 } }),
            json!({ "headers": { "Authorization": "Bearer sk-secret${EMPTY:-}" } }),
            json!({ "env": { "K": "${K:-sk-secret}" } }),
            json!({ "env": { "K": "${A:-${B:-sk-secret}}" } }),
            json!({ "url": "https://h/mcp?api_key=sk-secret" }),
            json!({ "url": "https://me:pass@h/mcp" }),
            json!({ "args": ["--token", "sk-secret"] }),
            json!({ "args": ["--api-key=sk-secret"] }),
            json!({ "args": ["run", "-e", "GITHUB_TOKEN=ghp_x"] }),
            json!({ "args": ["--header", "Authorization: Bearer x"] }),
            json!({ "args": ["mcp-remote", "https://h/sse?key=x"] }),
            json!({ "command": ["npx", "--password", "x"] }),
            json!({ "apiKey": "x" }),
            json!({ "oauth": { "clientSecret": "x" } }),
            json!({ "oauth_client_secret": "x" }),
            json!({ "auth": "token" }),
        ] {
            assert!(are_in(&entry), "{entry}");
        }
    }

    #[test]
    fn references_and_plain_settings_are_not_secrets() {
        for entry in [
            json!({ "env": { "A": "${A}", "B": "$B", "C": "{env:C}", "D": "" } }),
            json!({ "headers": { "Authorization": "Bearer ${TOKEN}", "X": "${A}:${B:-}" } }),
            json!({ "headers": { "Authorization": "Bearer $TOKEN" } }),
            json!({ "url": "https://h/mcp?key=${KEY}" }),
            json!({ "url": "https://${USER}@h/mcp" }),
            json!({ "args": ["--token", "${TOKEN}", "--token", "--port", "80", "-e", "TOKEN"] }),
            json!({ "args": ["-y", "@scope/package", "/srv/files"] }),
            json!({ "auth": "oauth", "bearer_token_env_var": "TOKEN", "env_vars": ["TOKEN"] }),
            json!({ "client_id": "c", "client_secret_key": "SECRET" }),
            json!({ "description": "takes a token", "timeout": 1, "disabled": true }),
        ] {
            assert!(!are_in(&entry), "{entry}");
        }
    }

    #[test]
    fn arguments_are_shown_without_secrets() {
        let args = ["--token", "s3cret", "--key=s3cret", "--port", "80", "https://a:s3cret@h"];
        let shown = masked(&args.map(str::to_owned));
        assert_eq!(shown, ["--token", "..", "--key=..", "--port", "80", "https://.."]);
    }
}
