//! A configuration: its servers, and what is wrong with it.

use std::fmt;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use serde_json::Value;

use crate::dialect::{self, Dialect};
use crate::document::{Document, Format};
use crate::error::{Error, ErrorKind, Finding, Problem, ProblemKind};
use crate::path;
use crate::render::{self, Manner};
use crate::{Input, Server, Variables, read};

/// No file of settings is as large.
const MAX_BYTES: u64 = 64 * 1024 * 1024;

/// A document that names MCP servers.
///
/// Reading one fails only when it is not the JSON, TOML or YAML it should be, or names no servers at
/// all. What is wrong with a single entry is in [`problems`](Self::problems), and the others are there.
///
/// ```
/// use mcp_config::{McpConfig, Target, Variables};
///
/// let config = McpConfig::from_str(
///     r#"{
///         // comments and trailing commas are fine
///         "mcpServers": {
///             "time": { "command": "uvx", "args": ["mcp-server-time"] },
///             "docs": { "type": "http", "url": "${DOCS_URL:-https://example.com/mcp}" },
///         },
///     }"#,
/// )?;
/// let expanded = config.expand(&Variables::new(|_| None));
/// let Target::Remote(docs) = &expanded.server("docs").ok_or("no docs")?.target else {
///     return Err("docs is no URL".into());
/// };
/// assert_eq!(docs.url, "https://example.com/mcp");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct McpConfig {
    pub(crate) document: Document,
    pub(crate) file: Option<PathBuf>,
    /// The text as it was on disk when it was read.
    pub(crate) on_disk: Option<String>,
    pub(crate) container: Vec<String>,
    pub(crate) manner: Manner,
    servers: Vec<(String, Server)>,
    inputs: Vec<Input>,
    problems: Vec<Problem>,
}

/// The servers of a configuration with every `${…}` filled in.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Expanded {
    /// Those to be connected, in order: neither disabled nor with a problem.
    pub servers: Vec<(String, Server)>,
    /// All problems: those of the configuration, and of what could not be filled in.
    pub problems: Vec<Problem>,
}

impl Expanded {
    /// The server of this name.
    #[must_use]
    pub fn server(&self, name: &str) -> Option<&Server> {
        self.servers.iter().find(|(it, _)| it == name).map(|(_, server)| server)
    }
}

impl McpConfig {
    /// A document without servers, in the dialect that most applications read.
    #[must_use]
    pub fn new() -> Self {
        let document = Document { format: Format::Json, text: "{}".to_owned() };
        let dialect = Dialect::McpServers;
        Self::of(document, &Value::Null, dialect, dialect.container(), "url", None)
    }

    /// Reads a file: TOML and YAML by its extension, JSON (with comments) otherwise.
    ///
    /// # Errors
    /// When it cannot be read, is larger than 64 MiB, is not of its syntax, or names no servers.
    pub fn from_file(file: impl AsRef<Path>) -> Result<Self, Error> {
        let file = file.as_ref();
        Self::load(file, None)
    }

    /// Reads JSON, with comments and trailing commas or without.
    ///
    /// # Errors
    /// When it is no JSON, or names no servers.
    #[allow(clippy::should_implement_trait, reason = "it is, and this needs no import")]
    pub fn from_str(text: &str) -> Result<Self, Error> {
        Self::parse(Document { format: Format::Json, text: text.to_owned() }, None, None)
    }

    /// Reads TOML, as Codex has it.
    ///
    /// # Errors
    /// When it is no TOML, or names no servers.
    #[cfg(feature = "toml")]
    pub fn from_toml(text: &str) -> Result<Self, Error> {
        Self::parse(Document { format: Format::Toml, text: text.to_owned() }, None, None)
    }

    /// Reads YAML, as Goose has it.
    ///
    /// # Errors
    /// When it is no YAML, or names no servers.
    #[cfg(feature = "yaml")]
    pub fn from_yaml(text: &str) -> Result<Self, Error> {
        Self::parse(Document { format: Format::Yaml, text: text.to_owned() }, None, None)
    }

    /// Takes a document that is parsed already.
    ///
    /// # Errors
    /// When it names no servers.
    pub fn from_value(value: &Value) -> Result<Self, Error> {
        Self::from_str(&format!("{value:#}"))
    }

    /// Its servers in order, with `${…}` as written; disabled ones too, those with a problem not.
    pub fn servers(&self) -> impl ExactSizeIterator<Item = (&str, &Server)> {
        self.servers.iter().map(|(name, server)| (name.as_str(), server))
    }

    /// The server of this name.
    #[must_use]
    pub fn server(&self, name: &str) -> Option<&Server> {
        self.servers.iter().find(|(it, _)| it == name).map(|(_, server)| server)
    }

    /// What is wrong with single entries.
    #[must_use]
    pub fn problems(&self) -> &[Problem] {
        &self.problems
    }

