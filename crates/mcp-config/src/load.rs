//! Loading of a configuration from a document.

use std::collections::HashSet;
use std::path;
use std::str::FromStr;
use std::sync::OnceLock;

use serde_json::Value;

use crate::dialect::{self, Dialect};
use crate::document::{Document, Format};
use crate::error::{Error, ErrorKind, Finding};
use crate::manner::Manner;
use crate::path::{Path, Step, at};
use crate::places::{self, Place};
use crate::switches::Switches;
use crate::{Input, McpConfig, ProblemKind, marks, read};

impl McpConfig {
    /// A document without servers, in the most common dialect.
    #[must_use]
    pub fn new() -> Self {
        let document = Document { format: Format::Json, text: "{}".to_owned() };
        let manner = Manner::new(Dialect::McpServers);
        read_document(document, &Value::Null, manner, manner.dialect.container(), None)
    }

    /// Reads a file: TOML and YAML by extension, otherwise JSON with comments. The file's name and folder may identify
    /// its application.
    ///
    /// # Errors
    /// The file cannot be read, is larger than 64 MiB, has a syntax error, or lists no servers.
    pub fn from_file(file: impl AsRef<path::Path>) -> Result<Self, Error> {
        let file = file.as_ref();
        let named = |error: Error| error.of(file);
        let document = Document::load(file).map_err(named)?;
        let value = document.value().map_err(named)?;
        read_file(document, &value, file, None)
    }

    /// Reads JSON, with or without comments and trailing commas.
    ///
    /// # Errors
    /// The text is not valid JSON, or lists no servers.
    #[allow(
        clippy::should_implement_trait,
        reason = "also implemented; this method needs no import"
    )]
    pub fn from_str(text: &str) -> Result<Self, Error> {
        text_document(Document { format: Format::Json, text: text.to_owned() })
    }

    /// Reads TOML, the syntax of Codex.
    ///
    /// # Errors
    /// The text is not valid TOML, or lists no servers.
    #[cfg(feature = "toml")]
    pub fn from_toml(text: &str) -> Result<Self, Error> {
        text_document(Document { format: Format::Toml, text: text.to_owned() })
    }

    /// Reads YAML, the syntax of Goose, Hermes and Continue.
    ///
    /// # Errors
    /// The text is not valid YAML, or lists no servers.
    #[cfg(feature = "yaml")]
    pub fn from_yaml(text: &str) -> Result<Self, Error> {
        text_document(Document { format: Format::Yaml, text: text.to_owned() })
    }

    /// Converts a parsed document.
    ///
    /// # Errors
    /// The value lists no servers, or is nested more than 128 deep.
    pub fn from_value(value: &Value) -> Result<Self, Error> {
        Self::from_str(&format!("{value:#}"))
    }
}

impl Default for McpConfig {
    fn default() -> Self {
        Self::new()
    }
}

impl FromStr for McpConfig {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        Self::from_str(text)
    }
}

/// Reads a text that has no file.
fn text_document(document: Document) -> Result<McpConfig, Error> {
    let value = document.value()?;
    let (dialect, container) = dialect::detect(&value, document.format)?;
    checked(document, &value, Manner::new(dialect), container, None)
}

/// Reads a file. A file at a well-known location may list no servers.
pub(crate) fn read_file(
    document: Document,
    value: &Value,
    file: &path::Path,
    place: Option<&Place>,
) -> Result<McpConfig, Error> {
    let named = |error: Error| error.of(file);
    let guess = places::application_of(file).map(Manner::of);
    let found = dialect::detect(value, document.format);
    let (manner, container) = match (place, found) {
        (Some(place), _) if place.is_certain => (place.manner, place.container(value)),
        (Some(place), Err(_)) if value.is_object() => (place.manner, place.container(value)),
        (None, Err(_)) if value.is_object() && guess.is_some() => {
            let manner = guess.unwrap_or_else(|| Manner::new(Dialect::McpServers));
            (manner, manner.dialect.container())
        }
        (_, found) => {
            let (dialect, container) = found.map_err(named)?;
            let guess = guess.filter(|guess| guess.dialect == dialect);
            (guess.unwrap_or_else(|| Manner::new(dialect)), container)
        }
    };
    let mut config = checked(document, value, manner, container, Some(file)).map_err(named)?;
    config.on_disk = Some(config.document.text.clone());
    Ok(config)
}

/// Reads the servers, unless the container has the wrong type.
fn checked(
    document: Document,
    value: &Value,
    mut manner: Manner,
    container: Vec<String>,
    file: Option<&path::Path>,
) -> Result<McpConfig, Error> {
    let servers = at(value, &container);
    let is_list = |it: &Value| it.as_array().is_some_and(|it| it.iter().all(Value::is_object));
    if let Some(other) = servers.filter(|it| !it.is_object() && !it.is_null() && !is_list(it)) {
        let path = Path::to(&container);
        let line = document.lines(&container).line(&path);
        let found = crate::fields::kind(other);
        let message =
            format!("{path} in line {line}: found {found}, expected an object of servers by name");
        return Err(Error::new(ErrorKind::Shape, message));
    }
    let entries = || servers.into_iter().flat_map(values);
    if manner.application.is_none()
        && let Some(application) = marks::application(entries())
    {
        manner = Manner { dialect: manner.dialect, ..Manner::of(application) };
    }
    let written = ["httpUrl", "serverUrl", "baseUrl"]
        .into_iter()
        .find(|name| entries().any(|entry| entry.get(*name).is_some()));
    manner.url = written.unwrap_or(manner.url);
    Ok(read_document(document, value, manner, container, file.map(path::Path::to_owned)))
}

