//! Server names inside URIs.
//!
//! The name is inserted at one position, followed by a slash. Removing it restores the URI exactly, including one that
//! a client expanded from a template.
//!
//! | on the server | in the group |
//! |---|---|
//! | `weather://icons/sunny` | `weather://server/icons/sunny` |
//! | `file:///etc/x` | `file://server//etc/x` |
//! | `urn:isbn:1` | `urn:server/isbn:1` |
//! | `notes/1`, `{any}://x` (no scheme) | `//server/notes/1`, `//server/{any}://x` |
//!
//! Characters of the name that are not valid there are percent-encoded.

use std::fmt::Write as _;

/// The URI or template of `server` as exposed by the group.
pub(crate) fn expose(server: &str, uri: &str) -> String {
    let (head, rest) = uri.split_at(head(uri));
    let head = if head.is_empty() { "//" } else { head };
    format!("{head}{}/{rest}", Encoded(server))
}

/// The server and its original URI, for a URI of the group.
pub(crate) fn original(uri: &str) -> Option<(String, String)> {
    let (head, rest) = match uri.strip_prefix("//") {
        Some(rest) => ("", rest),
        None => match uri.split_at(head(uri)) {
            ("", _) => return None,
            split => split,
        },
    };
    let (server, rest) = rest.split_once('/')?;
    Some((decode(server)?, format!("{head}{rest}")))
}

/// The length of the scheme, with its colon and slashes; zero if there is none.
fn head(uri: &str) -> usize {
    let Some(colon) = uri.find(':') else { return 0 };
    let scheme = &uri[..colon];
    let is_scheme = scheme.starts_with(|first: char| first.is_ascii_alphabetic())
        && scheme.chars().all(|it| it.is_ascii_alphanumeric() || "+-.".contains(it));
    match (is_scheme, uri[colon + 1..].starts_with("//")) {
        (false, _) => 0,
        (true, false) => colon + 1,
        (true, true) => colon + 3,
    }
}

/// A name as a non-empty segment of a URI.
struct Encoded<'a>(&'a str);

impl std::fmt::Display for Encoded<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if self.0.is_empty() {
            return f.write_str("%");
        }
        for byte in self.0.bytes() {
            match byte {
                b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                    f.write_char(char::from(byte))?;
                }
                _ => write!(f, "%{byte:02X}")?,
            }
        }
        Ok(())
    }
}

fn decode(segment: &str) -> Option<String> {
    if segment == "%" {
        return Some(String::new());
    }
    let mut bytes = Vec::with_capacity(segment.len());
    let mut rest = segment.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        rest = after;
        if *first != b'%' {
            bytes.push(*first);
            continue;
        }
        let (digits, after) = rest.split_at_checked(2)?;
        let is_hex = digits.iter().all(u8::is_ascii_hexdigit);
        let digits = std::str::from_utf8(digits).ok().filter(|_| is_hex)?;
        bytes.push(u8::from_str_radix(digits, 16).ok()?);
        rest = after;
    }
    String::from_utf8(bytes).ok().filter(|name| !name.is_empty())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_name_follows_the_scheme() {
        for (server, uri, shown) in [
            ("weather", "weather://icons/sunny", "weather://weather/icons/sunny"),
            ("weather", "weather://icons", "weather://weather/icons"),
            ("fs", "file:///etc/x", "file://fs//etc/x"),
            ("books", "urn:isbn:1", "urn:books/isbn:1"),
            ("books", "urn:/x", "urn:books//x"),
            ("my server/ü", "a+b://c?d=/#e", "a+b://my%20server%2F%C3%BC/c?d=/#e"),
            ("notes", "", "//notes/"),
            ("notes", "one", "//notes/one"),
            ("notes", "//host/one", "//notes///host/one"),
            ("notes", "1a:b", "//notes/1a:b"),
            ("notes", "{scheme}://x", "//notes/{scheme}://x"),
            ("notes", "note://{id}/{+path}", "note://notes/{id}/{+path}"),
            ("", "urn:/x", "urn:%//x"),
        ] {
            assert_eq!(expose(server, uri), shown);
            assert_eq!(original(shown).unwrap(), (server.to_owned(), uri.to_owned()));
        }
        for uri in ["", "one", "weather://weather", "//x", "x://%4/a", "x://%zz/a", "x:///a"] {
            assert_eq!(original(uri), None, "{uri}");
        }
    }

    #[test]
    fn expanded_templates_are_restored() {
        for (template, filled_in, uri) in
            [("{scheme}://x", "http://x", "http://x"), ("file:{+path}", "file:///etc", "///etc")]
        {
            let shown = expose("s", template);
            let client = shown.replace("{scheme}", "http").replace("{+path}", uri);
            assert_eq!(original(&client).unwrap(), ("s".to_owned(), filled_in.to_owned()));
        }
    }

    proptest! {
        #[test]
        fn any_uri_of_any_server_is_restored(server in ".{0,12}", uri in ".{0,24}") {
            prop_assert_eq!(original(&expose(&server, &uri)), Some((server, uri)));
        }

        #[test]
        fn uri_like_text_is_restored(
            server in "[a-z%/ é]{0,6}",
            uri in "[a-z{}+.-]{0,4}:?/{0,4}[a-z{}:/?#%]{0,8}",
        ) {
            prop_assert_eq!(original(&expose(&server, &uri)), Some((server, uri)));
        }

        #[test]
        fn no_input_panics(uri in ".{0,24}") {
            let _ = original(&uri);
        }
    }
}
