//! YAML: reading, and edits that preserve comments.

use std::time::Duration;

use mcp_config::{
    Application, Dialect, ErrorKind, McpConfig, ProtocolEra, RemoteTransport, Server,
};
use proptest::prelude::*;

use crate::{names, remote, stdio};

const GOOSE: &str = "\
# my settings
GOOSE_PROVIDER: anthropic   # the provider
prompt: |
  extensions:
    not: one
# all extensions
extensions:
  # the first
  github:
    cmd: npx # with Node
    args:
    - -y
    - it
    enabled: true
    type: stdio

  # the second
  other:   # odd
    type: stdio
    cmd: 'y'
# the end
last: [1, 2]
";

/// The text without the lines from the first that contains `from` up to the first that contains `to`.
fn without(text: &str, from: &str, to: &str) -> String {
    let (start, end) = (text.find(from).unwrap(), text.find(to).unwrap());
    text[..start].to_owned() + &text[end..]
}

#[test]
fn adding_and_removing_changes_only_the_lines_of_one_entry() {
    let mut config = McpConfig::from_yaml(GOOSE).unwrap();
    assert_eq!(names(&config), ["github", "other"]);
    let server = Server::stdio("z", ["a b"]);
    config.add_server("new", &server).unwrap();
    assert_eq!(config.server("new"), Some(&server));
    let before = GOOSE.find("# the end").unwrap();
    assert!(config.text().starts_with(&GOOSE[..before]), "{}", config.text());
    assert!(config.text().ends_with(&GOOSE[before..]), "{}", config.text());
    assert!(config.text().contains("\n  new:\n    name: new\n    type: stdio\n    cmd: z\n"));
    assert!(config.remove_server("new").unwrap());
    assert_eq!(config.text(), GOOSE);
    assert!(config.remove_server("github").unwrap());
    assert_eq!(config.text(), without(GOOSE, "  github:\n", "\n  # the second"));
    assert!(config.remove_server("other").unwrap());
    assert_eq!(config.servers().len(), 0);
    for kept in ["# my settings", "# the provider", "# all extensions", "# the end", "last: [1, 2]"]
    {
        assert!(config.text().contains(kept), "{kept}: {}", config.text());
    }
    config.add_server("again", &server).unwrap();
    assert_eq!(names(&config), ["again"]);
}

#[test]
fn replacing_keeps_the_surroundings() {
    let mut config = McpConfig::from_yaml(GOOSE).unwrap();
    let mut server = config.server("github").unwrap().clone();
    server.timeout = Some(Duration::from_secs(5));
    config.add_server("github", &server).unwrap();
    assert_eq!(config.server("github"), Some(&server));
    assert_eq!(names(&config), ["github", "other"]);
    let rest = &GOOSE[GOOSE.find("\n  # the second").unwrap()..];
    assert!(config.text().ends_with(rest), "{}", config.text());
    assert!(config.text().starts_with(&GOOSE[..GOOSE.find("  github").unwrap()]));
    assert!(config.text().contains("\n    timeout: 5\n"), "{}", config.text());
}

