//! Servers of other SDKs over stdio, installed by `cargo xtask setup`.

use std::{
    io::Write,
    path::{Path, PathBuf},
};

use crate::support::run;

/// The folder of installed peers; `None` if this one is missing, which is an error in CI.
fn installed(name: &str) -> Option<PathBuf> {
    let repository = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let peers = repository.join(".peers");
    if std::fs::read_to_string(peers.join("stamps").join(name)).is_ok_and(|it| !it.is_empty()) {
        return Some(peers);
    }
    let message = format!("skipped: {name} is not installed: run cargo xtask setup");
    assert!(std::env::var_os("CI").is_none_or(|ci| ci != "true"), "CI=true, and {message}");
    let _ = writeln!(std::io::stderr(), "{message}");
    None
}

/// The names, command lines and eras of the peers.
fn peers() -> Vec<(&'static str, Vec<String>, &'static [&'static str])> {
    let text = |path: PathBuf| path.to_str().unwrap().to_owned();
    let mut all = Vec::new();
    if let Some(peers) = installed("npm") {
        let program =
            peers.join("npm/node_modules/@modelcontextprotocol/server-everything/dist/index.js");
        all.push(("server-everything", vec!["node".to_owned(), text(program)], &["legacy"][..]));
    }
    if let Some(peers) = installed("rmcp") {
        let program = text(peers.join("rmcp-target/debug/rmcp-peer"));
        all.push(("rmcp", vec![program, "stdio".to_owned()], &["legacy", "modern"]));
    }
    if let Some(peers) = installed("fastmcp4") {
        let python = text(peers.join("fastmcp4/bin/python"));
        let script = text(peers.join("../tests/peers/fastmcp4.py"));
        all.push(("fastmcp4", vec![python, script, "stdio".to_owned()], &["legacy", "modern"]));
    }
    all
}

fn on(program: &[String], args: &[&str]) -> crate::support::Ran {
    let program = program.iter().map(String::as_str);
    run(&args.iter().copied().chain(["--"]).chain(program).collect::<Vec<_>>())
}

#[test]
fn tools_are_listed_and_called_in_both_eras() {
    for (name, program, eras) in peers() {
        for era in eras {
            let era = ["--era", era];
            let listed = on(&program, &[&["list"][..], &era].concat()).ok();
            assert!(listed.contains("\n  echo("), "{name}: {listed}");
            let key = if name == "server-everything" { "message=hi" } else { "text=hi" };
            let echoed = on(&program, &[&["call", "echo", key][..], &era].concat()).ok();
            assert!(echoed.ends_with("hi\n"), "{name}: {echoed}");
        }
        let inspected = on(&program, &["inspect", "--json"]).ok();
        let era = format!("\"era\": \"{}\"", eras.last().unwrap());
        assert!(inspected.contains(&era), "{name}: {inspected}");
    }
}

#[test]
fn failures_of_tools_and_arguments_have_their_codes() {
    for (name, program, _) in peers() {
        on(&program, &["call", "no-such-tool"]).fails(2);
        if name != "server-everything" {
            on(&program, &["call", "fail", "message=no paper"]).fails(5);
            on(&program, &["call", "add", "a=x", "b=1"]).fails(2);
            let slow = ["call", "wait", "ms=60000", "--total-timeout", "500ms"];
            on(&program, &slow).fails(6);
        }
    }
}

/// The official clients of other languages, through the proxy in both directions.
#[test]
fn official_clients_reach_a_server_through_the_proxy() {
    let Some(rmcp) = installed("rmcp") else { return };
    let rmcp = rmcp.join("rmcp-target/debug/rmcp-peer");
    let rmcp = rmcp.to_str().unwrap();
    let listening = crate::proxy::Listening::start(&["--", rmcp, "stdio"]);
    let clients = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/peers/clients");
    let client = |program: PathBuf, script: &str| (program, clients.join(script));
    let mut all = Vec::new();
    if installed("npm").is_some() {
        all.push((client("node".into(), "ts2.mjs"), &["auto", "legacy"][..]));
    }
    if let Some(peers) = installed("mcp1") {
        all.push((client(peers.join("mcp1/bin/python"), "mcp1.py"), &["legacy"]));
    }
    if let Some(peers) = installed("mcp2") {
        all.push((client(peers.join("mcp2/bin/python"), "mcp2.py"), &["auto", "legacy"]));
    }
    for ((program, script), modes) in all {
        for mode in modes {
            let of = |target: &[&str]| {
                let mut command = std::process::Command::new(&program);
                let output = command.arg(&script).arg(mode).args(target).output().unwrap();
                let said = String::from_utf8_lossy(&output.stderr);
                assert!(output.status.success(), "{} {mode}: {said}", script.display());
                serde_json::from_slice::<serde_json::Value>(&output.stdout).unwrap()
            };
            let version = if *mode == "auto" { "2026-07-28" } else { "2025-11-25" };
            // From stdio to HTTP, and from HTTP to stdio.
            for got in
                [of(&[&listening.url]), of(&[env!("CARGO_BIN_EXE_mcp"), "proxy", &listening.url])]
            {
                assert_eq!(got["version"], version, "{got}");
                assert_eq!(got["echo"], "hello");
                assert_eq!(got["greeting"], "hello");
                assert_eq!(got["failed"], serde_json::json!([true, "no paper"]));
            }
        }
    }
}

#[test]
fn a_tool_that_runs_as_a_task_is_named() {
    let Some(peers) = installed("npm") else { return };
    let everything = "npm/node_modules/@modelcontextprotocol/server-everything/dist/index.js";
    let program = ["node".to_owned(), peers.join(everything).to_str().unwrap().to_owned()];
    let call = ["call", "simulate-research-query", "topic=tea"];
    let state = on(&program, &[&call[..], &["--task", "--json"]].concat()).ok();
    let state: serde_json::Value = serde_json::from_str(&state).unwrap();
    assert!(state["taskId"].is_string() && state["status"] == "working", "{state}");
}

#[test]
fn what_a_server_asks_is_answered() {
    let Some(peers) = installed("npm") else { return };
    let everything = "npm/node_modules/@modelcontextprotocol/server-everything/dist/index.js";
    let program = ["node".to_owned(), peers.join(everything).to_str().unwrap().to_owned()];
    let asked = on(&program, &["call", "trigger-elicitation-request"]).fails(8);
    assert!(asked.contains("requires input"), "{asked}");
    let answer = ["call", "trigger-elicitation-request", "--answer", "name=Ann"];
    assert!(on(&program, &answer).ok().contains("Ann"));
    let sample = ["call", "trigger-sampling-request", "prompt=a poem", "maxTokens=100"];
    let sampled = on(&program, &[&sample[..], &["--sample", "cat >request; echo roses"]].concat());
    assert!(sampled.ok().contains("roses"));
    let roots = on(&program, &["call", "get-roots-list", "--root", "."]).ok();
    assert!(roots.contains("file:///"), "{roots}");
}
