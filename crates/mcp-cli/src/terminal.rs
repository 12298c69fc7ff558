//! Questions to the person at the terminal. Stdout is for results: they are written to stderr.

use std::io::{self, IsTerminal, Write};

use crate::failure::Failure;

/// Whether somebody can be asked.
pub(crate) fn has_person() -> bool {
    io::stdin().is_terminal() && io::stderr().is_terminal()
}

/// Runs work that waits for the user on a separate thread, so that Ctrl-C works meanwhile.
pub(crate) async fn blocking<T: Send + 'static>(
    ask: impl FnOnce() -> io::Result<T> + Send + 'static,
) -> Result<T, Failure> {
    match tokio::task::spawn_blocking(ask).await {
        Ok(answer) => Ok(answer?),
        Err(_) => Err(io::Error::other("the question was cut short").into()),
    }
}

/// Asks a question whose answer is yes or no; anything but `y` is no.
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
