//! `release`: checks that a release is complete. It publishes nothing and creates no tag.

use crate::metadata::Workspace;
use crate::run::{Result, command, output, read, succeeds};

/// `[VERSION]`: the version to be released. Default: that of the workspace.
pub(crate) fn run(args: &[String]) -> Result {
    let workspace = Workspace::load()?;
    let declared = declared_version(&read("Cargo.toml")?)?;
    let version = args.first().map_or(declared.as_str(), String::as_str);
    let mut problems = Vec::new();
    if version != declared {
        problems.push(format!("the version in Cargo.toml is {declared}, not {version}"));
    }
    for package in workspace.packages.iter().filter(|package| package.published) {
        if package.version != declared {
            problems.push(format!(
                "{} has the version {}, not {declared}",
                package.name, package.version
            ));
        }
    }
    problems.extend(wrong_requirements(&read("Cargo.toml")?, &declared));
    problems.extend(changelog_problems(&read("CHANGELOG.md")?, version));
    problems.extend(tag_problems(version)?);
    if !output(&mut command("git", "status --porcelain"))?.is_empty() {
        problems.push("there are changes that are not committed".to_owned());
    }
    match problems.is_empty() {
        true => {
            println!("version {version} can be released: tag this commit as v{version}");
            Ok(())
        }
        false => Err(problems.join("; ")),
    }
}

/// The version of the workspace.
fn declared_version(manifest: &str) -> Result<String> {
    let table = manifest.split("[workspace.package]").nth(1).unwrap_or_default();
    let table = table.split("\n[").next().unwrap_or_default();
    let line = table.lines().find_map(|line| line.strip_prefix("version = "));
    let version = line.ok_or("no version in [workspace.package] of Cargo.toml")?;
    Ok(version.trim_matches('"').to_owned())
}

/// The dependencies on crates of the workspace that require another version.
fn wrong_requirements(manifest: &str, version: &str) -> Vec<String> {
    let ours = manifest.lines().filter(|line| line.contains("path = \"crates/"));
    let versioned = ours.filter(|line| line.contains("version = "));
    let wrong = versioned.filter(|line| !line.contains(&format!("version = \"{version}\"")));
    wrong.map(|line| format!("Cargo.toml requires another version: {line}")).collect()
}

/// The changelog has a section for the version with at least one entry, and nothing that is unreleased.
fn changelog_problems(changelog: &str, version: &str) -> Vec<String> {
    let entries = |heading: &str| {
        let mut lines = changelog.lines().skip_while(|line| {
            line.strip_prefix("## ").is_none_or(|it| it.split(' ').next() != Some(heading))
        });
        lines.next().map(|_| {
            let section = lines.take_while(|line| !line.starts_with("## "));
            section.filter(|line| line.starts_with("- ")).count()
        })
    };
    let mut problems = Vec::new();
    match entries(version) {
        None => problems.push(format!("CHANGELOG.md has no section \"## {version}\"")),
        Some(0) => problems.push(format!("the section {version} of CHANGELOG.md is empty")),
        Some(_) => {}
    }
    if let Some(count @ 1..) = entries("Unreleased") {
        problems.push(format!("CHANGELOG.md has {count} entries that are unreleased"));
    }
    problems
}

/// The tag does not exist yet, or is this commit.
fn tag_problems(version: &str) -> Result<Vec<String>> {
    let tag = format!("v{version}");
    let revision = format!("{tag}^{{commit}}");
    if !succeeds(command("git", "rev-parse --verify --quiet").arg(&revision)) {
        return Ok(Vec::new());
    }
    let tagged = output(command("git", "rev-parse").arg(&revision))?;
    let head = output(&mut command("git", "rev-parse HEAD"))?;
    Ok(match tagged == head {
        true => Vec::new(),
        false => vec![format!("the tag {tag} is another commit")],
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_version_is_that_of_the_workspace() {
        let manifest =
            "[package]\nversion = \"9\"\n[workspace.package]\nversion = \"0.2.0\"\n[x]\n";
        assert_eq!(declared_version(manifest).as_deref(), Ok("0.2.0"));
        assert!(declared_version("[workspace.package]\n[x]\nversion = \"1\"").is_err());
    }

    #[test]
    fn requirements_of_another_version_are_found() {
        let manifest = "a = { path = \"crates/a\", version = \"0.1.0\" }\nb = { path = \"crates/b\" }\nserde = { version = \"1\" }";
        assert!(wrong_requirements(manifest, "0.1.0").is_empty());
        assert_eq!(wrong_requirements(manifest, "0.2.0").len(), 1);
    }

    #[test]
    fn a_release_has_a_section_with_entries_and_nothing_unreleased() {
        let ready =
            "# Changelog\n\n## Unreleased\n\n## 0.2.0 (2026-11-30)\n\n- a\n\n## 0.1.0\n\n- b\n";
        assert!(changelog_problems(ready, "0.2.0").is_empty());
        assert_eq!(changelog_problems(ready, "0.3.0").len(), 1);
        let open = "## Unreleased\n\n- a\n  and more\n- b\n\n## 0.2.0\n";
        let problems = changelog_problems(open, "0.2.0");
        assert_eq!(problems.len(), 2, "{problems:?}");
        assert!(problems[1].contains("2 entries"), "{problems:?}");
    }
}
