//! Discovery of the server configurations of installed applications.

use std::collections::HashMap;
use std::path::PathBuf;

use serde_json::Value;

use crate::document::Document;
use crate::error::Error;
use crate::{Folders, Location, McpConfig, load};

/// A configuration found at a well-known location.
#[derive(Debug)]
#[non_exhaustive]
pub struct Discovered {
    /// The location.
    pub source: Location,
    /// The configuration, possibly without servers, or the error of reading it.
    pub config: Result<McpConfig, Error>,
}

impl Location {
    /// Reads the configuration. A file without servers is an empty configuration, to which servers can be added in the
    /// application's dialect.
    ///
    /// # Errors
    /// The errors of [`McpConfig::from_file`].
    pub fn read(&self) -> Result<McpConfig, Error> {
        let (document, value) = self.document()?;
        self.config(document, &value)
    }

    /// An empty configuration in the format of this location, for a file that does not exist yet:
    /// [`McpConfig::write_to`] creates it.
    ///
    /// # Errors
    /// Kind `Unsupported` if the feature of the file's syntax is disabled.
    pub fn empty(&self) -> Result<McpConfig, Error> {
        let named = |error: Error| error.of(&self.path);
        let document = Document::empty(&self.path);
        let value = document.value().map_err(named)?;
        let mut config = self.config(document, &value)?;
        config.on_disk = None;
        Ok(config)
    }

    fn document(&self) -> Result<(Document, Value), Error> {
        let named = |error: Error| error.of(&self.path);
        let document = Document::load(&self.path).map_err(named)?;
        let value = document.value().map_err(named)?;
        Ok((document, value))
    }

    fn config(&self, document: Document, value: &Value) -> Result<McpConfig, Error> {
        load::read_file(document, value, &self.path, Some(&self.place))
    }
}

impl McpConfig {
    /// Reads all files at well-known locations, each with its source, in the order of
    /// [`Folders::locations`].
    ///
    /// Skips sections without servers if they belong to a single folder or to editor settings. Files are not merged: a
    /// server name can occur several times.
    #[must_use]
    pub fn discover() -> Vec<Discovered> {
        Self::discover_in(&Folders::of_process())
    }

    /// Reads all files at the well-known locations of `folders` instead of those of this process.
    #[must_use]
    pub fn discover_in(folders: &Folders) -> Vec<Discovered> {
        // A file with several sections is read once.
        let mut read: HashMap<PathBuf, Option<(Document, Value)>> = HashMap::new();
        let mut found = Vec::new();
        for source in folders.locations() {
            if !read.contains_key(&source.path) && !source.path.is_file() {
                continue;
            }
            let document =
                read.entry(source.path.clone()).or_insert_with(|| source.document().ok());
            let config = match document {
                Some((document, value)) => source.config(document.clone(), value),
                // Read again to get the error, which is reported once.
                None => source.read(),
            };
            let is_worth_it = match &config {
                Ok(config) if source.is_part() => {
                    config.servers().len() > 0 || !config.problems().is_empty()
                }
                Err(_) => !source.is_part(),
                Ok(_) => true,
            };
            if is_worth_it {
                found.push(Discovered { source, config });
            }
        }
        found
    }
}
