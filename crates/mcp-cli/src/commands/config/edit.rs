//! Changes a file, or shows the difference.

use std::path::Path;

use mcp_client::config_file::{McpConfig, Server, Target};

use super::{diff::diff, file::File};
use crate::{context::Context, failure::Failure};

/// The file to change.
#[derive(Debug, clap::Args)]
pub(super) struct To {
    /// The file to change: a path, or an application
    #[arg(long = "to", visible_alias = "from", value_name = "FILE")]
    file: Option<String>,
    /// Show the changes without writing them
    #[arg(long)]
    dry_run: bool,
}

/// Reads a file, changes it and replaces it atomically.
pub(super) fn edit(
    cx: &Context,
    to: &To,
    change: impl FnOnce(&mut McpConfig) -> Result<(), Failure>,
) -> Result<(), Failure> {
    let file = File::named(to.file.as_deref())?;
    let mut config = file.read()?;
    let before = config.text().to_owned();
    change(&mut config)?;
    if to.dry_run {
        return Ok(cx.printer.text(&diff(&before, config.text()))?);
    }
    if config.text() != before {
        file.write(&mut config)?;
    }
    anstream::eprintln!("{}", file.path().display());
    Ok(())
}

/// Applies the options to an entry.
pub(super) fn complete(
    server: &mut Server,
    headers: &[(String, String)],
    env: &[(String, String)],
    cwd: Option<&Path>,
) -> Result<(), Failure> {
    match &mut server.target {
        Target::Stdio(stdio) if headers.is_empty() => {
            stdio.env.extend(env.iter().cloned());
            stdio.cwd = cwd.map(Path::to_owned);
            Ok(())
        }
        Target::Remote(remote) if env.is_empty() && cwd.is_none() => {
            remote.headers.extend(headers.iter().cloned());
            Ok(())
        }
        Target::Remote(_) => Err(Failure::usage("--env and --cwd apply to a program")),
        _ => Err(Failure::usage("--header applies to a URL")),
    }
}