/// Reads the servers and inputs of a document.
fn read_document(
    document: Document,
    value: &Value,
    manner: Manner,
    container: Vec<String>,
    file: Option<path::PathBuf>,
) -> McpConfig {
    let mut config = McpConfig {
        document,
        file,
        on_disk: None,
        container,
        manner,
        servers: Vec::new(),
        inputs: Vec::new(),
        problems: Vec::new(),
        lines: OnceLock::new(),
    };
    read_inputs(&mut config, value);
    read_servers(&mut config, value);
    report_ignored(&mut config, value);
    config
}

/// Reads the document again after an edit.
pub(crate) fn reread(config: &mut McpConfig) -> Result<(), Error> {
    let value = config.document.value()?;
    let document = config.document.clone();
    let (container, file) = (config.container.clone(), config.file.take());
    let fresh = read_document(document, &value, config.manner, container, file);
    *config = McpConfig { on_disk: config.on_disk.take(), ..fresh };
    Ok(())
}

/// The entries of an object or list of servers, with their names.
pub(crate) fn entries(servers: &Value) -> Vec<(Option<&str>, Step, &Value)> {
    match servers {
        Value::Object(map) => map
            .iter()
            .map(|(name, entry)| (Some(name.as_str()), Step::Key(name.clone()), entry))
            .collect(),
        Value::Array(items) => items
            .iter()
            .enumerate()
            .map(|(index, entry)| {
                let name = ["name", "server_label"].into_iter().find_map(|key| entry.get(key));
                (name.and_then(Value::as_str), Step::Index(index), entry)
            })
            .collect(),
        _ => Vec::new(),
    }
}

fn values(servers: &Value) -> Vec<&Value> {
    match servers {
        Value::Object(map) => map.values().collect(),
        Value::Array(items) => items.iter().collect(),
        _ => Vec::new(),
    }
}

fn read_servers(config: &mut McpConfig, root: &Value) {
    let container = Path::to(&config.container);
    let switches = Switches::of(root, &config.container);
    let servers = at(root, &config.container).unwrap_or(&Value::Null);
    for (name, step, entry) in entries(servers) {
        // A bare map may also contain its schema and `inputs`.
        let is_other = name.is_some_and(|name| name.starts_with('$') || name == "inputs");
        if config.container.is_empty() && is_other {
            continue;
        }
        let (mut findings, path) = (Vec::new(), container.step(&step));
        let name = name.unwrap_or_default();
        if name.trim().is_empty() {
            let (kind, path) = (ProblemKind::Invalid, path.clone());
            findings.push(Finding { kind, path, message: "a server needs a name".to_owned() });
        }
        let server = read::server(entry, config.manner, path, &mut findings);
        let is_usable = findings.iter().all(|finding| finding.kind == ProblemKind::Doubtful);
        config.report(Some(name), findings);
        if let Some(mut server) = server.filter(|_| is_usable) {
            server.disabled |= switches.is_off(name);
            let has_name =
                config.manner.dialect == Dialect::Goose || matches!(step, Step::Index(_));
            // The name is written back with the entry.
            if has_name && server.extra.get("name").and_then(Value::as_str) == Some(name) {
                server.extra.shift_remove("name");
            }
            config.servers.push((name.to_owned(), server));
        }
    }
    report_twins(config, &container);
    if let Some(message) = switches.problem() {
        config.report(None, vec![Finding::doubt(Path::of(["mcp"]), message)]);
    }
}

fn report_twins(config: &mut McpConfig, container: &Path) {
    let mut names: Vec<&str> = config.servers.iter().map(|(name, _)| name.as_str()).collect();
    names.sort_unstable();
    let listed = names.windows(2).filter(|pair| pair[0] == pair[1]).map(|pair| pair[0].to_owned());
    let mut twins: Vec<String> = listed.chain(config.document.twins(&config.container)).collect();
    twins.dedup();
    for name in twins {
        let message = "several servers have this name: the last one is used";
        config.report(Some(&name), vec![Finding::doubt(container.key(&name), message)]);
    }
    // In a list, all duplicates were read.
    let mut seen = HashSet::new();
    let mut servers = std::mem::take(&mut config.servers);
    servers.reverse();
    servers.retain(|(name, _)| seen.insert(name.clone()));
    servers.reverse();
    config.servers = servers;
}

fn read_inputs(config: &mut McpConfig, root: &Value) {
    let above = config.container.split_last().map_or(&[][..], |(_, above)| above);
    let path = Path::to(above).key("inputs");
    let found = at(root, above).and_then(|holder| holder.get("inputs")).and_then(Value::as_array);
    for (index, input) in found.into_iter().flatten().enumerate() {
        match Input::read(input) {
            Ok(input) => config.inputs.push(input),
            Err(message) => {
                let (kind, path) = (ProblemKind::Invalid, path.index(index));
                config.report(None, vec![Finding { kind, path, message }]);
            }
        }
    }
}

fn report_ignored(config: &mut McpConfig, root: &Value) {
    for key in dialect::ignored(root, &config.container) {
        let container = Path::to(&config.container);
        let message = format!("not read: the servers of this document are under {container}");
        config.report(None, vec![Finding::doubt(Path::of([key]), message)]);
    }
}
