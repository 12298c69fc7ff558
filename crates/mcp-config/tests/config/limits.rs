//! Documents crafted to cost time, memory or stack.

use mcp_config::{McpConfig, Server, Variables};
use proptest::prelude::*;
use serde_json::json;

fn unset() -> Variables<'static> {
    Variables::new(|_| None)
}

#[test]
fn nested_defaults_are_reported() {
    for depth in [17, 20_000] {
        let text = format!("{}x{}", "${A:-".repeat(depth), "}".repeat(depth));
        let document =
            json!({ "mcpServers": { "a": { "command": text }, "b": { "command": "y" } } });
        let expanded = McpConfig::from_value(&document).unwrap().expand(&unset());
        assert_eq!(expanded.servers.len(), 1);
        assert!(expanded.problems[0].message.contains("nested"), "{}", expanded.problems[0]);
    }
    let open = json!({ "mcpServers": { "a": { "command": "${A:-".repeat(20_000) } } });
    let expanded = McpConfig::from_value(&open).unwrap().expand(&unset());
    assert!(expanded.problems[0].message.contains("not closed"), "{}", expanded.problems[0]);
}

#[test]
fn nested_values_are_an_error() {
    let nested =
        |open: &str, close: &str| format!("{}1{}", open.repeat(100_000), close.repeat(100_000));
    for text in [
        format!("{{\"mcpServers\": {}}}", nested("[", "]")),
        format!("{{\"mcpServers\": {}}}", nested("{\"a\":", "}")),
        "[".repeat(100_000),
        "/*".repeat(100_000),
    ] {
        assert!(McpConfig::from_str(&text).is_err());
    }
    #[cfg(feature = "toml")]
    for text in [
        format!("mcp_servers = {}", nested("[", "]")),
        format!("mcp_servers = {}", nested("{a = ", "}")),
        format!("mcp_servers.{}x = 1", "a.".repeat(100_000)),
        format!("[mcp_servers.{}x]", "a.".repeat(100_000)),
    ] {
        assert!(McpConfig::from_toml(&text).is_err());
    }
    #[cfg(feature = "yaml")]
    for text in [
        format!("extensions: {}", nested("[", "]")),
        format!("extensions: {}", nested("{a: ", "}")),
        format!("extensions:\n  {}", "- ".repeat(100_000)),
        format!("extensions:\n  {}", "? ".repeat(100_000)),
        "[".repeat(100_000),
    ] {
        assert!(McpConfig::from_yaml(&text).is_err());
    }
}

#[cfg(feature = "yaml")]
#[test]
fn aliases_that_multiply_a_document_are_refused() {
    let base: String = (0..2000).map(|index| format!("  k{index}: v\n")).collect();
    let aliases: String = (0..2000).map(|index| format!("a{index}: *base\n")).collect();
    let error = McpConfig::from_yaml(&format!("base: &base\n{base}{aliases}")).unwrap_err();
    assert!(error.to_string().contains("too many aliases"), "{error}");
    let mut doubling = "a0: &a0 [x, x]\n".to_owned();
    for index in 1..64 {
        let before = index - 1;
        doubling += &format!("a{index}: &a{index} [*a{before}, *a{before}]\n");
    }
    assert!(McpConfig::from_yaml(&doubling).is_err());
    // A few aliases are common for shared settings, and signs in prose are not aliases.
    let shared = "shared: &shared\n  timeout: 60\n  type: stdio\nextensions:\n  a:\n    <<: *shared\n    cmd: x\n  b:\n    <<: *shared\n    cmd: y\n    description: |\n      *very* good & [cheap\n";
    let config = McpConfig::from_yaml(shared).unwrap();
    assert_eq!(config.servers().len(), 2, "{:?}", config.problems());
    let timeout = config.server("b").unwrap().timeout;
    assert_eq!(timeout, Some(std::time::Duration::from_secs(60)));
}

#[test]
fn texts_that_grow_without_bound_are_reported() {
    let big = Variables::new(|_| Some("x".repeat(1 << 16)));
    let document = json!({ "mcpServers": { "a": { "command": "${BIG}".repeat(1000) } } });
    let expanded = McpConfig::from_value(&document).unwrap().expand(&big);
    assert!(expanded.problems[0].message.contains("1 MiB"), "{}", expanded.problems[0]);
}

#[test]
fn many_problems_are_all_reported_with_their_lines() {
    // The benchmark `documents` measures the cost.
    let entries: Vec<String> =
        (0..2000).map(|index| format!("\"s{index}\": {{ \"comand\": \"x\" }}")).collect();
    let text = format!("{{ \"mcpServers\": {{\n{}\n}} }}", entries.join(",\n"));
    let config = McpConfig::from_str(&text).unwrap();
    let reported: Vec<_> = config.problems().iter().filter(|it| it.is_fatal()).collect();
    assert_eq!(reported.len(), 2000);
    assert!(reported.iter().enumerate().all(|(index, it)| it.line == Some(index + 2)));
}

proptest! {
    /// No text makes the crate panic, and an edited document can be read again.
    #[test]
    fn any_text_is_read_or_refused(
        parts in prop::collection::vec(prop_oneof![
            Just("{"), Just("}"), Just("["), Just("]"), Just(":"), Just(": "), Just(","), Just("\n"),
            Just("  "), Just("- "), Just("\""), Just("'"), Just("#"), Just("//"), Just("/*"), Just("|"),
            Just("> "), Just("&a "), Just("*a"), Just("="), Just("\\"), Just("${"), Just("$"), Just("%"),
            Just("é"), Just("\u{feff}"), Just("\r\n"), Just("\t"), Just("mcpServers"), Just("\"mcpServers\":{"),
            Just("extensions:\n "), Just("mcp_servers.a"), Just("a"), Just("\"a\":"), Just("command: x\n"),
            Just("\"command\":\"x\","), Just("command = 'x'\n"), Just("1"), Just("null"), Just("~"), Just("---\n"),
        ], 0..24),
    ) {
        let text = parts.concat();
        #[cfg_attr(not(any(feature = "toml", feature = "yaml")), allow(unused_mut))]
        let mut read = vec![McpConfig::from_str(&text)];
        #[cfg(feature = "toml")]
        read.push(McpConfig::from_toml(&text));
        #[cfg(feature = "yaml")]
        read.push(McpConfig::from_yaml(&text));
        for mut config in read.into_iter().flatten() {
            let _ = config.expand(&unset());
            let server = Server::stdio("x", ["y"]);
            if config.add_server("new", &server).is_ok() {
                prop_assert_eq!(config.server("new"), Some(&server), "{:?} => {}", text, config.text());
                prop_assert!(config.remove_server("new").unwrap_or(true), "{:?}", text);
            }
        }
    }
}
