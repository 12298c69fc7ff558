//! The command `mcp`: a client of MCP servers for the shell.

mod answers;
mod arguments;
mod cli;
mod commands;
mod completion;
mod context;
mod escape;
mod exit;
mod failure;
mod interrupt;
#[cfg(feature = "_man")]
mod man;
mod output;
mod progress;
mod state;
mod target;
mod terminal;
mod trace;

use std::process::ExitCode;

use clap::{CommandFactory, Parser};

use crate::{cli::Cli, context::Context, exit::Exit, failure::Failure, output::Printer};

fn main() -> ExitCode {
    completion::answer_shell(Cli::command);
    #[cfg(feature = "_man")]
    if let Some(folder) = std::env::var_os("MCP_MAN_FOLDER") {
        return report(man::write(&folder));
    }
    let cli = Cli::parse();
    report(run(cli))
}

fn report(outcome: Result<(), Failure>) -> ExitCode {
    let exit = match outcome {
        Ok(()) => Exit::Ok,
        Err(failure) => {
            if let Some(message) = failure.message() {
                anstream::eprintln!("{} {message}", output::error_label());
            }
            failure.exit
        }
    };
    ExitCode::from(exit as u8)
}

fn run(cli: Cli) -> Result<(), Failure> {
    let cx = Context::new(Printer::new(cli.output));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let outcome = runtime.block_on(interrupt::until_interrupted(&cx, cli.run(&cx)));
    // Ends the remaining tasks and processes, without waiting for a thread that reads stdin.
    runtime.shutdown_background();
    outcome.map_err(|failure| failure.map_message(|it| cx.masked(it)))
}
