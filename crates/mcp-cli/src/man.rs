//! The manual pages, which `cargo xtask man` writes. No released binary contains this.

use std::{ffi::OsStr, fs, path::Path};

use clap::CommandFactory;

use crate::{cli::Cli, failure::Failure};

/// Writes `mcp.1` and a page for each command, such as `mcp-call.1`.
pub(crate) fn write(folder: &OsStr) -> Result<(), Failure> {
    let folder = Path::new(folder);
    fs::create_dir_all(folder)?;
    let command = Cli::command().version(env!("CARGO_PKG_VERSION"));
    Ok(clap_mangen::generate_to(command, folder)?)
}
