//! Servers of a configuration as a target: one server, or a group of many.

use std::collections::BTreeMap;

use mcp_config::{Auth, Expanded, McpConfig, ProtocolEra, Remote, RemoteTransport, Variables};
use mcp_core::ProtocolVersion;
use mcp_group::{ArgumentChange, ToolChange, ToolRules};
use mcp_session::{EraPolicy, Error, ErrorKind, Timeout};

use crate::{
    Target, connectors,
    many_servers::{Entry, ManyServers, Server},
    one_server::{OneServer, Settings},
    target::Servers,
};

/// The name of the configuration in errors that concern no single server.
const DOCUMENT: &str = "the configuration";

/// The target for the servers of a configuration, with the environment variables of this process.
pub(crate) fn target(config: &McpConfig) -> Result<Target, Error> {
    expanded(config.expand(&Variables::of_process()))
}

/// The target for the servers of an expanded configuration.
pub(crate) fn expanded(config: Expanded) -> Result<Target, Error> {
    #[cfg(feature = "oauth")]
    let oauth = mcp_auth::OAuth::new();
    let prepare = |name: &str, server: &mcp_config::Server| {
        #[cfg_attr(not(feature = "oauth"), allow(unused_mut, reason = "nothing else authorizes"))]
        let mut prepared = prepared(name, server)?;
        #[cfg(feature = "oauth")]
        authorize(name, &mut prepared.one, server, &oauth)?;
        Ok(prepared)
    };
    let mut servers: Vec<Entry> = config
        .servers
        .into_iter()
        .map(|(name, server)| Entry { outcome: prepare(&name, &server), name: name.into() })
        .collect();
    for doubt in config.problems.iter().filter(|problem| !problem.is_fatal()) {
        tracing::warn!("configuration: {doubt}");
    }
    // One server can have several problems.
    let mut broken: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for problem in config.problems.iter().filter(|problem| problem.is_fatal()) {
        // A problem of the whole document names no server.
        let name = problem.server.as_deref().unwrap_or(DOCUMENT);
        broken.entry(name.to_owned()).or_default().push(problem.to_string());
    }
    servers.extend(broken.into_iter().map(|(name, problems)| Entry {
        outcome: Err(unusable(&name, problems.join("; "))),
        name: name.into(),
    }));
    match &servers[..] {
        [] => Err(unusable(DOCUMENT, "it names no server that is enabled")),
        [Entry { outcome: Ok(Server { one, rules: None }), .. }] => Ok(one.clone().into()),
        [Entry { outcome: Err(error), .. }] => Err(error.clone()),
        all if all.iter().all(|server| server.outcome.is_err()) => {
            let errors = all.iter().filter_map(|server| server.outcome.as_ref().err());
            let texts: Vec<String> = errors.map(ToString::to_string).collect();
            let message = format!("none of its servers can be used: {}", texts.join("; "));
            Err(unusable(DOCUMENT, message))
        }
        _ => Ok(Target(Servers::Many(ManyServers(servers.into())))),
    }
}

fn prepared(name: &str, server: &mcp_config::Server) -> Result<Server, Error> {
    let mut one = match &server.target {
        mcp_config::Target::Stdio(stdio) => process(name, stdio)?,
        mcp_config::Target::Remote(remote) => url(name, remote)?,
        _ => return Err(unusable(name, "this kind of server is not supported")),
    };
    one.settings = Settings {
        name: Some(name.into()),
        era: era(name, server)?,
        timeout: server.timeout.map(Timeout::idle),
        start_timeout: server.startup_timeout,
        keep_alive: server.keep_alive,
    };
    Ok(Server { one, rules: rules(server) })
}

fn era(name: &str, server: &mcp_config::Server) -> Result<Option<EraPolicy>, Error> {
    if let Some(version) = &server.protocol_version {
        let version: ProtocolVersion = version.parse().map_err(|_| {
            let known = ProtocolVersion::ALL.map(ProtocolVersion::as_str).join(", ");
            let message = format!("protocolVersion {version:?} is not known: use one of {known}");
            unusable(name, message)
        })?;
        return Ok(Some(EraPolicy::Pinned(version)));
    }
    Ok(server.protocol_era.and_then(|era| match era {
        ProtocolEra::Legacy => Some(EraPolicy::Legacy),
        ProtocolEra::Modern => Some(EraPolicy::Pinned(ProtocolVersion::LATEST_MODERN)),
        _ => None,
    }))
}

