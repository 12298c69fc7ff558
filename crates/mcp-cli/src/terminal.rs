//! Prompts at the terminal. They are written to stderr, since stdout is for results.

use std::io::{self, IsTerminal, Write};

use dialoguer::console::Term;

use crate::failure::Failure;

/// Whether there is a terminal to prompt at.
pub(crate) fn is_interactive() -> bool {
    io::stdin().is_terminal() && io::stderr().is_terminal()
}

/// Shows the cursor, which an interrupted prompt leaves hidden, and begins a new line for the shell.
pub(crate) fn restore() {
    if io::stderr().is_terminal() {
        let term = Term::stderr();
        // The command exits: there is no use for an error.
        let _ = term.show_cursor().and_then(|()| term.write_line(""));
    }
}

/// Runs work that waits for the user on a separate thread, so that Ctrl-C works.
pub(crate) async fn blocking<T: Send + 'static>(
    ask: impl FnOnce() -> io::Result<T> + Send + 'static,
) -> Result<T, Failure> {
    match tokio::task::spawn_blocking(ask).await {
        Ok(answer) => Ok(answer?),
        Err(_) => Err(io::Error::other("the prompt was aborted").into()),
    }
}

/// Prompts for yes or no. Any answer other than `y` is no.
pub(crate) async fn confirm(question: String) -> Result<bool, Failure> {
    blocking(move || {
        let mut stderr = io::stderr();
        write!(stderr, "{question} [y/N] ")?;
        stderr.flush()?;
        let mut answer = String::new();
        io::stdin().read_line(&mut answer)?;
        Ok(matches!(answer.trim(), "y" | "Y" | "yes"))
    })
    .await
}
