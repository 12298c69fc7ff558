//! Renders a [`Server`] as an entry of a document.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use serde_json::{Map, Value};

use crate::manner::Manner;
use crate::oauth::OAuth;
use crate::server::{Auth, ProtocolEra, Remote, RemoteTransport, Server, Stdio, Target};
use crate::{Application, Argument, Dialect, Tool};

pub(crate) fn server(name: &str, server: &Server, manner: Manner) -> Value {
    let mut entry = Entry(Map::new());
    let words = manner.words();
    let has_name = matches!(manner.dialect, Dialect::Goose | Dialect::Continue);
    if has_name && !server.extra.contains_key("name") {
        entry.put("name", Some(name.into()));
    }
    match &server.target {
        Target::Stdio(it) => stdio(it, manner, &mut entry),
        Target::Remote(it) => remote(it, manner, &mut entry),
    }
    if let Some(time) = server.timeout {
        let (name, unit) = manner.timeout(time);
        entry.put(name, Some(number(time, unit)));
    }
    let (startup, unit) = words.startup;
    entry.put(startup, server.startup_timeout.map(|time| number(time, unit)));
    entry.put("keep_alive", server.keep_alive.map(Into::into));
    disabled(server.disabled, manner, &mut entry);
    entry.put(words.always_allow, list(&server.always_allow));
    tools(server, manner, &mut entry);
    entry.put("include_tags", server.include_tags.clone().map(Into::into));
    entry.put("exclude_tags", list(&server.exclude_tags));
    entry.put("protocolEra", server.protocol_era.map(|era| era_name(era).into()));
    entry.put("protocolVersion", server.protocol_version.as_deref().map(Into::into));
    entry.put("description", server.description.as_deref().map(Into::into));
    entry.put("icon", server.icon.as_deref().map(Into::into));
    for (key, value) in &server.extra {
        entry.0.entry(key).or_insert_with(|| value.clone());
    }
    Value::Object(entry.0)
}

struct Entry(Map<String, Value>);

impl Entry {
    fn put(&mut self, key: &str, value: Option<Value>) {
        if let Some(value) = value {
            self.0.insert(key.to_owned(), value);
        }
    }
}

fn era_name(era: ProtocolEra) -> &'static str {
    match era {
        ProtocolEra::Legacy => "legacy",
        ProtocolEra::Auto => "auto",
        ProtocolEra::Modern => "modern",
    }
}

fn disabled(is_disabled: bool, manner: Manner, entry: &mut Entry) {
    match manner.application {
        Some(Application::Goose) => entry.put("enabled", Some((!is_disabled).into())),
        Some(Application::CherryStudio) => entry.put("isActive", Some((!is_disabled).into())),
        Some(
            Application::Codex | Application::Zed | Application::Hermes | Application::OpenCode,
        ) => entry.put("enabled", is_disabled.then_some(false.into())),
        _ => entry.put("disabled", is_disabled.then_some(true.into())),
    }
}

fn tools(server: &Server, manner: Manner, entry: &mut Entry) {
    let words = manner.words();
    let changes = some(server.tools.iter().map(|(name, it)| (name.clone(), tool(it))).collect());
    if manner.is(&[Application::Hermes]) && changes.is_none() {
        let mut policy = Entry(Map::new());
        let include = server.include_tools.as_ref();
        policy.put("include", include.map(|tools| tools.clone().into()));
        // Hermes reads only one of the two.
        policy.put("exclude", list(&server.exclude_tools).filter(|_| include.is_none()));
        let rest = server.extra.get("tools").and_then(Value::as_object);
        policy.0.extend(rest.into_iter().flatten().map(|(key, it)| (key.clone(), it.clone())));
        if include.is_some() {
            entry.put(words.exclude_tools, list(&server.exclude_tools));
        }
        return entry.put("tools", some(policy.0));
    }
    entry.put(words.include_tools, server.include_tools.clone().map(Into::into));
    entry.put(words.exclude_tools, list(&server.exclude_tools));
    entry.put("tools", changes);
}

fn stdio(stdio: &Stdio, manner: Manner, entry: &mut Entry) {
    let words = manner.words();
    match manner.dialect {
        Dialect::Goose | Dialect::VsCode | Dialect::Crush => {
            entry.put("type", Some("stdio".into()))
        }
        Dialect::OpenCode => entry.put("type", Some("local".into())),
        _ => {}
    }
    if manner.dialect == Dialect::OpenCode {
        let line: Vec<String> = [&stdio.command].into_iter().chain(&stdio.args).cloned().collect();
        entry.put("command", Some(line.into()));
    } else {
        entry.put(words.command, Some(stdio.command.as_str().into()));
        entry.put("args", list(&stdio.args));
    }
    entry.put(words.env, texts(&stdio.env));
    entry.put(words.pass_env, list(&stdio.pass_env));
    let path =
        |path: &Option<PathBuf>| path.as_ref().map(|it| it.to_string_lossy().into_owned().into());
    entry.put("envFile", path(&stdio.env_file));
    entry.put("cwd", path(&stdio.cwd));
}

fn remote(remote: &Remote, manner: Manner, entry: &mut Entry) {
    let is_http = remote.transport == Some(RemoteTransport::StreamableHttp);
    // This field implies Streamable HTTP, so it is not used for other transports.
    let url = if manner.url == "httpUrl" && !is_http { "url" } else { manner.url };
    let transport = transport(remote.transport, url, manner);
    let name = if manner.dialect == Dialect::Hermes { "transport" } else { "type" };
    entry.put(name, transport.map(Into::into));
    entry.put(url, Some(remote.url.as_str().into()));
    if manner.dialect == Dialect::Codex {
        return codex_secrets(remote, entry);
    }
    entry.put("headers", texts(&remote.headers));
    entry.put("auth", remote.auth.as_ref().map(auth));
}

