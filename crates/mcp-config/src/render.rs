//! From a [`Server`] to an entry of a document.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::{Map, Value};

use crate::server::{Auth, ProtocolEra, Remote, RemoteTransport, Server, Stdio, Target};
use crate::{Argument, Dialect, Tool};

/// How a document writes its entries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Manner {
    pub(crate) dialect: Dialect,
    /// The field of a URL: `url`, or what the document's other entries have.
    pub(crate) url: &'static str,
}

impl Manner {
    pub(crate) const PLAIN: Self = Self { dialect: Dialect::McpServers, url: "url" };
}

pub(crate) fn server(name: &str, server: &Server, manner: Manner) -> Value {
    let Manner { dialect, .. } = manner;
    let mut entry = Map::new();
    let mut put = |key: &str, value: Option<Value>| {
        if let Some(value) = value {
            entry.insert(key.to_owned(), value);
        }
    };
    let is_goose = dialect == Dialect::Goose;
    if is_goose && !server.extra.contains_key("name") {
        put("name", Some(name.into()));
    }
    match &server.target {
        Target::Stdio(it) => stdio(it, dialect, &mut put),
        Target::Remote(it) => remote(it, manner, &mut put),
    }
    let (timeout, unit) = match dialect {
        Dialect::Codex => ("tool_timeout_sec", crate::read::SECOND),
        Dialect::Goose => ("timeout", crate::read::SECOND),
        _ => ("timeout", crate::read::MILLISECOND),
    };
    put(timeout, server.timeout.map(|time| number(time, unit)));
    let startup = server.startup_timeout.map(|time| number(time, crate::read::SECOND));
    put("startup_timeout_sec", startup);
    put("keep_alive", server.keep_alive.map(Into::into));
    match dialect {
        Dialect::Goose => put("enabled", Some((!server.disabled).into())),
        Dialect::Codex | Dialect::Zed => put("enabled", server.disabled.then_some(false.into())),
        _ => put("disabled", server.disabled.then_some(true.into())),
    }
    put("alwaysAllow", list(&server.always_allow));
    let (include, exclude) = match dialect {
        Dialect::Codex => ("enabled_tools", "disabled_tools"),
        Dialect::Goose => ("available_tools", "excludeTools"),
        _ => ("includeTools", "excludeTools"),
    };
    put(include, server.include_tools.clone().map(Into::into));
    put(exclude, list(&server.exclude_tools));
    put("include_tags", server.include_tags.clone().map(Into::into));
    put("exclude_tags", list(&server.exclude_tags));
    let tools = server.tools.iter().map(|(name, it)| (name.clone(), tool(it)));
    put("tools", some(tools.collect()));
    put(
        "protocolEra",
        server.protocol_era.map(|era| match era {
            ProtocolEra::Legacy => "legacy".into(),
            ProtocolEra::Auto => "auto".into(),
            ProtocolEra::Modern => "modern".into(),
        }),
    );
    put("description", server.description.clone().map(Into::into));
    put("icon", server.icon.clone().map(Into::into));
    for (key, value) in &server.extra {
        entry.entry(key).or_insert_with(|| value.clone());
    }
    Value::Object(entry)
}

fn stdio(stdio: &Stdio, dialect: Dialect, put: &mut impl FnMut(&str, Option<Value>)) {
    let (command, env, pass_env) = match dialect {
        Dialect::Goose => ("cmd", "envs", "env_keys"),
        _ => ("command", "env", "env_vars"),
    };
    if matches!(dialect, Dialect::Goose | Dialect::VsCode) {
        put("type", Some("stdio".into()));
    }
    put(command, Some(stdio.command.as_str().into()));
    put("args", list(&stdio.args));
    put(env, texts(&stdio.env));
    put(pass_env, list(&stdio.pass_env));
    let path = |path: &Option<std::path::PathBuf>| {
        path.as_ref().map(|it| it.to_string_lossy().into_owned().into())
    };
    put("envFile", path(&stdio.env_file));
    put("cwd", path(&stdio.cwd));
}

fn remote(remote: &Remote, manner: Manner, put: &mut impl FnMut(&str, Option<Value>)) {
    let is_sse = remote.transport == Some(RemoteTransport::Sse);
    let url = match manner.dialect {
        Dialect::Goose => "uri",
        // Says Streamable HTTP by itself.
        _ if manner.url == "httpUrl"
            && remote.transport != Some(RemoteTransport::StreamableHttp) =>
        {
            "url"
        }
        _ => manner.url,
    };
    let transport = match (manner.dialect, remote.transport) {
        (Dialect::Codex, Some(RemoteTransport::StreamableHttp)) | (_, None) => None,
        (Dialect::Goose, Some(RemoteTransport::StreamableHttp)) => Some("streamable_http"),
        _ if is_sse => Some("sse"),
        _ if url == "httpUrl" => None,
        _ => Some("http"),
    };
    put("type", transport.map(Into::into));
    put(url, Some(remote.url.as_str().into()));
    if manner.dialect == Dialect::Codex {
        return codex_secrets(remote, put);
    }
    put("headers", texts(&remote.headers));
    put("auth", remote.auth.as_ref().map(auth));
}

/// Names of variables stand in fields of their own.
fn codex_secrets(remote: &Remote, put: &mut impl FnMut(&str, Option<Value>)) {
    let (from_env, plain): (BTreeMap<_, _>, BTreeMap<_, _>) =
        remote.headers.clone().into_iter().partition(|(_, value)| variable(value).is_some());
    let names = from_env
        .into_iter()
        .filter_map(|(header, value)| Some((header, variable(&value)?.to_owned())));
    put("http_headers", texts(&plain));
    put("env_http_headers", texts(&names.collect()));
    match &remote.auth {
        Some(Auth::Bearer(token)) if variable(token).is_some() => {
            put("bearer_token_env_var", variable(token).map(Into::into));
        }
        other => put("auth", other.as_ref().map(auth)),
    }
}

/// `NAME` of a text that is `${NAME}` and nothing else.
fn variable(text: &str) -> Option<&str> {
    let name = text.strip_prefix("${")?.strip_suffix('}')?;
    name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_').then_some(name)
}

fn auth(auth: &Auth) -> Value {
    match auth {
        Auth::OAuth => "oauth".into(),
        Auth::Bearer(token) => token.as_str().into(),
        Auth::Other(settings) => settings.clone().into(),
    }
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
