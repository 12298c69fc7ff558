//! Reads the target of a server: a command or a URL.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde_json::Value;

use crate::dialect::MARKS;
use crate::fields::{Fields, is_empty};
use crate::manner::Manner;
use crate::path::Path;
use crate::server::{Remote, RemoteTransport, Stdio, Target};
use crate::{Dialect, ProblemKind, secrets, suggest};

use super::{auth, foreign, references};

const COMMANDS: &[&str] = &["command", "cmd"];
const URLS: &[&str] = &["url", "httpUrl", "serverUrl", "uri", "baseUrl", "server_url"];
const TYPES: &[&str] = &["type", "transport", "transportType"];
const HEADERS: &[&str] = &["headers", "http_headers", "httpHeaders"];

/// Headers set by the protocol, in lower case.
const PROTOCOL_HEADERS: &[&str] = &[
    "accept",
    "content-type",
    "content-length",
    "transfer-encoding",
    "mcp-protocol-version",
    "mcp-session-id",
    "mcp-method",
    "mcp-name",
    "last-event-id",
];

enum Declared {
    Stdio,
    Remote(Option<RemoteTransport>),
}

pub(super) fn read(fields: &mut Fields<'_>, manner: Manner) -> Option<Target> {
    let named = TYPES.iter().copied().find(|name| fields.has(name));
    let at = fields.at(named.unwrap_or("type"));
    let declared = match named {
        Some(name) => Some(declared(fields, name)?),
        None => None,
    };
    let has_command = COMMANDS.iter().any(|name| fields.has(name));
    // A form may write an empty URL next to a command.
    let is_url =
        |name: &&str| fields.get(name).is_some_and(|value| !(has_command && is_empty(value)));
    let url = URLS.iter().copied().find(is_url);
    let path = fields.path().clone();
    match (declared, has_command, url) {
        (Some(Declared::Stdio), true, _) | (None, true, None) => stdio(fields),
        (Some(Declared::Remote(transport)), _, Some(name)) => remote(fields, name, transport),
        (None, false, Some(name)) => {
            // Codex supports no other transport.
            let is_http = name == "httpUrl" || manner.dialect == Dialect::Codex;
            remote(fields, name, is_http.then_some(RemoteTransport::StreamableHttp))
        }
        (None, true, Some(url)) => {
            fields.invalid(
                path,
                format!("found both a command and {url:?}: remove one, or set \"type\""),
            );
            None
        }
        (Some(Declared::Stdio), false, _) => {
            let hint = near_miss(fields, &["command"]);
            fields.invalid(at, format!("found \"stdio\", but there is no \"command\"{hint}"));
            None
        }
        (Some(Declared::Remote(_)), _, None) => {
            let hint = near_miss(fields, &["url"]);
            fields
                .invalid(at, format!("found a transport over HTTP, but there is no \"url\"{hint}"));
            None
        }
        (None, false, None) if fields.has("source") || fields.has("settings") => {
            let message =
                "an extension of the editor runs this server: it has no command and no URL";
            fields.find(ProblemKind::Unsupported, path, message);
            None
        }
        (None, false, None) if fields.has("tcp") => {
            let message = "WebSocket servers are not supported";
            fields.find(ProblemKind::Unsupported, path.key("tcp"), message);
            None
        }
        (None, false, None) => {
            let hint = near_miss(fields, MARKS);
            fields.invalid(path, format!("found neither \"command\" nor \"url\"{hint}"));
            None
        }
    }
}

/// A hint for an unknown field that is similar to one of `wanted`.
fn near_miss(fields: &Fields<'_>, wanted: &[&'static str]) -> String {
    let unknown = fields.iter().map(|(name, _)| name).filter(|name| !foreign::is_known(name));
    let near = unknown
        .take(64)
        .find_map(|name| Some((name, suggest::nearest(name, wanted.iter().copied())?)));
    near.map(|(name, it)| format!(", did you mean {it:?} instead of {name:?}?")).unwrap_or_default()
}

