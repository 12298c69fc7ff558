//! Quoting of command lines.

use std::ffi::OsStr;

/// Joins words into a line that is [split] into the same words: on Windows with literal backslashes, elsewhere as a
/// POSIX shell does. Bytes that are not UTF-8 are replaced.
pub(crate) fn join<'a>(words: impl Iterator<Item = &'a OsStr>) -> String {
    let words = words.map(|word| quote(&word.to_string_lossy(), !cfg!(windows)));
    words.collect::<Vec<_>>().join(" ")
}

/// Splits a line into words as a POSIX shell does, without expansion. Backslashes are literal unless
/// `backslash_escapes`. `None` if a quote is not closed, or the line ends with a backslash.
pub(crate) fn split(line: &str, backslash_escapes: bool) -> Option<Vec<String>> {
    if backslash_escapes {
        return shlex::split(line);
    }
    // NUL temporarily replaces the backslash, since no argument of a process can contain it.
    let words = shlex::split(&line.replace('\\', "\0"))?;
    Some(words.into_iter().map(|word| word.replace('\0', "\\")).collect())
}

fn quote(word: &str, backslash_escapes: bool) -> String {
    let is_plain = |c: char| c.is_alphanumeric() || "_@%+=:,./-\\".contains(c);
    // A backslash separates paths on Windows, and escapes elsewhere.
    let plain = !word.is_empty() && word.chars().all(is_plain);
    match plain && !(backslash_escapes && word.contains('\\')) {
        true => word.to_owned(),
        false if backslash_escapes => format!("'{}'", word.replace('\'', r"'\''")),
        // A literal backslash cannot quote the apostrophe.
        false => format!("'{}'", word.replace('\'', r#"'"'"'"#)),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    #[test]
    fn only_words_that_need_quotes_are_quoted() {
        let words = ["npx", "-y", "@scope/pkg@1.2", "", "a b", "it's", "$HOME", "ü"];
        let line = words.map(|word| quote(word, true)).join(" ");
        assert_eq!(line, r"npx -y @scope/pkg@1.2 '' 'a b' 'it'\''s' '$HOME' ü");
    }

    #[test]
    fn lines_are_split_without_expansion() {
        for (line, expected) in [
            (
                "uvx  mcp-server-time\t--zone UTC\n",
                &["uvx", "mcp-server-time", "--zone", "UTC"][..],
            ),
            (
                r#"npx 'a "b"' "it's" x\ y "\$1" z"w"'' "#,
                &["npx", "a \"b\"", "it's", "x y", "$1", "zw"],
            ),
            (r#"'my tool' '' "" ü=ö"#, &["my tool", "", "", "ü=ö"]),
            ("sh $HOME ~ * | a && b;", &["sh", "$HOME", "~", "*", "|", "a", "&&", "b;"]),
            ("sh a#b # the rest", &["sh", "a#b"]),
            (" \n", &[]),
        ] {
            assert_eq!(split(line, true).unwrap(), expected, "{line}");
        }
        for line in ["uvx 'a", "uvx \"a", r"uvx a\", r#"uvx "a\""#] {
            assert_eq!(split(line, true), None, "{line}");
        }
    }

    #[test]
    fn backslashes_can_be_literal() {
        let line = r#"C:\bin\x.exe "C:\a b\" 'D:\c d\e' \\host\share"#;
        let expected = [r"C:\bin\x.exe", r"C:\a b\", r"D:\c d\e", r"\\host\share"];
        assert_eq!(split(line, false).unwrap(), expected);
        assert_eq!(split(r#"x.exe "C:\a"#, false), None);
    }

    #[test]
    fn joined_words_are_split_into_the_same_words() {
        let words = ["a b", "it's", r"\", "", "\"", "$x", "#", "ü\n", r"C:\it's a\", "'"];
        assert_eq!(split(&join(words.iter().map(OsStr::new)), !cfg!(windows)).unwrap(), words);
        for backslash_escapes in [true, false] {
            let line = words.map(|word| quote(word, backslash_escapes)).join(" ");
            assert_eq!(split(&line, backslash_escapes).unwrap(), words, "{line}");
        }
    }
}
