//! References to variables in the texts of a configuration: what is filled in is bounded, values of variables stay
//! as they are, and a text without a reference stays the same.
#![no_main]

use libfuzzer_sys::fuzz_target;
use mcp_config::{McpConfig, Target, Variables};
use serde_json::json;

/// A value that looks like a reference and must not become one.
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
