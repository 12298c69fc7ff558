//! Creates the client of a found server, with the options of the command line.

use std::path::Path;

use mcp_client::{
    Client, Handlers, Stdio, Timeout,
    config_file::{
        Auth, Expanded, OAuth as OAuthSettings, Remote, RemoteTransport, Server, Target,
    },
    oauth::OAuth,
    stdio::Stderr,
    types::Root,
};

use super::{Found, TargetOptions, http, oauth::oauth, service::oauth_at};
use crate::failure::Failure;

/// Minimum length of a masked value: shorter ones occur in other text.
const SHORTEST_SECRET: usize = 6;

/// Values to mask in traces and errors.
#[derive(Debug, Clone, Default)]
pub(crate) struct Secrets(Vec<String>);

/// The client, not connected, and the secrets in its settings.
pub(crate) fn client(found: Found, options: &TargetOptions) -> Result<(Client, Secrets), Failure> {
    let mut secrets = Secrets::default();
    let mut client = match found {
        Found::One { name, mut server, .. } => {
            apply(&mut server, options)?;
            secrets.add_all(&server);
            let is_process = matches!(server.target, Target::Stdio(_));
            let oauth = login_of(&server.target)?;
            let name = name.unwrap_or_else(|| short_name(&server.target));
            let client = quiet(Client::new(Expanded::of(name, *server))?, is_process, options);
            match oauth {
                Some(oauth) => client.auth(oauth),
                None => client,
            }
        }
        Found::Script(path) => {
            refuse_http_options(options)?;
            let stdio = match path.extension().is_some_and(|it| it == "py") {
                true => Stdio::python(&path).into_program(),
                false => Stdio::node(&path).into_program(),
            };
            let (variables, inherited) = environment(options)?;
            secrets.0.extend(variables.iter().map(|(_, value)| value.clone()));
            let stdio = stdio.envs(variables).inherit_env(inherited);
            let stdio = match &options.cwd {
                Some(folder) => stdio.cwd(folder),
                None => stdio,
            };
            quiet(Client::new(stdio)?, true, options)
        }
        Found::Many(expanded) => {
            let mut has_process = false;
            for (_, server) in &expanded.servers {
                secrets.add_all(server);
                has_process |= matches!(server.target, Target::Stdio(_));
            }
            let needs_login = expanded.servers.iter().any(|(_, it)| needs_login(&it.target));
            let client = quiet(Client::new(expanded)?, has_process, options);
            match needs_login {
                true => client.auth(oauth()?),
                false => client,
            }
        }
    };
    if let Some(http) = http::http_client(options)? {
        client = client.http_client(http);
    }
    if let Some(era) = options.era {
        client = client.era(era);
    }
    if options.timeout.is_some() || options.total_timeout.is_some() {
        let mut timeout = Timeout::default();
        timeout.idle = options.timeout.or(timeout.idle);
        timeout.total = options.total_timeout.or(timeout.total);
        client = client.timeout(timeout);
    }
    if let Some(limit) = options.start_timeout {
        client = client.start_timeout(limit);
    }
    if !options.roots.is_empty() {
        let roots = options.roots.iter().map(|it| root(it)).collect::<Result<Vec<_>, _>>()?;
        client = client.handlers(Handlers::new().roots(roots));
    }
    Ok((client.client_info("mcp", env!("CARGO_PKG_VERSION")), secrets))
}

/// The stored login that a server needs.
fn login_of(target: &Target) -> Result<Option<OAuth>, Failure> {
    match target {
        Target::Remote(remote) if needs_login(target) => oauth_at(&remote.url).map(Some),
        _ => Ok(None),
    }
}

/// Whether to use a stored login: for a URL without other credentials.
fn needs_login(target: &Target) -> bool {
    let Target::Remote(remote) = target else { return false };
    let has_header = remote.headers.keys().any(|it| it.eq_ignore_ascii_case("authorization"));
    match &remote.auth {
        Some(Auth::OAuth(settings)) => **settings == OAuthSettings::default(),
        Some(_) => false,
        None => !has_header,
    }
}

/// Hides the stderr of processes unless it was requested: errors contain its end.
fn quiet(client: Client, has_process: bool, options: &TargetOptions) -> Client {
    match has_process && !options.verbose {
        true => client.stderr(Stderr::Null),
        false => client,
    }
}

/// Applies the options to an entry.
fn apply(server: &mut Server, options: &TargetOptions) -> Result<(), Failure> {
    match &mut server.target {
        Target::Stdio(stdio) => {
            refuse_http_options(options)?;
            let (variables, inherited) = environment(options)?;
            stdio.env.extend(variables);
            stdio.pass_env.extend(inherited);
            if let Some(folder) = &options.cwd {
                stdio.cwd = Some(folder.clone());
            }
        }
        Target::Remote(remote) => {
            if !options.env.is_empty() || options.inherit_env || options.cwd.is_some() {
                let message =
                    "--env, --inherit-env and --cwd apply to a program, but this is a URL";
                return Err(Failure::usage(message));
            }
            if options.sse {
                remote.transport = Some(RemoteTransport::Sse);
            }
            for (name, value) in http::headers(options)? {
                set_header(remote, name, value);
            }
        }
        _ => {}
    }
    Ok(())
}

