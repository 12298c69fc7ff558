//! `cargo xtask man`: the manual pages of the command `mcp`, from its own descriptions of options.

use std::path::PathBuf;

use crate::run::{Result, cargo, read, root, run as run_command};

/// Pages that must be there, one of each kind.
const EXPECTED: [&str; 3] = ["mcp.1", "mcp-call.1", "mcp-config-add.1"];

pub(crate) fn run(args: &[String]) -> Result {
    let folder = match args {
        [] => root().join("target/man"),
        [folder] => PathBuf::from(folder),
        _ => return Err("write at most a folder".to_owned()),
    };
    let mut write = cargo("run --quiet -p mcp-cli --features _man");
    run_command(write.env("MCP_MAN_FOLDER", &folder))?;
    for page in EXPECTED {
        let text = read(folder.join(page))?;
        if !text.contains(".SH SYNOPSIS") {
            return Err(format!("{page} has no synopsis"));
        }
    }
    println!("{}", folder.display());
    Ok(())
}