fn declared(fields: &mut Fields<'_>, name: &'static str) -> Option<Declared> {
    let path = fields.at(name);
    let written = fields.text(&[name])?;
    let plain: String = written.chars().filter(|c| c.is_alphanumeric()).collect();
    Some(match &*plain.to_lowercase() {
        "stdio" | "local" => Declared::Stdio,
        "http" | "streamablehttp" | "httpstream" | "streamable" => {
            Declared::Remote(Some(RemoteTransport::StreamableHttp))
        }
        "sse" | "httpsse" => Declared::Remote(Some(RemoteTransport::Sse)),
        "remote" | "url" => Declared::Remote(None),
        "builtin" | "platform" | "frontend" | "inlinepython" | "sdk" | "inmemory" => {
            let message = format!(
                "{written:?} servers are built into the application that wrote this document"
            );
            fields.find(ProblemKind::Unsupported, path, message);
            return None;
        }
        "ws" | "wss" | "websocket" => {
            fields.find(ProblemKind::Unsupported, path, "WebSocket servers are not supported");
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

fn stdio(fields: &mut Fields<'_>) -> Option<Target> {
    let path = fields.at("command");
    let command = fields.text(COMMANDS)?;
    if command.trim().is_empty() {
        fields.invalid(path, "found an empty string, expected a program");
    } else if let Some(message) = command_doubt(&command) {
        fields.doubt(path, message);
    }
    let args_path = fields.at("args");
    let args = fields.texts(&["args"]).unwrap_or_default();
    for (index, _) in args.iter().enumerate().filter(|(_, arg)| is_in_home(arg)) {
        if !references::is_shell(&command) {
            fields.doubt(args_path.index(index), NO_HOME);
        }
    }
    Some(Target::Stdio(Stdio {
        command,
        args,
        env: fields.texts_by_name(&["env", "envs", "environment"]),
        pass_env: pass_env(fields),
        env_file: path_in(fields, &["envFile", "env_file"]),
        cwd: path_in(fields, &["cwd", "working_directory", "workingDirectory"]),
    }))
}

/// A path, in which no shell expands `~`.
fn path_in(fields: &mut Fields<'_>, names: &[&'static str]) -> Option<PathBuf> {
    let name = names.iter().find(|name| fields.has(name))?;
    let path = fields.at(name);
    let text = fields.text(names)?;
    if is_in_home(&text) {
        fields.doubt(path, NO_HOME);
    }
    Some(text.into())
}

const NO_HOME: &str = "\"~\" is not expanded: write \"${userHome}\" for it";

/// Whether a shell would expand the path to the home directory.
fn is_in_home(path: &str) -> bool {
    path == "~" || path.starts_with("~/") || path.starts_with("~\\")
}

/// A hint if a program looks like shell input: no shell splits or expands it.
fn command_doubt(command: &str) -> Option<String> {
    if is_in_home(command.trim()) {
        return Some(NO_HOME.to_owned());
    }
    let (first, rest) = command.trim().split_once(char::is_whitespace)?;
    if first.contains('=') && !first.contains(['/', '\\', '"', '\'']) {
        return Some(format!(
            "the name of a program, not a command line: put {first:?} into \"env\", and all after the \
             program into \"args\""
        ));
    }
    let is_line = !first.contains(['/', '\\']) || rest.trim_start().starts_with('-');
    is_line.then(|| {
        format!("the name of a program, not a command line: put all after {first:?} into \"args\"")
    })
}

/// Names of variables. In Codex an entry may also name their source.
fn pass_env(fields: &mut Fields<'_>) -> Vec<String> {
    let Some((name, value)) = fields.take(&["env_vars", "env_keys"]) else { return Vec::new() };
    let path = fields.at(name);
    let Value::Array(mut items) = value else {
        return fields.text_list(value, &path).unwrap_or_default();
    };
    for (index, item) in items.iter_mut().enumerate() {
        let source = item.get("source").and_then(|it| it.as_str()).unwrap_or("local");
        if source != "local" {
            let path = path.index(index).key("source");
            fields.doubt(
                path,
                format!("{source:?} variables of Codex are read from the local environment"),
            );
        }
        if let Some(variable) = item.get("name").filter(|it| it.is_string()).cloned() {
            *item = variable;
        }
    }
    fields.text_list(items.into(), &path).unwrap_or_default()
}

fn remote(
    fields: &mut Fields<'_>,
    name: &str,
    transport: Option<RemoteTransport>,
) -> Option<Target> {
    let path = fields.at(name);
    let url = fields.text(&[name])?;
    // A URL with references is checked after expansion.
    let has_reference = url.contains(['$', '%']) || url.contains("{env:");
    if let Err(message) = check_url(&url)
        && !has_reference
    {
        fields.invalid(path, message);
    }
    let mut headers = BTreeMap::new();
    for name in HEADERS {
        let path = fields.at(name);
        let written = fields.texts_by_name(&[name]);
        headers.extend(without_protocol_headers(fields, &path, written));
    }
    let path = fields.at("env_http_headers");
    let from_env = fields.texts_by_name(&["env_http_headers"]).into_iter();
    let from_env = from_env.map(|(name, variable)| (name, format!("${{{variable}}}"))).collect();
    headers.extend(without_protocol_headers(fields, &path, from_env));
    let auth = auth::read(fields);
    Some(Target::Remote(Remote { url, transport, headers, auth }))
}

/// Checks a URL without references.
pub(crate) fn check_url(url: &str) -> Result<(), String> {
    let scheme = url.split("://").next().unwrap_or_default().to_ascii_lowercase();
    let has_scheme = url.contains("://");
    match &*scheme {
        "http" | "https" if has_scheme => Ok(()),
        "unix" | "pipe" | "ws" | "wss" if has_scheme => {
            Err(format!("found a {scheme}:// URL, only http:// and https:// are supported"))
        }
        _ => {
            let hint = match has_scheme || url.is_empty() {
                true => String::new(),
                false => {
                    let shown = secrets::masked_url(url.trim_start_matches('/'));
                    format!(", did you mean \"https://{shown}\"?")
                }
            };
            Err(format!("expected a URL that begins with http:// or https://{hint}"))
        }
    }
}

/// Removes headers that the protocol sets: a request with two values would be refused.
fn without_protocol_headers(
    fields: &mut Fields<'_>,
    path: &Path,
    headers: BTreeMap<String, String>,
) -> BTreeMap<String, String> {
    let is_own = |name: &String| PROTOCOL_HEADERS.contains(&&*name.to_ascii_lowercase());
    let (own, kept): (BTreeMap<_, _>, _) = headers.into_iter().partition(|(name, _)| is_own(name));
    for name in own.into_keys() {
        let hint = match name.to_ascii_lowercase().as_str() {
            "mcp-protocol-version" => ": use \"protocolVersion\" to choose a revision",
            _ => "",
        };
        let message = format!("left out: the protocol sets the header {name} itself{hint}");
        fields.doubt(path.key(&name), message);
    }
    kept
}
