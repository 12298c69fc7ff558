use std::{error::Error as StdError, fmt};

use mcp_session::{Error, ErrorKind};

/// Why a skill could not be listed, found, loaded or read: it names the server, the skill, the file and the
/// difference.
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

/// What is wrong with a skill, to match on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum SkillErrorKind {
    /// The server offers no skills, or no directories of them.
    NotOffered,
    /// The call failed: see [`SkillError::call`].
    Call,
    /// The entry of the skill is wrong in itself.
    Entry,
    /// The skill is larger than the limit.
    TooLarge,
    /// A file is not of the skill: not listed, or outside its directory.
    NotListed,
    /// The content of a file is not one text or blob with the URI that was read.
    Contents,
    /// The size of a file is not as listed.
    Size,
    /// The digest of a file is not as listed.
    Digest,
    /// The frontmatter of the `SKILL.md` is not as listed.
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

    /// What is wrong.
    pub fn kind(&self) -> SkillErrorKind {
        self.0.kind
    }

    /// The server, by the name that errors of its session have for it.
    pub fn server(&self) -> &str {
        &self.0.server
    }

    /// The URI of the skill's `SKILL.md`, where it is about one.
    pub fn skill(&self) -> Option<&str> {
        self.0.skill.as_deref()
    }

    /// The URI of the file, where it is about one.
    pub fn file(&self) -> Option<&str> {
        self.0.file.as_deref()
    }

    /// The error of the call that failed.
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

/// For programs that return the errors of sessions. The error of a call keeps its kind.
impl From<SkillError> for Error {
    fn from(error: SkillError) -> Self {
        let kind = error.call().map_or(ErrorKind::Extension, Error::kind);
        Self::new(kind, "", "").with_source(error)
    }
}

impl fmt::Display for SkillError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Inner { server, skill, file, message, source, .. } = &*self.0;
        // An error of a call begins with the server itself.
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

/// `Display` prints the causes too, so there is no source that a report would print once more: see
/// [`call`](SkillError::call).
impl StdError for SkillError {}