/// The transport name, if it must be written.
fn transport(
    transport: Option<RemoteTransport>,
    url: &str,
    manner: Manner,
) -> Option<&'static str> {
    use Application::{CherryStudio, Cline, Continue, RooCode};
    let Some(transport) = transport else {
        return (manner.dialect == Dialect::OpenCode).then_some("remote");
    };
    Some(match (transport, manner.application) {
        (RemoteTransport::Sse, _) => "sse",
        (RemoteTransport::StreamableHttp, Some(Cline | CherryStudio)) => "streamableHttp",
        (RemoteTransport::StreamableHttp, Some(RooCode | Continue)) => "streamable-http",
        (RemoteTransport::StreamableHttp, Some(Application::Goose)) => "streamable_http",
        (RemoteTransport::StreamableHttp, Some(Application::Codex)) => return None,
        (RemoteTransport::StreamableHttp, _) if url == "httpUrl" => return None,
        (RemoteTransport::StreamableHttp, _) => "http",
    })
}

/// Codex has separate fields for the names of variables.
fn codex_secrets(remote: &Remote, entry: &mut Entry) {
    let (from_env, plain): (BTreeMap<_, _>, BTreeMap<_, _>) =
        remote.headers.clone().into_iter().partition(|(_, value)| variable(value).is_some());
    let names = from_env
        .into_iter()
        .filter_map(|(header, value)| Some((header, variable(&value)?.to_owned())));
    entry.put("http_headers", texts(&plain));
    entry.put("env_http_headers", texts(&names.collect()));
    match &remote.auth {
        Some(Auth::Bearer(token)) if variable(token).is_some() => {
            entry.put("bearer_token_env_var", variable(token).map(Into::into));
        }
        other => entry.put("auth", other.as_ref().map(auth)),
    }
}

/// `NAME` if the text is exactly `${NAME}`.
fn variable(text: &str) -> Option<&str> {
    let name = text.strip_prefix("${")?.strip_suffix('}')?;
    name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_').then_some(name)
}

fn auth(auth: &Auth) -> Value {
    match auth {
        Auth::OAuth(settings) if **settings == OAuth::default() => "oauth".into(),
        Auth::OAuth(settings) => oauth(settings),
        Auth::Bearer(token) => token.as_str().into(),
        Auth::Other(settings) => settings.clone().into(),
    }
}

fn oauth(oauth: &OAuth) -> Value {
    let text = |text: &Option<String>| text.clone().map(Value::from);
    object(
        [
            ("type", Some("oauth".into())),
            ("client_id", text(&oauth.client_id)),
            ("client_secret", text(&oauth.client_secret)),
            ("scopes", list(&oauth.scopes)),
            ("issuer", text(&oauth.issuer)),
            ("resource", text(&oauth.resource)),
            ("callback_port", oauth.callback_port.map(Value::from)),
            ("redirect_uri", text(&oauth.redirect_uri)),
            ("client_metadata_url", text(&oauth.client_metadata_url)),
            ("grant", oauth.grant.map(|it| it.as_str().into())),
            ("token_store", oauth.token_store.map(|it| it.as_str().into())),
        ],
        &Map::new(),
    )
}

fn tool(tool: &Tool) -> Value {
    let arguments = tool.arguments.iter().map(|(name, it)| (name.clone(), argument(it)));
    object(
        [
            ("name", tool.name.clone().map(Into::into)),
            ("title", tool.title.clone().map(Into::into)),
            ("description", tool.description.clone().map(Into::into)),
            ("enabled", (!tool.enabled).then_some(false.into())),
            ("tags", list(&tool.tags)),
            ("arguments", some(arguments.collect())),
        ],
        &tool.extra,
    )
}

fn argument(argument: &Argument) -> Value {
    object(
        [
            ("name", argument.name.clone().map(Into::into)),
            ("description", argument.description.clone().map(Into::into)),
            ("hide", argument.hide.then_some(true.into())),
            ("default", argument.default.clone()),
            ("required", argument.required.map(Into::into)),
        ],
        &argument.extra,
    )
}

fn object<const N: usize>(fields: [(&str, Option<Value>); N], extra: &Map<String, Value>) -> Value {
    let fields = fields.into_iter().filter_map(|(key, value)| Some((key.to_owned(), value?)));
    let extra = extra.iter().map(|(key, value)| (key.clone(), value.clone()));
    Value::Object(extra.chain(fields).collect())
}

fn number(time: Duration, unit: Duration) -> Value {
    match time.as_nanos() % unit.as_nanos() {
        0 => u64::try_from(time.as_nanos() / unit.as_nanos()).unwrap_or(u64::MAX).into(),
        _ => time.div_duration_f64(unit).into(),
    }
}

fn list(texts: &[String]) -> Option<Value> {
    (!texts.is_empty()).then(|| texts.to_vec().into())
}

fn texts(texts: &BTreeMap<String, String>) -> Option<Value> {
    some(texts.iter().map(|(key, value)| (key.clone(), value.as_str().into())).collect())
}

fn some(map: Map<String, Value>) -> Option<Value> {
    (!map.is_empty()).then_some(Value::Object(map))
}
