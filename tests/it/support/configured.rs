use std::{
    io::{BufRead, BufReader},
    path::Path,
    time::Duration,
};

use serde_json::{Map, Value, json};
use tempfile::NamedTempFile;
use tokio::task::JoinHandle;

use super::{Log, Program, Tree};

/// A server as an entry of a configuration, with its process tree and log.
pub(crate) struct Configured {
    pub(crate) log: Log,
    pub(crate) tree: Tree,
    pub(crate) entry: Value,
    _stderr: NamedTempFile,
    following: JoinHandle<()>,
}

impl Configured {
    pub(crate) fn new(program: &Program) -> Self {
        let command = program.command();
        let text = |word: &std::ffi::OsStr| word.to_str().unwrap().to_owned();
        let words = std::iter::once(command.get_program()).chain(command.get_args()).map(text);
        let (log, tree) = (Log::new(), Tree::new());
        let stderr = NamedTempFile::new().unwrap();
        let (name, mark) = tree.variable();
        // A configuration cannot redirect stderr.
        let args: Vec<String> = ["-c", r#"exec "$0" "$@" 2>>"$STDERR""#]
            .into_iter()
            .map(str::to_owned)
            .chain(words)
            .collect();
        let entry = json!({
            "command": "sh",
            "args": args,
            "env": { name: mark, "STDERR": stderr.path() },
        });
        let following = tokio::spawn(follow(stderr.reopen().unwrap(), log.clone()));
        Self { log, tree, entry, _stderr: stderr, following }
    }

    /// Sets an environment variable.
    pub(crate) fn env(mut self, name: &str, value: &Path) -> Self {
        self.entry["env"][name] = json!(value);
        self
    }

    /// Sets a field of the entry.
    pub(crate) fn with(mut self, field: &str, value: Value) -> Self {
        self.entry[field] = value;
        self
    }
}

impl Drop for Configured {
    fn drop(&mut self) {
        self.following.abort();
    }
}

async fn follow(file: std::fs::File, log: Log) {
    let mut reader = BufReader::new(file);
    let mut line = String::new();
    loop {
        match reader.read_line(&mut line) {
            Ok(_) if line.ends_with('\n') => {
                log.push(line.trim_end());
                line.clear();
            }
            _ => tokio::time::sleep(Duration::from_millis(5)).await,
        }
    }
}

/// A document with these servers, in this order.
pub(crate) fn config<'a>(servers: impl IntoIterator<Item = (&'a str, &'a Value)>) -> Value {
    let servers = servers.into_iter().map(|(name, entry)| (name.to_owned(), entry.clone()));
    json!({ "mcpServers": servers.collect::<Map<_, _>>() })
}
