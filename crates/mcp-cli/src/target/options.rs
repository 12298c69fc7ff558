//! The options of each command that reaches a server.

use std::{ffi::OsString, path::PathBuf, time::Duration};

use mcp_client::{EraPolicy, types::ProtocolVersion};

use super::{duration, key_value};

/// How the server is reached.
#[derive(Debug, Clone, Default, clap::Args)]
#[command(next_help_heading = "Server")]
pub(crate) struct TargetOptions {
    /// Send a header with each HTTP request, as 'Name: value'
    #[arg(short = 'H', long = "header", value_name = "HEADER", value_parser = key_value::header)]
    pub(super) headers: Vec<(String, String)>,
    /// Send a header whose value is in a variable, as NAME=VARIABLE
    #[arg(long = "header-env", value_name = "NAME=VARIABLE", value_parser = key_value::assignment)]
    pub(super) header_env: Vec<(String, String)>,
    /// Send the token in this variable as `Authorization: Bearer`
    #[arg(long, value_name = "VARIABLE")]
    pub(super) bearer_env: Option<String>,
    /// Send a header whose value a shell command prints, as NAME=COMMAND; it runs once
    #[arg(long = "header-command", value_name = "NAME=COMMAND", value_parser = key_value::assignment)]
    pub(super) header_command: Vec<(String, String)>,
    /// Set a variable for the server's process, or inherit the one of this NAME
    #[arg(short = 'e', long = "env", value_name = "NAME[=VALUE]", value_parser = key_value::variable)]
    pub(super) env: Vec<(String, Option<String>)>,
    /// Let the server's process inherit all variables, not only those that programs need
    #[arg(long)]
    pub(super) inherit_env: bool,
    /// The folder in which the server's process starts
    #[arg(long, value_name = "FOLDER")]
    pub(super) cwd: Option<PathBuf>,
    /// Speak HTTP+SSE of revision 2024-11-05, without detection
    #[arg(long)]
    pub(super) sse: bool,
    /// The protocol: auto, legacy, modern, or a revision such as 2025-06-18
    #[arg(long, value_parser = era)]
    pub(super) era: Option<EraPolicy>,
    /// Trust the certificates in this PEM file as well
    #[arg(long, value_name = "FILE")]
    pub(super) cacert: Option<PathBuf>,
    /// Present this certificate, in PEM
    #[arg(long, value_name = "FILE", requires = "key")]
    pub(super) cert: Option<PathBuf>,
    /// The private key of the certificate, in PEM
    #[arg(long, value_name = "FILE", requires = "cert")]
    pub(super) key: Option<PathBuf>,
    /// Reach the server through this proxy; without it the environment decides
    #[arg(long, value_name = "URL")]
    pub(super) proxy: Option<String>,
    /// Accept any certificate: anyone on the way can read and change everything
    #[arg(long)]
    pub(super) insecure: bool,
    /// Offer this folder to the server as a root
    #[arg(long = "root", value_name = "FOLDER")]
    pub(super) roots: Vec<PathBuf>,
    /// The longest silence of the server in a call; progress restarts it [default: 5m]
    #[arg(long, value_name = "TIME", value_parser = duration::parse)]
    pub(super) timeout: Option<Duration>,
    /// The longest time of a whole call [default: 1h]
    #[arg(long, value_name = "TIME", value_parser = duration::parse)]
    pub(super) total_timeout: Option<Duration>,
    /// The longest time until the server is ready [default: 1m]
    #[arg(long, value_name = "TIME", value_parser = duration::parse)]
    pub(super) start_timeout: Option<Duration>,
    /// Write each message to stderr or to FILE, with secrets masked
    #[arg(long, value_name = "FILE", num_args = 0..=1, require_equals = true, default_missing_value = "-")]
    pub(crate) trace: Option<PathBuf>,
    /// Start a program that a file of the workspace names, without asking
    #[arg(long)]
    pub(crate) trust: bool,
    /// Show what the server's process writes to stderr, and its log messages
    #[arg(short, long = "server-stderr", visible_alias = "verbose")]
    pub(crate) verbose: bool,
    /// The server is this program with its arguments
    #[arg(last = true, value_name = "PROGRAM")]
    pub(crate) program: Vec<OsString>,
}

impl TargetOptions {
    /// The server and the words after it. With a program after `--`, no word is the server.
    pub(crate) fn server_first<'w>(&self, words: &'w [String]) -> (Option<&'w str>, &'w [String]) {
        match words {
            [server, rest @ ..] if self.program.is_empty() => (Some(server), rest),
            words => (None, words),
        }
    }
}

fn era(text: &str) -> Result<EraPolicy, String> {
    match text {
        "auto" => Ok(EraPolicy::Auto),
        "legacy" => Ok(EraPolicy::Legacy),
        "modern" => Ok(EraPolicy::Pinned(ProtocolVersion::LATEST_MODERN)),
        revision => revision.parse().map(EraPolicy::Pinned).map_err(|_| {
            let known = ProtocolVersion::ALL.map(ProtocolVersion::as_str).join(", ");
            format!("use auto, legacy, modern, or one of {known}")
        }),
    }
}
