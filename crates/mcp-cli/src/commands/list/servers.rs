//! Lists the configured servers, or connects to all of them.

use std::time::Instant;

use mcp_client::{
    Session,
    config_file::{McpConfig, Server, Target},
};
use serde_json::{Value, json};

use crate::{
    context::Context,
    escape::line,
    exit::Exit,
    failure::Failure,
    output::{Format, milliseconds, table},
    target::{self, Ask, Found, Origin, TargetOptions, application_key},
};

/// A configured server.
struct Row {
    name: String,
    application: String,
    scope: mcp_client::config_file::Scope,
    reached_by: String,
    state: &'static str,
    file: std::path::PathBuf,
}

/// Lists the configured servers.
pub(super) fn list(cx: &Context, grep: Option<&str>) -> Result<(), Failure> {
    let mut rows = Vec::new();
    for found in McpConfig::discover() {
        let config = match &found.config {
            Ok(config) => config,
            Err(error) => {
                anstream::eprintln!("{}", line(&error.to_string()));
                continue;
            }
        };
        let source = &found.source;
        rows.extend(config.servers().map(|(name, server)| Row {
            name: line(name).into_owned(),
            application: application_key(source.application),
            scope: source.scope,
            reached_by: reached_by(server),
            state: if server.disabled { "disabled" } else { "" },
            file: source.path.clone(),
        }));
        for problem in config.problems() {
            anstream::eprintln!("{}", line(&problem.to_string()));
        }
    }
    if let Some(grep) = grep.map(str::to_lowercase) {
        rows.retain(|it| it.name.to_lowercase().contains(&grep));
    }
    match cx.printer.format {
        Format::Human if rows.is_empty() => {
            anstream::eprintln!("no servers are configured");
            Ok(())
        }
        Format::Human => {
            let lines = rows.iter().map(|it| {
                let application = format!("{} {}", it.application, it.state);
                vec![it.name.clone(), application.trim_end().to_owned(), it.reached_by.clone()]
            });
            let header = ["NAME", "APPLICATION", "COMMAND OR URL"];
            Ok(cx.printer.line(&table(cx.printer.width(), &header, lines))?)
        }
        Format::JsonLines => rows.iter().try_for_each(|it| Ok(cx.printer.json(&it.document())?)),
        _ => Ok(cx.printer.json(&rows.iter().map(Row::document).collect::<Vec<_>>())?),
    }
}

impl Row {
    fn document(&self) -> Value {
        json!({
            "name": self.name,
            "application": self.application,
            "scope": format!("{:?}", self.scope).to_lowercase(),
            "reachedBy": self.reached_by,
            "disabled": self.state == "disabled",
            "file": self.file,
        })
    }
}

/// The program or the URL, without arguments and queries, which may contain secrets.
pub(crate) fn reached_by(server: &Server) -> String {
    match &server.target {
        Target::Stdio(stdio) => {
            let shown = stdio.args.iter().take_while(|it| !it.starts_with('-') || it.len() == 2);
            let words = std::iter::once(&stdio.command).chain(shown.take(3));
            line(&words.map(String::as_str).collect::<Vec<_>>().join(" ")).into_owned()
        }
        Target::Remote(remote) => {
            let url = remote.url.split(['?', '#']).next().unwrap_or_default();
            let url = match url.split_once("://") {
                Some((scheme, rest)) => match rest.split_once('@') {
                    Some((user, host)) if !user.contains('/') => format!("{scheme}://{host}"),
                    _ => url.to_owned(),
                },
                None => url.to_owned(),
            };
            line(&url).into_owned()
        }
        _ => "?".to_owned(),
    }
}

async fn opened(
    cx: &Context,
    found: Result<Found, Failure>,
    options: &TargetOptions,
) -> Result<Session, Failure> {
    let found = found?;
    target::trust(&found, options.trust, Ask::Never).await?;
    cx.open(&cx.client_of(found, options)?).await
}

/// Outcome of a connection.
struct Checked {
    name: String,
    outcome: Result<String, String>,
    ms: f64,
}

/// Connects to all configured servers concurrently, without prompts: programs that are not trusted are not started.
pub(super) async fn check(cx: &Context, options: &TargetOptions) -> Result<(), Failure> {
    let mut entries: Vec<(String, Result<Found, Failure>)> = Vec::new();
    for found in McpConfig::discover() {
        let Ok(config) = &found.config else { continue };
        let enabled = config.servers().filter(|(_, server)| !server.disabled);
        entries.extend(enabled.map(|(name, _)| {
            let application = application_key(found.source.application);
            let (scope, file) = (found.source.scope, found.source.path.clone());
            let entry = target::entry(config, name, Origin::Application { scope, file });
            (format!("{application}:{}", line(name)), entry)
        }));
    }
    let checks = entries.into_iter().map(|(name, found)| async move {
        let start = Instant::now();
        let outcome = match opened(cx, found, options).await {
            Ok(session) => Ok(session.protocol_version().as_str().to_owned()),
            Err(failure) => Err(failure.message().unwrap_or_default()),
        };
        Checked { name, outcome, ms: milliseconds(start.elapsed()) }
    });
    let checked = futures_util::future::join_all(checks).await;
    let has_failures = checked.iter().any(|it| it.outcome.is_err());
    match cx.printer.format {
        Format::Human => {
            let rows = checked.iter().map(|it| {
                let (state, about) = match &it.outcome {
                    Ok(revision) => ("ok", revision.clone()),
                    Err(why) => ("failed", line(why).into_owned()),
                };
                vec![it.name.clone(), state.to_owned(), format!("{:.0} ms", it.ms), about]
            });
            let header = ["SERVER", "STATE", "TIME", "PROTOCOL OR CAUSE"];
            cx.printer.line(&table(cx.printer.width(), &header, rows))?;
        }
        format => {
            let rows: Vec<Value> = checked
                .iter()
                .map(|it| {
                    json!({
                        "name": it.name,
                        "ok": it.outcome.is_ok(),
                        "protocolVersion": it.outcome.as_ref().ok(),
                        "error": it.outcome.as_ref().err(),
                        "ms": it.ms,
                    })
                })
                .collect();
            match format {
                Format::JsonLines => rows.iter().try_for_each(|it| cx.printer.json(it))?,
                _ => cx.printer.json(&rows)?,
            }
        }
    }
    match has_failures {
        true => Err(Failure::silent(Exit::CheckFailed)),
        false => Ok(()),
    }
}
