//! `llms`: writes `llms.txt`, the index of the documentation for language models, from the pages themselves.
//!
//! Format: <https://llmstxt.org>.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use crate::run::{Result, read};

/// The file in the root directory.
const FILE: &str = "llms.txt";

/// The sections: a title, and a folder or a page.
const SECTIONS: &[(&str, &[&str])] = &[
    ("Guide", &["crates/mcp-client/src/guide"]),
    ("Transports", &["crates/mcp-transport/src/guide"]),
    (
        "Agents and configurations",
        &["crates/mcp-agent/src/guide.md", "crates/mcp-config/CONFIG.md"],
    ),
    ("Command", &["docs/command.md"]),
    ("Migrating", &["docs/migrating"]),
    (
        "Optional",
        &[
            "docs/comparison.md",
            "docs/performance.md",
            "examples/README.md",
            "ARCHITECTURE.md",
            "CONTRIBUTING.md",
            "CHANGELOG.md",
            "SECURITY.md",
        ],
    ),
];

pub(crate) fn run(_: &[String]) -> Result {
    fs::write(FILE, generate()?).map_err(|error| format!("cannot write {FILE}: {error}"))
}

/// Whether the file matches the pages.
pub(crate) fn is_current() -> Result<bool> {
    Ok(fs::read_to_string(FILE).unwrap_or_default() == generate()?)
}

fn generate() -> Result<String> {
    let readme = read("README.md")?;
    let mut out = summary(&readme);
    for (title, places) in SECTIONS {
        let _ = write!(out, "\n## {title}\n\n");
        for page in places.iter().map(|place| pages(place)).collect::<Result<Vec<_>>>()?.concat() {
            let text = read(&page)?;
            let _ = writeln!(out, "- [{}]({page}){}", name(&page), about(&text));
        }
    }
    Ok(out)
}

/// The title of the README, and its first paragraph as a quotation.
fn summary(readme: &str) -> String {
    let mut paragraphs = readme.split("\n\n");
    let title = paragraphs.next().unwrap_or_default();
    let first = paragraphs.next().unwrap_or_default();
    let quoted: Vec<String> = first.lines().map(|line| format!("> {line}")).collect();
    format!("{title}\n\n{}\n", quoted.join("\n"))
}

/// The Markdown files of a folder in alphabetical order, or the file itself.
fn pages(place: &str) -> Result<Vec<String>> {
    if !Path::new(place).is_dir() {
        return Ok(vec![place.to_owned()]);
    }
    let entries = fs::read_dir(place).map_err(|error| format!("cannot read {place}: {error}"))?;
    let names = entries.flatten().map(|entry| entry.file_name().to_string_lossy().into_owned());
    let mut pages: Vec<String> =
        names.filter(|it| it.ends_with(".md")).map(|it| format!("{place}/{it}")).collect();
    pages.sort();
    Ok(pages)
}

/// The name of a page: of its file, or of the folder of a README.
fn name(page: &str) -> String {
    let path = Path::new(page);
    let stem = path.file_stem().unwrap_or_default().to_string_lossy();
    match (&*stem, path.parent().and_then(Path::file_name)) {
        ("README", Some(folder)) => folder.to_string_lossy().into_owned(),
        (stem, _) => stem.replace(['_', '-'], " ").to_lowercase(),
    }
}

/// The subject of a page: its heading, or its first sentence.
fn about(page: &str) -> String {
    let first = page.split("\n\n").next().unwrap_or_default().replace('\n', " ");
    let first = first.trim_start_matches('#').trim().trim_end_matches('.');
    match first.is_empty() {
        true => String::new(),
        false => format!(": {first}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_is_named_by_its_file_and_described_by_its_first_sentence() {
        assert_eq!(name("crates/x/src/guide/time_limits.md"), "time limits");
        assert_eq!(name("examples/README.md"), "examples");
        assert_eq!(about("# From rmcp\n\ntext"), ": From rmcp");
        assert_eq!(about("Errors: what\neach means.\n\nmore"), ": Errors: what each means");
    }

    #[test]
    fn the_summary_is_the_title_and_the_first_paragraph() {
        assert_eq!(
            summary("# name\n\nA library\nof parts.\n\n## Next"),
            "# name\n\n> A library\n> of parts.\n"
        );
    }
}
