//! Lists of allowed or disabled servers outside of their entries.

use std::collections::HashSet;

use serde_json::Value;

use crate::path::at;

/// Maximum number of patterns in a list.
const MAX_PATTERNS: usize = 64;
/// Maximum length of a name or pattern to compare.
const MAX_LENGTH: usize = 256;

/// The lists of a document.
#[derive(Default)]
pub(crate) struct Switches<'a> {
    allowed: Option<Names<'a>>,
    excluded: Names<'a>,
}

/// Names of servers, or patterns with `*` and `?`.
#[derive(Default)]
struct Names<'a> {
    names: HashSet<&'a str>,
    patterns: Vec<&'a str>,
}

impl<'a> Switches<'a> {
    /// `mcp.allowed` and `mcp.excluded` of Gemini CLI and Qwen Code, and `disabledMcpServers` of Claude
    /// Code next to the servers.
    pub(crate) fn of(root: &'a Value, container: &[String]) -> Self {
        let mut switches = Self::default();
        if container.first().is_none_or(|key| key != "mcpServers" && key != "projects") {
            return switches;
        }
        let mcp = root.get("mcp");
        let list = |holder: Option<&'a Value>, name: &str| {
            holder.and_then(|holder| holder.get(name)).and_then(Value::as_array)
        };
        let allowed = [list(mcp, "allowed"), list(Some(root), "allowMCPServers")];
        for allowed in allowed.into_iter().flatten() {
            switches.allowed.get_or_insert_default().extend(allowed);
        }
        let above = container.split_last().map_or(&[][..], |(_, above)| above);
        for excluded in [
            list(mcp, "excluded"),
            list(Some(root), "excludeMCPServers"),
            list(at(root, above), "disabledMcpServers"),
        ] {
            switches.excluded.extend(excluded.into_iter().flatten());
        }
        switches
    }

    /// Whether a server is disabled by a list.
    pub(crate) fn is_off(&self, name: &str) -> bool {
        self.allowed.as_ref().is_some_and(|allowed| !allowed.contains(name))
            || self.excluded.contains(name)
    }

    /// A problem of the lists, if any.
    pub(crate) fn problem(&self) -> Option<String> {
        let lists = self.allowed.iter().chain([&self.excluded]);
        let has_too_many = lists.map(|it| it.patterns.len()).any(|count| count > MAX_PATTERNS);
        has_too_many.then(|| format!("only the first {MAX_PATTERNS} patterns of a list are used"))
    }
}

impl<'a> Names<'a> {
    fn extend(&mut self, list: impl IntoIterator<Item = &'a Value>) {
        for name in list.into_iter().filter_map(Value::as_str) {
            if name.contains(['*', '?']) {
                self.patterns.push(name);
            } else {
                self.names.insert(name);
            }
        }
    }

    fn contains(&self, name: &str) -> bool {
        let mut patterns = self.patterns.iter().take(MAX_PATTERNS);
        self.names.contains(name) || patterns.any(|pattern| matches(pattern, name))
    }
}

/// Whether a name matches a pattern: `*` is any text, `?` is one character.
fn matches(pattern: &str, name: &str) -> bool {
    if pattern.len().max(name.len()) > MAX_LENGTH {
        return false;
    }
    let (pattern, name): (Vec<char>, Vec<char>) =
        (pattern.chars().collect(), name.chars().collect());
    let (mut p, mut n, mut retry) = (0, 0, None);
    while n < name.len() {
        match pattern.get(p) {
            Some('*') => {
                retry = Some((p, n));
                p += 1;
            }
            Some(it) if *it == '?' || *it == name[n] => (p, n) = (p + 1, n + 1),
            _ => {
                // The last `*` matches one more character.
                let Some((star, taken)) = retry else { return false };
                retry = Some((star, taken + 1));
                (p, n) = (star + 1, taken + 1);
            }
        }
    }
    pattern[p..].iter().all(|it| *it == '*')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stars_and_question_marks_match() {
        for (pattern, name, wanted) in [
            ("*", "", true),
            ("*-internal", "a-internal", true),
            ("*-internal", "a-internal-b", false),
            ("a?c", "abc", true),
            ("a?c", "ac", false),
            ("*b*c", "abcbd", false),
            ("*b*c", "abcbdc", true),
            ("?", "é", true),
        ] {
            assert_eq!(matches(pattern, name), wanted, "{pattern} {name}");
        }
        let pattern = "*a".repeat(100) + "b";
        assert!(!matches(&pattern, &"a".repeat(MAX_LENGTH)));
    }
}
