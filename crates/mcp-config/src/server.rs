//! One server of a configuration.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use serde_json::{Map, Value};

use crate::oauth::OAuth;
use crate::{Tool, secrets};

/// A configured server: its target and its settings.
///
/// References such as `${NAME}` are as written; [`McpConfig::expand`](crate::McpConfig::expand) expands them. `Debug`
/// redacts secrets: values of `env`, `headers`, `auth` and unknown fields, arguments such as the one after `--token`,
/// and the user and query of a URL.
#[derive(Clone, PartialEq)]
#[non_exhaustive]
pub struct Server {
    /// The command or URL.
    pub target: Target,
    /// Request timeout (`timeout`, in the application's unit; `tool_timeout_sec`, `timeoutMs`, `timeoutSeconds`).
    pub timeout: Option<Duration>,
    /// Start timeout (`startup_timeout_sec`, `startup_timeout_ms`, `connect_timeout`, `connectionTimeout`,
    /// `discoveryTimeoutMs`).
    pub startup_timeout: Option<Duration>,
    /// Whether the process outlives the session (`keep_alive`, `keepAlive`).
    pub keep_alive: Option<bool>,
    /// Whether the server is listed but not connected (`disabled: true`, `enabled: false`, `isActive: false`, or a list
    /// of servers elsewhere in the document).
    pub disabled: bool,
    /// Tools that need no confirmation (`alwaysAllow`, `autoApprove`).
    pub always_allow: Vec<String>,
    /// The only tools to offer (`includeTools`, `enabled_tools`, `tools.include`, or a list as `tools`).
    pub include_tools: Option<Vec<String>>,
    /// Tools not to offer (`excludeTools`, `disabledTools`, `disabled_tools`, `tools.exclude`).
    pub exclude_tools: Vec<String>,
    /// The only tags to offer (`include_tags`).
    pub include_tags: Option<Vec<String>>,
    /// Tags not to offer (`exclude_tags`).
    pub exclude_tags: Vec<String>,
    /// Changes to tools, by their name on the server (`tools`).
    pub tools: BTreeMap<String, Tool>,
    /// The protocol era to use (`protocolEra`).
    pub protocol_era: Option<ProtocolEra>,
    /// The protocol revision to use, such as `2025-06-18` (`protocolVersion`).
    pub protocol_version: Option<String>,
    /// A description for humans (`description`).
    pub description: Option<String>,
    /// A path or URL of its icon (`icon`, `logoUrl`).
    pub icon: Option<String>,
    /// All other fields, as written.
    pub extra: Map<String, Value>,
}

/// The target of a server.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Target {
    /// A child process.
    Stdio(Stdio),
    /// A URL.
    Remote(Remote),
}

/// A server that is a child process.
#[derive(Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Stdio {
    /// The program (`command`, `cmd`; the first element if `command` is a list).
    pub command: String,
    /// The arguments (`args`, and the remaining elements of such a list).
    pub args: Vec<String>,
    /// Environment variables (`env`, `envs`, `environment`). Numbers and booleans are converted to strings.
    pub env: BTreeMap<String, String>,
    /// Names of variables inherited from this process if set (`env_vars`, `env_keys`).
    pub pass_env: Vec<String>,
    /// A file with more variables (`envFile`), see [`read_env_file`](crate::read_env_file). Variables of `env` override
    /// them.
    pub env_file: Option<PathBuf>,
    /// The working directory (`cwd`, `working_directory`).
    pub cwd: Option<PathBuf>,
}

/// A server behind a URL.
#[derive(Clone, Default, PartialEq)]
#[non_exhaustive]
pub struct Remote {
    /// Its URL (`url`, `httpUrl`, `serverUrl`, `uri`, `baseUrl`).
    pub url: String,
    /// The transport, if the document sets one. Default: detected.
    pub transport: Option<RemoteTransport>,
    /// Headers of each request (`headers`, `http_headers`, `env_http_headers`), without those that the protocol sets.
    pub headers: BTreeMap<String, String>,
    /// Authentication (`auth`, `bearer_token`, `bearer_token_env_var`, `apiKey`).
    pub auth: Option<Auth>,
}

/// The transport of a remote server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum RemoteTransport {
    /// Streamable HTTP. `Spec: basic/transports/streamable-http`
    StreamableHttp,
    /// The HTTP+SSE transport of 2024-11-05.
    Sse,
}

/// Authentication at a remote server.
#[derive(Clone, PartialEq)]
#[non_exhaustive]
pub enum Auth {
    /// OAuth: `"auth": "oauth"`, or an object with settings.
    OAuth(Box<OAuth>),
    /// A bearer token: any other string.
    Bearer(String),
    /// Settings of another kind, as written.
    Other(Map<String, Value>),
}

/// The protocol era to use with a server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ProtocolEra {
    /// Up to 2025-11-25: sessions start with `initialize`.
    Legacy,
    /// Detected.
    Auto,
    /// From 2026-07-28.
    Modern,
}

impl Server {
    /// A child process.
    #[must_use]
    pub fn stdio<S: Into<String>>(
        command: impl Into<String>,
        args: impl IntoIterator<Item = S>,
    ) -> Self {
        let args = args.into_iter().map(Into::into).collect();
        Self::new(Target::Stdio(Stdio { args, ..Stdio::new(command) }))
    }

    /// A server that speaks Streamable HTTP.
    #[must_use]
    pub fn http(url: impl Into<String>) -> Self {
        Self::new(Target::Remote(Remote {
            transport: Some(RemoteTransport::StreamableHttp),
            ..Remote::new(url)
        }))
    }

