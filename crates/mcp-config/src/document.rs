//! The text of a configuration file: its value, the line numbers of values, and edits.

mod json;
#[cfg(feature = "toml")]
mod toml;
#[cfg(feature = "yaml")]
mod yaml;

use std::fs::File;
use std::io::Read;
use std::path;

use serde_json::{Map, Value};

use crate::error::{Error, ErrorKind};
use crate::lines::Lines;
use crate::path::{Path, Step};

/// Maximum size of a file, in bytes.
const MAX_BYTES: u64 = 64 << 20;
/// Maximum number of duplicate names removed by text edits; above it the document is rewritten.
const MAX_TWINS: usize = 8;

/// The syntax of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Format {
    Json,
    Toml,
    Yaml,
}

impl Format {
    /// The format for a file extension. Default: JSON.
    pub(crate) fn of(file: &path::Path) -> Self {
        let extension = file.extension().and_then(|it| it.to_str()).unwrap_or_default();
        match &*extension.to_ascii_lowercase() {
            "toml" => Self::Toml,
            "yaml" | "yml" => Self::Yaml,
            _ => Self::Json,
        }
    }
}

/// A syntax error.
pub(crate) struct SyntaxError {
    pub(crate) message: String,
    /// Line and column, counted from 1.
    pub(crate) place: Option<(usize, usize)>,
}

impl From<String> for SyntaxError {
    fn from(message: String) -> Self {
        Self { message, place: None }
    }
}

#[derive(Clone)]
pub(crate) struct Document {
    pub(crate) format: Format,
    pub(crate) text: String,
}

impl Document {
    /// An empty document, in the syntax of the file's extension.
    pub(crate) fn empty(file: &path::Path) -> Self {
        let format = Format::of(file);
        let text = if format == Format::Json { "{}" } else { "" };
        Self { format, text: text.to_owned() }
    }

    /// # Errors
    /// The file cannot be read, is too large or is not UTF-8. The error does not name the file.
    pub(crate) fn load(file: &path::Path) -> Result<Self, Error> {
        let failed = |source| Error::io("cannot be read", source);
        let mut bytes = Vec::new();
        let opened = File::open(file).map_err(failed)?;
        opened.take(MAX_BYTES + 1).read_to_end(&mut bytes).map_err(failed)?;
        if bytes.len() as u64 > MAX_BYTES {
            let message = "larger than 64 MiB, the limit for configuration files";
            return Err(Error::new(ErrorKind::Shape, message));
        }
        let text = String::from_utf8(bytes).map_err(|error| {
            Error::new(ErrorKind::Syntax, format!("not UTF-8: {}", error.utf8_error()))
        })?;
        Ok(Self { format: Format::of(file), text })
    }

    pub(crate) fn value(&self) -> Result<Value, Error> {
        let parsed = match self.format {
            Format::Json => json::parse(&self.text),
            #[cfg(feature = "toml")]
            Format::Toml => toml::parse(&self.text),
            #[cfg(feature = "yaml")]
            Format::Yaml => yaml::parse(&self.text),
            #[allow(unreachable_patterns, reason = "each is a feature")]
            Format::Toml | Format::Yaml => return Err(self.unsupported()),
        };
        parsed.map_err(|SyntaxError { message, place }| {
            Error::new(ErrorKind::Syntax, message).at(place)
        })
    }

    /// The line numbers of all values that a problem can concern. The text must have been parsed before.
    pub(crate) fn lines(&self, container: &[String]) -> Lines {
        match self.format {
            Format::Json => json::lines(&self.text, container),
            #[cfg(feature = "toml")]
            Format::Toml => toml::lines(&self.text),
            #[cfg(feature = "yaml")]
            Format::Yaml => yaml::lines(&self.text),
            #[allow(unreachable_patterns, reason = "each is a feature")]
            Format::Toml | Format::Yaml => Lines::at(1),
        }
    }

