//! Invariants of a configuration in any syntax: a parsed document can be expanded; an added entry parses unchanged, and
//! neither adding nor removing it changes another entry.

use mcp_config::{Error, McpConfig, Server, Variables};

/// Parses a text in one syntax.
pub type Read = fn(&str) -> Result<McpConfig, Error>;

pub fn check(data: &[u8], read: Read) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let Ok(config) = read(text) else { return };
    assert_eq!(config.text(), text);
    let values = Variables::new(|name| (name.len() < 3).then(|| "x".repeat(100)));
    let expanded = config.expand(&values);
    assert!(expanded.servers.len() <= config.servers().len());
    for problem in config.problems().iter().chain(&expanded.problems) {
        assert!(!problem.to_string().is_empty());
    }
    let _ = config.holds_secrets();
    edit(config, read);
}

fn edit(mut config: McpConfig, read: Read) {
    let others = |config: &McpConfig| -> Vec<(String, Server)> {
        let servers = config.servers().filter(|(name, _)| *name != "fuzz");
        servers.map(|(name, server)| (name.to_owned(), server.clone())).collect()
    };
    let before = others(&config);
    let server = Server::stdio("program", ["argument"]);
    if config.add_server("fuzz", &server).is_err() {
        return;
    }
    let again = read(config.text()).expect("what was written can be read");
    assert_eq!(again.server("fuzz"), Some(&server));
    assert_eq!(others(&again), before);
    config.remove_server("fuzz").expect("what was added can be removed");
    let again = read(config.text()).map_or_else(|_| Vec::new(), |again| others(&again));
    assert_eq!(again, before);
}
