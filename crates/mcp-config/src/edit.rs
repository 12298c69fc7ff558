//! Changes a configuration and writes it.

use std::fs;
use std::path::PathBuf;

use serde_json::Value;

use crate::document::Document;
use crate::error::{Error, ErrorKind};
use crate::path::{Step, at};
use crate::{Dialect, McpConfig, Server, atomic, load, render, secrets};

impl McpConfig {
    /// Adds a server, or replaces the one of this name and returns it.
    ///
    /// The rest of the document stays as it is written: unknown keys, order, comments and layout. The
    /// entry is written in the dialect of the document. Nothing is written to disk before
    /// [`write`](Self::write).
    ///
    /// # Errors
    /// If the name is empty, or the document cannot be edited.
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

    /// Removes a server, even one with a problem, and returns whether there was one.
    ///
    /// The rest of the document stays as it is written. Nothing is written to disk before
    /// [`write`](Self::write).
    ///
    /// # Errors
    /// If the document cannot be edited.
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

    /// Writes the document to the file that it was read from.
    ///
    /// A reader sees the old file or the new one, never a part: the text is written to another file in
    /// the same folder first. A link stays a link. The file's mode stays, unless the document
    /// [holds secrets](Self::holds_secrets): only the user may read it then (0600, on Unix).
    ///
    /// # Errors
    /// If the document was read from no file, if the file changed since then
    /// ([`ErrorKind::Changed`]), or if the file cannot be written.
    pub fn write(&mut self) -> Result<(), Error> {
        let file = self.file.clone();
        let file = file.ok_or_else(|| Error::edit("it was read from no file: use `write_to`"))?;
        let now = file.exists().then(|| Document::load(&file)).transpose();
        let now = now.map_err(|error| error.of(&file))?;
        if now.map(|document| document.text) != self.on_disk {
            let message = "changed since it was read: read it again, and repeat the edit";
            return Err(Error::new(ErrorKind::Changed, message).of(&file));
        }
        self.write_to(file)
    }

    /// Writes the document to this file as [`write`](Self::write) does, whatever the file holds; later
    /// calls of `write` use this file too. The folder must exist.
    ///
    /// # Errors
    /// If the file cannot be written.
    pub fn write_to(&mut self, file: impl Into<PathBuf>) -> Result<(), Error> {
        let file = file.into();
        // A link is kept, and its target is replaced.
        let target = fs::canonicalize(&file).unwrap_or_else(|_| file.clone());
        atomic::write(&target, &self.document.text, self.holds_secrets())
            .map_err(|source| Error::io("cannot be written", source).of(&file))?;
        self.on_disk = Some(self.document.text.clone());
        self.file = Some(file);
        Ok(())
    }

    /// Whether a secret is written out rather than as a reference such as `${NAME}`: any text in `env`
    /// or `headers`, a token, the user or the query of a URL, an argument such as `--token x`, or the
    /// default of a password. Entries with a problem count too.
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
            // An empty list is how some programs write an empty object.
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
