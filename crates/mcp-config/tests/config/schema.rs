use mcp_config::{McpConfig, SCHEMA, Server};
use serde_json::{Value, json};

use crate::config;

fn validator() -> jsonschema::Validator {
    jsonschema::validator_for(&serde_json::from_str(SCHEMA).unwrap()).unwrap()
}

/// The value that the crate reads from a document, as plain JSON.
fn plain(name: &str) -> Value {
    let mut config = config(name);
    // An edit and its reverse, on one line, produce plain JSON.
    let text: String = config
        .text()
        .lines()
        .map(|line| match line.find(" //") {
            Some(at) => &line[..at],
            None if line.trim_start().starts_with("//") => "",
            None => line,
        })
        .collect();
    config = McpConfig::from_str(&text).unwrap();
    config.add_server("new", &Server::stdio("x", ["y"])).unwrap();
    serde_json::from_str(config.text()).unwrap()
}

#[test]
fn the_samples_match_the_schema() {
    let validator = validator();
    for name in [
        "claude_desktop_config.json",
        "claude.json",
        "cursor.json",
        "vscode.json",
        "vscode_settings.json",
        "windsurf.json",
        "gemini.json",
        "zed.json",
        "fastmcp.json",
    ] {
        let errors: Vec<String> = validator
            .iter_errors(&plain(name))
            .map(|it| format!("{}: {it}", it.instance_path()))
            .collect();
        assert_eq!(errors, [""; 0], "{name}");
    }
}

#[test]
fn the_schema_rejects_what_the_crate_rejects() {
    let validator = validator();
    for entry in [
        json!("x"),
        json!({ "comand": "x" }),
        json!({ "command": 1 }),
        json!({ "command": "x", "args": "y" }),
        json!({ "command": "x", "args": [1] }),
        json!({ "command": "x", "env": { "A": [] } }),
        json!({ "url": "https://x", "type": "websocket" }),
        json!({ "url": "x" }),
        json!({ "command": "x", "timeout": 0 }),
        json!({ "command": "x", "protocolEra": "new" }),
        json!({ "command": "x", "tools": { "a": { "enabled": 1 } } }),
        json!({ "command": "x", "disabled": "yes" }),
        json!({ "command": [] }),
        json!({ "command": "x", "protocolVersion": "latest" }),
        json!({ "command": "x", "env": ["A=b"] }),
    ] {
        let document = json!({ "mcpServers": { "a": entry } });
        assert!(!validator.is_valid(&document), "{document}");
        assert_eq!(McpConfig::from_value(&document).unwrap().servers().len(), 0, "{document}");
    }
}

#[test]
fn the_schema_allows_what_the_crate_reads() {
    let validator = validator();
    for entry in [
        json!({ "command": ["npx", "-y", "it"], "environment": { "A": null } }),
        json!({ "command": "x", "env": [], "args": {}, "tools": { "include": "a" } }),
        json!({ "transport": { "type": "http", "url": "https://x" } }),
        json!({ "baseUrl": "https://x", "isActive": false, "timeout": { "startup": 5 } }),
        json!({ "url": "$URL", "headers": [], "timeoutMs": 5, "protocolVersion": "2025-06-18" }),
    ] {
        let document = json!({ "mcpServers": { "a": entry } });
        let errors: Vec<String> =
            validator.iter_errors(&document).map(|it| format!("{it}")).collect();
        assert_eq!(errors, [""; 0], "{document}");
        assert_eq!(McpConfig::from_value(&document).unwrap().servers().len(), 1, "{document}");
    }
    let list = json!({ "mcpServers": [{ "name": "a", "command": "x" }] });
    assert!(validator.is_valid(&list));
    assert!(!validator.is_valid(&json!({ "mcpServers": [{ "command": "x" }] })));
}
