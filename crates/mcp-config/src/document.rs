//! A configuration file as text: its value, the lines of its values, and edits.

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

/// The size of a file, in bytes.
const MAX_BYTES: u64 = 64 << 20;
/// How many servers of one name are removed one by one.
const MAX_TWINS: usize = 8;

/// The syntax of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Format {
    Json,
    Toml,
    Yaml,
}

impl Format {
    /// By the file's extension. Default: JSON.
    pub(crate) fn of(file: &path::Path) -> Self {
        let extension = file.extension().and_then(|it| it.to_str()).unwrap_or_default();
        match &*extension.to_ascii_lowercase() {
            "toml" => Self::Toml,
            "yaml" | "yml" => Self::Yaml,
            _ => Self::Json,
        }
    }
}

/// Why a text cannot be parsed.
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
    /// # Errors
    /// If the file cannot be read, is too large or is not UTF-8; the error does not name the file.
    /// A document without contents, in the syntax of the file's extension.
    pub(crate) fn empty(file: &path::Path) -> Self {
        let format = Format::of(file);
        let text = if format == Format::Json { "{}" } else { "" };
        Self { format, text: text.to_owned() }
    }

    pub(crate) fn load(file: &path::Path) -> Result<Self, Error> {
        let failed = |source| Error::io("cannot be read", source);
        let mut bytes = Vec::new();
        let opened = File::open(file).map_err(failed)?;
        opened.take(MAX_BYTES + 1).read_to_end(&mut bytes).map_err(failed)?;
        if bytes.len() as u64 > MAX_BYTES {
            let message = "larger than 64 MiB: this is no configuration";
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

    /// The lines of the values that problems can be about. The text is one that was parsed before.
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

    /// Names that the object at `container` has more than once.
    pub(crate) fn twins(&self, container: &[String]) -> Vec<String> {
        // TOML and YAML refuse them.
        let Format::Json = self.format else { return Vec::new() };
        let mut keys = json::keys(&self.text, container);
        keys.sort();
        let mut twins: Vec<String> =
            keys.windows(2).filter(|pair| pair[0] == pair[1]).map(|pair| pair[0].clone()).collect();
        twins.dedup();
        twins
    }

    /// Sets an entry of the object or list at `container`.
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

    /// Removes an entry of the object or list at `container`, with all others of its name.
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
                // Beyond a few twins, the document is written again.
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

    /// An edit of JSON, or the plain rendering where the edit does not read as it should.
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

/// The object or list at `path`; objects that are missing on the way are added.
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
    Error::new(ErrorKind::Shape, format!("{} is no object of servers by name", Path::to(container)))
}
