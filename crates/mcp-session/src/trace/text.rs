//! Names and URIs as spans show them.

use std::fmt;

/// Maximum characters of a server's text in a span.
const MAX_CHARS: usize = 128;

/// The name of a span: the method, and its target if of low cardinality.
pub(super) struct Name<'a>(pub(super) &'a str, pub(super) Option<&'a str>);

impl fmt::Display for Name<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(cut(self.0))?;
        match self.1 {
            Some(target) => write!(f, " {target}"),
            None => Ok(()),
        }
    }
}

/// The text, truncated to the maximum length in a span.
pub(super) fn cut(text: &str) -> &str {
    match text.char_indices().nth(MAX_CHARS) {
        Some((end, _)) => &text[..end],
        None => text,
    }
}

/// A URI without credentials, query and fragment, which may be secret.
pub(super) fn plain(uri: &str) -> String {
    let uri = uri.split(['?', '#']).next().unwrap_or_default();
    let Some((scheme, rest)) = uri.split_once("://") else { return uri.to_owned() };
    let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    let host = authority.rsplit('@').next().unwrap_or_default();
    format!("{scheme}://{host}{path}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn uris_are_redacted() {
        for (uri, shown) in [
            ("test://greeting", "test://greeting"),
            ("db://me:pw@host:5/a@b?key=1#x", "db://host:5/a@b"),
            ("urn:isbn:9?x", "urn:isbn:9"),
            ("file:///etc/a", "file:///etc/a"),
        ] {
            assert_eq!(plain(uri), shown);
        }
    }

    #[test]
    fn texts_of_a_peer_are_cut_between_characters() {
        assert_eq!(cut(&"ü".repeat(MAX_CHARS + 1)), "ü".repeat(MAX_CHARS));
        assert_eq!(cut("short"), "short");
    }
}
