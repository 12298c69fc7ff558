//! The command line.

use clap::{Parser, Subcommand};

use crate::{
    commands::{call::Call, inspect::Inspect, list::List, ping::Ping, proxy::Proxy, read::Read},
    context::Context,
    failure::Failure,
    output::OutputOptions,
};

/// Reach any MCP server from the shell.
///
/// A TARGET is a URL; a file, or FILE:SERVER; APPLICATION:SERVER, such as cursor:weather; the name of a configured
/// server; or a program after `--`. Standard output has results only.
///
/// Exit codes: 0 done, 1 other, 2 usage or configuration, 3 authorization, 4 unreachable or died, 5 the tool failed,
/// 6 time limit, 7 a check failed, 8 the server asked and nobody could answer, 130 interrupted.
#[derive(Debug, Parser)]
#[command(name = "mcp", version, propagate_version = true, subcommand_required = true)]
#[command(arg_required_else_help = true, max_term_width = 100)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) output: OutputOptions,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    List(List),
    Call(Call),
    Read(Read),
    Inspect(Inspect),
    Ping(Ping),
    Proxy(Box<Proxy>),
}

impl Cli {
    /// Runs the command.
    pub(crate) async fn run(self, cx: &Context) -> Result<(), Failure> {
        match self.command {
            Command::List(it) => it.run(cx).await,
            Command::Call(it) => it.run(cx).await,
            Command::Read(it) => it.run(cx).await,
            Command::Inspect(it) => it.run(cx).await,
            Command::Ping(it) => it.run(cx).await,
            Command::Proxy(it) => it.run(cx).await,
        }
    }
}
