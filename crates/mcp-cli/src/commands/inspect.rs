//! `mcp inspect`: the description of a server and its connection.

use std::time::{Duration, Instant};

use mcp_client::{
    Session,
    transport::{Binding, Carrier},
};
use serde_json::{Value, json};

use crate::{
    completion::words,
    context::Context,
    escape::{block, line},
    failure::Failure,
    output::{bold, milliseconds, time},
    target::TargetOptions,
};

/// Show the name, version, capabilities and connection of a server
#[derive(Debug, clap::Args)]
pub(crate) struct Inspect {
    /// The server
    #[arg(value_name = "TARGET", add = words())]
    server: Option<String>,
    #[command(flatten)]
    target: TargetOptions,
}

impl Inspect {
    pub(crate) async fn run(self, cx: &Context) -> Result<(), Failure> {
        let start = Instant::now();
        let session = cx.session(self.server.as_deref(), &self.target).await?;
        let opened = start.elapsed();
        let start = Instant::now();
        // `mcp ping` reports a server that does not answer a ping.
        let latency = session.ping().await.ok().map(|_| start.elapsed());
        if !cx.printer.is_human() {
            return Ok(cx.printer.json(&document(&session, opened, latency)?)?);
        }
        let row = |name: &str, value: &str| cx.printer.line(&format!("{name:<13} {value}"));
        if let Some(info) = session.server_info() {
            let name = bold(&line(info.display_name()));
            row("server", &format!("{name} {}", line(&info.version)))?;
        }
        let (revision, era) = (session.protocol_version(), era(&session));
        row("protocol", &format!("{revision}, {era} era"))?;
        let connection = session.connection();
        row("transport", &transport(&session))?;
        let endpoint = match connection.binding {
            Binding::Pipe => "command",
            Binding::InProcess => "servers",
            _ => "URL",
        };
        row(endpoint, &line(&connection.description))?;
        if let Some(pid) = connection.pid {
            row("process", &pid.to_string())?;
        }
        row("connected in", &time(opened))?;
        if let Some(latency) = latency {
            row("ping", &time(latency))?;
        }
        let capabilities = serde_json::to_value(session.capabilities())?;
        row("capabilities", &line(&offered(&capabilities)))?;
        if let Some(instructions) = session.instructions() {
            cx.printer.line(&format!("\n{}", block(instructions)))?;
        }
        Ok(())
    }
}

fn document(
    session: &Session,
    opened: Duration,
    latency: Option<Duration>,
) -> Result<Value, serde_json::Error> {
    let connection = session.connection();
    Ok(json!({
        "serverInfo": serde_json::to_value(session.server_info())?,
        "protocolVersion": session.protocol_version().as_str(),
        "era": era(session),
        "transport": transport(session),
        "description": connection.description,
        "pid": connection.pid,
        "openedMs": milliseconds(opened),
        "pingMs": latency.map(milliseconds),
        "capabilities": serde_json::to_value(session.capabilities())?,
        "instructions": session.instructions(),
    }))
}

fn era(session: &Session) -> &'static str {
    match session.era() {
        mcp_client::types::Era::Legacy => "legacy",
        mcp_client::types::Era::Modern => "modern",
    }
}

fn transport(session: &Session) -> String {
    let connection = session.connection();
    let binding = match connection.binding {
        Binding::Pipe => "stdio",
        Binding::StreamableHttp => "Streamable HTTP",
        Binding::HttpSse => "HTTP+SSE",
        Binding::InProcess => "several servers",
        _ => "another",
    };
    match (&connection.peer, connection.carrier) {
        (Some(peer), Carrier::Tcp) => format!("{binding} to {} port {}", peer.host, peer.port),
        _ => binding.to_owned(),
    }
}

/// `tools (listChanged), resources (subscribe)`.
fn offered(capabilities: &Value) -> String {
    let Value::Object(capabilities) = capabilities else { return String::new() };
    let offered = capabilities.iter().map(|(name, value)| {
        let parts = value.as_object().into_iter().flatten();
        let parts: Vec<&str> = parts
            .filter(|(_, value)| **value != Value::Bool(false))
            .map(|(name, _)| name.as_str())
            .collect();
        match parts.is_empty() {
            true => name.clone(),
            false => format!("{name} ({})", parts.join(", ")),
        }
    });
    offered.collect::<Vec<_>>().join(", ")
}