    /// A server that speaks HTTP+SSE.
    #[must_use]
    pub fn sse(url: impl Into<String>) -> Self {
        let transport = Some(RemoteTransport::Sse);
        Self::new(Target::Remote(Remote { transport, ..Remote::new(url) }))
    }

    /// A server behind a URL whose transport is detected.
    #[must_use]
    pub fn remote(url: impl Into<String>) -> Self {
        Self::new(Target::Remote(Remote::new(url)))
    }

    /// A server with this target and default settings. All fields are public.
    #[must_use]
    pub fn new(target: Target) -> Self {
        Self {
            target,
            timeout: None,
            startup_timeout: None,
            keep_alive: None,
            disabled: false,
            always_allow: Vec::new(),
            include_tools: None,
            exclude_tools: Vec::new(),
            include_tags: None,
            exclude_tags: Vec::new(),
            tools: BTreeMap::new(),
            protocol_era: None,
            protocol_version: None,
            description: None,
            icon: None,
            extra: Map::new(),
        }
    }
}

impl Server {
    /// A copy for display: values of variables, headers and tokens, secrets in arguments, and the user and query of a URL
    /// are replaced by `..`. References such as `${NAME}` are kept. Unknown fields are omitted.
    #[must_use]
    pub fn masked(&self) -> Self {
        let mask = |value: &mut String| {
            if !(value.starts_with("${") && value.ends_with('}') && !value.contains(":-")) {
                *value = "..".to_owned();
            }
        };
        let mut shown = self.clone();
        shown.extra.clear();
        match &mut shown.target {
            Target::Stdio(stdio) => {
                stdio.args = secrets::masked(&stdio.args);
                stdio.env.values_mut().for_each(mask);
            }
            Target::Remote(remote) => {
                remote.url = secrets::masked_url(&remote.url);
                remote.headers.values_mut().for_each(mask);
                match &mut remote.auth {
                    Some(Auth::Bearer(token)) => mask(token),
                    Some(Auth::OAuth(oauth)) => oauth.client_secret = None,
                    Some(Auth::Other(_)) => remote.auth = None,
                    None => {}
                }
            }
        }
        shown
    }
}

impl Stdio {
    /// A child process without arguments.
    #[must_use]
    pub fn new(command: impl Into<String>) -> Self {
        Self { command: command.into(), ..Self::default() }
    }
}

impl Remote {
    /// A server behind this URL, whose transport is detected.
    #[must_use]
    pub fn new(url: impl Into<String>) -> Self {
        Self { url: url.into(), ..Self::default() }
    }
}

impl fmt::Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Server")
            .field("target", &self.target)
            .field("timeout", &self.timeout)
            .field("startup_timeout", &self.startup_timeout)
            .field("keep_alive", &self.keep_alive)
            .field("disabled", &self.disabled)
            .field("always_allow", &self.always_allow)
            .field("include_tools", &self.include_tools)
            .field("exclude_tools", &self.exclude_tools)
            .field("include_tags", &self.include_tags)
            .field("exclude_tags", &self.exclude_tags)
            .field("tools", &self.tools.keys())
            .field("protocol_era", &self.protocol_era)
            .field("protocol_version", &self.protocol_version)
            .field("description", &self.description)
            .field("icon", &self.icon)
            .field("extra", &self.extra.keys())
            .finish()
    }
}

impl fmt::Debug for Stdio {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Stdio")
            .field("command", &self.command)
            .field("args", &secrets::masked(&self.args))
            .field("env", &self.env.keys())
            .field("pass_env", &self.pass_env)
            .field("env_file", &self.env_file)
            .field("cwd", &self.cwd)
            .finish()
    }
}

impl fmt::Debug for Remote {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Remote")
            .field("url", &secrets::masked_url(&self.url))
            .field("transport", &self.transport)
            .field("headers", &self.headers.keys())
            .field("auth", &self.auth)
            .finish()
    }
}

impl fmt::Debug for Auth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::OAuth(oauth) => oauth.fmt(f),
            Self::Bearer(_) => f.write_str("Bearer(..)"),
            Self::Other(_) => f.write_str("Other(..)"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_redacts_secrets() {
        let mut server = Server::http("https://me:SECRET@example.com/mcp?key=SECRET");
        server.extra.insert("oauth".to_owned(), "SECRET".into());
        if let Target::Remote(remote) = &mut server.target {
            remote.headers.insert("X-Key".to_owned(), "SECRET".to_owned());
            remote.auth = Some(Auth::Bearer("SECRET".to_owned()));
        }
        let mut child = Server::stdio("npx", ["-y", "it", "--api-key", "SECRET"]);
        if let Target::Stdio(stdio) = &mut child.target {
            stdio.env.insert("KEY".to_owned(), "SECRET".to_owned());
        }
        let masked = (server.masked(), child.masked());
        let Target::Stdio(stdio) = &masked.1.target else { unreachable!("it is a process") };
        assert_eq!((stdio.env["KEY"].as_str(), stdio.args[3].as_str()), ("..", ".."));
        let Target::Remote(remote) = &masked.0.target else { unreachable!("it is a URL") };
        assert_eq!(remote.url, "https://..@example.com/mcp?..");
        assert_eq!(remote.auth, Some(Auth::Bearer("..".to_owned())));
        assert!(masked.0.extra.is_empty() && remote.headers["X-Key"] == "..");
        let shown = format!("{server:?} {child:#?}");
        assert!(!shown.contains("SECRET"), "{shown}");
        assert!(shown.contains("https://..@example.com/mcp?.."), "{shown}");
        assert!(shown.contains("X-Key") && shown.contains("KEY"), "{shown}");
    }
}
