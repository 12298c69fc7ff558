//! The allowed dependencies between crates: the arrows of the diagram in `ARCHITECTURE.md`, as a table.

use super::Violations;
use crate::metadata::{Dependency, Package, Workspace};

const TRANSPORT: &[&str] = &["mcp-core", "mcp-transport"];

const NETWORK: &[&str] = &["mcp-core", "mcp-transport", "mcp-http"];

const EXTENSION: &[&str] = &["mcp-core", "mcp-transport", "mcp-session"];

const EVERYTHING: &[&str] = &[
    "mcp-core",
    "mcp-transport",
    "mcp-http",
    "mcp-auth",
    "mcp-transport-stdio",
    "mcp-transport-http",
    "mcp-transport-sse",
    "mcp-transport-memory",
    "mcp-session",
    "mcp-tasks",
    "mcp-skills",
    "mcp-group",
    "mcp-agent",
    "mcp-serve",
    "mcp-server",
    "mcp-config",
    "mcp-client",
    "mcp-testkit",
];

/// The crates that each crate may depend on. No transport depends on another.
const ALLOWED: &[(&str, &[&str])] = &[
    ("mcp-core", &[]),
    ("mcp-transport", &["mcp-core"]),
    ("mcp-http", TRANSPORT),
    ("mcp-auth", &["mcp-core", "mcp-transport", "mcp-http"]),
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
    (
        "mcp-store-redis",
        // `mcp-core` and the last two in its tests only.
        &[
            "mcp-core",
            "mcp-transport",
            "mcp-session",
            "mcp-auth",
            "mcp-serve",
            "mcp-http",
            "mcp-transport-http",
        ],
    ),
    ("mcp-serve", TRANSPORT),
    ("mcp-server", &["mcp-core", "mcp-transport", "mcp-serve"]),
    (
        "mcp-client",
        &[
            "mcp-core",
            "mcp-transport",
            "mcp-http",
            "mcp-auth",
            "mcp-transport-stdio",
            "mcp-transport-http",
            "mcp-transport-sse",
            "mcp-transport-memory",
            "mcp-session",
            "mcp-tasks",
            "mcp-skills",
            "mcp-group",
            "mcp-agent",
            "mcp-schema",
            "mcp-serve",
            "mcp-server",
            "mcp-config",
        ],
    ),
    // Like an application: anything else that it needs belongs in the library.
    ("mcp-cli", &["mcp-client"]),
    ("mcp-testkit", TRANSPORT),
    ("mcp-examples", EVERYTHING),
    ("mcp-integration", EVERYTHING),
    // Like an application: anything else that a scenario needs belongs in the library.
    ("mcp-conformance", &["mcp-client", "mcp-serve"]),
    ("mcp-diagnostics", &["mcp-client"]),
    ("mcp-bench", &["mcp-client", "mcp-group", "mcp-testkit"]),
    (
        "mcp-simulation",
        &[
            "mcp-core",
            "mcp-transport",
            "mcp-http",
            "mcp-transport-http",
            "mcp-transport-sse",
            "mcp-session",
        ],
    ),
    ("mcp-config", &["mcp-core"]),
    ("xtask", &[]),
];

/// Additional dependencies allowed in the tests of any crate: the testkit, a server, and how it is reached.
const IN_TESTS: &[&str] = &["mcp-testkit", "mcp-server", "mcp-serve", "mcp-transport-memory"];

pub(crate) fn check(workspace: &Workspace) -> Violations {
    Ok(workspace.packages.iter().flat_map(forbidden).collect())
}

/// The forbidden dependencies of a package.
fn forbidden(package: &Package) -> Vec<String> {
    let Some((name, allowed)) = ALLOWED.iter().find(|(name, _)| *name == package.name) else {
        return vec![format!("{} is not in the table of xtask/src/tidy/arrows.rs", package.name)];
    };
    let is_allowed = |dependency: &&Dependency| {
        let to = dependency.to.as_str();
        allowed.contains(&to) || to == *name || (dependency.dev && IN_TESTS.contains(&to))
    };
    let violation = |dependency: &Dependency| match dependency.dev {
        true => format!("the tests of {name} must not depend on {}", dependency.to),
        false => format!("{name} must not depend on {}", dependency.to),
    };
    let dependencies = package.dependencies.iter();
    dependencies.filter(|dependency| !is_allowed(dependency)).map(violation).collect()
}

/// A published crate depends only on published crates of the workspace, with a version.
pub(crate) fn versions(workspace: &Workspace) -> Violations {
    let mut violations = Vec::new();
    for package in workspace.packages.iter().filter(|package| package.published) {
        let name = &package.name;
        for Dependency { to, versioned, .. } in package.dependencies.iter().filter(|it| !it.dev) {
            if !versioned {
                violations
                    .push(format!("{name} is published but depends on {to} without a version"));
            }
            if workspace.package(to).is_some_and(|package| !package.published) {
                violations.push(format!("{name} is published but depends on {to}, which is not"));
            }
        }
    }
    Ok(violations)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_allows_no_dependency_between_transports() {
        let transports = ALLOWED.iter().filter(|(name, _)| name.starts_with("mcp-transport-"));
        for (name, allowed) in transports {
            let siblings = allowed.iter().find(|other| other.starts_with("mcp-transport-"));
            assert_eq!(siblings, None, "of {name}");
        }
    }

    #[test]
    fn a_dependency_outside_the_table_is_a_violation_unless_it_is_allowed_in_tests() {
        let dependency = |to: &str, dev| Dependency { to: to.to_owned(), dev, versioned: true };
        let package = Package {
            name: "mcp-core".to_owned(),
            version: "0.1.0".to_owned(),
            manifest: "Cargo.toml".into(),
            published: true,
            features: Vec::new(),
            dependencies: vec![
                dependency("mcp-transport", false),
                dependency("mcp-testkit", true),
                dependency("mcp-client", true),
            ],
        };
        let violations = [
            "mcp-core must not depend on mcp-transport",
            "the tests of mcp-core must not depend on mcp-client",
        ];
        assert_eq!(forbidden(&package), violations);
    }
}