    /// Names that occur more than once in the object at `container`.
    pub(crate) fn twins(&self, container: &[String]) -> Vec<String> {
        // Duplicate keys are a syntax error in TOML and YAML.
        let Format::Json = self.format else { return Vec::new() };
        let mut keys = json::keys(&self.text, container);
        keys.sort();
        let mut twins: Vec<String> =
            keys.windows(2).filter(|pair| pair[0] == pair[1]).map(|pair| pair[0].clone()).collect();
        twins.dedup();
        twins
    }

    /// Sets an entry in the object or list at `container`.
    pub(crate) fn set(
        &mut self,
        container: &[String],
        slot: &Step,
        value: &Value,
    ) -> Result<(), Error> {
        let mut wanted = self.value()?;
        match (container_of(&mut wanted, container), slot) {
            (Some(Value::Object(map)), Step::Key(name)) => {
                map.insert(name.clone(), value.clone());
            }
            (Some(Value::Array(items)), Step::Index(index)) => match items.get_mut(*index) {
                Some(item) => *item = value.clone(),
                None => items.push(value.clone()),
            },
            _ => return Err(no_container(container)),
        }
        self.text = match self.format {
            Format::Json => self.checked(json::set(&self.text, container, slot, value), &wanted),
            #[cfg(feature = "toml")]
            Format::Toml => toml::set(&self.text, container, slot, value)?,
            #[cfg(feature = "yaml")]
            Format::Yaml => yaml::set(&self.text, container, slot, &wanted)?,
            #[allow(unreachable_patterns, reason = "each is a feature")]
            Format::Toml | Format::Yaml => return Err(self.unsupported()),
        };
        Ok(())
    }

    /// Removes an entry from the object or list at `container`, including its duplicates.
    pub(crate) fn remove(&mut self, container: &[String], slot: &Step) -> Result<(), Error> {
        let mut wanted = self.value()?;
        match (container_of(&mut wanted, container), slot) {
            (Some(Value::Object(map)), Step::Key(name)) => {
                map.shift_remove(name);
            }
            (Some(Value::Array(items)), Step::Index(index)) if *index < items.len() => {
                items.remove(*index);
            }
            _ => return Err(no_container(container)),
        }
        self.text = match self.format {
            Format::Json => {
                let is_this = |it: &&String| matches!(slot, Step::Key(name) if name == *it);
                let keys = json::keys(&self.text, container);
                // With many duplicates, the document is rewritten instead.
                let times = keys.iter().filter(is_this).count().clamp(1, MAX_TWINS);
                let edited = (0..times)
                    .fold(self.text.clone(), |text, _| json::remove(&text, container, slot));
                self.checked(edited, &wanted)
            }
            #[cfg(feature = "toml")]
            Format::Toml => toml::remove(&self.text, container, slot)?,
            #[cfg(feature = "yaml")]
            Format::Yaml => yaml::remove(&self.text, container, slot, &wanted)?,
            #[allow(unreachable_patterns, reason = "each is a feature")]
            Format::Toml | Format::Yaml => return Err(self.unsupported()),
        };
        Ok(())
    }

    /// The edited JSON, or the plain rendering if the edit does not parse to the wanted value.
    fn checked(&self, edited: String, wanted: &Value) -> String {
        let is_one_line = !self.text.trim().contains('\n');
        let is_right = || json::parse(&edited).is_ok_and(|value| value == *wanted);
        if is_one_line || !is_right() { format!("{wanted:#}\n") } else { edited }
    }

    fn unsupported(&self) -> Error {
        let (name, feature) = match self.format {
            Format::Toml => ("TOML", "toml"),
            _ => ("YAML", "yaml"),
        };
        let message =
            format!("this is {name}: reading it needs the feature `{feature}` of mcp-config");
        Error::new(ErrorKind::Unsupported, message)
    }
}

/// The object or list at `path`. Missing objects on the path are created.
fn container_of<'a>(value: &'a mut Value, path: &[String]) -> Option<&'a mut Value> {
    let mut here = value;
    for key in path {
        here = here.as_object_mut()?.entry(key).or_insert(Value::Null);
        if here.is_null() {
            *here = Map::new().into();
        }
    }
    Some(here)
}

fn no_container(container: &[String]) -> Error {
    Error::new(
        ErrorKind::Shape,
        format!("{} is not an object of servers by name", Path::to(container)),
    )
}
