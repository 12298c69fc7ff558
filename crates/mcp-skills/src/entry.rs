use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use serde_json::{Map, Value};

use crate::{MAX_BYTES, MAX_FILES, SkillErrorKind, path};

/// A skill as listed by a server, without reading its files.
///
/// The URI identifies it among the skills of the same server; names need not be unique.
///
/// Spec: ext-skills skills#skill-entries
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Skill {
    /// The URI of `SKILL.md`.
    pub uri: String,
    /// The frontmatter of `SKILL.md` as JSON. It has a `name` and a `description`.
    pub frontmatter: Map<String, Value>,
    /// The files.
    #[serde(rename = "resources")]
    pub files: Files,
}

/// The files of a skill.
///
/// Spec: ext-skills skills#resources
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Files {
    /// All files, including `SKILL.md`.
    Listed(Vec<SkillFile>),
    /// Files that are generated when read, and cannot be verified.
    Dynamic,
}

/// A file of a skill.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct SkillFile {
    /// The URI.
    pub uri: String,
    /// The SHA-256 digest of its bytes: `sha256:` and 64 digits.
    pub digest: String,
    /// The size in bytes.
    pub size: u64,
}

impl Skill {
    /// The name.
    pub fn name(&self) -> &str {
        self.text("name")
    }

    /// The description.
    pub fn description(&self) -> &str {
        self.text("description")
    }

    fn text(&self, key: &str) -> &str {
        self.frontmatter.get(key).and_then(Value::as_str).unwrap_or_default()
    }

    /// The URI of the skill's directory, without a trailing slash.
    pub(crate) fn root(&self) -> &str {
        self.uri.strip_suffix("/SKILL.md").unwrap_or(&self.uri)
    }

    /// The listed file with this URI.
    pub(crate) fn file(&self, uri: &str) -> Option<&SkillFile> {
        match &self.files {
            Files::Listed(files) => files.iter().find(|file| file.uri == uri),
            Files::Dynamic => None,
        }
    }

    /// Validates the entry, without reading files.
    pub(crate) fn check(&self) -> Result<(), (SkillErrorKind, String)> {
        let wrong = |message: String| Err((SkillErrorKind::Entry, message));
        let root = self.root();
        if root.len() == self.uri.len() {
            return wrong("its URI does not end with /SKILL.md".to_owned());
        }
        let last = root.rsplit('/').next().unwrap_or_default();
        if last.is_empty() {
            return wrong("its directory has no name".to_owned());
        }
        if self.name() != last {
            return wrong(format!("its name is {:?}, but its directory is {last:?}", self.name()));
        }
        if self.description().is_empty() {
            return wrong("it has no description".to_owned());
        }
        let Files::Listed(files) = &self.files else { return Ok(()) };
        if files.len() > MAX_FILES {
            let message = format!("it has {} files, more than {MAX_FILES}", files.len());
            return Err((SkillErrorKind::TooLarge, message));
        }
        let size = files.iter().fold(0_u64, |sum, file| sum.saturating_add(file.size));
        if size > MAX_BYTES {
            let message = format!("it has {size} bytes, more than {MAX_BYTES}");
            return Err((SkillErrorKind::TooLarge, message));
        }
        let mut uris: Vec<&str> = files.iter().map(|file| &*file.uri).collect();
        if !uris.contains(&&*self.uri) {
            return wrong("SKILL.md is not among its files".to_owned());
        }
        if let Some(outside) = uris.iter().find(|uri| path::within(root, uri).is_none()) {
            return wrong(format!("the file {outside:?} is not in its directory"));
        }
        uris.sort_unstable();
        match uris.windows(2).find(|pair| pair[0] == pair[1]) {
            Some(pair) => wrong(format!("the file {:?} is listed twice", pair[0])),
            None => Ok(()),
        }
    }
}

impl Serialize for Files {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Listed(files) => files.serialize(serializer),
            Self::Dynamic => serializer.serialize_str("dynamic"),
        }
    }
}

impl<'de> Deserialize<'de> for Files {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Written {
            Listed(Vec<SkillFile>),
            Word(String),
        }
        match Written::deserialize(deserializer)? {
            Written::Listed(files) => Ok(Self::Listed(files)),
            Written::Word(word) if word == "dynamic" => Ok(Self::Dynamic),
            Written::Word(word) => Err(de::Error::custom(format_args!("unknown files {word:?}"))),
        }
    }
}