#[test]
fn documents_of_every_layout_are_edited() {
    for text in [
        "",
        "{}",
        "extensions:",
        "extensions: # none yet\n",
        "extensions: {}  # none yet\n",
        "extensions: ~\nother: 1\n",
        "---\nother: 1 # one\nextensions:\n  a:\n    type: stdio\n    cmd: x\n...\n",
        "extensions:\n    'a b': {type: stdio, cmd: x}\n    \"c\\\"\": {type: stdio, cmd: x}\n",
        "extensions: {a: {type: stdio, cmd: x}} # in braces\nother: 1 # one\n",
        "extensions:\r\n  a:\r\n    type: stdio\r\n    cmd: x\r\nother: 1 # one\r\n",
        "extensions:\n  a:\n    type: stdio\n    cmd: x\n    description: >-\n      text\n\n      b: c\n",
        "extensions:\n  a: &a\n    type: stdio\n    cmd: x\n  b: *a\n# end\n",
        // Line ends of YAML 1.1.
        "extensions:\n\r  a: # here\u{2028}    type: stdio\u{85}    cmd: x\nother: 1 # one\n",
        "# servers at the top\na: # here\n  command: x\nb:\n  command: y # and here\n",
        "other: \"a\n  extensions:\n  b\"\nextensions:\n  a:\n    type: stdio\n    cmd: x # here",
    ] {
        let mut config = McpConfig::from_yaml(text).unwrap();
        let before: Vec<String> = names(&config).into_iter().map(str::to_owned).collect();
        let server = Server::http("https://x/mcp");
        // Without servers, the document does not identify its application.
        config.add_server("new", &server).unwrap();
        assert_eq!(config.server("new"), Some(&server), "{text:?} => {}", config.text());
        assert_eq!(names(&config).len(), before.len() + 1, "{text:?} => {}", config.text());
        assert_eq!(config.text().matches('#').count(), text.matches('#').count(), "{text:?}");
        if text.contains("\r\n") {
            assert_eq!(config.text().matches('\n').count(), config.text().matches("\r\n").count());
        }
        assert!(config.remove_server("new").unwrap());
        assert_eq!(names(&config), before, "{text:?} => {}", config.text());
        for name in &before {
            config.remove_server(name).unwrap_or_else(|error| panic!("{text:?}: {error}"));
        }
        assert_eq!(config.servers().len(), 0, "{text:?}");
    }
}

#[test]
fn an_edit_that_would_lose_comments_is_an_error() {
    // The alias needs the anchor of the removed entry.
    let text = "extensions: {a: &a {type: stdio, cmd: x}} # one\nother: *a\n";
    let mut config = McpConfig::from_yaml(text).unwrap();
    let error = config.remove_server("a").unwrap_err();
    assert_eq!((error.kind(), config.text()), (ErrorKind::Edit, text));
    let plain = text.replace(" # one", "");
    let mut config = McpConfig::from_yaml(&plain).unwrap();
    assert!(config.remove_server("a").unwrap());
}

#[test]
fn hermes() {
    let text = "\
# Hermes
mcp_servers:
  github:
    command: npx
    args: [-y, it]
    env:
      KEY: ${KEY}
    timeout: 120
    connect_timeout: 60
    tools:
      include: [a]
      resources: false
  docs:
    url: https://x/mcp
    transport: sse
    enabled: false
    protocol: stateless
";
    let mut config = McpConfig::from_yaml(text).unwrap();
    assert_eq!(
        (config.dialect(), config.application()),
        (Dialect::Hermes, Some(Application::Hermes))
    );
    let github = config.server("github").unwrap();
    assert_eq!(github.timeout, Some(Duration::from_secs(120)));
    assert_eq!(github.startup_timeout, Some(Duration::from_secs(60)));
    assert_eq!(github.include_tools, Some(vec!["a".to_owned()]));
    let docs = config.server("docs").unwrap();
    assert_eq!(remote(docs).transport, Some(RemoteTransport::Sse));
    assert_eq!((docs.disabled, docs.protocol_era), (true, Some(ProtocolEra::Auto)));
    let [problem] = config.problems() else { panic!("{:?}", config.problems()) };
    assert_eq!(
        (problem.path.as_str(), problem.line),
        ("mcp_servers.github.tools.resources", Some(12))
    );
    let servers: Vec<_> = config.servers().map(|(_, server)| server.clone()).collect();
    for server in servers {
        config.add_server("new", &server).unwrap();
        assert_eq!(config.server("new"), Some(&server), "{}", config.text());
    }
    assert!(config.text().starts_with(text));
}

