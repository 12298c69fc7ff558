//! The documentation outside the code: the README, the pages of the guide, the index of examples, `llms.txt`.

use std::fs;
use std::path::Path;

use super::Violations;
use crate::llms;
use crate::metadata::Workspace;
use crate::run::read;

/// The most lines of the README: the rest belongs into the guide.
const README_LINES: usize = 150;

/// The folders of pages that are included into the documentation of a crate.
const GUIDES: &[&str] = &["crates/mcp-client/src/guide", "crates/mcp-transport/src/guide"];

pub(crate) fn check(_: &Workspace) -> Violations {
    let readme = read("README.md")?;
    let mut violations = Vec::new();
    let lines = readme.lines().count();
    if lines > README_LINES {
        violations.push(format!("README.md has {lines} lines, more than {README_LINES}"));
    }
    for folder in GUIDES {
        let module = read(format!("{folder}/mod.rs"))?;
        for page in files(folder, "md")? {
            if !module.contains(&format!("include_str!(\"{page}\")")) {
                violations.push(format!("{folder}/mod.rs does not include {page}"));
            }
            if !readme.contains(&format!("({folder}/{page})")) {
                violations.push(format!("README.md has no link to {folder}/{page}"));
            }
        }
    }
    for page in files("docs/migrating", "md")? {
        let facade = read("crates/mcp-client/src/lib.rs")?;
        if !facade.contains(&format!("docs/migrating/{page}")) {
            violations
                .push(format!("crates/mcp-client/src/lib.rs does not test docs/migrating/{page}"));
        }
    }
    let index = read("examples/README.md")?;
    for example in files("examples", "rs")?.iter().filter(|it| *it != "lib.rs") {
        if !index.contains(&format!("({example})")) {
            violations.push(format!("examples/README.md has no row for {example}"));
        }
    }
    for page in ["README.md", "examples/README.md"] {
        violations.extend(dead_links(page, &read(page)?));
    }
    if !llms::is_current()? {
        violations.push("llms.txt is out of date: run `cargo xtask llms`".to_owned());
    }
    Ok(violations)
}

/// The names of the files of a folder with this extension, in alphabetical order.
fn files(folder: &str, extension: &str) -> Violations {
    let entries = fs::read_dir(folder).map_err(|error| format!("cannot read {folder}: {error}"))?;
    let paths = entries.flatten().map(|entry| entry.path());
    let found = paths.filter(|path| path.extension().is_some_and(|it| it == extension));
    let mut names: Vec<String> =
        found.filter_map(|path| Some(path.file_name()?.to_string_lossy().into_owned())).collect();
    names.sort();
    Ok(names)
}

/// The links of a page to files that do not exist.
fn dead_links(page: &str, text: &str) -> Vec<String> {
    let folder = Path::new(page).parent().unwrap_or(Path::new(""));
    let targets = text.split("](").skip(1).filter_map(|rest| rest.split([')', '#']).next());
    let local = targets.filter(|target| !target.is_empty() && !target.contains("://"));
    let dead = local.filter(|target| !folder.join(target).exists());
    dead.map(|target| format!("{page} links to {target}, which does not exist")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_links_to_files_that_do_not_exist_are_dead() {
        let text = "[a](src) [b](https://example.com/x) [c](#part) [d](none.md#part)";
        assert_eq!(
            dead_links("README.md", text),
            ["README.md links to none.md, which does not exist"]
        );
    }
}
