//! Relative paths of files in a skill.

use std::borrow::Cow;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};

/// Characters that are encoded in the path of a URI.
///
/// Spec: RFC 3986, section 3.3
const ENCODED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'/')
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~')
    .remove(b'!')
    .remove(b'$')
    .remove(b'&')
    .remove(b'\'')
    .remove(b'(')
    .remove(b')')
    .remove(b'*')
    .remove(b'+')
    .remove(b',')
    .remove(b';')
    .remove(b'=')
    .remove(b':')
    .remove(b'@');

/// Encodes a path for a URI.
pub(crate) fn encoded(path: &str) -> String {
    utf8_percent_encode(path, ENCODED).to_string()
}

/// Whether two URIs are equal after decoding.
pub(crate) fn is_same(one: &str, other: &str) -> bool {
    percent_decode_str(one).eq(percent_decode_str(other))
}

/// The decoded path of a URI relative to a directory, if it is inside it.
pub(crate) fn within(root: &str, uri: &str) -> Option<String> {
    plain(uri.strip_prefix(root)?.strip_prefix('/')?)
}

/// A decoded relative path without `.` and `..`; `None` if it is empty or outside its root.
///
/// Spec: ext-skills skills#relative-references
pub(crate) fn plain(path: &str) -> Option<String> {
    let path: Cow<'_, str> = percent_decode_str(path).decode_utf8().ok()?;
    let mut parts: Vec<&str> = Vec::new();
    for part in path.split('/') {
        match part {
            "." => {}
            ".." => drop(parts.pop()?),
            "" => return None,
            part if part.contains(['\\', '\0']) => return None,
            part => parts.push(part),
        }
    }
    (!parts.is_empty()).then(|| parts.join("/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_stays_within_its_root() {
        for (path, expected) in [
            ("references/FORMS.md", Some("references/FORMS.md")),
            ("./a/../b%20c", Some("b c")),
            ("a/./b", Some("a/b")),
            ("../b", None),
            ("a/%2e%2e/../b", None),
            ("a%2F..%2F..%2Fb", None),
            ("/etc/passwd", None),
            ("a//b", None),
            ("a\\..\\b", None),
            ("a/..", None),
            ("", None),
            ("%ff", None),
        ] {
            assert_eq!(plain(path).as_deref(), expected, "{path}");
        }
        assert_eq!(within("skill://a", "skill://a/b").as_deref(), Some("b"));
        assert_eq!(within("skill://a", "skill://ab/c"), None);
    }
}
