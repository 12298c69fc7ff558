//! Command lines for people.

use std::ffi::OsStr;

/// Joins words so that a POSIX shell would split them again. What is not UTF-8 is replaced.
pub(crate) fn join<'a>(words: impl Iterator<Item = &'a OsStr>) -> String {
    let words: Vec<String> = words.map(|word| quote(&word.to_string_lossy())).collect();
    words.join(" ")
}

fn quote(word: &str) -> String {
    let is_plain = |c: char| c.is_alphanumeric() || "_@%+=:,./-\\".contains(c);
    // A backslash separates paths on Windows, and quotes elsewhere.
    let plain = !word.is_empty() && word.chars().all(is_plain);
    match plain && (cfg!(windows) || !word.contains('\\')) {
        true => word.to_owned(),
        false => format!("'{}'", word.replace('\'', r"'\''")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotes_only_what_needs_it() {
        let words = ["npx", "-y", "@scope/pkg@1.2", "", "a b", "it's", "$HOME", "ü"];
        let line = join(words.iter().map(OsStr::new));
        assert_eq!(line, r"npx -y @scope/pkg@1.2 '' 'a b' 'it'\''s' '$HOME' ü");
    }
}
