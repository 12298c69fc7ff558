//! Which application's way of writing a document follows, and where its servers are.

use serde_json::Value;

use crate::document::Format;
use crate::error::{Error, ErrorKind};
use crate::fields::kind;
use crate::suggest;

/// The way in which a document names its servers.
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
    /// No key around them: the document is the map of servers.
    Bare,
}

impl Dialect {
    /// The keys that lead to the servers.
    pub(crate) fn container(self) -> Vec<String> {
        let key = match self {
            Self::McpServers => "mcpServers",
            Self::VsCode => "servers",
            Self::Zed => "context_servers",
            Self::Codex => "mcp_servers",
            Self::Goose => "extensions",
            Self::Bare => return Vec::new(),
        };
        vec![key.to_owned()]
    }
}

/// Fields of which each entry of a server has one.
pub(crate) const MARKS: &[&str] = &["command", "cmd", "url", "httpUrl", "serverUrl", "uri"];

const ALL: &[Dialect] =
    &[Dialect::McpServers, Dialect::VsCode, Dialect::Zed, Dialect::Codex, Dialect::Goose];

/// The dialect of a document, and the keys that lead to its servers.
pub(crate) fn detect(value: &Value, format: Format) -> Result<(Dialect, Vec<String>), Error> {
    let wrong = |message: String| Err(Error::new(ErrorKind::Shape, message));
    let Value::Object(root) = value else {
        return wrong(format!("found {}, expected an object of servers", kind(value)));
    };
    let is_said = |dialect: Dialect| {
        let key = dialect.container().pop().unwrap_or_default();
        // Many applications have extensions of another kind.
        root.contains_key(&key)
            && (dialect != Dialect::Goose || format == Format::Yaml)
            && !root.get(&key).is_some_and(is_entry)
    };
    if let Some(dialect) = ALL.iter().copied().find(|dialect| is_said(*dialect)) {
        return Ok((dialect, dialect.container()));
    }
    if root.get("mcp").is_some_and(|mcp| mcp.get("servers").is_some()) {
        return Ok((Dialect::VsCode, vec!["mcp".to_owned(), "servers".to_owned()]));
    }
    if root.values().any(is_entry) {
        return Ok((Dialect::Bare, Vec::new()));
    }
    if root.is_empty() {
        return Ok((Dialect::McpServers, Dialect::McpServers.container()));
    }
    if is_entry(value) {
        return wrong(
            "this is one server without a name: write {\"mcpServers\": {\"name\": …}} around it"
                .to_owned(),
        );
    }
    let keys = ["mcpServers", "servers", "context_servers", "mcp_servers", "extensions"];
    let slip = root.keys().find_map(|key| Some((key, suggest::nearest(key, keys)?)));
    let hint = slip.map(|(key, it)| format!(", did you mean {it:?} by {key:?}?"));
    let found: Vec<String> = root.keys().take(5).map(|key| format!("{key:?}")).collect();
    wrong(format!(
        "found no servers, only {}; expected \"mcpServers\", \"servers\", \"context_servers\", \"mcp_servers\" or a map of servers by name{}",
        found.join(", "),
        hint.unwrap_or_default(),
    ))
}

/// Keys of other dialects that hold servers which are not read.
pub(crate) fn ignored(value: &Value, container: &[String]) -> Vec<&'static str> {
    let keys = ["mcpServers", "servers", "context_servers", "mcp_servers"];
    let holds_servers = |key: &&str| {
        let there = value.get(*key).and_then(Value::as_object);
        container != [(*key).to_owned()] && there.is_some_and(|it| it.values().any(is_entry))
    };
    if container.len() != 1 { Vec::new() } else { keys.into_iter().filter(holds_servers).collect() }
}

fn is_entry(value: &Value) -> bool {
    let holds = |mark: &&&str| match value.get(**mark) {
        // Zed once wrote the command as an object.
        Some(Value::Object(command)) => command.contains_key("path"),
        found => found.is_some(),
    };
    MARKS.iter().find(holds).is_some()
}
