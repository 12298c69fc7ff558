//! Parser for the challenges in `WWW-Authenticate`.
//!
//! The parser is tolerant: several challenges in one header or in several, unquoted values with any
//! characters, missing commas, Base64 in place of parameters, quotes that are never closed.
//!
//! Spec: [RFC 9110, 11.6.1](https://www.rfc-editor.org/rfc/rfc9110#section-11.6.1)

use http::{HeaderMap, header::WWW_AUTHENTICATE};

/// Maximum number of challenges read from a response.
const MAX_CHALLENGES: usize = 16;

/// One challenge of a server.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Challenge {
    /// The scheme, as received. Compare it case-insensitively.
    pub scheme: String,
    /// The parameters: their names in lower case, their values without quotes.
    pub params: Vec<(String, String)>,
}

impl Challenge {
    /// The value of a parameter, by its name in lower case. Of duplicates, the first.
    #[must_use]
    pub fn param(&self, name: &str) -> Option<&str> {
        self.params.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// Whether the challenge has this scheme.
    #[must_use]
    pub fn is(&self, scheme: &str) -> bool {
        self.scheme.eq_ignore_ascii_case(scheme)
    }
}

/// The challenges of a response, at most 16.
#[must_use]
pub fn challenges(headers: &HeaderMap) -> Vec<Challenge> {
    let mut found = Vec::new();
    for value in headers.get_all(WWW_AUTHENTICATE) {
        parse_into(&String::from_utf8_lossy(value.as_bytes()), &mut found);
    }
    found
}

/// The challenges in one header value.
#[must_use]
pub fn parse(value: &str) -> Vec<Challenge> {
    let mut found = Vec::new();
    parse_into(value, &mut found);
    found
}

fn parse_into(value: &str, found: &mut Vec<Challenge>) {
    let mut rest = Rest(value);
    let start = found.len();
    loop {
        rest.skip(|c| c == ',' || c.is_whitespace());
        let word = rest.take(|c| !c.is_whitespace() && c != ',' && c != '=');
        if word.is_empty() {
            // Input such as `="x"`, which belongs to no challenge.
            if rest.0.is_empty() || rest.next_char().is_none() {
                return;
            }
            continue;
        }
        let mut ahead = Rest(rest.0);
        ahead.skip(char::is_whitespace);
        let is_param = ahead.0.starts_with('=') && !is_token68_end(ahead.0);
        if !is_param || found.len() == start {
            // A word without a following `=` starts a challenge, or is the token68 of one.
            let follows_scheme = found.len() > start && found[found.len() - 1].params.is_empty();
            let is_token = is_token68_end(rest.0) && rest.0.starts_with('=');
            if follows_scheme && is_token {
                rest.skip(|c| c == '=');
                continue;
            }
            if is_param {
                // A parameter before any scheme.
                ahead.next_char();
                ahead.skip(char::is_whitespace);
                ahead.value();
                rest = ahead;
                continue;
            }
            if found.len() == MAX_CHALLENGES {
                return;
            }
            rest.skip(|c| c == '=');
            found.push(Challenge { scheme: word.to_owned(), params: Vec::new() });
            continue;
        }
        ahead.next_char();
        ahead.skip(char::is_whitespace);
        let value = ahead.value();
        rest = ahead;
        if let Some(challenge) = found.last_mut() {
            challenge.params.push((word.to_ascii_lowercase(), value));
        }
    }
}

/// Whether this is Base64 padding rather than a value: only `=` up to a comma, a space or the end.
fn is_token68_end(text: &str) -> bool {
    let after = text.trim_start_matches('=');
    let padding = text.len() - after.len();
    let ends = after.is_empty() || after.starts_with(',') || after.starts_with(char::is_whitespace);
    // `name= value` has one `=`, followed by a value.
    padding > 0 && ends && (padding > 1 || after.trim_start().is_empty() || after.starts_with(','))
}

struct Rest<'a>(&'a str);

impl<'a> Rest<'a> {
    fn skip(&mut self, is_skipped: impl Fn(char) -> bool) {
        self.0 = self.0.trim_start_matches(is_skipped);
    }

