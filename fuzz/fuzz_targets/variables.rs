//! Variable references in texts of a configuration: expansion is bounded, variable values are not expanded again, and a
//! text without a reference does not change.
#![no_main]

use libfuzzer_sys::fuzz_target;
use mcp_config::{McpConfig, Target, Variables};
use serde_json::json;

/// A value that resembles a reference and must not be expanded.
const VALUE: &str = "${B:-$${}";

fuzz_target!(|text: &str| {
    let entry = json!({ "command": "program", "args": [text], "env": { "NAME": text } });
    let document = json!({ "mcpServers": { "server": entry } }).to_string();
    let Ok(config) = McpConfig::from_str(&document) else { return };
    let variables = Variables::new(|name| match name {
        "A" => Some(VALUE.to_owned()),
        "E" => Some(String::new()),
        _ => None,
    });
    let expanded = config.expand(&variables.workspace_folder("/w").user_home("/h"));
    assert!(expanded.servers.len() == 1 || !expanded.problems.is_empty());
    for problem in &expanded.problems {
        assert!(problem.to_string().len() < 4096, "{problem}");
    }
    let Some((_, server)) = expanded.servers.first() else { return };
    let Target::Stdio(stdio) = &server.target else { unreachable!("it has a command") };
    let filled = &stdio.args[0];
    assert_eq!(stdio.env.get("NAME"), Some(filled));
    assert!(filled.len() <= text.len() * VALUE.len().max(8), "{filled}");
    if !text.contains("${") {
        assert_eq!(filled, text);
    }
    if text == "${A}" {
        assert_eq!(filled, VALUE);
    }
});
