//! Completion in the user's shell: servers, tools and the names of arguments, as they are at that moment.
//!
//! The scripts of the shells only call this program back, with the words so far; all of that is in this module, since
//! its interface is marked as unstable.

mod cached;
mod candidates;

use std::{ffi::OsStr, io};

use clap::Command;
use clap_complete::{
    CompleteEnv,
    engine::{ArgValueCompleter, CompletionCandidate, ValueCompleter},
    env::Shells,
};

/// The variable with which a script of a shell calls this program.
const VARIABLE: &str = "MCP_COMPLETE";
/// The name of the command, as it is typed.
const NAME: &str = "mcp";

/// Answers a script of a shell, and ends the process then. Does nothing otherwise.
pub(crate) fn answer_shell(command: fn() -> Command) {
    if std::env::var_os(VARIABLE).is_some() {
        CompleteEnv::with_factory(command).var(VARIABLE).bin(NAME).completer(NAME).complete();
    }
}

/// The script that a shell sources.
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

/// Completes the words of a command: a server first, and then what it offers.
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
