//! A configuration file as text: what it says, where, and how it is edited.

mod json;
#[cfg(feature = "toml")]
mod toml;
#[cfg(feature = "yaml")]
mod yaml;

use std::path;

use serde_json::{Map, Value};

use crate::error::{Error, ErrorKind};
use crate::path::Path;

/// The syntax of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Format {
    Json,
    Toml,
    Yaml,
}

impl Format {
    /// By the file's extension; JSON is what all others hold.
    pub(crate) fn of(file: &path::Path) -> Self {
        let extension = file.extension().and_then(|it| it.to_str()).unwrap_or_default();
        match &*extension.to_ascii_lowercase() {
            "toml" => Self::Toml,
            "yaml" | "yml" => Self::Yaml,
            _ => Self::Json,
        }
    }
}

/// What a parser says of a text it cannot read.
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

    /// The line, counted from 1, of what is at `path`, or of the nearest thing above it.
    pub(crate) fn line_of(&self, path: &Path) -> Option<usize> {
        match self.format {
            Format::Json => json::line_of(&self.text, path),
            #[cfg(feature = "toml")]
            Format::Toml => toml::line_of(&self.text, path),
            _ => None,
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

    pub(crate) fn set(
        &mut self,
        container: &[String],
        name: &str,
        value: &Value,
    ) -> Result<(), Error> {
        let mut wanted = self.value()?;
        let object = object_at(&mut wanted, container).ok_or_else(|| no_object(container))?;
        object.insert(name.to_owned(), value.clone());
        let edited = match self.format {
            Format::Json => json::set(&self.text, container, name, value),
            #[cfg(feature = "toml")]
            Format::Toml => toml::set(&self.text, container, name, value)?,
            #[cfg(feature = "yaml")]
            Format::Yaml => yaml::set(&self.text, container, name, value)?,
            #[allow(unreachable_patterns, reason = "each is a feature")]
            Format::Toml | Format::Yaml => return Err(self.unsupported()),
        };
        self.replace(edited, &wanted);
        Ok(())
    }

    pub(crate) fn remove(&mut self, container: &[String], name: &str) -> Result<(), Error> {
        let mut wanted = self.value()?;
        let object = object_at(&mut wanted, container).ok_or_else(|| no_object(container))?;
        object.shift_remove(name);
        let edited = match self.format {
            Format::Json => {
                let times =
                    json::keys(&self.text, container).iter().filter(|it| *it == name).count();
                (0..times).fold(self.text.clone(), |text, _| json::remove(&text, container, name))
            }
            #[cfg(feature = "toml")]
            Format::Toml => toml::remove(&self.text, container, name)?,
            #[cfg(feature = "yaml")]
            Format::Yaml => yaml::remove(&self.text, container, name)?,
            #[allow(unreachable_patterns, reason = "each is a feature")]
            Format::Toml | Format::Yaml => return Err(self.unsupported()),
        };
        self.replace(edited, &wanted);
        Ok(())
    }

    /// An edit in place that does not say what it should gives way to the plain rendering.
    fn replace(&mut self, edited: String, wanted: &Value) {
        let is_one_line = !self.text.trim().contains('\n');
        let is_right = || json::parse(&edited).is_ok_and(|value| value == *wanted);
        self.text = match self.format {
            Format::Json if is_one_line || !is_right() => format!("{wanted:#}\n"),
            _ => edited,
        };
    }

    fn unsupported(&self) -> Error {
        let (name, feature) = match self.format {
            Format::Toml => ("TOML", "toml"),
            _ => ("YAML", "yaml"),
        };
        let message =
            format!("this is {name}: it is read with the feature `{feature}` of mcp-config");
        Error::new(ErrorKind::Unsupported, message)
    }
}

/// The object at `path`; those that are missing on the way are made.
fn object_at<'a>(value: &'a mut Value, path: &[String]) -> Option<&'a mut Map<String, Value>> {
    let mut here = value;
    for key in path {
        here = here.as_object_mut()?.entry(key).or_insert_with(|| Map::new().into());
    }
    here.as_object_mut()
}

fn no_object(container: &[String]) -> Error {
    let path = Path::of(container.iter().map(String::as_str));
    Error::new(ErrorKind::Shape, format!("{path} is no object of servers by name"))
}
