//! What spans show of names and URIs.

use std::fmt;

/// The most characters of what a server says that a span holds.
const MAX_CHARS: usize = 128;

/// The name of a span: the method, and what it is about where there are few of that.
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

/// No more of what a server says than a span may hold.
pub(super) fn cut(text: &str) -> &str {
    match text.char_indices().nth(MAX_CHARS) {
        Some((end, _)) => &text[..end],
        None => text,
    }
}

/// A URI without what may be secret in it: credentials, query and fragment.
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
    fn uris_lose_what_may_be_secret() {
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
    fn what_a_peer_says_is_cut_between_characters() {
        assert_eq!(cut(&"ü".repeat(MAX_CHARS + 1)), "ü".repeat(MAX_CHARS));
        assert_eq!(cut("short"), "short");
    }
}
