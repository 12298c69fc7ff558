//! Options of the commands that connect to a server.

use std::{ffi::OsString, path::PathBuf, time::Duration};

use mcp_client::{EraPolicy, types::ProtocolVersion};

use super::{duration, key_value};

/// How to connect to the server.
#[derive(Debug, Clone, Default, clap::Args)]
#[command(next_help_heading = "Server")]
pub(crate) struct TargetOptions {
    /// Send a header with each HTTP request, as 'Name: value'
    #[arg(short = 'H', long = "header", value_name = "HEADER", value_parser = key_value::header)]
    pub(super) headers: Vec<(String, String)>,
    /// Send a header with the value of an environment variable, as NAME=VARIABLE
    #[arg(long = "header-env", value_name = "NAME=VARIABLE", value_parser = key_value::assignment)]
    pub(super) header_env: Vec<(String, String)>,
    /// Send the token in this environment variable as `Authorization: Bearer`
    #[arg(long, value_name = "VARIABLE")]
    pub(super) bearer_env: Option<String>,
    /// Send a header with the output of a shell command, as NAME=COMMAND; the command runs once
    #[arg(long = "header-command", value_name = "NAME=COMMAND", value_parser = key_value::assignment)]
    pub(super) header_command: Vec<(String, String)>,
    /// Set an environment variable of the server's process, or inherit the variable NAME
    #[arg(short = 'e', long = "env", value_name = "NAME[=VALUE]", value_parser = key_value::variable)]
    pub(super) env: Vec<(String, Option<String>)>,
    /// Let the server's process inherit all environment variables, not only the common ones
    #[arg(long)]
    pub(super) inherit_env: bool,
    /// The working directory of the server's process
    #[arg(long, value_name = "FOLDER")]
    pub(super) cwd: Option<PathBuf>,
    /// Use HTTP+SSE of revision 2024-11-05, without detection
    #[arg(long)]
    pub(super) sse: bool,
    /// The protocol version: auto, legacy, modern, or a revision such as 2025-06-18
    #[arg(long, value_parser = era)]
    pub(super) era: Option<EraPolicy>,
    /// Also trust the certificates in this PEM file
    #[arg(long, value_name = "FILE")]
    pub(super) cacert: Option<PathBuf>,
    /// The client certificate, in PEM
    #[arg(long, value_name = "FILE", requires = "key")]
    pub(super) cert: Option<PathBuf>,
    /// The private key of the client certificate, in PEM
    #[arg(long, value_name = "FILE", requires = "cert")]
    pub(super) key: Option<PathBuf>,
    /// The HTTP or SOCKS proxy [default: the proxy in the environment]
    #[arg(long, value_name = "URL")]
    pub(super) proxy: Option<String>,
    /// Accept any certificate: the connection is not secure
    #[arg(long)]
    pub(super) insecure: bool,
    /// A folder to list as a root for the server; repeatable
    #[arg(long = "root", value_name = "FOLDER")]
    pub(super) roots: Vec<PathBuf>,
    /// Idle timeout of a call; progress resets it [default: 5m]
    #[arg(long, value_name = "TIME", value_parser = duration::parse)]
    pub(super) timeout: Option<Duration>,
    /// Total timeout of a call [default: 1h]
    #[arg(long, value_name = "TIME", value_parser = duration::parse)]
    pub(super) total_timeout: Option<Duration>,
    /// Timeout until the server is ready [default: 1m]
    #[arg(long, value_name = "TIME", value_parser = duration::parse)]
    pub(super) start_timeout: Option<Duration>,
    /// Write each message to stderr or to FILE, with secrets masked
    #[arg(long, value_name = "FILE", num_args = 0..=1, require_equals = true, default_missing_value = "-")]
    pub(crate) trace: Option<PathBuf>,
    /// Start a program from a file of the workspace without confirmation
    #[arg(long)]
    pub(crate) trust: bool,
    /// Show the stderr of the server's process, and all of its log messages
    #[arg(short, long = "server-stderr", visible_alias = "verbose")]
    pub(crate) verbose: bool,
    /// The program to start as the server, with its arguments
    #[arg(last = true, value_name = "PROGRAM")]
    pub(crate) program: Vec<OsString>,
}

impl TargetOptions {
    /// The server and the words after it. With a program after `--`, none of the words is the server.
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
