//! The scenarios of the suite.

/// The revisions at which extensions are run. The catalogue lists none for them, and the suite uses the revision
/// given by `--spec-version`.
const EXTENSION_WIRES: [&str; 2] = ["2025-11-25", "2026-07-28"];

/// Prefixes of scenarios for features that a small server does not offer: requests to the client, subscriptions,
/// sessions, resumption, tasks, skills, and headers from arguments.
const NOT_OFFERED: &[&str] = &[
    "elicitation-",
    "http-custom-header-server-validation",
    "resources-subscribe",
    "resources-unsubscribe",
    "sep-2640-skills-",
    "server-session-lifecycle",
    "server-sse-polling",
    "tasks-",
    "tools-call-elicitation",
    "tools-call-sampling",
];

/// A scenario at one revision.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Entry {
    pub(crate) scenario: String,
    /// The revision of the protocol.
    pub(crate) wire: String,
    /// Whether the suite runs it at this revision only with `--force`.
    pub(crate) forced: bool,
}

impl Entry {
    pub(crate) fn is_auth(&self) -> bool {
        self.scenario.starts_with("auth/")
    }

    /// Whether it needs a feature that the server does not offer.
    pub(crate) fn is_not_offered(&self) -> bool {
        NOT_OFFERED.iter().any(|start| self.scenario.starts_with(start))
    }
}

/// Parses lines such as `- tools_call [2025-11-25,2026-07-28]`.
pub(crate) fn parse(list: &str) -> Vec<Entry> {
    let mut entries = Vec::new();
    for line in list.lines() {
        let parts = line.trim().strip_prefix("- ").and_then(|line| line.split_once(" ["));
        let Some((scenario, wires)) = parts else {
            continue;
        };
        let entry = |wire: &str, forced| {
            let (scenario, wire) = (scenario.to_owned(), wire.trim().to_owned());
            Entry { scenario, wire, forced }
        };
        match wires.trim_end_matches(']') {
            "extension" => entries.extend(EXTENSION_WIRES.map(|wire| entry(wire, true))),
            wires => entries.extend(wires.split(',').map(|wire| entry(wire, false))),
        }
    }
    entries
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scenario_has_an_entry_for_each_of_its_revisions() {
        let list = "Client scenarios:\n  - a [2025-06-18,2025-11-25]\n  - auth/b [extension]\n";
        let entries = parse(list);
        let names: Vec<_> =
            entries.iter().map(|it| (it.scenario.as_str(), it.wire.as_str(), it.forced)).collect();
        let expected = [
            ("a", "2025-06-18", false),
            ("a", "2025-11-25", false),
            ("auth/b", "2025-11-25", true),
            ("auth/b", "2026-07-28", true),
        ];
        assert_eq!(names, expected);
        assert_eq!(entries.iter().filter(|entry| entry.is_auth()).count(), 2);
    }
}