    /// What the user can be asked for: `inputs`.
    #[must_use]
    pub fn inputs(&self) -> &[Input] {
        &self.inputs
    }

    /// Whose way of writing it follows.
    #[must_use]
    pub fn dialect(&self) -> Dialect {
        self.manner.dialect
    }

    /// The file it was read from or last written to.
    #[must_use]
    pub fn file(&self) -> Option<&Path> {
        self.file.as_deref()
    }

    /// The document as it would be written.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.document.text
    }

    /// The servers with every `${…}` filled in; the configuration stays as it is.
    ///
    /// A server with a variable that has no value is left out and becomes a [`Problem`] that names it,
    /// the field and the variable. Disabled servers are left out.
    #[must_use]
    pub fn expand(&self, variables: &Variables<'_>) -> Expanded {
        let mut expanded = Expanded { servers: Vec::new(), problems: self.problems.clone() };
        for (name, server) in self.servers.iter().filter(|(_, server)| !server.disabled) {
            let mut findings = Vec::new();
            let path = path::Path::of(self.container.iter().map(String::as_str)).key(name);
            if let Some(server) =
                filled(name, server, variables, &self.inputs, &path, &mut findings)
            {
                expanded.servers.push((name.clone(), server));
            }
            let problems = findings.into_iter().filter(|it| it.kind != ProblemKind::Doubtful);
            expanded.problems.extend(problems.map(|finding| self.problem(Some(name), finding)));
        }
        expanded
    }

    /// A file that may hold no servers yet, if its place says which dialect it is in.
    pub(crate) fn load(file: &Path, place: Option<&crate::Location>) -> Result<Self, Error> {
        let text = text_of(file).map_err(|error| error.of(file))?;
        let document = Document { format: Format::of(file), text };
        let mut config = Self::parse(document, Some(file), place)?;
        config.on_disk = Some(config.document.text.clone());
        Ok(config)
    }

    /// Reads the document anew after an edit.
    pub(crate) fn reread(&mut self) -> Result<(), Error> {
        let value = self.document.value()?;
        let servers = at(&value, &self.container).cloned().unwrap_or_default();
        let url = url_field(&servers).unwrap_or(self.manner.url);
        let (dialect, container) = (self.manner.dialect, self.container.clone());
        let document = self.document.clone();
        let fresh = Self::of(document, &value, dialect, container, url, self.file.take());
        *self = Self { on_disk: self.on_disk.take(), ..fresh };
        Ok(())
    }

    fn parse(
        document: Document,
        file: Option<&Path>,
        place: Option<&crate::Location>,
    ) -> Result<Self, Error> {
        let named = |error: Error| match file {
            Some(file) => error.of(file),
            None => error,
        };
        let value = document.value().map_err(named)?;
        let (dialect, container) = match (place, dialect::detect(&value, document.format)) {
            (Some(place), _) if place.is_certain() => (place.dialect, place.container.clone()),
            (Some(place), Err(_)) if value.is_object() => (place.dialect, place.container.clone()),
            (_, found) => found.map_err(named)?,
        };
        let servers = at(&value, &container);
        if let Some(other) = servers.filter(|it| !it.is_object() && !it.is_null()) {
            let path = path::Path::of(container.iter().map(String::as_str));
            let (found, line) = (crate::fields::kind(other), document.line_of(&path));
            let line = line.map(|line| format!(" in line {line}")).unwrap_or_default();
            let message =
                format!("{path}{line}: found {found}, expected an object of servers by name");
            return Err(named(Error::new(ErrorKind::Shape, message)));
        }
        let url = servers.and_then(url_field).or(place.map(|place| place.url)).unwrap_or("url");
        Ok(Self::of(document, &value, dialect, container, url, file.map(Path::to_owned)))
    }

    fn of(
        document: Document,
        value: &Value,
        dialect: Dialect,
        container: Vec<String>,
        url: &'static str,
        file: Option<PathBuf>,
    ) -> Self {
        let mut config = Self {
            document,
            file,
            on_disk: None,
            container,
            manner: Manner { dialect, url },
            servers: Vec::new(),
            inputs: Vec::new(),
            problems: Vec::new(),
        };
        config.read_inputs(value);
        config.read_servers(value);
        config
    }

    fn read_servers(&mut self, root: &Value) {
        let container = path::Path::of(self.container.iter().map(String::as_str));
        let entries = at(root, &self.container).and_then(Value::as_object);
        for (name, entry) in entries.into_iter().flatten() {
            // A bare map may say what it is, and ask for inputs.
            if self.container.is_empty() && (name.starts_with('$') || name == "inputs") {
                continue;
            }
            let mut findings = Vec::new();
            let path = container.key(name);
            if name.trim().is_empty() {
                let message = "a server needs a name".to_owned();
                findings.push(Finding { kind: ProblemKind::Invalid, path: path.clone(), message });
            }
            let server = read::server(entry, self.manner.dialect, path, &mut findings);
            let is_usable = findings.iter().all(|finding| finding.kind == ProblemKind::Doubtful);
            self.problems.extend(
                findings
                    .into_iter()
                    .map(|finding| self.problem(Some(name), finding))
                    .collect::<Vec<_>>(),
            );
            self.servers.extend(server.filter(|_| is_usable).map(|server| (name.clone(), server)));
        }
        for name in self.document.twins(&self.container) {
            let path = container.key(&name);
            let message = "there are several servers of this name: the last one counts".to_owned();
            let finding = Finding { kind: ProblemKind::Doubtful, path, message };
            self.problems.push(self.problem(Some(&name), finding));
        }
        for key in dialect::ignored(root, &self.container) {
            let message = format!("not read, because there is {container} too");
            let path = path::Path::of([key]);
            let finding = Finding { kind: ProblemKind::Doubtful, path, message };
            self.problems.push(self.problem(None, finding));
        }
    }

    fn read_inputs(&mut self, root: &Value) {
        let (holder, holder_path) = match self.container.split_last() {
            Some((_, above)) => (at(root, above), above),
            None => (Some(root), &[][..]),
        };
        let path = path::Path::of(holder_path.iter().map(String::as_str)).key("inputs");
        let inputs = holder.and_then(|holder| holder.get("inputs")).and_then(Value::as_array);
        for (index, input) in inputs.into_iter().flatten().enumerate() {
            match Input::read(input) {
                Ok(input) => self.inputs.push(input),
                Err(message) => {
                    let path = path.index(index);
                    let finding = Finding { kind: ProblemKind::Invalid, path, message };
                    self.problems.push(self.problem(None, finding));
                }
            }
        }
    }

    fn problem(&self, server: Option<&str>, finding: Finding) -> Problem {
        Problem {
            kind: finding.kind,
            server: server.map(str::to_owned),
            path: finding.path.to_string(),
            file: self.file.clone(),
            line: self.document.line_of(&finding.path),
            message: finding.message,
        }
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

impl fmt::Debug for McpConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("McpConfig")
            .field("file", &self.file)
            .field("dialect", &self.manner.dialect)
            .field("servers", &self.servers)
            .field("problems", &self.problems)
            .finish_non_exhaustive()
    }
}

