//! From what an entry says to a [`Server`].

use std::time::Duration;

use serde_json::{Map, Value};

use crate::dialect::MARKS;
use crate::error::Finding;
use crate::fields::Fields;
use crate::path::Path;
use crate::server::{Auth, ProtocolEra, Remote, RemoteTransport, Server, Stdio, Target};
use crate::suggest;
use crate::{Argument, Dialect, ProblemKind, Tool};

pub(crate) const SECOND: Duration = Duration::from_secs(1);
pub(crate) const MILLISECOND: Duration = Duration::from_millis(1);

const COMMANDS: &[&str] = &["command", "cmd"];
const URLS: &[&str] = &["url", "httpUrl", "serverUrl", "uri"];

/// All fields that are read, in any dialect.
pub(crate) const FIELDS: &[&str] = &[
    "command",
    "cmd",
    "args",
    "env",
    "envs",
    "env_keys",
    "env_vars",
    "envFile",
    "cwd",
    "url",
    "httpUrl",
    "serverUrl",
    "uri",
    "headers",
    "http_headers",
    "env_http_headers",
    "auth",
    "bearer_token_env_var",
    "type",
    "transport",
    "timeout",
    "tool_timeout_sec",
    "startup_timeout_sec",
    "startup_timeout_ms",
    "keep_alive",
    "keepAlive",
    "disabled",
    "enabled",
    "alwaysAllow",
    "includeTools",
    "excludeTools",
    "enabled_tools",
    "disabled_tools",
    "disabledTools",
    "available_tools",
    "include_tags",
    "exclude_tags",
    "tools",
    "protocolEra",
    "description",
    "icon",
];

/// Fields of other applications that look like slips of ours.
const OTHERS: &[&str] =
    &["name", "title", "source", "trust", "roots", "dev", "tags", "icons", "oauth"];

/// What the entry says, unless a finding is fatal.
pub(crate) fn server(
    entry: &Value,
    dialect: Dialect,
    path: Path,
    findings: &mut Vec<Finding>,
) -> Option<Server> {
    let Value::Object(entry) = entry else {
        let message = format!("found {}, expected an object", crate::fields::kind(entry));
        findings.push(Finding { kind: ProblemKind::Invalid, path, message });
        return None;
    };
    let before = findings.len();
    let mut fields = Fields::new(flat(entry), path, findings);
    let target = target(&mut fields, dialect);
    let seconds = if dialect == Dialect::Goose { SECOND } else { MILLISECOND };
    let mut server = Server::new(target.unwrap_or(Target::Stdio(Stdio::default())));
    server.timeout =
        fields.time(&["timeout"], seconds).or(fields.time(&["tool_timeout_sec"], SECOND));
    server.startup_timeout = fields
        .time(&["startup_timeout_sec"], SECOND)
        .or(fields.time(&["startup_timeout_ms"], MILLISECOND));
    server.keep_alive = fields.flag(&["keep_alive", "keepAlive"]);
    let disabled = fields.flag(&["disabled"]).unwrap_or(false);
    server.disabled = disabled || !fields.flag(&["enabled"]).unwrap_or(true);
    server.always_allow = fields.texts(&["alwaysAllow"]).unwrap_or_default();
    server.include_tools = fields.texts(&["includeTools", "enabled_tools"]);
    if dialect == Dialect::Goose && server.include_tools.is_none() {
        // An empty list is how this dialect writes that all are offered.
        server.include_tools = fields.texts(&["available_tools"]).filter(|tools| !tools.is_empty());
    }
    server.exclude_tools =
        fields.texts(&["excludeTools", "disabledTools", "disabled_tools"]).unwrap_or_default();
    server.include_tags = fields.texts(&["include_tags"]);
    server.exclude_tags = fields.texts(&["exclude_tags"]).unwrap_or_default();
    tools(&mut fields, &mut server);
    server.protocol_era = era(&mut fields);
    server.description = fields.text(&["description"]);
    server.icon = fields.text(&["icon"]);
    let known: Vec<&str> = FIELDS.iter().chain(OTHERS).copied().collect();
    server.extra = fields.rest(&known);
    let is_fatal = |finding: &Finding| finding.kind != ProblemKind::Doubtful;
    (!findings[before..].iter().any(is_fatal)).then_some(server)
}

/// Zed once wrote `command` as an object of its own.
fn flat(entry: &Map<String, Value>) -> Map<String, Value> {
    let mut flat = entry.clone();
    if let Some(Value::Object(command)) = entry.get("command") {
        flat.shift_remove("command");
        for (key, value) in command {
            let key = if key == "path" { "command" } else { key };
            flat.insert(key.to_owned(), value.clone());
        }
    }
    flat
}

enum Declared {
    Stdio,
    Remote(Option<RemoteTransport>),
}