#[cfg(feature = "stdio")]
fn process(name: &str, server: &mcp_config::Stdio) -> Result<OneServer, Error> {
    let mut stdio = mcp_transport_stdio::Stdio::new(&server.command)
        .args(&server.args)
        .inherit_env(&server.pass_env);
    if let Some(file) = &server.env_file {
        let vars = mcp_config::read_env_file(file)
            .map_err(|error| unusable(name, "its envFile cannot be read").with_source(error))?;
        stdio = stdio.envs(vars);
    }
    stdio = stdio.envs(&server.env);
    if let Some(cwd) = &server.cwd {
        stdio = stdio.cwd(cwd);
    }
    Ok(OneServer::new(stdio))
}

#[cfg(not(feature = "stdio"))]
fn process(name: &str, _: &mcp_config::Stdio) -> Result<OneServer, Error> {
    Err(unusable(name, "commands need the feature `stdio` of mcp-client"))
}

/// Sets the authorization of requests to a server: its header, or OAuth if configured. Servers without OAuth settings
/// share one `OAuth`.
#[cfg(feature = "oauth")]
fn authorize(
    name: &str,
    one: &mut OneServer,
    server: &mcp_config::Server,
    shared: &mcp_auth::OAuth,
) -> Result<(), Error> {
    let mcp_config::Target::Remote(remote) = &server.target else { return Ok(()) };
    let has_header = remote.headers.keys().any(|name| name.eq_ignore_ascii_case("authorization"));
    match &remote.auth {
        Some(Auth::OAuth(settings)) if **settings == mcp_config::OAuth::default() => {
            one.set_oauth(shared);
        }
        Some(Auth::OAuth(settings)) => {
            let own = crate::config_oauth::oauth(settings).map_err(|error| {
                unusable(name, "its OAuth settings are not valid").with_source(error)
            })?;
            one.set_oauth(&own);
            one.has_own_auth = true;
        }
        Some(_) => one.has_own_auth = true,
        None if has_header => one.has_own_auth = true,
        None => {}
    }
    Ok(())
}

fn url(name: &str, server: &Remote) -> Result<OneServer, Error> {
    let mut headers: Vec<(&str, String)> = Vec::new();
    match &server.auth {
        None => {}
        Some(Auth::Bearer(token)) => headers.push(("authorization", format!("Bearer {token}"))),
        #[cfg(feature = "oauth")]
        Some(Auth::OAuth(_)) => {}
        #[cfg(not(feature = "oauth"))]
        Some(Auth::OAuth(_)) => {
            let message = "it uses OAuth, which needs the feature `oauth` of mcp-client";
            return Err(unusable(name, message));
        }
        Some(_) => {
            let message = "its \"auth\" is not valid: set it to \"oauth\" or to a token";
            return Err(unusable(name, message));
        }
    }
    headers.extend(server.headers.iter().map(|(name, value)| (name.as_str(), value.clone())));
    let one = match server.transport {
        None => connectors::url(&server.url, &headers),
        Some(RemoteTransport::StreamableHttp) => connectors::streamable_http(&server.url, &headers),
        Some(RemoteTransport::Sse) => connectors::sse(&server.url, &headers),
        Some(_) => return Err(unusable(name, "this kind of transport is not supported")),
    };
    one.map_err(|error| unusable(name, "its settings are not valid").with_source(error))
}

fn rules(server: &mcp_config::Server) -> Option<ToolRules> {
    let mut rules = ToolRules::default();
    rules.include = server.include_tools.as_ref().map(|names| names.iter().cloned().collect());
    rules.exclude = server.exclude_tools.iter().cloned().collect();
    rules.include_tags = server.include_tags.as_ref().map(|tags| tags.iter().cloned().collect());
    rules.exclude_tags = server.exclude_tags.iter().cloned().collect();
    rules.tools = server.tools.iter().map(|(name, tool)| (name.clone(), change(tool))).collect();
    (rules != ToolRules::default()).then_some(rules)
}

fn change(tool: &mcp_config::Tool) -> ToolChange {
    let mut change = ToolChange::default();
    change.name.clone_from(&tool.name);
    change.title.clone_from(&tool.title);
    change.description.clone_from(&tool.description);
    change.enabled = tool.enabled;
    change.tags = tool.tags.iter().cloned().collect();
    let arguments = tool.arguments.iter();
    change.arguments = arguments
        .map(|(name, argument)| {
            let mut change = ArgumentChange::default();
            change.name.clone_from(&argument.name);
            change.description.clone_from(&argument.description);
            change.default.clone_from(&argument.default);
            change.hide = argument.hide;
            change.required = argument.required;
            (name.clone(), change)
        })
        .collect();
    change
}

fn unusable(name: &str, message: impl Into<String>) -> Error {
    Error::new(ErrorKind::Target, name, message.into())
}
