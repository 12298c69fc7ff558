//! Why the command failed: an exit code, and what is said on stderr.

use std::{fmt, io};

use crate::{escape, exit::Exit};

/// A failure of the command.
#[derive(Debug)]
pub(crate) struct Failure {
    pub(crate) exit: Exit,
    /// `None` where everything has been said already.
    message: Option<String>,
}

impl Failure {
    pub(crate) fn new(exit: Exit, message: impl Into<String>) -> Self {
        Self { exit, message: Some(message.into()) }
    }

    /// Wrong usage, a wrong configuration, wrong arguments.
    pub(crate) fn usage(message: impl Into<String>) -> Self {
        Self::new(Exit::Usage, message)
    }

    /// A failure of which everything has been said already.
    pub(crate) fn silent(exit: Exit) -> Self {
        Self { exit, message: None }
    }

    /// Adds lines to what is said.
    pub(crate) fn and(mut self, more: impl fmt::Display) -> Self {
        let message = self.message.get_or_insert_default();
        *message = format!("{message}\n{more}");
        self
    }

    /// The same failure with another text.
    pub(crate) fn map_message(mut self, map: impl FnOnce(String) -> String) -> Self {
        self.message = self.message.map(map);
        self
    }

    /// What is said on stderr, without control characters.
    pub(crate) fn message(&self) -> Option<String> {
        self.message.as_deref().map(|it| escape::block(it).into_owned())
    }
}

impl From<mcp_client::Error> for Failure {
    fn from(error: mcp_client::Error) -> Self {
        let mut failure = Self::new(error.kind().into(), error.to_string());
        if failure.exit == Exit::Unauthorized {
            failure = failure.and("hint: `mcp login` logs in, and --bearer-env VARIABLE takes a token from a variable");
        }
        failure
    }
}

impl From<mcp_client::config_file::Error> for Failure {
    fn from(error: mcp_client::config_file::Error) -> Self {
        Self::usage(error.to_string())
    }
}

/// Of writing to stdout. A reader that has seen enough, such as `head`, is no failure.
impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::BrokenPipe => Self::silent(Exit::Ok),
            _ => Self::new(Exit::Other, error.to_string()),
        }
    }
}

/// Of writing a value as JSON.
impl From<serde_json::Error> for Failure {
    fn from(error: serde_json::Error) -> Self {
        Self::new(Exit::Other, error.to_string())
    }
}
