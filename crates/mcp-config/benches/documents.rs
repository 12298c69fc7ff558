//! Cost of large and hostile documents. The time must grow linearly with the size. `cargo bench -p mcp-config
//! --all-features`.
#![allow(clippy::print_stdout, clippy::unwrap_used, reason = "a benchmark")]

use std::fmt::Write;
use std::hint::black_box;
use std::time::{Duration, Instant};

use mcp_config::{Error, McpConfig, Server, Variables};

/// A kind of document, generated with a given number of entries.
struct Kind {
    name: &'static str,
    document: fn(usize) -> String,
    read: fn(&str) -> Result<McpConfig, Error>,
}

const KINDS: &[Kind] = &[
    Kind {
        name: "JSON, servers",
        document: |n| json(n, r#"{"command": "x", "args": ["y"]}"#),
        read: McpConfig::from_str,
    },
    Kind {
        name: "JSON, a typo in each",
        document: |n| json(n, r#"{"comand": "x", "arg": ["y"]}"#),
        read: McpConfig::from_str,
    },
    Kind {
        name: "JSON, foreign fields in each",
        document: |n| json(n, r#"{"command": "$KEY", "sandbox": {"a": 1}, "timeout": 60}"#),
        read: McpConfig::from_str,
    },
    Kind {
        name: "JSON, unset variables in each",
        document: |n| {
            json(n, r#"{"url": "https://x/${NO_SUCH}", "headers": {"A": "${input:none}"}}"#)
        },
        read: McpConfig::from_str,
    },
    Kind { name: "JSON, twins", document: twins, read: McpConfig::from_str },
    Kind { name: "JSON, one server with many fields", document: fields, read: McpConfig::from_str },
    Kind { name: "JSON, comments and commas", document: comments, read: McpConfig::from_str },
    #[cfg(feature = "toml")]
    Kind { name: "TOML, a typo in each", document: toml, read: McpConfig::from_toml },
    #[cfg(feature = "yaml")]
    Kind { name: "YAML, a typo in each", document: yaml, read: McpConfig::from_yaml },
    #[cfg(feature = "yaml")]
    Kind {
        name: "YAML, brackets",
        document: |n| format!("extensions: {}", "[".repeat(n * 10)),
        read: McpConfig::from_yaml,
    },
];

fn main() {
    println!("{:<36}{:>10}{:>12}{:>12}{:>12}", "document", "entries", "KiB", "read ms", "edit ms");
    let mut slowest = Duration::ZERO;
    for kind in KINDS {
        for entries in [1_000, 10_000] {
            let text = (kind.document)(entries);
            let (read, config) = timed(|| (kind.read)(&text).inspect(expanded));
            let edited = config.ok().map(|mut config| timed(|| edit(&mut config)).0);
            let edit = edited.map_or_else(|| "-".to_owned(), shown);
            println!(
                "{:<36}{entries:>10}{:>12}{:>12}{edit:>12}",
                kind.name,
                text.len() / 1024,
                shown(read),
            );
            slowest = slowest.max(read);
        }
    }
    println!("\nThe slowest document took {} ms to read and expand.", shown(slowest));
}

fn expanded(config: &McpConfig) {
    black_box(config.expand(&Variables::new(|_| None)));
}

fn edit(config: &mut McpConfig) {
    config.add_server("another", &Server::stdio("x", ["y"])).unwrap();
    config.remove_server("another").unwrap();
}

fn timed<T>(run: impl FnOnce() -> T) -> (Duration, T) {
    let start = Instant::now();
    let value = black_box(run());
    (start.elapsed(), value)
}

fn shown(time: Duration) -> String {
    format!("{:.1}", time.as_secs_f64() * 1e3)
}

fn json(entries: usize, entry: &str) -> String {
    let entries: Vec<String> = (0..entries).map(|n| format!("  \"s{n}\": {entry}")).collect();
    format!("{{\"mcpServers\": {{\n{}\n}}}}", entries.join(",\n"))
}

fn twins(entries: usize) -> String {
    let entries = vec!["  \"s\": {\"command\": \"x\"}"; entries];
    format!("{{\"mcpServers\": {{\n{}\n}}}}", entries.join(",\n"))
}

fn fields(entries: usize) -> String {
    let fields: Vec<String> =
        (0..entries).map(|n| format!("\"comman{n}\": \"$KEY_{n}\"")).collect();
    format!("{{\"mcpServers\": {{\"s\": {{\"command\": \"x\", {}}}}}}}", fields.join(", "))
}

fn comments(entries: usize) -> String {
    let mut text = "{\"mcpServers\": {\n".to_owned();
    for n in 0..entries {
        writeln!(text, "\"s{n}\": {{\"command\": \"x\", /* , */ }}, // , }}").unwrap();
    }
    text + "}, }" + &"// ,\n".repeat(entries)
}

#[cfg(feature = "toml")]
fn toml(entries: usize) -> String {
    (0..entries)
        .map(|n| format!("[mcp_servers.s{n}]\ncommand = 'x'\nenviroment = {{}}\n"))
        .collect()
}

#[cfg(feature = "yaml")]
fn yaml(entries: usize) -> String {
    let entries: String = (0..entries)
        .map(|n| format!("  s{n}:\n    type: stdio\n    cmd: x\n    enviroment:\n    - A\n"))
        .collect();
    format!("extensions:\n{entries}")
}
