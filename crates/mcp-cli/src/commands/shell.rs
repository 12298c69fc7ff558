//! `mcp shell`: several commands on one session.

use std::pin::Pin;

use crate::{
    answers::AnswerOptions,
    completion::words,
    context::Context,
    escape::line,
    exit::Exit,
    failure::Failure,
    target::{HERE, TargetOptions},
};

/// The commands of the shell. Outside of it, their first word is the server.
const COMMANDS: &[&str] =
    &["list", "call", "read", "prompt", "complete", "inspect", "ping", "watch", "bench"];

/// Run several commands on one session
///
/// The commands are those of mcp, without the server: list, call, read, prompt, complete, inspect, ping, watch, bench.
#[derive(Debug, clap::Args)]
pub(crate) struct Shell {
    /// The server
    #[arg(value_name = "TARGET", add = words())]
    server: Option<String>,
    /// Run this command and exit, instead of reading commands; repeatable; stops at the first failure
    #[arg(short = 'c', long = "command", value_name = "COMMAND")]
    commands: Vec<String>,
    #[command(flatten)]
    answers: AnswerOptions,
    #[command(flatten)]
    target: TargetOptions,
}

/// Runs one command, given as words.
pub(crate) type RunWords<'a> =
    &'a dyn Fn(Vec<String>) -> Pin<Box<dyn Future<Output = Result<(), Failure>> + 'a>>;

impl Shell {
    pub(crate) async fn run(self, cx: &Context, run: RunWords<'_>) -> Result<(), Failure> {
        let (handlers, unanswered) = self.answers.handlers();
        let client = cx.client(self.server.as_deref(), &self.target).await?.handlers(handlers);
        let session = cx.open(&client).await?;
        cx.stay_on(client, session);
        if !self.commands.is_empty() {
            for command in &self.commands {
                let done = one(command, run).await;
                unanswered.or(done)?;
            }
            return Ok(());
        }
        read::lines(cx, run).await
    }
}

/// Runs one line. Ignores an empty line.
async fn one(text: &str, run: RunWords<'_>) -> Result<(), Failure> {
    let words = shlex::split(text)
        .ok_or_else(|| Failure::usage(format!("{}: a quote is not terminated", line(text))))?;
    let Some((command, rest)) = words.split_first() else { return Ok(()) };
    let known = COMMANDS.join(", ");
    if command == "help" {
        let more = "`COMMAND --help` shows the arguments of one";
        anstream::eprintln!("commands: {known}, exit; {more}");
        return Ok(());
    }
    if !COMMANDS.contains(&command.as_str()) {
        return Err(Failure::usage(format!("{}: use one of {known}, exit", line(command))));
    }
    let mut words = vec!["mcp".to_owned(), command.clone(), HERE.to_owned()];
    words.extend_from_slice(rest);
    run(words).await
}

#[cfg(feature = "shell")]
mod read {
    use rustyline::{DefaultEditor, error::ReadlineError};

    use super::{Context, Exit, Failure, RunWords, one};
    use crate::{output::error_label, state, terminal};

    /// The history file.
    const HISTORY: &str = "history";

    /// Reads commands with line editing and history until `exit` or the end of the input. Continues after a failure, which
    /// is written to stderr.
    pub(super) async fn lines(cx: &Context, run: RunWords<'_>) -> Result<(), Failure> {
        let failed = |error: ReadlineError| Failure::new(Exit::Other, error.to_string());
        let mut editor = DefaultEditor::new().map_err(failed)?;
        let history = state::folder().map(|it| it.join(HISTORY));
        if let Some(file) = &history {
            // The file does not exist on the first run.
            let _ = editor.load_history(file);
        }
        loop {
            let read;
            (editor, read) = terminal::blocking(move || {
                let read = editor.readline("mcp> ");
                Ok((editor, read))
            })
            .await?;
            let text = match read {
                Ok(text) => text,
                Err(ReadlineError::Interrupted) => continue,
                Err(_) => break,
            };
            if matches!(text.trim(), "exit" | "quit") {
                break;
            }
            let _ = editor.add_history_entry(cx.masked(text.clone()));
            if let Err(failure) = one(&text, run).await
                && let Some(message) = failure.message()
            {
                anstream::eprintln!("{} {}", error_label(), cx.masked(message));
            }
        }
        if let Some(file) =
            history.filter(|it| it.parent().is_some_and(|it| std::fs::create_dir_all(it).is_ok()))
        {
            // A failed write of the history is ignored.
            let _ = editor.save_history(&file);
        }
        Ok(())
    }
}

#[cfg(not(feature = "shell"))]
mod read {
    use super::{Context, Exit, Failure, RunWords};

    /// Without a line editor, only `-c` is supported.
    pub(super) async fn lines(_: &Context, _: RunWords<'_>) -> Result<(), Failure> {
        Err(Failure::new(Exit::Usage, "pass commands with -c: this build has no feature `shell`"))
    }
}
