//! Editing and writing of a configuration.

use std::fs;
use std::path::PathBuf;

use serde_json::Value;

use crate::document::Document;
use crate::error::{Error, ErrorKind};
use crate::path::{Step, at};
use crate::{Dialect, McpConfig, Server, atomic, load, render, secrets};

impl McpConfig {
    /// Adds a server. Replaces and returns an existing server of that name.
    ///
    /// Preserves the rest of the document: unknown keys, order, comments and layout. The entry is written in the
    /// dialect of the document. Changes only the document in memory; see [`write`](Self::write).
    ///
    /// # Errors
    /// The name is empty, or the document cannot be edited.
    pub fn add_server(&mut self, name: &str, server: &Server) -> Result<Option<Server>, Error> {
        if name.trim().is_empty() {
            return Err(Error::edit("a server needs a name"));
        }
        let replaced = self.server(name).cloned();
        if replaced.as_ref() != Some(server) {
            self.set_entry(name, server)?;
            load::reread(self)?;
        }
        Ok(replaced)
    }

    /// Removes a server, including an invalid one. Returns whether it existed.
    ///
    /// Preserves the rest of the document. Changes only the document in memory; see [`write`](Self::write).
    ///
    /// # Errors
    /// The document cannot be edited.
    pub fn remove_server(&mut self, name: &str) -> Result<bool, Error> {
        let servers = self.entries()?;
        let mut slots: Vec<Step> = load::entries(&servers)
            .into_iter()
            .filter(|(found, ..)| *found == Some(name))
            .map(|(_, slot, _)| slot)
            .collect();
        let is_there = !slots.is_empty();
        while let Some(slot) = slots.pop() {
            self.document.remove(&self.container, &slot)?;
        }
        if is_there {
            load::reread(self)?;
        }
        Ok(is_there)
    }

    /// Writes the document to the file it was read from.
    ///
    /// The file is replaced atomically, by renaming a temporary file in the same folder. A symbolic link is preserved
    /// and its target replaced. The file mode is preserved, unless the document [holds secrets](Self::holds_secrets):
    /// then only the user may read it (0600, on Unix).
    ///
    /// # Errors
    /// The document was not read from a file, the file changed since ([`ErrorKind::Changed`]), or it cannot be written.
    pub fn write(&mut self) -> Result<(), Error> {
        let file = self.file.clone();
        let file =
            file.ok_or_else(|| Error::edit("it was not read from a file: use `write_to`"))?;
        let now = file.exists().then(|| Document::load(&file)).transpose();
        let now = now.map_err(|error| error.of(&file))?;
        if now.map(|document| document.text) != self.on_disk {
            let message = "changed since it was read: read it again and repeat the edit";
            return Err(Error::new(ErrorKind::Changed, message).of(&file));
        }
        self.write_to(file)
    }

    /// Writes the document to `file` as [`write`](Self::write) does, replacing any content. Later calls of `write` use
    /// this file too. The folder must exist.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn write_to(&mut self, file: impl Into<PathBuf>) -> Result<(), Error> {
        let file = file.into();
        // A symbolic link is preserved, and its target is replaced.
        let target = fs::canonicalize(&file).unwrap_or_else(|_| file.clone());
        atomic::write(&target, &self.document.text, self.holds_secrets())
            .map_err(|source| Error::io("cannot be written", source).of(&file))?;
        self.on_disk = Some(self.document.text.clone());
        self.file = Some(file);
        Ok(())
    }

    /// Whether the document contains a literal secret instead of a reference such as `${NAME}`: any text in `env` or
    /// `headers`, a token, the user or query of a URL, an argument such as `--token x`, or the default of a password.
    /// Invalid entries are checked too.
    #[must_use]
    pub fn holds_secrets(&self) -> bool {
        let is_password = |input: &crate::Input| input.password && input.default.is_some();
        self.inputs.iter().any(is_password)
            || self.entries().is_ok_and(|entries| secrets::are_in(&entries))
    }

    fn set_entry(&mut self, name: &str, server: &Server) -> Result<(), Error> {
        let mut entry = render::server(name, server, self.manner);
        let servers = self.entries()?;
        let Value::Array(items) = &servers else {
            return self.document.set(&self.container, &Step::Key(name.to_owned()), &entry);
        };
        if let (true, Some((key, above)), Value::Object(fields)) =
            (items.is_empty(), self.container.split_last(), &entry)
            && self.manner.dialect != Dialect::Continue
        {
            // Some programs write an empty object as an empty list.
            let map =
                Value::Object([(name.to_owned(), fields.clone().into())].into_iter().collect());
            return self.document.set(above, &Step::Key(key.clone()), &map);
        }
        if let Value::Object(fields) = &mut entry {
            fields.entry("name").or_insert_with(|| name.into());
        }
        let entries = load::entries(&servers);
        let found = entries.into_iter().rfind(|(found, ..)| *found == Some(name));
        let slot = found.map_or(Step::Index(items.len()), |(_, slot, _)| slot);
        self.document.set(&self.container, &slot, &entry)
    }

    fn entries(&self) -> Result<Value, Error> {
        let value = self.document.value()?;
        Ok(at(&value, &self.container).cloned().unwrap_or_default())
    }
}
