//! `mcp watch`: writes changes and log messages as lines.

use std::process::Stdio;

use mcp_client::{
    Event, Handlers, Session, Subscribe,
    types::{LoggingLevel, SubscriptionFilter},
};
use serde_json::{Value, json};
use tokio::sync::mpsc;

use crate::{
    completion::words,
    context::Context,
    escape::line,
    failure::Failure,
    output::{Format, Printer},
    target::TargetOptions,
};

/// Maximum number of queued log messages; further ones are dropped.
const MAX_WAITING: usize = 1024;

/// Watch the changes and log messages of a server
///
/// Resubscribes after an interruption, and reports that changes may have been missed.
#[derive(Debug, clap::Args)]
#[command(override_usage = "mcp watch [OPTIONS] TARGET [URI]...\n       \
                            mcp watch [OPTIONS] [URI]... -- PROGRAM [ARGS]...")]
pub(crate) struct Watch {
    /// The server, and resources to watch in addition to the lists
    #[arg(value_name = "ARG", add = words())]
    words: Vec<String>,
    /// Run this shell command for each change; MCP_EVENT and MCP_URI are set
    #[arg(long, value_name = "COMMAND")]
    exec: Option<String>,
    /// The minimum level of log messages
    #[arg(long, value_name = "LEVEL")]
    log: Option<String>,
    /// Stop after this number of events
    #[arg(short = 'n', long, value_name = "NUMBER")]
    count: Option<u64>,
    #[command(flatten)]
    target: TargetOptions,
}

impl Watch {
    pub(crate) async fn run(self, cx: &Context) -> Result<(), Failure> {
        let (server, uris) = self.target.server_first(&self.words);
        let (sender, mut logs) = mpsc::channel(MAX_WAITING);
        let handlers = Handlers::new().on_log(move |log| {
            // Messages are dropped if the queue is full.
            let _ = sender.try_send(log.params);
        });
        let client = cx.client(server, &self.target).await?.handlers(handlers);
        let session = cx.open(&client).await?;
        if let Some(level) = &self.log {
            let level = serde_json::from_value::<LoggingLevel>(level.as_str().into())?;
            session.set_log_level(level).await?;
        }
        let mut changes = match filter(&session, uris) {
            Some(filter) => {
                let subscription =
                    session.subscribe(filter).resubscribe(Subscribe::BACKOFF).await?;
                for (what, error) in subscription.refused() {
                    anstream::eprintln!("{}: {}", line(&what), line(&error.to_string()));
                }
                Some(subscription)
            }
            None => None,
        };
        anstream::eprintln!("watching {}", line(session.name()));
        let mut seen = 0;
        while self.count.is_none_or(|count| seen < count) {
            let change = async {
                match &mut changes {
                    Some(changes) => changes.next().await,
                    None => std::future::pending().await,
                }
            };
            let (name, detail, value) = tokio::select! {
                change = change => match change {
                    Some(event) => described(&event?),
                    None => return Ok(()),
                },
                Some(log) = logs.recv() => {
                    let text = match &log.data {
                        Value::String(text) => text.clone(),
                        other => other.to_string(),
                    };
                    let level = log.level.as_str().to_owned();
                    ("log", format!("{level}: {text}"), serde_json::to_value(&log)?)
                }
                error = session.closed() => return Err(error.into()),
            };
            write(cx.printer, name, &detail, value)?;
            if let Some(command) = self.exec.as_deref().filter(|_| name != "log") {
                execute(command, name, &detail).await?;
            }
            seen += 1;
        }
        Ok(())
    }
}

/// The lists whose changes the server reports, and these resources.
fn filter(session: &Session, uris: &[String]) -> Option<SubscriptionFilter> {
    let capabilities = session.capabilities();
    let tools = capabilities.tools.as_ref().and_then(|it| it.list_changed) == Some(true);
    let prompts = capabilities.prompts.as_ref().and_then(|it| it.list_changed) == Some(true);
    let resources = capabilities.resources.as_ref().and_then(|it| it.list_changed) == Some(true);
    let mut filter = SubscriptionFilter::new();
    if tools {
        filter = filter.with_tools_list_changed(true);
    }
    if prompts {
        filter = filter.with_prompts_list_changed(true);
    }
    if resources {
        filter = filter.with_resources_list_changed(true);
    }
    if !uris.is_empty() {
        filter = filter.with_resource_subscriptions(uris.to_vec());
    }
    (tools || prompts || resources || !uris.is_empty()).then_some(filter)
}

fn described(event: &Event) -> (&'static str, String, Value) {
    match event {
        Event::ToolsListChanged => ("tools", String::new(), Value::Null),
        Event::PromptsListChanged => ("prompts", String::new(), Value::Null),
        Event::ResourcesListChanged => ("resources", String::new(), Value::Null),
        Event::ResourceUpdated { uri } => ("resource", uri.clone(), json!({ "uri": uri })),
        Event::Lagged { missed } => ("missed", missed.to_string(), json!({ "missed": missed })),
        Event::Resync => ("resync", "everything may have changed".to_owned(), Value::Null),
        Event::Other(other) => ("other", other.method.to_string(), Value::Null),
        _ => ("other", String::new(), Value::Null),
    }
}

fn write(printer: Printer, name: &str, detail: &str, value: Value) -> Result<(), Failure> {
    match printer.format {
        Format::Human => Ok(printer.line(format!("{name} {}", line(detail)).trim_end())?),
        _ => {
            let mut event = json!({ "event": name });
            if let (Value::Object(event), Value::Object(more)) = (&mut event, value) {
                event.extend(more);
            }
            let printer = Printer { format: Format::JsonLines, ..printer };
            Ok(printer.json(&event)?)
        }
    }
}

/// Runs a command and waits for it. Ignores its exit status.
async fn execute(command: &str, name: &str, detail: &str) -> Result<(), Failure> {
    let (shell, flag) = if cfg!(windows) { ("cmd", "/C") } else { ("sh", "-c") };
    let mut process = tokio::process::Command::new(shell);
    process.args([flag, command]).env("MCP_EVENT", name).env("MCP_URI", detail);
    process.stdin(Stdio::null()).kill_on_drop(true);
    process.status().await?;
    Ok(())
}