fn set_header(remote: &mut Remote, name: String, value: String) {
    if name.eq_ignore_ascii_case("authorization") {
        remote.auth = None;
    }
    remote.headers.retain(|it, _| !it.eq_ignore_ascii_case(&name));
    remote.headers.insert(name, value);
}

fn refuse_http_options(options: &TargetOptions) -> Result<(), Failure> {
    let has_headers = !options.headers.is_empty()
        || !options.header_env.is_empty()
        || options.bearer_env.is_some()
        || !options.header_command.is_empty();
    let has_tls = options.cacert.is_some() || options.cert.is_some() || options.insecure;
    match has_headers || has_tls || options.proxy.is_some() || options.sse {
        true => Err(Failure::usage(
            "options for HTTP (headers, --sse, --proxy, certificates) apply to a URL, and this is a \
             program",
        )),
        false => Ok(()),
    }
}

/// Variables to set, and names of variables to inherit.
#[expect(clippy::type_complexity, reason = "two lists, destructured by the caller")]
fn environment(options: &TargetOptions) -> Result<(Vec<(String, String)>, Vec<String>), Failure> {
    let mut variables = Vec::new();
    for (name, value) in &options.env {
        let value = match value {
            Some(value) => value.clone(),
            None => std::env::var(name).map_err(|_| {
                Failure::usage(format!("--env {name}: the variable is not set: write {name}=VALUE"))
            })?,
        };
        variables.push((name.clone(), value));
    }
    let inherited = match options.inherit_env {
        true => std::env::vars_os().filter_map(|(name, _)| name.into_string().ok()).collect(),
        false => Vec::new(),
    };
    Ok((variables, inherited))
}

/// Name of an unnamed server in errors: its program, or its URL without secrets.
fn short_name(target: &Target) -> String {
    match target {
        Target::Stdio(stdio) => {
            let name = Path::new(&stdio.command).file_name();
            name.map_or_else(|| stdio.command.clone(), |it| it.to_string_lossy().into_owned())
        }
        Target::Remote(remote) => match url::Url::parse(&remote.url) {
            Ok(mut url) => {
                url.set_query(None);
                url.set_fragment(None);
                // Fails for URLs that cannot have them.
                let _ = (url.set_username(""), url.set_password(None));
                url.to_string()
            }
            Err(_) => "the URL".to_owned(),
        },
        _ => "the server".to_owned(),
    }
}

fn root(folder: &Path) -> Result<Root, Failure> {
    let wrong =
        |why: &dyn std::fmt::Display| Failure::usage(format!("--root {}: {why}", folder.display()));
    let absolute = std::path::absolute(folder).map_err(|error| wrong(&error))?;
    let uri = url::Url::from_file_path(&absolute).map_err(|()| wrong(&"it has no URI"))?;
    Ok(Root::new(uri))
}

impl Secrets {
    /// Adds the values that an entry sends to its server: headers, tokens, variables, the user and the query of its URL.
    fn add_all(&mut self, server: &Server) {
        match &server.target {
            Target::Stdio(stdio) => self.0.extend(stdio.env.values().cloned()),
            Target::Remote(remote) => {
                for value in remote.headers.values() {
                    self.0.push(value.strip_prefix("Bearer ").unwrap_or(value).to_owned());
                }
                if let Some(Auth::Bearer(token)) = &remote.auth {
                    self.0.push(token.clone());
                }
                if let Ok(url) = url::Url::parse(&remote.url) {
                    self.0.extend(url.password().map(str::to_owned));
                    self.0.extend(url.query_pairs().map(|(_, value)| value.into_owned()));
                }
            }
            _ => {}
        }
    }

    /// Adds the secrets of another server.
    pub(crate) fn extend(&mut self, others: &Self) {
        self.0.extend_from_slice(&others.0);
    }

    /// Replaces each secret in a text.
    pub(crate) fn masked(&self, mut text: String) -> String {
        for secret in self.long() {
            text = text.replace(secret, "…");
        }
        text
    }

    /// The values that are long enough to mask.
    fn long(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(String::as_str).filter(|it| it.len() >= SHORTEST_SECRET)
    }

    /// Replaces each secret in JSON, in its escaped form.
    pub(crate) fn masked_json(&self, mut json: String) -> String {
        for secret in self.long() {
            let escaped = serde_json::Value::from(secret).to_string();
            let escaped = &escaped[1..escaped.len() - 1];
            if json.contains(escaped) {
                json = json.replace(escaped, "…");
            }
        }
        json
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_of_an_entry_are_masked_wherever_they_appear() {
        let mut server = Server::remote("https://me:pass%2Dword@host/mcp?key=query-secret");
        let Target::Remote(remote) = &mut server.target else { unreachable!("it is a URL") };
        remote.headers.insert("authorization".to_owned(), "Bearer token-secret".to_owned());
        remote.headers.insert("x".to_owned(), "say \"quoted\"".to_owned());
        let mut secrets = Secrets::default();
        secrets.add_all(&server);
        let text = serde_json::json!(["token-secret", "a query-secret", "say \"quoted\"!"]);
        assert_eq!(secrets.masked_json(text.to_string()), r#"["…","a …","…!"]"#);
        assert_eq!(short_name(&server.target), "https://host/mcp");
    }
}
