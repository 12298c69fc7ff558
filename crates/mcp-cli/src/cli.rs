//! The command line.

use clap::{Parser, Subcommand};

use crate::{
    commands::{
        bench::Bench,
        call::Call,
        complete::Complete,
        completions::Completions,
        config::Config,
        discover::Discover,
        inspect::Inspect,
        list::List,
        login::{Auth, Login, Logout},
        ping::Ping,
        prompt::GetPrompt,
        proxy::Proxy,
        read::Read,
        shell::Shell,
        skills::ReadSkills,
        tasks::ShowTasks,
        watch::Watch,
    },
    context::Context,
    failure::Failure,
    output::OutputOptions,
};

/// List, call, inspect and bridge any MCP server from the shell.
///
/// A TARGET is a URL; a file, or FILE:SERVER; APPLICATION:SERVER, such as cursor:weather; the name of a configured
/// server; or a program after `--`. Only results are written to stdout.
///
/// Exit codes: 0 success, 1 other failure, 2 usage or configuration, 3 authorization, 4 server unreachable or exited,
/// 5 tool failed, 6 timeout, 7 check failed, 8 input required by the server, 130 interrupted.
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
    Prompt(GetPrompt),
    Complete(Complete),
    Inspect(Inspect),
    Ping(Ping),
    Watch(Watch),
    Skills(ReadSkills),
    Tasks(ShowTasks),
    Shell(Shell),
    Proxy(Box<Proxy>),
    Login(Login),
    Logout(Logout),
    Auth(Auth),
    Discover(Discover),
    Config(Config),
    Bench(Bench),
    Completions(Completions),
}

impl Cli {
    /// Runs the command.
    pub(crate) async fn run(self, cx: &Context) -> Result<(), Failure> {
        match self.command {
            Command::List(it) => it.run(cx).await,
            Command::Call(it) => it.run(cx).await,
            Command::Read(it) => it.run(cx).await,
            Command::Prompt(it) => it.run(cx).await,
            Command::Complete(it) => it.run(cx).await,
            Command::Inspect(it) => it.run(cx).await,
            Command::Ping(it) => it.run(cx).await,
            Command::Watch(it) => it.run(cx).await,
            Command::Skills(it) => it.run(cx).await,
            Command::Tasks(it) => it.run(cx).await,
            Command::Shell(it) => it.run(cx, &|words| Box::pin(Self::run_words(words, cx))).await,
            Command::Proxy(it) => it.run(cx).await,
            Command::Login(it) => it.run(cx).await,
            Command::Logout(it) => it.run().await,
            Command::Auth(it) => it.run(cx).await,
            Command::Discover(it) => it.run(cx),
            Command::Config(it) => it.run(cx),
            Command::Bench(it) => it.run(cx).await,
            Command::Completions(it) => it.run(cx),
        }
    }

    /// Runs a command of `mcp shell`, with the output options of the shell.
    async fn run_words(words: Vec<String>, cx: &Context) -> Result<(), Failure> {
        let cli = Self::try_parse_from(words).map_err(|error| Failure::usage(error.to_string()))?;
        Box::pin(cli.run(cx)).await
    }
}
