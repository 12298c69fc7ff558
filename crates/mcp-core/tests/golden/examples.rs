//! Round trips of the official example files of the specification.

use std::{
    fs,
    path::{Path, PathBuf},
};

use serde_json::Value;

use crate::{round_trip::round_trip, workspace_root};

#[test]
fn official_examples_are_unchanged_by_a_round_trip() {
    let folder = workspace_root().join("../shared/spec/examples");
    if !folder.is_dir() {
        eprintln!("skipped: no specification examples next to the workspace");
        return;
    }
    let mut failures = Vec::new();
    let mut count = 0;
    for revision in entries(&folder) {
        for definition in entries(&revision) {
            for file in entries(&definition) {
                count += 1;
                let value: Value = serde_json::from_slice(&fs::read(&file).unwrap()).unwrap();
                let name = definition.file_name().unwrap().to_str().unwrap();
                match round_trip(name, &value) {
                    Ok(back) if back == value => {}
                    Ok(back) => failures.push(format!("{}: changed to {back:#}", file.display())),
                    Err(error) => failures.push(format!("{}: {error}", file.display())),
                }
            }
        }
    }
    assert!(failures.is_empty(), "{} of {count}:\n{}", failures.len(), failures.join("\n"));
    assert_eq!(count, 260, "example files found");
}

fn entries(folder: &Path) -> Vec<PathBuf> {
    fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect()
}