pub(crate) fn text_of(file: &Path) -> Result<String, Error> {
    let failed = |source| Error::io("cannot be read", source);
    let mut bytes = Vec::new();
    let opened = File::open(file).map_err(failed)?;
    opened.take(MAX_BYTES + 1).read_to_end(&mut bytes).map_err(failed)?;
    if bytes.len() as u64 > MAX_BYTES {
        return Err(Error::new(ErrorKind::Shape, "larger than 64 MiB: this is no configuration"));
    }
    String::from_utf8(bytes).map_err(|error| {
        Error::new(ErrorKind::Syntax, format!("not UTF-8: {}", error.utf8_error()))
    })
}

fn at<'a>(value: &'a Value, path: &[String]) -> Option<&'a Value> {
    path.iter().try_fold(value, |here, key| here.get(key))
}

/// How the entries of a document write a URL.
fn url_field(servers: &Value) -> Option<&'static str> {
    let entries = || servers.as_object().into_iter().flat_map(serde_json::Map::values);
    ["httpUrl", "serverUrl"].into_iter().find(|name| entries().any(|it| it.get(*name).is_some()))
}

fn filled(
    name: &str,
    server: &Server,
    variables: &Variables<'_>,
    inputs: &[Input],
    path: &path::Path,
    findings: &mut Vec<Finding>,
) -> Option<Server> {
    let mut plain = render::server(name, server, Manner::PLAIN);
    fill(&mut plain, variables, inputs, path, findings);
    if !findings.is_empty() {
        return None;
    }
    let mut filled = read::server(&plain, Dialect::McpServers, path.clone(), findings)?;
    if let crate::Target::Stdio(stdio) = &mut filled.target {
        for name in &stdio.pass_env {
            if let Some(value) = variables.is_set(name).filter(|_| !stdio.env.contains_key(name)) {
                stdio.env.insert(name.clone(), value);
            }
        }
    }
    Some(filled)
}

fn fill(
    value: &mut Value,
    variables: &Variables<'_>,
    inputs: &[Input],
    path: &path::Path,
    findings: &mut Vec<Finding>,
) {
    match value {
        Value::String(text) if text.contains("${") => match variables.expand(text, inputs) {
            Ok(expanded) => *text = expanded,
            Err(message) => {
                let (kind, path) = (ProblemKind::Unresolved, path.clone());
                findings.push(Finding { kind, path, message });
            }
        },
        Value::Array(items) => {
            for (index, item) in items.iter_mut().enumerate() {
                fill(item, variables, inputs, &path.index(index), findings);
            }
        }
        Value::Object(map) => {
            for (key, value) in map.iter_mut() {
                fill(value, variables, inputs, &path.key(key), findings);
            }
        }
        _ => {}
    }
}
