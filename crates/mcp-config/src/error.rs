//! Errors of a whole file ([`Error`]) and of one entry ([`Problem`]).

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

use crate::path;

/// Error of a whole file that cannot be read, edited or written.
///
/// The text names the file, the position and the cause; [`source`](std::error::Error::source) returns nothing. Problems
/// of single servers are [`Problem`]s of the configuration instead.
#[derive(Debug)]
pub struct Error(Box<Inner>);

#[derive(Debug)]
struct Inner {
    kind: ErrorKind,
    file: Option<PathBuf>,
    place: Option<(usize, usize)>,
    message: String,
    source: Option<io::Error>,
}

/// The kind of an [`Error`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The file could not be read or written: [`Error::io_kind`].
    Io,
    /// The file is not valid JSON, TOML or YAML.
    Syntax,
    /// The file has no servers under any known key.
    Shape,
    /// The feature for the syntax of the file is off.
    Unsupported,
    /// The edit is not possible, for example adding a server without a name.
    Edit,
    /// The file changed on disk since it was read; writing it would revert that change.
    Changed,
}

impl Error {
    pub(crate) fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        let message = message.into();
        Self(Box::new(Inner { kind, file: None, place: None, message, source: None }))
    }

    pub(crate) fn edit(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Edit, message)
    }

    pub(crate) fn io(message: impl Into<String>, source: io::Error) -> Self {
        let mut error = Self::new(ErrorKind::Io, message);
        error.0.source = Some(source);
        error
    }

    pub(crate) fn at(mut self, place: Option<(usize, usize)>) -> Self {
        self.0.place = place;
        self
    }

    pub(crate) fn of(mut self, file: &Path) -> Self {
        self.0.file = Some(file.to_owned());
        self
    }

    /// The kind of the error.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        self.0.kind
    }

    /// The I/O error kind, for errors of kind [`ErrorKind::Io`].
    #[must_use]
    pub fn io_kind(&self) -> Option<io::ErrorKind> {
        self.0.source.as_ref().map(io::Error::kind)
    }

    /// The file, if the text came from one.
    #[must_use]
    pub fn file(&self) -> Option<&Path> {
        self.0.file.as_deref()
    }

    /// Line and column of a syntax error, counted from 1.
    #[must_use]
    pub fn place(&self) -> Option<(usize, usize)> {
        self.0.place
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Inner { file, place, message, source, .. } = &*self.0;
        if let Some(file) = file {
            write!(f, "{}: ", file.display())?;
        }
        if let Some((line, column)) = place {
            write!(f, "line {line}, column {column}: ")?;
        }
        f.write_str(message)?;
        match source {
            Some(source) => write!(f, ": {source}"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for Error {}

impl mcp_core::PublicError for Error {
    fn class(&self) -> mcp_core::ErrorClass {
        mcp_core::ErrorClass::Config
    }
}

/// A problem of one entry. It does not affect the other entries.
///
/// The text names the file, the line, the path in the document, the found and the expected value. It never contains a
/// value of `env`, `headers` or `auth`.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Problem {
    /// The kind, which determines whether the server is used.
    pub kind: ProblemKind,
    /// The server; `None` for a problem of the whole document.
    pub server: Option<String>,
    /// The path in the document, such as `mcpServers.weather.args[1]`.
    pub path: String,
    /// The file, if the text came from one.
    pub file: Option<PathBuf>,
    /// The line of the value or of the nearest value that contains it, counted from 1.
    pub line: Option<usize>,
    /// What was found and what was expected.
    pub message: String,
}

/// The kind of a [`Problem`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ProblemKind {
    /// A field is missing or invalid: the server is left out.
    Invalid,
    /// A kind of server that is not supported: the server is left out.
    Unsupported,
    /// A reference cannot be expanded: the server is left out of the expanded servers.
    Unresolved,
    /// Probably a mistake: an unknown field whose name is similar to a known one, a field of another application
    /// without effect, a number with an ambiguous unit. The server is used.
    Doubtful,
}

impl Problem {
    /// Whether the server is left out because of this problem.
    #[must_use]
    pub fn is_fatal(&self) -> bool {
        self.kind != ProblemKind::Doubtful
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.file, self.line) {
            (Some(file), Some(line)) => write!(f, "{}:{line}: ", file.display())?,
            (Some(file), None) => write!(f, "{}: ", file.display())?,
            (None, Some(line)) => write!(f, "line {line}: ")?,
            (None, None) => {}
        }
        if !self.path.is_empty() {
            write!(f, "{}: ", self.path)?;
        }
        f.write_str(&self.message)
    }
}

impl std::error::Error for Problem {}

/// A problem whose file and line are not known yet.
#[derive(Clone, Debug)]
pub(crate) struct Finding {
    pub(crate) kind: ProblemKind,
    pub(crate) path: path::Path,
    pub(crate) message: String,
}

impl Finding {
    pub(crate) fn doubt(path: path::Path, message: impl Into<String>) -> Self {
        Self { kind: ProblemKind::Doubtful, path, message: message.into() }
    }
}
