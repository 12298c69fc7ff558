//! The command line options.

use super::catalogue::Entry;
use crate::run::Result;

const USAGE: &str = "usage: conformance [--suite protocol|auth|all] [--scenario NAME] [--wire REVISION] [--repeat N]";

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Scope {
    /// All except authorization. The default for the server, without the features that it does not offer.
    Protocol,
    Auth,
    /// The default for the client.
    All,
}

#[derive(Debug)]
pub(crate) struct Options {
    /// Whether to test the server instead of the client.
    pub(crate) server: bool,
    scope: Scope,
    scenario: Option<String>,
    wire: Option<String>,
    /// The number of runs of each scenario.
    pub(crate) repeat: usize,
}

impl Options {
    pub(crate) fn parse(args: &[String]) -> Result<Self> {
        let (server, args) = match args {
            [first, rest @ ..] if first == "--server" => (true, rest),
            rest => (false, rest),
        };
        let scope = if server { Scope::Protocol } else { Scope::All };
        let (scenario, wire) = (None, None);
        let mut options = Self { server, scope, scenario, wire, repeat: 1 };
        for pair in args.chunks(2) {
            let [flag, value] = pair else {
                return Err(USAGE.to_owned());
            };
            match (flag.as_str(), value.as_str()) {
                ("--suite", "protocol") => options.scope = Scope::Protocol,
                ("--suite", "auth") => options.scope = Scope::Auth,
                ("--suite", "all") => options.scope = Scope::All,
                ("--scenario", scenario) => {
                    options.scenario = Some(scenario.to_owned());
                    options.scope = Scope::All;
                }
                ("--wire", wire) => options.wire = Some(wire.to_owned()),
                ("--repeat", times) => {
                    options.repeat = times.parse().ok().filter(|times| *times > 0).ok_or(USAGE)?;
                }
                _ => return Err(USAGE.to_owned()),
            }
        }
        Ok(options)
    }

    /// Whether a scenario is excluded by default.
    pub(crate) fn excludes(&self, entry: &Entry) -> bool {
        let is_not_offered = self.server && entry.is_not_offered();
        self.scope == Scope::Protocol && (entry.is_auth() || is_not_offered)
    }

    pub(crate) fn choose(&self, entries: &[Entry]) -> Vec<Entry> {
        let is_chosen = |entry: &&Entry| {
            !self.excludes(entry)
                && (self.scope != Scope::Auth || entry.is_auth())
                && self.scenario.as_ref().is_none_or(|scenario| *scenario == entry.scenario)
                && self.wire.as_ref().is_none_or(|wire| *wire == entry.wire)
        };
        entries.iter().filter(is_chosen).cloned().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::super::catalogue;
    use super::*;

    fn chosen(args: &str) -> Result<Vec<String>> {
        let args: Vec<String> = args.split_whitespace().map(str::to_owned).collect();
        let list = "- a [2025-11-25,2026-07-28]\n- auth/b [2026-07-28]\n- tasks-c [2026-07-28]\n\
                    - sep-d [extension]\n";
        let entries = catalogue::parse(list);
        let chosen = Options::parse(&args)?.choose(&entries);
        Ok(chosen.into_iter().map(|entry| format!("{} {}", entry.scenario, entry.wire)).collect())
    }

    #[test]
    fn excluded_scenarios_can_be_requested() {
        let rows = [
            ("--wire 2025-11-25", vec!["a 2025-11-25", "sep-d 2025-11-25"]),
            (
                "--suite protocol --wire 2026-07-28",
                vec!["a 2026-07-28", "tasks-c 2026-07-28", "sep-d 2026-07-28"],
            ),
            ("--server --wire 2025-11-25", vec!["a 2025-11-25", "sep-d 2025-11-25"]),
            ("--server --scenario tasks-c", vec!["tasks-c 2026-07-28"]),
            ("--suite auth", vec!["auth/b 2026-07-28"]),
            (
                "--wire 2026-07-28",
                vec!["a 2026-07-28", "auth/b 2026-07-28", "tasks-c 2026-07-28", "sep-d 2026-07-28"],
            ),
            ("--scenario auth/b", vec!["auth/b 2026-07-28"]),
            ("--server --scenario a --wire 2025-11-25 --repeat 3", vec!["a 2025-11-25"]),
        ];
        for (args, expected) in rows {
            assert_eq!(chosen(args).unwrap_or_default(), expected, "{args}");
        }
    }

    #[test]
    fn invalid_options_are_errors() {
        for args in ["--suite nothing", "--repeat 0", "--repeat", "--what 1", "--wire 1 --server"] {
            assert!(chosen(args).is_err(), "{args}");
        }
    }
}
