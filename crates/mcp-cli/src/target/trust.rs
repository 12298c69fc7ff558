//! Confirmation before a program from a file of the workspace is started.

use std::{fs, io::Write, path::Path};

use mcp_client::config_file::{Scope, Server, Target};
use sha2::{Digest, Sha256};

use super::{Found, Origin};
use crate::{escape::line, failure::Failure, state, terminal};

/// Hashes of the confirmed programs, one per line.
const FILE: &str = "trusted";

/// Whether the user may be prompted to confirm a program.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ask {
    /// Prompt at the terminal.
    Person,
    /// Fail without a prompt.
    Never,
}

/// Checks that a found program may be started. A program from a file of the workspace requires `--trust` or a
/// confirmation, which is stored until the entry changes.
pub(crate) async fn trust(found: &Found, is_given: bool, ask: Ask) -> Result<(), Failure> {
    let Found::One { name, server, origin } = found else { return Ok(()) };
    let Origin::Application { scope: Scope::Workspace, file } = origin else { return Ok(()) };
    let Target::Stdio(stdio) = &server.target else { return Ok(()) };
    if is_given {
        return Ok(());
    }
    let hash = hash(file, server);
    let remembered = state::folder().map(|it| it.join(FILE));
    let known = remembered.as_deref().and_then(|it| fs::read_to_string(it).ok());
    if known.is_some_and(|it| it.lines().any(|line| line == hash)) {
        return Ok(());
    }
    let program = [&stdio.command].into_iter().chain(&stdio.args);
    let program = program.map(String::as_str).collect::<Vec<_>>().join(" ");
    let (name, program) = (name.as_deref().unwrap_or_default(), line(&program).into_owned());
    let what = format!("{} of {} starts: {program}", line(name), file.display());
    if ask == Ask::Never || !terminal::is_interactive() {
        return Err(Failure::usage(format!("{what}\npass --trust to start it")));
    }
    if !terminal::confirm(format!("{what}\nStart it?")).await? {
        return Err(Failure::usage("not started"));
    }
    if let Some(file) = remembered {
        remember(&file, &hash)?;
    }
    Ok(())
}

/// Hash of everything that determines the program.
fn hash(file: &Path, server: &Server) -> String {
    let mut hash = Sha256::new();
    let mut add = |text: &str| {
        hash.update(text.len().to_le_bytes());
        hash.update(text);
    };
    add(&file.to_string_lossy());
    if let Target::Stdio(stdio) = &server.target {
        add(&stdio.command);
        stdio.args.iter().for_each(|it| add(it));
        add("variables");
        for (name, value) in &stdio.env {
            add(name);
            add(value);
        }
        for path in [&stdio.cwd, &stdio.env_file].into_iter().flatten() {
            add(&path.to_string_lossy());
        }
    }
    hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}

fn remember(file: &Path, hash: &str) -> std::io::Result<()> {
    if let Some(folder) = file.parent() {
        fs::create_dir_all(folder)?;
    }
    let mut file = fs::OpenOptions::new().append(true).create(true).open(file)?;
    writeln!(file, "{hash}")
}
