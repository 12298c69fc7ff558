//! Shell completion of servers, tools and argument names.
//!
//! The scripts of the shells call this program with the words typed so far. This module encloses that interface of
//! clap, which is marked as unstable.

mod cached;
mod candidates;

use std::{ffi::OsStr, io};

use clap::Command;
use clap_complete::{
    CompleteEnv,
    engine::{ArgValueCompleter, CompletionCandidate, ValueCompleter},
    env::Shells,
};

/// The variable that a completion script sets.
const VARIABLE: &str = "MCP_COMPLETE";
/// The name of the command.
const NAME: &str = "mcp";

/// Responds to a completion script and exits. Does nothing in any other process.
pub(crate) fn answer_shell(command: fn() -> Command) {
    if std::env::var_os(VARIABLE).is_some() {
        CompleteEnv::with_factory(command).var(VARIABLE).bin(NAME).completer(NAME).complete();
    }
}

/// The completion script of a shell.
pub(crate) fn script(shell: &str) -> io::Result<Vec<u8>> {
    let shells = Shells::builtins();
    let completer = shells.completer(shell).ok_or_else(|| {
        let known: Vec<&str> = shells.iter().map(|it| it.name()).collect();
        io::Error::new(io::ErrorKind::InvalidInput, format!("use one of {}", known.join(", ")))
    })?;
    let mut script = Vec::new();
    completer.write_registration(VARIABLE, NAME, NAME, NAME, &mut script)?;
    Ok(script)
}

/// Completes the words of a command: a server, then its tools, resources or prompts.
pub(crate) fn words() -> ArgValueCompleter {
    ArgValueCompleter::new(Words)
}

struct Words;

impl ValueCompleter for Words {
    fn complete(&self, current: &OsStr) -> Vec<CompletionCandidate> {
        let Some(current) = current.to_str() else { return Vec::new() };
        let all = candidates::candidates().into_iter();
        all.filter(|it| it.starts_with(current)).map(CompletionCandidate::new).collect()
    }
}
