//! Documentation of features: each has a comment in its `Cargo.toml`, and those of the facade a row in the README.

use std::collections::BTreeSet;

use super::Violations;
use crate::metadata::{Package, Workspace};
use crate::run::read;

pub(crate) fn check(workspace: &Workspace) -> Violations {
    let mut violations = Vec::new();
    for package in workspace.packages.iter().filter(|package| package.published) {
        let manifest = read(&package.manifest)?;
        let features = public(package).into_iter();
        let uncommented = features.filter(|feature| !is_commented(&manifest, feature));
        violations.extend(
            uncommented
                .map(|it| format!("{}: feature {it} has no comment in Cargo.toml", package.name)),
        );
    }
    let facade = workspace.package("mcp-client").ok_or("no package mcp-client")?;
    let declared = public(facade);
    // A missing README is reported by the check of the root directory.
    let readme = read("README.md").unwrap_or_default();
    let documented = rows(&readme);
    let missing = declared.difference(&documented);
    violations.extend(missing.map(|it| format!("README.md: no row for feature {it}")));
    let unknown = documented.difference(&declared);
    violations.extend(unknown.map(|it| format!("README.md: unknown feature {it}")));
    Ok(violations)
}

/// The public features.
fn public(package: &Package) -> BTreeSet<&str> {
    let names = package.features.iter().map(String::as_str);
    names.filter(|name| *name != "default" && !name.starts_with('_')).collect()
}

/// Whether the line above a feature, or the end of its line, is a comment.
fn is_commented(manifest: &str, feature: &str) -> bool {
    let table = manifest.split("\n[features]\n").nth(1).unwrap_or_default();
    let table = table.split("\n[").next().unwrap_or_default();
    let mut above = "";
    for line in table.lines() {
        let name = line.split('=').next().unwrap_or_default().trim().trim_matches('"');
        if name == feature {
            return above.starts_with('#') || line.contains(" # ");
        }
        above = line;
    }
    false
}

/// The first cells, ``| `name` |``, of the table under the heading with the word "feature".
fn rows(readme: &str) -> BTreeSet<&str> {
    let is_heading = |line: &str| line.starts_with('#');
    let section = readme
        .lines()
        .skip_while(|line| !(is_heading(line) && line.to_lowercase().contains("feature")))
        .skip(1)
        .take_while(|line| !is_heading(line));
    section.filter_map(|line| line.strip_prefix("| `")?.split('`').next()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_comment_above_a_feature_or_on_its_line_counts() {
        let manifest = "[package]\n\n[features]\n# what it is\na = []\nb = [] # and this\nc = []\n\n[lints]\nd = []\n";
        let commented = ["a", "b", "c", "d"].map(|feature| is_commented(manifest, feature));
        assert_eq!(commented, [true, true, false, false]);
    }

    #[test]
    fn only_the_table_of_the_features_section_counts() {
        let readme = "# Name\n| `x` | no |\n## Features\n\n| feature | brings |\n|---|---|\n| `stdio` | yes |\n| `http` (default) | yes |\n## Targets\n| `y` | no |\n";
        assert_eq!(rows(readme), BTreeSet::from(["http", "stdio"]));
    }
}
