//! Tests of the types against official material: JSON Schemas and example messages of both eras.

#![allow(missing_docs, clippy::unwrap_used, reason = "tests")]

mod examples;
mod round_trip;
mod schemas;
mod values;

use std::path::PathBuf;

fn workspace_root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../..")
}
