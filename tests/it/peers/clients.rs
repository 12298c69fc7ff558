//! Clients of other projects with the server of this project.

use std::process::{Command, Stdio};

use serde_json::{Value, json};

use super::python_of;
use crate::{
    own::OwnHttp,
    support::{Peer, Program, source},
};

/// The output of a client that calls the server in this mode: the same over stdio and HTTP.
fn got(client: &Program, mode: &str) -> [Value; 2] {
    let http = OwnHttp::start(tokio::runtime::Runtime::new().unwrap());
    [env!("CARGO_BIN_EXE_own-peer"), &http.url].map(|target| got_from(client, mode, target))
}

fn got_from(client: &Program, mode: &str, target: &str) -> Value {
    let mut command: Command = client.command();
    command.arg(mode).arg(target);
    let output = command.stdin(Stdio::null()).output().unwrap();
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{stderr}");
    serde_json::from_slice(&output.stdout).unwrap()
}

fn expected(version: &str) -> Value {
    json!({
        "version": version,
        "server": "own",
        "tools": ["add", "big", "echo", "fail", "slow", "wait"],
        "echo": "hello",
        "failed": [true, "no paper"],
        "progress": [[1.0, 3.0, "step 1"], [2.0, 3.0, "step 2"], [3.0, 3.0, "step 3"]],
        "greeting": "hello",
        "templates": ["test://item/{id}"],
        "prompt": "Hello, Ann!",
    })
}

#[test]
fn mcp1() {
    let Some(python) = python_of("mcp1") else { return };
    let client = python.arg(source("clients/mcp1.py"));
    assert_eq!(got(&client, "legacy"), [(); 2].map(|()| expected("2025-11-25")));
}

#[test]
fn mcp2() {
    let Some(python) = python_of("mcp2") else { return };
    let client = python.arg(source("clients/mcp2.py"));
    assert_eq!(got(&client, "auto"), [(); 2].map(|()| expected("2026-07-28")));
    assert_eq!(got(&client, "legacy"), [(); 2].map(|()| expected("2025-11-25")));
}

#[test]
fn ts2() {
    if Peer("npm").installed().is_none() {
        return;
    }
    let client = Program::new("node").arg(source("clients/ts2.mjs"));
    for (mode, version) in [("auto", "2026-07-28"), ("legacy", "2025-11-25")] {
        for mut got in got(&client, mode) {
            let mut expected = expected(version);
            // This client loses progress that it reads together with the response.
            let seen = got["progress"].take();
            let seen: Vec<(f64, f64, String)> = serde_json::from_value(seen).unwrap();
            let sent: Vec<(f64, f64, String)> =
                serde_json::from_value(expected["progress"].take()).unwrap();
            assert!(sent.starts_with(&seen), "{seen:?}");
            assert_eq!(got, expected);
        }
    }
}
