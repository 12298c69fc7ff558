//! Changing a configuration and writing it.

use std::fs;
use std::path::PathBuf;

use serde_json::Value;

use crate::atomic;
use crate::config::text_of;
use crate::error::{Error, ErrorKind};
use crate::{McpConfig, Server, render};

impl McpConfig {
    /// Adds a server, or replaces the one of this name, and gives back the replaced one.
    ///
    /// The rest of the document stays as it is written: unknown keys, order, and, but for YAML,
    /// comments and layout. The entry is written in the dialect of the document. Nothing is written to
    /// disk before [`write`](Self::write).
    ///
    /// # Errors
    /// When the name is empty, or the document cannot be edited.
    pub fn add_server(&mut self, name: &str, server: &Server) -> Result<Option<Server>, Error> {
        if name.trim().is_empty() {
            return Err(Error::edit("a server needs a name"));
        }
        let replaced = self.server(name).cloned();
        if replaced.as_ref() != Some(server) {
            let entry = render::server(name, server, self.manner);
            let container = self.container.clone();
            self.document.set(&container, name, &entry)?;
            self.reread()?;
        }
        Ok(replaced)
    }

    /// Removes a server, also one that has a problem, and tells whether it was there.
    ///
    /// The rest of the document stays as it is written. Nothing is written to disk before
    /// [`write`](Self::write).
    ///
    /// # Errors
    /// When the document cannot be edited.
    pub fn remove_server(&mut self, name: &str) -> Result<bool, Error> {
        let is_there = self.entries()?.get(name).is_some();
        if is_there {
            let container = self.container.clone();
            self.document.remove(&container, name)?;
            self.reread()?;
        }
        Ok(is_there)
    }

    /// Writes it to the file it was read from.
    ///
    /// A reader sees the old file or the new one, never a part: the text goes to another file in the
    /// same folder first. A link stays a link. The file's mode stays, but where it
    /// [holds secrets](Self::holds_secrets) only the user may read it (0600, on Unix).
    ///
    /// # Errors
    /// When it was read from no file, when the file changed since then
    /// ([`ErrorKind::Changed`]), or when the system refuses.
    pub fn write(&mut self) -> Result<(), Error> {
        let file = self.file.clone();
        let file = file.ok_or_else(|| Error::edit("it was read from no file: use `write_to`"))?;
        let now = file.exists().then(|| text_of(&file)).transpose().map_err(|it| it.of(&file))?;
        if now != self.on_disk {
            let message = "changed since it was read: read it again, and repeat the edit";
            return Err(Error::new(ErrorKind::Changed, message).of(&file));
        }
        self.write_to(file)
    }

    /// Writes it to this file, whatever it holds, as [`write`](Self::write) does; later calls of
    /// `write` go there too. The folder must exist.
    ///
    /// # Errors
    /// When the system refuses.
    pub fn write_to(&mut self, file: impl Into<PathBuf>) -> Result<(), Error> {
        let file = file.into();
        // A link is kept, and what it leads to is replaced.
        let target = fs::canonicalize(&file).unwrap_or_else(|_| file.clone());
        atomic::write(&target, &self.document.text, self.holds_secrets())
            .map_err(|source| Error::io("cannot be written", source).of(&file))?;
        self.on_disk = Some(self.document.text.clone());
        self.file = Some(file);
        Ok(())
    }

    /// Whether a value of `env`, `headers` or `auth` is written out, rather than as `${…}`, or a URL
    /// holds a password. Entries with a problem count too.
    #[must_use]
    pub fn holds_secrets(&self) -> bool {
        self.entries().is_ok_and(|entries| holds_secrets(&entries))
    }

    fn entries(&self) -> Result<Value, Error> {
        let value = self.document.value()?;
        let found = self.container.iter().try_fold(&value, |here, key| here.get(key));
        Ok(found.cloned().unwrap_or_default())
    }
}

const SECRETS: &[&str] =
    &["env", "envs", "headers", "http_headers", "auth", "bearer_token", "oauth", "token"];

fn holds_secrets(value: &Value) -> bool {
    match value {
        Value::Object(map) => map.iter().any(|(key, value)| {
            (SECRETS.contains(&key.as_str()) && has_plain_text(value)) || holds_secrets(value)
        }),
        Value::Array(items) => items.iter().any(holds_secrets),
        Value::String(text) => {
            let host = text.split_once("://").map(|(_, rest)| rest.split('/').next());
            host.flatten().is_some_and(|host| host.contains('@') && has_plain_text(&host.into()))
        }
        _ => false,
    }
}

fn has_plain_text(value: &Value) -> bool {
    match value {
        Value::Object(map) => map.values().any(has_plain_text),
        Value::Array(items) => items.iter().any(has_plain_text),
        Value::String(text) => !text.is_empty() && text != "oauth" && !text.contains("${"),
        Value::Number(_) => true,
        Value::Null | Value::Bool(_) => false,
    }
}
