//! The interop table: the peers that the tests used, and the results.

use std::collections::BTreeSet;
use std::fs;
use std::io::ErrorKind;
use std::path::PathBuf;
use std::process::Command;

use crate::metadata::Workspace;
use crate::run::{Result, read};

/// The file to which the tests append their rows.
pub(crate) struct Interop(PathBuf);

/// Has the tests of this command write their rows.
pub(crate) fn begin(test: &mut Command) -> Result<Interop> {
    let file = Workspace::load()?.target.join("interop.tsv");
    match fs::remove_file(&file) {
        Err(error) if error.kind() != ErrorKind::NotFound => {
            return Err(format!("cannot remove {}: {error}", file.display()));
        }
        _ => {}
    }
    test.env("MCP_INTEROP", &file);
    Ok(Interop(file))
}

impl Interop {
    /// Prints the table: package, carrier, revision and result.
    pub(crate) fn print(&self) -> Result {
        if !self.0.exists() {
            println!("\nno test talked to a peer");
            return Ok(());
        }
        println!("\n{}", table(&read(&self.0)?));
        Ok(())
    }
}

fn table(rows: &str) -> String {
    let rows: BTreeSet<Vec<&str>> = rows.lines().map(|line| line.split('\t').collect()).collect();
    let head = vec!["package", "carrier", "revision", "result"];
    let width = |column: usize| {
        let cells = rows.iter().chain([&head]).filter_map(|row| row.get(column));
        cells.map(|cell| cell.chars().count()).max().unwrap_or_default()
    };
    let widths = [width(0), width(1), width(2)];
    let line = |row: &Vec<&str>| {
        let cell = |column: usize| row.get(column).copied().unwrap_or_default();
        let [package, carrier, revision] = widths;
        format!("{:package$}  {:carrier$}  {:revision$}  {}", cell(0), cell(1), cell(2), cell(3))
    };
    std::iter::once(&head).chain(&rows).map(line).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_sorted_and_aligned_once() {
        let rows = "b\tPipe\t2026-07-28\tpassed\na long one\tPipe\t-\tFAILED\nb\tPipe\t2026-07-28\tpassed\n";
        let expected = "package     carrier  revision    result\n\
                        a long one  Pipe     -           FAILED\n\
                        b           Pipe     2026-07-28  passed";
        assert_eq!(table(rows), expected);
    }
}
