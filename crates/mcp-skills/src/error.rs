use std::{error::Error as StdError, fmt};

use mcp_session::{Error, ErrorKind};

/// Error of listing, finding, loading or reading a skill. Names the server, the skill, the file and the difference.
#[derive(Debug, Clone)]
pub struct SkillError(Box<Inner>);

#[derive(Debug, Clone)]
struct Inner {
    kind: SkillErrorKind,
    server: String,
    skill: Option<String>,
    file: Option<String>,
    message: String,
    source: Option<Error>,
}

/// The kind of a [`SkillError`], to match on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum SkillErrorKind {
    /// The server does not offer skills, or does not support listing directories.
    NotOffered,
    /// The call failed: see [`SkillError::call`].
    Call,
    /// The skill's entry is not valid.
    Entry,
    /// The skill is larger than the limit.
    TooLarge,
    /// The file is not part of the skill: not listed, or outside its directory.
    NotListed,
    /// The contents of a file are not a single text or blob with the requested URI.
    Contents,
    /// The size of a file does not match the listed one.
    Size,
    /// The digest of a file does not match the listed one.
    Digest,
    /// The frontmatter of `SKILL.md` does not match the listed one.
    Frontmatter,
}

impl SkillError {
    pub(crate) fn new(kind: SkillErrorKind, server: &str, message: impl Into<String>) -> Self {
        let (server, message) = (server.to_owned(), message.into());
        Self(Box::new(Inner { kind, server, skill: None, file: None, message, source: None }))
    }

    pub(crate) fn of_skill(mut self, skill: &str) -> Self {
        self.0.skill = Some(skill.to_owned());
        self
    }

    pub(crate) fn of_file(mut self, file: &str) -> Self {
        self.0.file = Some(file.to_owned());
        self
    }

    /// The kind of the error.
    pub fn kind(&self) -> SkillErrorKind {
        self.0.kind
    }

    /// The name of the server, as in the errors of its session.
    pub fn server(&self) -> &str {
        &self.0.server
    }

    /// The URI of the skill's `SKILL.md`, if known.
    pub fn skill(&self) -> Option<&str> {
        self.0.skill.as_deref()
    }

    /// The URI of the file, if the error concerns one.
    pub fn file(&self) -> Option<&str> {
        self.0.file.as_deref()
    }

    /// The error of the failed call.
    pub fn call(&self) -> Option<&Error> {
        self.0.source.as_ref()
    }
}

impl From<Error> for SkillError {
    fn from(error: Error) -> Self {
        let mut this = Self::new(SkillErrorKind::Call, error.server(), "");
        this.0.source = Some(error);
        this
    }
}

/// For functions that return session errors. The error of a call keeps its kind.
impl From<SkillError> for Error {
    fn from(error: SkillError) -> Self {
        let kind = error.call().map_or(ErrorKind::Extension, Error::kind);
        Self::new(kind, "", "").with_source(error)
    }
}

impl fmt::Display for SkillError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Inner { server, skill, file, message, source, .. } = &*self.0;
        // The error of a call already names the server.
        match source {
            Some(error) => write!(f, "{error}")?,
            None => write!(f, "{server}")?,
        }
        if let Some(skill) = skill {
            write!(f, ": skill {skill:?}")?;
        }
        if let Some(file) = file.as_ref().filter(|file| Some(*file) != skill.as_ref()) {
            write!(f, ": file {file:?}")?;
        }
        match message.is_empty() {
            true => Ok(()),
            false => write!(f, ": {message}"),
        }
    }
}

/// `Display` includes the causes, so `source` returns `None`; see [`call`](SkillError::call).
impl StdError for SkillError {}
