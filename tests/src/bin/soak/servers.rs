//! Five real servers behind one client: four processes and one remote server.

use std::{
    net::TcpListener,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

use mcp_client::group::{Group, ServerState};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};

/// A server, and the argument name of its tool `echo`.
pub(crate) struct Server {
    pub(crate) name: &'static str,
    pub(crate) argument: &'static str,
    /// Whether it has the cancellable tool `wait`.
    pub(crate) can_wait: bool,
}

pub(crate) const SERVERS: [Server; 5] = [
    Server { name: "mcp1", argument: "text", can_wait: true },
    Server { name: "mcp2", argument: "text", can_wait: true },
    Server { name: "ts2", argument: "text", can_wait: true },
    Server { name: "everything", argument: "message", can_wait: false },
    Server { name: "rmcp", argument: "text", can_wait: true },
];

/// The remote server.
const REMOTE: &str = "rmcp";

/// The entries of all servers, and the process of the remote one.
pub(crate) struct Servers {
    pub(crate) document: Value,
    remote: Remote,
}

struct Remote {
    program: PathBuf,
    port: u16,
    child: Option<Child>,
}

impl Servers {
    /// Starts the remote server.
    pub(crate) fn start() -> Result<Self, String> {
        let repository = Path::new(env!("CARGO_MANIFEST_DIR")).parent().ok_or("has a folder")?;
        let peers = repository.join(".peers");
        for peer in ["npm", "mcp1", "mcp2", "rmcp"] {
            let stamp = std::fs::read_to_string(peers.join("stamps").join(peer));
            if stamp.unwrap_or_default().is_empty() {
                return Err(format!("{peer} is not installed: run cargo xtask setup"));
            }
        }
        let source = |file: &str| repository.join("tests/peers").join(file);
        let python = |name: &str| {
            let python = peers.join(name).join("bin/python");
            quiet([python, source(&format!("{name}.py")), "stdio".into()])
        };
        let everything = "npm/node_modules/@modelcontextprotocol/server-everything/dist/index.js";
        let program = peers.join("rmcp-target/debug/rmcp-peer");
        let free = TcpListener::bind(("127.0.0.1", 0)).map_err(|error| error.to_string())?;
        let port = free.local_addr().map_err(|error| error.to_string())?.port();
        drop(free);
        let mut remote = Remote { program, port, child: None };
        remote.start()?;
        let document = json!({ "mcpServers": {
            "mcp1": python("mcp1"),
            "mcp2": python("mcp2"),
            "ts2": quiet(["node".into(), source("ts2.mjs"), "stdio".into()]),
            "everything": quiet(["node".into(), peers.join(everything)]),
            REMOTE: { "url": format!("http://127.0.0.1:{port}/mcp") },
        } });
        Ok(Self { document, remote })
    }

    /// The entry of one process server.
    pub(crate) fn single(&self, name: &str) -> Value {
        json!({ "mcpServers": { name: self.document["mcpServers"][name] } })
    }

    /// Kills a server. Returns whether it ran.
    pub(crate) fn kill(&mut self, group: &Group, name: &str) -> Result<bool, String> {
        if name == REMOTE {
            self.remote.stop();
            return self.remote.start().map(|()| true);
        }
        let status = group.status().into_iter().find(|server| &*server.name == name);
        let pid = status.and_then(|server| server.pid).and_then(|pid| i32::try_from(pid).ok());
        let Some(pid) = pid.and_then(Pid::from_raw) else { return Ok(false) };
        Ok(kill_process(pid, Signal::KILL).is_ok())
    }
}

/// The entry of a command without its stderr, which would mix with the curve.
fn quiet<const N: usize>(command: [PathBuf; N]) -> Value {
    let words = command.iter().map(|word| word.to_string_lossy().into_owned());
    let quiet = ["-c", r#"exec "$0" "$@" 2>/dev/null"#].map(str::to_owned);
    json!({ "command": "sh", "args": quiet.into_iter().chain(words).collect::<Vec<_>>() })
}

/// Whether all servers of the group are ready.
pub(crate) fn are_ready(group: &Group) -> bool {
    group.status().iter().all(|server| server.state == ServerState::Ready)
}

impl Remote {
    fn start(&mut self) -> Result<(), String> {
        let mut command = Command::new(&self.program);
        command.args(["http", &self.port.to_string()]);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        self.child = Some(command.spawn().map_err(|error| error.to_string())?);
        Ok(())
    }

    fn stop(&mut self) {
        if let Some(mut child) = self.child.take() {
            // Fails if it has exited.
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

impl Drop for Remote {
    fn drop(&mut self) {
        self.stop();
    }
}
