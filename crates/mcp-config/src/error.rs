//! What can be wrong: with a file ([`Error`]), and with one entry of it ([`Problem`]).

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

use crate::path;

/// Why a file as a whole cannot be read, edited or written.
///
/// What is wrong with a single server is a [`Problem`] of the configuration instead.
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

/// What kind of thing went wrong with a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The system could not read or write it; the [source](std::error::Error::source) says why.
    Io,
    /// It is not the JSON, TOML or YAML it should be.
    Syntax,
    /// It holds no servers where they are looked for.
    Shape,
    /// It is of a syntax whose feature is off.
    Unsupported,
    /// The edit makes no sense, as with a server that has no name.
    Edit,
    /// The file changed on disk since it was read, so writing would undo what others wrote.
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

    /// What kind of thing went wrong.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        self.0.kind
    }

    /// The file, unless the text came from elsewhere.
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
        let Inner { file, place, message, .. } = &*self.0;
        if let Some(file) = file {
            write!(f, "{}: ", file.display())?;
        }
        if let Some((line, column)) = place {
            write!(f, "line {line}, column {column}: ")?;
        }
        f.write_str(message)
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.0.source.as_ref().map(|source| source as _)
    }
}

/// What is wrong with one entry. The others are not touched by it.
///
/// Its text names the file, the line where it is known, and the path in the document; what was found
/// and what was expected. It never holds a value of `env`, `headers` or `auth`.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Problem {
    /// What kind of thing is wrong, and so whether the server can be used all the same.
    pub kind: ProblemKind,
    /// The server it is about; `None` for what concerns the whole document.
    pub server: Option<String>,
    /// Where it is in the document, such as `mcpServers.weather.args[1]`.
    pub path: String,
    /// The file, unless the text came from elsewhere.
    pub file: Option<PathBuf>,
    /// The line, counted from 1, where it is known: in JSON and TOML.
    pub line: Option<usize>,
    /// What was found, what was expected.
    pub message: String,
}

/// What kind of thing is wrong with an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ProblemKind {
    /// A field is missing or holds what it cannot: the server is left out.
    Invalid,
    /// A kind of server that only the application which wrote the file can run: it is left out.
    Unsupported,
    /// A variable has no value: the server is left out of what is expanded.
    Unresolved,
    /// It is probably not what was meant, such as an unknown field named much like a known one. The
    /// server is used.
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

/// A problem as the parser of an entry sees it, which knows neither file nor line.
#[derive(Clone, Debug)]
pub(crate) struct Finding {
    pub(crate) kind: ProblemKind,
    pub(crate) path: path::Path,
    pub(crate) message: String,
}