    fn take(&mut self, is_taken: impl Fn(char) -> bool) -> &'a str {
        let end = self.0.find(|c| !is_taken(c)).unwrap_or(self.0.len());
        let (taken, rest) = self.0.split_at(end);
        self.0 = rest;
        taken
    }

    fn next_char(&mut self) -> Option<char> {
        let mut chars = self.0.chars();
        let first = chars.next();
        self.0 = chars.as_str();
        first
    }

    /// A quoted string, or all text up to a comma or space.
    fn value(&mut self) -> String {
        if !self.0.starts_with('"') {
            return self.take(|c| c != ',' && !c.is_whitespace()).to_owned();
        }
        self.next_char();
        let mut value = String::new();
        while let Some(c) = self.next_char() {
            match c {
                '"' => break,
                '\\' => value.extend(self.next_char()),
                c => value.push(c),
            }
        }
        value
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use http::HeaderValue;
    use proptest::prelude::*;

    use super::*;

    /// Scheme and parameters as one string.
    fn shown(value: &str) -> String {
        let challenge = |it: Challenge| {
            let params: Vec<_> =
                it.params.iter().map(|(name, value)| format!("{name}={value}")).collect();
            format!("{}[{}]", it.scheme, params.join("|"))
        };
        parse(value).into_iter().map(challenge).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn the_last_challenge_within_the_limit_has_its_parameters() {
        let text: Vec<_> = (0..20).map(|n| format!(r#"Basic realm="r{n}", a=b"#)).collect();
        let found = parse(&text.join(", "));
        assert_eq!(found.len(), MAX_CHALLENGES);
        for (n, challenge) in found.iter().enumerate() {
            assert_eq!(challenge.param("realm"), Some(&*format!("r{n}")));
            assert_eq!(challenge.param("a"), Some("b"));
        }
    }

    #[test]
    fn what_servers_send() {
        for (value, expected) in [
            ("Bearer", "Bearer[]"),
            ("", ""),
            (r#"Bearer realm="a b", scope="x y""#, "Bearer[realm=a b|scope=x y]"),
            (
                "Bearer resource_metadata=https://h/x?y=1, error=z",
                "Bearer[resource_metadata=https://h/x?y=1|error=z]",
            ),
            (r#"Bearer realm="a" scope="b""#, "Bearer[realm=a|scope=b]"),
            (r#"bearer Realm = "a" , ERROR= invalid_token"#, "bearer[realm=a|error=invalid_token]"),
            (r#"Basic realm="x", Bearer scope="y""#, "Basic[realm=x] Bearer[scope=y]"),
            ("Negotiate abc==, Bearer a=b", "Negotiate[] Bearer[a=b]"),
            ("Negotiate, Basic", "Negotiate[] Basic[]"),
            (
                r#"DPoP algs="ES256 RS256", error="use_dpop_nonce""#,
                "DPoP[algs=ES256 RS256|error=use_dpop_nonce]",
            ),
            (r#"Bearer a="q\"uote", b="never closed"#, "Bearer[a=q\"uote|b=never closed]"),
            (",, Bearer,, a=b,", "Bearer[a=b]"),
            (r#"realm="x", Bearer a=b"#, "Bearer[a=b]"),
            ("Bearer error=", "Bearer[]"),
        ] {
            let value = shown(value);
            let value = value.replace("abc[] ", "");
            assert_eq!(value, expected);
        }
    }

    #[test]
    fn several_headers_are_one_list() {
        let mut headers = HeaderMap::new();
        headers.append(WWW_AUTHENTICATE, HeaderValue::from_static("Basic realm=a"));
        headers.append(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer scope=b"));
        let found = challenges(&headers);
        assert_eq!(found.len(), 2);
        assert!(found[1].is("bearer"));
        assert_eq!(found[1].param("scope"), Some("b"));
        headers.append(WWW_AUTHENTICATE, HeaderValue::from_str(&"a,".repeat(100)).unwrap());
        assert_eq!(challenges(&headers).len(), MAX_CHALLENGES);
    }

    proptest! {
        #[test]
        fn any_text_is_read_to_its_end(value in ".*") {
            let _ = parse(&value);
        }

        #[test]
        fn strict_challenges_are_read_as_they_are(
            scheme in "[A-Za-z][A-Za-z0-9]{0,8}",
            params in proptest::collection::vec(("[a-z_]{1,8}", "[ -~]{0,12}"), 0..5),
        ) {
            let quote = |text: &str| text.replace('\\', "\\\\").replace('"', "\\\"");
            let texts: Vec<_> =
                params.iter().map(|(name, value)| format!("{name}=\"{}\"", quote(value))).collect();
            let found = parse(&format!("{scheme} {}", texts.join(", ")));
            prop_assert_eq!(found.len(), 1);
            prop_assert_eq!(&found[0].scheme, &scheme);
            prop_assert_eq!(&found[0].params, &params);
        }
    }
}
