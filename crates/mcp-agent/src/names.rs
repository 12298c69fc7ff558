//! Names of functions that every API accepts, and their tools.

use std::collections::HashMap;

/// The longest name of a function or property, in bytes.
const MAX_NAME: usize = 64;

/// The most names of one session; further tools are left out.
const MAX_NAMES: usize = 10_000;

/// The tools by the names of their functions. A name is never reassigned.
#[derive(Debug, Default)]
pub(crate) struct Names {
    by_name: HashMap<String, Origin>,
    by_origin: HashMap<Origin, String>,
    /// The number of names of each session.
    counts: HashMap<usize, usize>,
}

/// A tool: the number of its session, and its name there.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Origin {
    pub(crate) session: usize,
    pub(crate) tool: String,
}

impl Names {
    /// The tool of a name.
    pub(crate) fn origin(&self, name: &str) -> Option<&Origin> {
        self.by_name.get(name)
    }

    /// The name for a tool, with the label of its session as the prefix. `None` when the session has too
    /// many names.
    pub(crate) fn give(&mut self, origin: &Origin, label: Option<&str>) -> Option<String> {
        if let Some(name) = self.by_origin.get(origin) {
            return Some(name.clone());
        }
        let count = self.counts.entry(origin.session).or_default();
        if *count >= MAX_NAMES {
            return None;
        }
        *count += 1;
        let wanted = match label {
            Some(label) => format!("{label}_{}", origin.tool),
            None => origin.tool.clone(),
        };
        let name = FUNCTIONS.fit(&wanted, |name| self.by_name.contains_key(name));
        self.by_name.insert(name.clone(), origin.clone());
        self.by_origin.insert(origin.clone(), name.clone());
        Some(name)
    }
}

/// Accepted names: up to 64 ASCII letters, digits and the other characters.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Alphabet {
    pub(crate) others: &'static str,
    /// Whether the first character must be a letter or an underscore.
    pub(crate) starts_with_letter: bool,
}

/// Names of functions: the common part of what the APIs accept.
pub(crate) const FUNCTIONS: Alphabet = Alphabet { others: "_-", starts_with_letter: true };

impl Alphabet {
    /// Whether a name is accepted unchanged.
    pub(crate) fn accepts(self, name: &str) -> bool {
        name.len() <= MAX_NAME
            && name.chars().next().is_some_and(|first| self.starts(first))
            && name.chars().all(|it| self.has(it))
    }

    /// The name itself, or else a similar one that ends with a checksum of it.
    pub(crate) fn fit(self, wanted: &str, is_taken: impl Fn(&str) -> bool) -> String {
        if self.accepts(wanted) && !is_taken(wanted) {
            return wanted.to_owned();
        }
        let mut similar: String =
            wanted.chars().take(MAX_NAME).map(|it| if self.has(it) { it } else { '_' }).collect();
        if !similar.chars().next().is_some_and(|first| self.starts(first)) {
            similar.insert(0, '_');
        }
        // The rest is left for the checksum.
        similar.truncate(MAX_NAME - 9);
        (0..)
            .map(|attempt: u32| format!("{similar}_{:08x}", checksum(wanted, attempt)))
            .find(|name| !is_taken(name))
            .expect("there are more names than are taken")
    }

    fn has(self, char: char) -> bool {
        char.is_ascii_alphanumeric() || self.others.contains(char)
    }

    fn starts(self, first: char) -> bool {
        match self.starts_with_letter {
            true => first.is_ascii_alphabetic() || first == '_',
            false => self.has(first),
        }
    }
}

/// FNV-1a, folded to 32 bits. Part of the names, so it must never change.
fn checksum(text: &str, attempt: u32) -> u32 {
    let mut hash = 0xcbf2_9ce4_8422_2325_u64;
    for byte in text.bytes().chain(attempt.to_le_bytes()) {
        hash = (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
    }
    let [a, b, c, d, e, f, g, h] = hash.to_le_bytes();
    u32::from_le_bytes([a ^ e, b ^ f, c ^ g, d ^ h])
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    fn give(names: &mut Names, session: usize, tool: &str, label: Option<&str>) -> String {
        names.give(&Origin { session, tool: tool.to_owned() }, label).unwrap()
    }

    #[test]
    fn names_are_accepted_by_every_api_and_unique() {
        let mut names = Names::default();
        let wanted = [
            "search",
            "a.b",
            "a/b",
            "a b",
            "a_b",
            "9lives",
            "-x",
            "ä",
            "",
            "日本語の道具",
            &"x".repeat(64),
            &"x".repeat(65),
            &"x".repeat(200),
            &format!("{}é", "x".repeat(80)),
        ];
        let mut given = Vec::new();
        for session in 0..2 {
            for label in [None, Some("a"), Some("with space")] {
                for tool in wanted {
                    given.push(give(
                        &mut names,
                        session * 3 + label.map_or(0, str::len),
                        tool,
                        label,
                    ));
                }
            }
        }
        for name in &given {
            assert!((1..=64).contains(&name.len()) && FUNCTIONS.accepts(name), "{name}");
        }
        let count = given.len();
        given.sort();
        given.dedup();
        assert_eq!(given.len(), count);
    }

    #[test]
    fn a_tool_keeps_its_name() {
        let mut names = Names::default();
        assert_eq!(give(&mut names, 0, "search", None), "search");
        let other = give(&mut names, 1, "search", None);
        assert!(other.starts_with("search_") && other.len() == 15, "{other}");
        assert_eq!(give(&mut names, 1, "search", None), other);
        assert_eq!(give(&mut names, 1, "search", Some("ignored")), other);
        assert_eq!(give(&mut Names::default(), 5, "a.b", None), "a_b_cf525a7c");
    }

    #[test]
    fn the_names_of_a_session_are_limited() {
        let mut names = Names::default();
        for number in 0..MAX_NAMES {
            give(&mut names, 0, &format!("t{number}"), None);
        }
        assert_eq!(names.give(&Origin { session: 0, tool: "more".into() }, None), None);
        assert_eq!(give(&mut names, 0, "t5", None), "t5");
        assert_eq!(give(&mut names, 1, "more", None), "more");
    }
}
