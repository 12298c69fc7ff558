//! Which crate may know which: the diagram of `ARCHITECTURE.md` as a table.

use super::Slips;
use crate::metadata::{Arrow, Package, Workspace};

const TRANSPORT: &[&str] = &["mcp-core", "mcp-transport"];

const NETWORK: &[&str] = &["mcp-core", "mcp-transport", "mcp-http"];

const EXTENSION: &[&str] = &["mcp-core", "mcp-transport", "mcp-session"];

const EVERYTHING: &[&str] = &[
    "mcp-core",
    "mcp-transport",
    "mcp-http",
    "mcp-transport-stdio",
    "mcp-transport-http",
    "mcp-transport-sse",
    "mcp-transport-memory",
    "mcp-session",
    "mcp-tasks",
    "mcp-skills",
    "mcp-group",
    "mcp-agent",
    "mcp-server",
    "mcp-config",
    "mcp-client",
    "mcp-testkit",
];

/// What each crate may depend on. No transport knows another.
const ALLOWED: &[(&str, &[&str])] = &[
    ("mcp-core", &[]),
    ("mcp-transport", &["mcp-core"]),
    ("mcp-http", TRANSPORT),
    ("mcp-transport-stdio", TRANSPORT),
    ("mcp-transport-memory", TRANSPORT),
    ("mcp-transport-http", NETWORK),
    ("mcp-transport-sse", NETWORK),
    ("mcp-schema", &[]),
    ("mcp-session", &["mcp-core", "mcp-transport", "mcp-schema"]),
    ("mcp-group", &["mcp-core", "mcp-transport", "mcp-session"]),
    ("mcp-tasks", EXTENSION),
    ("mcp-skills", EXTENSION),
    ("mcp-agent", EXTENSION),
    ("mcp-server", TRANSPORT),
    (
        "mcp-client",
        &[
            "mcp-core",
            "mcp-transport",
            "mcp-http",
            "mcp-transport-stdio",
            "mcp-transport-http",
            "mcp-transport-sse",
            "mcp-transport-memory",
            "mcp-session",
            "mcp-tasks",
            "mcp-skills",
            "mcp-group",
            "mcp-agent",
            "mcp-server",
            "mcp-config",
        ],
    ),
    ("mcp-testkit", TRANSPORT),
    ("mcp-examples", EVERYTHING),
    ("mcp-integration", EVERYTHING),
    // As an application would: what a scenario needs beyond belongs in the library.
    ("mcp-conformance", &["mcp-client", "mcp-testkit"]),
    ("mcp-config", &[]),
    ("xtask", &[]),
];

/// What the tests of any crate may use besides: the testkit, and a server in the same process.
const IN_TESTS: &[&str] = &["mcp-testkit", "mcp-server", "mcp-transport-memory"];

pub(crate) fn check(workspace: &Workspace) -> Slips {
    Ok(workspace.packages.iter().flat_map(astray).collect())
}

fn astray(package: &Package) -> Vec<String> {
    let Some((name, allowed)) = ALLOWED.iter().find(|(name, _)| *name == package.name) else {
        return vec![format!("{} is not in the table of xtask/src/tidy/arrows.rs", package.name)];
    };
    let fits = |arrow: &&Arrow| {
        let to = arrow.to.as_str();
        allowed.contains(&to) || to == *name || (arrow.dev && IN_TESTS.contains(&to))
    };
    let slip = |arrow: &Arrow| match arrow.dev {
        true => format!("the tests of {name} may not depend on {}", arrow.to),
        false => format!("{name} may not depend on {}", arrow.to),
    };
    package.arrows.iter().filter(|arrow| !fits(arrow)).map(slip).collect()
}

/// A published crate names the versions of ours, and only published ones.
pub(crate) fn versions(workspace: &Workspace) -> Slips {
    let mut slips = Vec::new();
    for package in workspace.packages.iter().filter(|package| package.published) {
        for Arrow { to, versioned, .. } in package.arrows.iter().filter(|arrow| !arrow.dev) {
            let name = &package.name;
            if !versioned {
                slips.push(format!("{name} is published and depends on {to} without a version"));
            }
            if workspace.package(to).is_some_and(|package| !package.published) {
                slips.push(format!("{name} is published and depends on {to}, which is not"));
            }
        }
    }
    Ok(slips)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_lets_no_transport_know_another() {
        let transports = ALLOWED.iter().filter(|(name, _)| name.starts_with("mcp-transport-"));
        for (name, allowed) in transports {
            let siblings = allowed.iter().find(|other| other.starts_with("mcp-transport-"));
            assert_eq!(siblings, None, "of {name}");
        }
    }

    #[test]
    fn an_arrow_outside_the_table_is_a_slip_unless_tests_may_have_it() {
        let arrow = |to: &str, dev| Arrow { to: to.to_owned(), dev, versioned: true };
        let package = Package {
            name: "mcp-core".to_owned(),
            manifest: "Cargo.toml".into(),
            published: true,
            features: Vec::new(),
            arrows: vec![
                arrow("mcp-transport", false),
                arrow("mcp-testkit", true),
                arrow("mcp-client", true),
            ],
        };
        let slips = [
            "mcp-core may not depend on mcp-transport",
            "the tests of mcp-core may not depend on mcp-client",
        ];
        assert_eq!(astray(&package), slips);
    }
}
