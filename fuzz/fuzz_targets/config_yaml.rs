//! Configurations in YAML.
#![no_main]

#[path = "support/config.rs"]
mod config;

use libfuzzer_sys::fuzz_target;
use mcp_config::McpConfig;

fuzz_target!(|data: &[u8]| config::check(data, McpConfig::from_yaml));
