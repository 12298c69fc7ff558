//! Document dialects: the keys under which servers are listed.

use serde_json::{Map, Value};

use crate::document::Format;
use crate::error::{Error, ErrorKind};
use crate::fields::kind;
use crate::suggest;

/// The shape of a document that lists servers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Dialect {
    /// `mcpServers`: Claude Desktop, Claude Code, Cursor, Windsurf, Gemini CLI, FastMCP and others.
    McpServers,
    /// `servers` with `inputs`: VS Code; also as `mcp.servers` in its settings.
    VsCode,
    /// `context_servers`: Zed.
    Zed,
    /// `mcp_servers`: Codex.
    Codex,
    /// `extensions` in YAML: Goose.
    Goose,
    /// No key: the document itself is the map of servers.
    Bare,
    /// `mcp` or `mcp.servers` with commands as lists: OpenCode.
    OpenCode,
    /// `amp.mcpServers`: Amp.
    Amp,
    /// `mcp`: Crush.
    Crush,
    /// `mcp_servers` in YAML: Hermes.
    Hermes,
    /// `mcpServers` in YAML, a list of entries with a `name`: Continue.
    Continue,
}

/// Every server entry has one of these fields.
pub(crate) const MARKS: &[&str] =
    &["command", "cmd", "url", "httpUrl", "serverUrl", "uri", "baseUrl", "server_url"];

/// Keys of a document that hold servers.
const CONTAINERS: &[&str] =
    &["mcpServers", "amp.mcpServers", "servers", "context_servers", "mcp_servers"];

impl Dialect {
    /// The keys that lead to the servers.
    pub(crate) fn container(self) -> Vec<String> {
        let key = match self {
            Self::McpServers | Self::Continue => "mcpServers",
            Self::VsCode => "servers",
            Self::Zed => "context_servers",
            Self::Codex | Self::Hermes => "mcp_servers",
            Self::Goose => "extensions",
            Self::OpenCode | Self::Crush => "mcp",
            Self::Amp => "amp.mcpServers",
            Self::Bare => return Vec::new(),
        };
        vec![key.to_owned()]
    }
}

/// The dialect of a document, and the keys that lead to its servers.
pub(crate) fn detect(value: &Value, format: Format) -> Result<(Dialect, Vec<String>), Error> {
    let Value::Object(root) = value else {
        return Err(wrong(format!("found {}, expected an object of servers", kind(value))));
    };
    let dialects = [
        if format == Format::Yaml && root.get("mcpServers").is_some_and(Value::is_array) {
            Dialect::Continue
        } else {
            Dialect::McpServers
        },
        Dialect::Amp,
        Dialect::VsCode,
        Dialect::Zed,
        if format == Format::Yaml { Dialect::Hermes } else { Dialect::Codex },
    ];
    // Other applications use `extensions` for something else.
    let goose = (format == Format::Yaml).then_some(Dialect::Goose);
    let has_key = |dialect: &Dialect| {
        dialect
            .container()
            .pop()
            .is_some_and(|key| root.contains_key(&key) && !root.get(&key).is_some_and(is_entry))
    };
    if let Some(dialect) = dialects.into_iter().chain(goose).find(has_key) {
        return Ok((dialect, dialect.container()));
    }
    if let Some(found) = root.get("mcp").and_then(Value::as_object).and_then(mcp) {
        return Ok(found);
    }
    if root.values().any(is_entry) {
        return Ok((Dialect::Bare, Vec::new()));
    }
    if root.is_empty() {
        return Ok((Dialect::McpServers, Dialect::McpServers.container()));
    }
    if is_entry(value) {
        return Err(wrong(
            "this is one server without a name: write {\"mcpServers\": {\"name\": …}} around it",
        ));
    }
    Err(without_servers(root))
}

/// The dialect of an `mcp` object: VS Code, OpenCode and Crush use that key.
fn mcp(mcp: &Map<String, Value>) -> Option<(Dialect, Vec<String>)> {
    let servers = mcp.get("servers").filter(|servers| !is_entry(servers));
    let nested = || vec!["mcp".to_owned(), "servers".to_owned()];
    match servers {
        Some(Value::Object(servers)) if servers.values().any(is_open_code) => {
            Some((Dialect::OpenCode, nested()))
        }
        Some(_) => Some((Dialect::VsCode, nested())),
        None if mcp.values().any(is_open_code) => {
            Some((Dialect::OpenCode, Dialect::OpenCode.container()))
        }
        None if mcp.values().any(is_entry) => Some((Dialect::Crush, Dialect::Crush.container())),
        None => None,
    }
}

/// The path to the servers in a file of OpenCode: the second version of its format has one more level.
pub(crate) fn open_code(value: &Value) -> Vec<String> {
    match value.get("mcp").and_then(Value::as_object).and_then(mcp) {
        Some((_, container)) => container,
        None => Dialect::OpenCode.container(),
    }
}

fn without_servers(root: &Map<String, Value>) -> Error {
    let keys = CONTAINERS.iter().copied().chain(["extensions"]);
    let slip =
        root.keys().take(64).find_map(|key| Some((key, suggest::nearest(key, keys.clone())?)));
    let hint = slip.map(|(key, it)| format!(", did you mean {it:?} instead of {key:?}?"));
    let found: Vec<String> = root.keys().take(5).map(|key| format!("{key:?}")).collect();
    wrong(format!(
        "found no servers, only {}; expected \"mcpServers\", \"servers\", \"context_servers\", \"mcp_servers\", \"mcp\" or a map of servers by name{}",
        found.join(", "),
        hint.unwrap_or_default(),
    ))
}

fn wrong(message: impl Into<String>) -> Error {
    Error::new(ErrorKind::Shape, message)
}

/// Server keys of other dialects, which are not read.
pub(crate) fn ignored(value: &Value, container: &[String]) -> Vec<&'static str> {
    let holds_servers = |key: &&str| {
        let found = value.get(*key).and_then(Value::as_object);
        container != [(*key).to_owned()] && found.is_some_and(|it| it.values().any(is_entry))
    };
    match container.len() {
        1 => CONTAINERS.iter().copied().filter(holds_servers).collect(),
        _ => Vec::new(),
    }
}

fn is_open_code(value: &Value) -> bool {
    let is_own_type = value
        .get("type")
        .and_then(Value::as_str)
        .is_some_and(|kind| matches!(kind, "local" | "remote"));
    is_own_type
        || value.get("command").is_some_and(Value::is_array)
        || value.get("environment").is_some_and(Value::is_object)
}

fn is_entry(value: &Value) -> bool {
    let has_mark = |value: &Value| {
        MARKS.iter().any(|mark| match value.get(*mark) {
            // Zed once wrote the command as an object.
            Some(Value::Object(command)) => command.contains_key("path"),
            found => found.is_some(),
        })
    };
    has_mark(value) || value.get("transport").is_some_and(|it| it.is_object() && has_mark(it))
}
