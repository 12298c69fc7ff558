//! Typical configurations: reading, expansion, discovery and edits.
#![allow(clippy::unwrap_used, reason = "tests")]

mod applications;
mod dialects;
mod discovery;
mod editing;
mod expansion;
mod limits;
mod problems;
mod schema;
#[cfg(feature = "yaml")]
mod yaml;

use std::path::PathBuf;

use mcp_config::{McpConfig, Remote, Server, Stdio, Target};

fn file(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/files").join(name)
}

fn config(name: &str) -> McpConfig {
    McpConfig::from_file(file(name)).unwrap()
}

fn stdio(server: &Server) -> &Stdio {
    let Target::Stdio(stdio) = &server.target else { panic!("not a child process: {server:?}") };
    stdio
}

fn remote(server: &Server) -> &Remote {
    let Target::Remote(remote) = &server.target else { panic!("not a URL: {server:?}") };
    remote
}

fn names(config: &McpConfig) -> Vec<&str> {
    config.servers().map(|(name, _)| name).collect()
}
