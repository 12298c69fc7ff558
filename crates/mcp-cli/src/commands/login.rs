//! `mcp login`, `mcp logout` and `mcp auth`: logins for servers.

use std::path::PathBuf;

use mcp_client::{
    config_file::{McpConfig, Target},
    oauth::{Browser, FileStore, OAuth, Terminal},
};
use serde_json::json;

use crate::{
    completion::words,
    context::Context,
    escape::line,
    exit::Exit,
    failure::Failure,
    output::{Format, table},
    target::{Found, Service, application_key, find, oauth_at},
};

/// Log in to a server, and store the token for other commands
#[derive(Debug, clap::Args)]
pub(crate) struct Login {
    /// The server
    #[arg(value_name = "TARGET", add = words())]
    server: String,
    /// Print the URL of the login page instead of opening a browser; the final URL of the browser can be pasted
    #[arg(long)]
    no_browser: bool,
    /// Log in with a code on another device; requires --client-id
    #[arg(long, requires = "client_id", conflicts_with = "no_browser")]
    device: bool,
    /// Log in as a service, without a user, with the secret or the key of the client
    #[arg(long, requires_all = ["client_id", "credential"], conflicts_with_all = ["no_browser", "device"])]
    client_credentials: bool,
    /// The client id, for authorization servers without dynamic registration
    #[arg(long, value_name = "ID")]
    client_id: Option<String>,
    /// The environment variable with the client secret
    #[arg(long, value_name = "VARIABLE", group = "credential")]
    client_secret_env: Option<String>,
    /// A PEM file with the private key of the client
    #[arg(long, value_name = "FILE", requires = "client_credentials", group = "credential")]
    client_key: Option<PathBuf>,
    /// A scope to request; repeatable
    #[arg(long = "scope", value_name = "SCOPE")]
    scopes: Vec<String>,
}

/// Log out of a server: revoke and delete its token
#[derive(Debug, clap::Args)]
pub(crate) struct Logout {
    /// The server
    #[arg(value_name = "TARGET", add = words())]
    server: String,
}

/// Show stored logins
#[derive(Debug, clap::Args)]
pub(crate) struct Auth {
    #[command(subcommand)]
    command: AuthCommand,
}

#[derive(Debug, clap::Subcommand)]
enum AuthCommand {
    /// List the configured servers with URLs, and whether a token is stored for them
    List,
}

impl Login {
    pub(crate) async fn run(self, cx: &Context) -> Result<(), Failure> {
        let url = url_of(&self.server)?;
        let secret = match &self.client_secret_env {
            Some(variable) => Some(std::env::var(variable).map_err(|_| {
                Failure::usage(format!("--client-secret-env: the variable {variable} is not set"))
            })?),
            None => None,
        };
        let oauth = match self.service()? {
            Some(service) => {
                Service::store(&url, Some(service.clone()))?;
                service.oauth()?
            }
            None => {
                Service::store(&url, None)?;
                self.user(secret)?
            }
        };
        oauth.login(&url).await.map_err(failed)?;
        let status = oauth.status(&url).await.map_err(failed)?;
        if !cx.printer.is_human() {
            return Ok(cx
                .printer
                .json(&json!({ "scopes": status.scopes, "issuer": status.issuer }))?);
        }
        let issuer = status.issuer.unwrap_or_default();
        anstream::eprintln!("logged in by {}", line(&issuer));
        Ok(())
    }

    /// The service that logs in without a user.
    fn service(&self) -> Result<Option<Service>, Failure> {
        let Some(client_id) = self.client_id.clone().filter(|_| self.client_credentials) else {
            return Ok(None);
        };
        let key = self.client_key.as_ref().map(std::path::absolute).transpose()?;
        let (scopes, secret_env) = (self.scopes.clone(), self.client_secret_env.clone());
        Ok(Some(Service { client_id, scopes, secret_env, key }))
    }

    /// The authorization of a user.
    fn user(&self, secret: Option<String>) -> Result<OAuth, Failure> {
        let id = self.client_id.clone().unwrap_or_default();
        let mut oauth = match () {
            () if self.device => OAuth::device_code(id.clone()).on_code(|code| {
                anstream::eprintln!(
                    "enter {} at {}",
                    line(&code.user_code),
                    line(&code.verification_uri)
                );
            }),
            () if self.no_browser => OAuth::new().user_agent(Terminal::new()),
            () => OAuth::new().user_agent(Browser::new()),
        };
        if !id.is_empty() {
            oauth = oauth.client(id);
        }
        if let Some(secret) = secret {
            oauth = oauth.secret(secret);
        }
        if !self.scopes.is_empty() {
            oauth = oauth.scopes(&self.scopes);
        }
        Ok(oauth.client_name("mcp").store(FileStore::user().map_err(failed)?))
    }
}

impl Logout {
    pub(crate) async fn run(self) -> Result<(), Failure> {
        let url = url_of(&self.server)?;
        oauth_at(&url)?.logout(&url).await.map_err(failed)?;
        Service::store(&url, None)
    }
}

impl Auth {
    pub(crate) async fn run(self, cx: &Context) -> Result<(), Failure> {
        let AuthCommand::List = self.command;
        let mut rows = Vec::new();
        for found in McpConfig::discover() {
            let Ok(config) = &found.config else { continue };
            for (name, server) in config.servers() {
                let Target::Remote(remote) = &server.target else { continue };
                // Tokens are stored for expanded URLs.
                let Ok(status) = oauth_at(&remote.url)?.status(&remote.url).await else { continue };
                let application = application_key(found.source.application);
                rows.push((format!("{application}:{name}"), status));
            }
        }
        if cx.printer.is_human() {
            let rows = rows.iter().map(|(name, status)| {
                let state = if status.is_logged_in { "logged in" } else { "no login" };
                let issuer = status.issuer.as_deref().unwrap_or_default();
                vec![line(name).into_owned(), state.to_owned(), line(issuer).into_owned()]
            });
            let header = ["SERVER", "STATE", "ISSUER"];
            return Ok(cx.printer.line(&table(cx.printer.width(), &header, rows))?);
        }
        let rows = rows.iter().map(|(name, status)| {
            json!({
                "name": name,
                "loggedIn": status.is_logged_in,
                "issuer": status.issuer,
                "scopes": status.scopes,
                "expiresInSeconds": status.expires_in.map(|it| it.as_secs()),
            })
        });
        match cx.printer.format {
            Format::JsonLines => rows.into_iter().try_for_each(|it| Ok(cx.printer.json(&it)?)),
            _ => Ok(cx.printer.json(&rows.collect::<Vec<_>>())?),
        }
    }
}

/// The URL of a server.
fn url_of(text: &str) -> Result<String, Failure> {
    let no_url = || {
        Failure::usage(format!("{} is a program: only servers with a URL have logins", line(text)))
    };
    match find(text)? {
        Found::One { server, .. } => match server.target {
            Target::Remote(remote) => Ok(remote.url),
            _ => Err(no_url()),
        },
        _ => Err(no_url()),
    }
}

fn failed(error: mcp_client::oauth::Error) -> Failure {
    Failure::new(Exit::Unauthorized, error.to_string())
}