fn target(fields: &mut Fields<'_>, dialect: Dialect) -> Option<Target> {
    let named = ["type", "transport"].into_iter().find(|name| fields.has(name));
    let declared = match named {
        Some(name) => Some(declared(fields, name)?),
        None => None,
    };
    let has_command = COMMANDS.iter().any(|name| fields.has(name));
    let url = URLS.iter().copied().find(|name| fields.has(name));
    let path = fields.path().clone();
    match (declared, has_command, url) {
        (Some(Declared::Stdio), true, _) | (None, true, None) => stdio(fields, dialect),
        (Some(Declared::Remote(transport)), _, Some(_)) => remote(fields, transport),
        (None, false, Some(name)) => {
            // Codex knows no other.
            let is_http = name == "httpUrl" || dialect == Dialect::Codex;
            let implied = is_http.then_some(RemoteTransport::StreamableHttp);
            remote(fields, implied)
        }
        (None, true, Some(url)) => {
            fields.invalid(path, format!(
                "found both a command and {url:?}: keep one, or say with \"type\" which is meant"
            ));
            None
        }
        (Some(Declared::Stdio), false, _) => {
            let at = path.key(named.unwrap_or("type"));
            let hint = near_miss(fields, &["command"]);
            fields.invalid(at, format!("found \"stdio\", but there is no \"command\"{hint}"));
            None
        }
        (Some(Declared::Remote(_)), _, None) => {
            let at = path.key(named.unwrap_or("type"));
            let hint = near_miss(fields, &["url"]);
            fields
                .invalid(at, format!("found a transport over HTTP, but there is no \"url\"{hint}"));
            None
        }
        (None, false, None) if fields.has("source") || fields.has("settings") => {
            let message =
                "an extension of the editor runs this server: nothing says how to reach it";
            fields.find(ProblemKind::Unsupported, path, message);
            None
        }
        (None, false, None) => {
            let hint = near_miss(fields, MARKS);
            fields.invalid(path, format!("found neither \"command\" nor \"url\"{hint}"));
            None
        }
    }
}

/// The unknown field that was probably meant to be one of `wanted`.
fn near_miss(fields: &Fields<'_>, wanted: &[&'static str]) -> String {
    let strangers = fields.names().filter(|name| !FIELDS.contains(name));
    let near = strangers
        .into_iter()
        .find_map(|name| Some((name, suggest::nearest(name, wanted.iter().copied())?)));
    near.map(|(name, it)| format!(", did you mean {it:?} by {name:?}?")).unwrap_or_default()
}

fn declared(fields: &mut Fields<'_>, name: &'static str) -> Option<Declared> {
    let written = fields.text(&[name])?;
    let plain: String = written.chars().filter(|c| c.is_alphanumeric()).collect();
    let path = fields.path().key(name);
    Some(match &*plain.to_lowercase() {
        "stdio" | "local" => Declared::Stdio,
        "http" | "streamablehttp" | "httpstream" | "streamable" => {
            Declared::Remote(Some(RemoteTransport::StreamableHttp))
        }
        "sse" | "httpsse" => Declared::Remote(Some(RemoteTransport::Sse)),
        "remote" => Declared::Remote(None),
        "builtin" | "platform" | "frontend" | "inlinepython" | "sdk" | "inmemory" => {
            let message =
                format!("{written:?} servers live inside the application that wrote this");
            fields.find(ProblemKind::Unsupported, path, message);
            return None;
        }
        _ => {
            let known = ["stdio", "http", "streamable-http", "sse"];
            let hint = suggest::hint(&written, known);
            let message = format!("found {written:?}, expected one of {}{hint}", known.join(", "));
            fields.invalid(path, message);
            return None;
        }
    })
}

fn stdio(fields: &mut Fields<'_>, dialect: Dialect) -> Option<Target> {
    let command = fields.text(COMMANDS)?;
    if command.trim().is_empty() {
        let path = fields.path().key("command");
        fields.invalid(path, "found an empty text, expected a program");
    }
    let pass_env = match dialect {
        Dialect::Codex => fields.texts(&["env_vars"]),
        Dialect::Goose => fields.texts(&["env_keys"]),
        _ => fields.texts(&["env_vars", "env_keys"]),
    };
    Some(Target::Stdio(Stdio {
        command,
        args: fields.texts(&["args"]).unwrap_or_default(),
        env: fields.texts_by_name(&["env", "envs"]),
        pass_env: pass_env.unwrap_or_default(),
        env_file: fields.text(&["envFile"]).map(Into::into),
        cwd: fields.text(&["cwd"]).map(Into::into),
    }))
}

