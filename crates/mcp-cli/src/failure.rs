//! Why the command failed: an exit code and a message for stderr.

use std::{fmt, io};

use crate::{escape, exit::Exit};

/// A failure of the command.
#[derive(Debug)]
pub(crate) struct Failure {
    pub(crate) exit: Exit,
    /// `None` if the message was already written.
    message: Option<String>,
}

impl Failure {
    pub(crate) fn new(exit: Exit, message: impl Into<String>) -> Self {
        Self { exit, message: Some(message.into()) }
    }

    /// Invalid usage, configuration or arguments.
    pub(crate) fn usage(message: impl Into<String>) -> Self {
        Self::new(Exit::Usage, message)
    }

    /// A failure whose message was already written.
    pub(crate) fn silent(exit: Exit) -> Self {
        Self { exit, message: None }
    }

    /// Appends lines to the message.
    pub(crate) fn and(mut self, more: impl fmt::Display) -> Self {
        let message = self.message.get_or_insert_default();
        *message = format!("{message}\n{more}");
        self
    }

    /// Changes the message.
    pub(crate) fn map_message(mut self, map: impl FnOnce(String) -> String) -> Self {
        self.message = self.message.map(map);
        self
    }

    /// The message for stderr, without control characters.
    pub(crate) fn message(&self) -> Option<String> {
        self.message.as_deref().map(|it| escape::block(it).into_owned())
    }
}

impl From<mcp_client::Error> for Failure {
    fn from(error: mcp_client::Error) -> Self {
        let mut failure = Self::new(error.kind().into(), error.to_string());
        if failure.exit == Exit::Unauthorized {
            failure = failure
                .and("hint: log in with `mcp login`, or pass a token with --bearer-env VARIABLE");
        }
        failure
    }
}

impl From<mcp_client::config_file::Error> for Failure {
    fn from(error: mcp_client::config_file::Error) -> Self {
        Self::usage(error.to_string())
    }
}

/// Failure to write to stdout. A closed pipe, as with `head`, is not a failure.
impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::BrokenPipe => Self::silent(Exit::Ok),
            _ => Self::new(Exit::Other, error.to_string()),
        }
    }
}

/// Failure to serialize a value as JSON.
impl From<serde_json::Error> for Failure {
    fn from(error: serde_json::Error) -> Self {
        Self::new(Exit::Other, error.to_string())
    }
}
