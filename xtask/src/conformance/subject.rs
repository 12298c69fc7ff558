//! The program under test.

use std::env::consts::EXE_SUFFIX;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use crate::metadata::Workspace;
use crate::run::{self, Result, cargo};

pub(crate) enum Subject {
    /// A command that is started for each scenario.
    Client(String),
    Server(Server),
}

/// A running server. Dropping it stops it.
pub(crate) struct Server {
    child: Child,
    url: String,
}

impl Subject {
    /// Builds the client.
    pub(crate) fn client(workspace: &Workspace) -> Result<Self> {
        let program = build("conformance-client", &workspace.target)?;
        // The suite passes this to a shell.
        Ok(Self::Client(format!("\"{program}\"")))
    }

    /// Builds and starts the server.
    pub(crate) fn server(workspace: &Workspace) -> Result<Self> {
        let program = build("conformance-server", &workspace.target)?;
        let mut command = Command::new(&program);
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let child = command.spawn().map_err(|error| format!("`{program}`: {error}"))?;
        let mut server = Server { child, url: String::new() };
        if let Some(stdout) = server.child.stdout.take() {
            // Also returns if the server exits without printing a URL.
            let read = BufReader::new(stdout).read_line(&mut server.url);
            read.map_err(|error| format!("`{program}`: {error}"))?;
        }
        match server.url.trim() {
            "" => Err(format!("`{program}` did not print its URL")),
            _ => Ok(Self::Server(server)),
        }
    }

    /// The arguments that list the scenarios for it.
    pub(crate) fn list(&self) -> &'static str {
        match self {
            Self::Client(_) => "list --client",
            Self::Server(_) => "list --server",
        }
    }

    /// The arguments that run the suite against it.
    pub(crate) fn args(&self) -> [&str; 3] {
        match self {
            Self::Client(command) => ["client", "--command", command],
            Self::Server(server) => ["server", "--url", server.url.trim()],
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Fails if it has already exited.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn build(name: &str, target: &Path) -> Result<String> {
    run::run(cargo("build --bin").arg(name))?;
    Ok(target.join("debug").join(format!("{name}{EXE_SUFFIX}")).display().to_string())
}