fn remote(fields: &mut Fields<'_>, transport: Option<RemoteTransport>) -> Option<Target> {
    let name = URLS.iter().copied().find(|name| fields.has(name))?;
    let url = fields.text(&[name])?;
    let scheme = url.split("://").next().unwrap_or_default().to_ascii_lowercase();
    let is_http = url.contains("://") && matches!(&*scheme, "http" | "https");
    if !is_http && !url.contains("${") {
        let path = fields.path().key(name);
        let hint = match url.contains("://") || url.is_empty() {
            true => String::new(),
            false => format!(", did you mean \"https://{}\"?", url.trim_start_matches('/')),
        };
        fields.invalid(path, format!("expected a URL that begins with http:// or https://{hint}"));
    }
    let mut headers = fields.texts_by_name(&["headers"]);
    headers.extend(fields.texts_by_name(&["http_headers"]));
    let from_env = fields.texts_by_name(&["env_http_headers"]).into_iter();
    headers.extend(from_env.map(|(name, variable)| (name, format!("${{{variable}}}"))));
    let auth = match fields.text(&["bearer_token_env_var"]) {
        Some(variable) => Some(Auth::Bearer(format!("${{{variable}}}"))),
        None => auth(fields),
    };
    Some(Target::Remote(Remote { url, transport, headers, auth }))
}

fn auth(fields: &mut Fields<'_>) -> Option<Auth> {
    let (name, value) = fields.take(&["auth"])?;
    match value {
        Value::String(text) if text.eq_ignore_ascii_case("oauth") => Some(Auth::OAuth),
        Value::String(token) => Some(Auth::Bearer(token)),
        Value::Object(settings) => Some(Auth::Other(settings)),
        other => {
            let path = fields.path().key(name);
            fields.wrong(&path, &other, "\"oauth\", a token, or an object");
            None
        }
    }
}

fn era(fields: &mut Fields<'_>) -> Option<ProtocolEra> {
    let written = fields.text(&["protocolEra"])?;
    match &*written {
        "legacy" => Some(ProtocolEra::Legacy),
        "auto" => Some(ProtocolEra::Auto),
        "modern" => Some(ProtocolEra::Modern),
        _ => {
            let hint = suggest::hint(&written, ["legacy", "auto", "modern"]);
            let path = fields.path().key("protocolEra");
            fields
                .invalid(path, format!("found {written:?}, expected legacy, auto or modern{hint}"));
            None
        }
    }
}

/// An object changes tools; a list names those to offer, where `*` is all.
fn tools(fields: &mut Fields<'_>, server: &mut Server) {
    let Some((name, value)) = fields.take(&["tools"]) else { return };
    let path = fields.path().key(name);
    match value {
        Value::Object(map) => {
            for (name, value) in map {
                if let Some(tool) = tool(value, path.key(&name), fields.findings()) {
                    server.tools.insert(name, tool);
                }
            }
        }
        Value::Array(_) => {
            let list = Map::from_iter([("tools".to_owned(), value)]);
            let parent = fields.path().clone();
            let listed = Fields::new(list, parent, fields.findings()).texts(&["tools"]);
            let listed = listed.filter(|tools| !tools.iter().any(|tool| tool == "*"));
            server.include_tools = server.include_tools.take().or(listed);
        }
        other => fields.wrong(&path, &other, "an object of tools by name, or a list of names"),
    }
}

fn tool(value: Value, path: Path, findings: &mut Vec<Finding>) -> Option<Tool> {
    let mut fields = object(value, path, findings)?;
    let mut tool = Tool {
        name: fields.text(&["name"]),
        title: fields.text(&["title"]),
        description: fields.text(&["description"]),
        enabled: fields.flag(&["enabled"]).unwrap_or(true),
        tags: fields.texts(&["tags"]).unwrap_or_default(),
        ..Tool::default()
    };
    if let Some((name, arguments)) = fields.object(&["arguments"]) {
        let path = fields.path().key(name);
        for (name, value) in arguments {
            if let Some(it) = argument(value, path.key(&name), fields.findings()) {
                tool.arguments.insert(name, it);
            }
        }
    }
    tool.extra = fields.rest(&["name", "title", "description", "enabled", "tags", "arguments"]);
    Some(tool)
}

fn argument(value: Value, path: Path, findings: &mut Vec<Finding>) -> Option<Argument> {
    let mut fields = object(value, path, findings)?;
    Some(Argument {
        name: fields.text(&["name"]),
        description: fields.text(&["description"]),
        hide: fields.flag(&["hide"]).unwrap_or(false),
        default: fields.take(&["default"]).map(|(_, value)| value),
        required: fields.flag(&["required"]),
        extra: fields.rest(&["name", "description", "hide", "default", "required"]),
    })
}

fn object(value: Value, path: Path, findings: &mut Vec<Finding>) -> Option<Fields<'_>> {
    match value {
        Value::Object(map) => Some(Fields::new(map, path, findings)),
        other => {
            let message = format!("found {}, expected an object", crate::fields::kind(&other));
            findings.push(Finding { kind: ProblemKind::Invalid, path, message });
            None
        }
    }
}
