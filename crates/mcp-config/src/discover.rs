//! Reads the files in which known applications keep their servers.

use std::collections::HashMap;
use std::path::PathBuf;

use serde_json::Value;

use crate::document::Document;
use crate::error::Error;
use crate::{Folders, Location, McpConfig, load};

/// What was found at a well-known place.
#[derive(Debug)]
#[non_exhaustive]
pub struct Discovered {
    /// Where it was found.
    pub source: Location,
    /// The configuration, which may name no servers, or why it cannot be read.
    pub config: Result<McpConfig, Error>,
}

impl Location {
    /// Reads the configuration. A file that names no servers yet is an empty configuration, to which
    /// servers can be added in the dialect of the application.
    ///
    /// # Errors
    /// Those of [`McpConfig::from_file`].
    pub fn read(&self) -> Result<McpConfig, Error> {
        let (document, value) = self.document()?;
        self.config(document, &value)
    }

    /// A configuration without servers in the way of this place, for a file that does not exist yet:
    /// [`McpConfig::write_to`] makes it.
    ///
    /// # Errors
    /// Of kind `Unsupported` if the feature of the file's syntax is off.
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
    /// Reads all files at well-known places, each with its source, in the order of
    /// [`Folders::locations`].
    ///
    /// Parts of a file that name no servers are left out if they belong to a single folder or to the
    /// settings of an editor. Nothing is merged: a name may come up several times.
    #[must_use]
    pub fn discover() -> Vec<Discovered> {
        Self::discover_in(&Folders::of_process())
    }

    /// Reads all files at the well-known places of other folders than those of this process.
    #[must_use]
    pub fn discover_in(folders: &Folders) -> Vec<Discovered> {
        // A file with several parts is read once.
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
                // Read again for the error, which is reported once.
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