#[test]
fn continue_has_a_list() {
    let text = "\
name: mine
mcpServers:
  # the first
  - name: fetch
    command: uvx
    args:
      - mcp-server-fetch
    env:
      KEY: ${{ secrets.KEY }}
    connectionTimeout: 500
  - name: docs # the second
    type: streamable-http
    url: https://x/mcp
    apiKey: ${{ secrets.KEY }}
    requestOptions:
      headers:
        A: b
rules: []
";
    let mut config = McpConfig::from_yaml(text).unwrap();
    assert_eq!((config.dialect(), config.problems()), (Dialect::Continue, &[][..]));
    assert_eq!(names(&config), ["fetch", "docs"]);
    assert_eq!(config.server("fetch").unwrap().startup_timeout, Some(Duration::from_millis(500)));
    let variables = mcp_config::Variables::new(|name| (name == "KEY").then(|| "k".to_owned()));
    let expanded = config.expand(&variables);
    assert_eq!(stdio(expanded.server("fetch").unwrap()).env["KEY"], "k");
    assert_eq!(remote(expanded.server("docs").unwrap()).headers["A"], "b");
    let server = Server::http("https://new/mcp");
    config.add_server("new", &server).unwrap();
    let (head, tail) = text.split_at(text.find("rules").unwrap());
    assert!(config.text().starts_with(head) && config.text().ends_with(tail), "{}", config.text());
    assert!(
        config.text().contains("\n  - name: new\n    type: streamable-http\n"),
        "{}",
        config.text()
    );
    assert_eq!(config.server("new"), Some(&server));
    assert!(config.remove_server("fetch").unwrap());
    assert_eq!(names(&config), ["docs", "new"]);
    assert!(
        config.text().contains("  # the first\n  - name: docs # the second\n"),
        "{}",
        config.text()
    );
    // Elements may have the same indentation as their key.
    let mut flush =
        McpConfig::from_yaml("mcpServers:\n- name: a\n  command: x # a\nmore: 1\n").unwrap();
    flush.add_server("b", &Server::stdio("y", ["z"])).unwrap();
    assert!(
        flush.text().contains("  command: x # a\n- name: b\n  command: y\n"),
        "{}",
        flush.text()
    );
}

#[test]
fn problems_name_the_line_of_the_field() {
    let text = "a: 1\nextensions:\n  x:\n    type: stdio\n    cmd: x\n    args: 1\n  y: {type: stdio, args: []}\n";
    let config = McpConfig::from_yaml(text).unwrap();
    let reported: Vec<_> = config
        .problems()
        .iter()
        .filter(|it| it.is_fatal())
        .map(|it| (it.path.as_str(), it.line))
        .collect();
    assert_eq!(reported, [("extensions.x.args", Some(6)), ("extensions.y.type", Some(7))]);
}

proptest! {
    /// In any layout, an edit changes one server and nothing else.
    #[test]
    fn edits_change_only_one_server(
        names in prop::collection::btree_set("[a-e\"' é,/*#:-]{1,3}", 0..4),
        margins in prop::collection::vec(prop_oneof![
            Just(""), Just("\n"), Just("# x: y\n"), Just("  # z\n"), Just("      # deep\n"),
        ], 12),
        unit in 1_usize..5,
        at in 0_usize..4,
    ) {
        let mut margins = margins.into_iter().cycle();
        let mut margin = || margins.next().unwrap_or_default();
        let mut text = format!("{}before: |\n   extensions:\n{}extensions:\n", margin(), margin());
        for name in &names {
            let name = serde_json::Value::from(name.as_str());
            let indent = " ".repeat(unit);
            text += &format!("{}{indent}{name}:\n{indent} type: stdio\n{}{indent} cmd: x\n", margin(), margin());
        }
        text += &format!("{}after: [1,\n  2]\n", margin());
        let Ok(mut config) = McpConfig::from_yaml(&text) else { return Ok(()) };
        let before: Vec<_> = config.servers().map(|(name, it)| (name.to_owned(), it.clone())).collect();
        let named = names.iter().filter(|name| !name.trim().is_empty()).count();
        prop_assert_eq!(before.len(), named);
        let name = names.iter().filter(|name| !name.trim().is_empty()).nth(at).map_or("new", String::as_str);
        let server = Server::http("https://x/mcp");
        config.add_server(name, &server).unwrap();
        prop_assert_eq!(config.server(name), Some(&server));
        let others = config.servers().filter(|(it, _)| *it != name);
        let others = others.map(|(name, it)| (name.to_owned(), it.clone()));
        prop_assert!(others.eq(before.iter().filter(|(it, _)| it != name).cloned()));
        config.remove_server(name).unwrap();
        let others = config.servers().map(|(name, it)| (name.to_owned(), it.clone()));
        prop_assert!(others.eq(before.iter().filter(|(it, _)| it != name).cloned()));
        prop_assert!(config.text().contains("before: |\n   extensions:\n"));
        prop_assert!(config.text().ends_with("after: [1,\n  2]\n"));
    }
}
