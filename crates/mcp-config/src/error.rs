//! Errors of a whole file ([`Error`]) and of one entry ([`Problem`]).

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

use crate::path;

/// Why a file as a whole cannot be read, edited or written.
///
/// Its text names the file, the place and the cause, so [`source`](std::error::Error::source) returns
/// nothing. What is wrong with a single server is a [`Problem`] of the configuration instead.
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
    /// The system could not read or write the file: [`Error::io_kind`].
    Io,
    /// The file is not valid JSON, TOML or YAML.
    Syntax,
    /// The file has no servers where they are looked for.
    Shape,
    /// The file has a syntax whose feature is off.
    Unsupported,
    /// The edit is not possible, such as adding a server without a name.
    Edit,
    /// The file changed on disk since it was read, so writing it would undo that change.
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

    /// Why the system refused, for errors of kind [`ErrorKind::Io`].
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

/// What is wrong with one entry. It does not affect the others.
///
/// Its text names the file, the line and the path in the document; what was found and what was
/// expected. It never shows a value of `env`, `headers` or `auth`.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Problem {
    /// The kind of the problem, which decides whether the server is used.
    pub kind: ProblemKind,
    /// The server; `None` for a problem of the whole document.
    pub server: Option<String>,
    /// The path in the document, such as `mcpServers.weather.args[1]`.
    pub path: String,
    /// The file, if the text came from one.
    pub file: Option<PathBuf>,
    /// The line of the value or of the nearest one above it, counted from 1.
    pub line: Option<usize>,
    /// What was found, and what was expected.
    pub message: String,
}

/// The kind of a [`Problem`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ProblemKind {
    /// A field is missing or has a wrong value: the server is left out.
    Invalid,
    /// A kind of server that cannot be reached from here: the server is left out.
    Unsupported,
    /// A reference cannot be filled in: the server is left out of the expanded ones.
    Unresolved,
    /// Something is probably not as meant: an unknown field with a name like a known one, a field of
    /// another application that has no effect, a number whose unit is not clear. The server is used.
    Doubtful,
}

impl Problem {
    /// Whether the server is left out because of it.
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

/// A problem before its file and line are known.
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
