//! Scripts and packages: what runs them is a stand-in that writes down how it was started, or the real
//! thing where this machine has it.

use std::{
    os::unix::fs::symlink,
    path::{Path, PathBuf},
    process::Command,
};

use mcp_transport::{Connect, Delivery, Error, ErrorKind, Transport};
use mcp_transport_stdio::{Stderr, Stdio};

use crate::support::{ECHO, bounded, call};

/// A directory for `PATH` that has a shell and stand-ins of these names.
fn stand_ins(names: &[&str]) -> (tempfile::TempDir, PathBuf) {
    let dir = tempfile::tempdir().unwrap();
    symlink("/bin/sh", dir.path().join("sh")).unwrap();
    let text = dir.path().join("stand-in.txt");
    let script = r#"for word in "${0##*/}" "$@" "utf8=$PYTHONUTF8" "$PWD"; do
        printf '%s\n' "$word"; done > "$SEEN""#;
    std::fs::write(&text, format!("#!/bin/sh\n{ECHO}\n{script}\nserve\n")).unwrap();
    for name in names {
        // Not written here: what forks meanwhile would hold it open, and such a file cannot be run.
        let mut install = Command::new("install");
        install.args(["-m", "755"]).arg(&text).arg(dir.path().join(name));
        assert!(install.status().unwrap().success());
    }
    let path = dir.path().to_owned();
    (dir, path)
}

/// What the stand-in below `path` was started with: its name and arguments, a variable, a directory.
async fn seen<R: Send + Sync + 'static>(server: Stdio<R>, path: &Path) -> Vec<String> {
    let file = path.join("seen");
    let server = server.env("PATH", path).env("SEEN", &file).stderr(Stderr::Null);
    let transport = bounded(server.connect()).await.unwrap().transport;
    bounded(call(&transport, 1)).await.unwrap();
    bounded(transport.close()).await.unwrap();
    std::fs::read_to_string(file).unwrap().lines().map(str::to_owned).collect()
}

#[tokio::test]
async fn words_reach_the_runner_as_they_are() {
    let (_dir, path) = stand_ins(&["uv", "uvx", "npx", "node", "my runner"]);
    let cwd = path.join("it's a \"dîr\"");
    std::fs::create_dir(&cwd).unwrap();
    let place = cwd.canonicalize().unwrap().display().to_string();
    let place = place.as_str();
    let odd = ["a b", "it's", "\"q\"", "$HOME", "", "ü\\n", "*"];
    let expected = |words: &[&str]| -> Vec<String> {
        words.iter().copied().chain(odd).chain(["utf8=", place]).map(str::to_owned).collect()
    };

    let uvx = Stdio::uvx("tool").args(odd).from_package("a[b]>=1").cwd(&cwd);
    assert_eq!(seen(uvx, &path).await, expected(&["uvx", "--from", "a[b]>=1", "tool"]));
    let uv = Stdio::uv("ein skript.py").args(odd).project(&cwd).cwd(&cwd);
    assert_eq!(
        seen(uv, &path).await,
        expected(&["uv", "run", "--project", cwd.to_str().unwrap(), "ein skript.py"])
    );
    let npx = Stdio::npx("@a/b").args(odd).cwd(&cwd).prefer_offline(true);
    assert_eq!(seen(npx, &path).await, expected(&["npx", "-y", "--prefer-offline", "@a/b"]));
    let node = Stdio::node("ein skript.js").args(odd).cwd(&cwd);
    assert_eq!(seen(node, &path).await, expected(&["node", "ein skript.js"]));
    let typed = Stdio::node("a.ts").runner("my runner").args(odd).cwd(&cwd);
    assert_eq!(seen(typed, &path).await, expected(&["my runner", "a.ts"]));
    let line = r#"'my runner' a.ts 'a b' it\'s '"q"' \$HOME "" 'ü\n' *"#;
    let line = Stdio::command_line(line).unwrap().cwd(&cwd);
    assert_eq!(seen(line, &path).await, expected(&["my runner", "a.ts"]));
}

#[tokio::test]
async fn python_is_whichever_there_is_and_speaks_utf8() {
    let (_dir, path) = stand_ins(&["python", "python3"]);
    let venv = path.join("my venv");
    std::fs::create_dir_all(venv.join("bin")).unwrap();
    std::fs::hard_link(path.join("python"), venv.join("bin/python")).unwrap();
    let none = || Stdio::python("a b.py").arg("-v").env("VIRTUAL_ENV", "");
    let here = std::env::current_dir().unwrap().canonicalize().unwrap().display().to_string();
    let started = |program: &str, utf8: &str| {
        [program, "a b.py", "-v", &format!("utf8={utf8}"), &here].map(str::to_owned)
    };
    assert_eq!(seen(none(), &path).await, started("python3", "1"));
    assert_eq!(seen(none().interpreter("python"), &path).await, started("python", "1"));
    assert_eq!(seen(none().env("PYTHONUTF8", "0"), &path).await, started("python3", "0"));
    let server = none().env("VIRTUAL_ENV", &venv);
    std::fs::remove_file(path.join("python")).unwrap();
    assert_eq!(seen(server.clone(), &path).await, started("python", "1"));
    // Each connect looks anew.
    std::fs::rename(venv.join("bin/python"), path.join("python")).unwrap();
    std::fs::remove_file(path.join("python3")).unwrap();
    assert_eq!(seen(server, &path).await, started("python", "1"));
}

async fn refused(server: impl Connect) -> (ErrorKind, String) {
    let error: Error = bounded(server.connect()).await.err().unwrap();
    assert_eq!(error.delivery(), Delivery::NotSent);
    (error.kind(), error.to_string())
}

#[tokio::test]
async fn a_runner_that_is_not_installed_says_what_to_install() {
    let (_dir, empty) = stand_ins(&[]);
    async fn missing<R: Send + Sync + 'static>(server: Stdio<R>, path: &Path, expected: &str) {
        let server = server.env("PATH", path).env("VIRTUAL_ENV", "");
        assert_eq!(refused(server).await, (ErrorKind::Connect, expected.to_owned()));
    }
    let uv = "install uv: https://docs.astral.sh/uv/";
    let node = "install Node.js: https://nodejs.org/";
    let python = "install Python: https://www.python.org/";
    let none = |command: &str, install: &str| {
        format!("cannot start {command}: it was not found on PATH; {install}")
    };
    missing(Stdio::uv("a.py"), &empty, &none("uv", uv)).await;
    missing(Stdio::uvx("tool"), &empty, &none("uvx", uv)).await;
    missing(Stdio::npx("a"), &empty, &none("npx", node)).await;
    missing(Stdio::node("a.js"), &empty, &none("node", node)).await;
    missing(Stdio::python("a.py"), &empty, &none("python3", python)).await;
    let line = Stdio::command_line("uvx tool --flag").unwrap();
    missing(line, &empty, &none("uvx", uv)).await;
    // No advice where there is none to give.
    let unknown = "cannot start tsx: it was not found on PATH";
    missing(Stdio::node("a.ts").runner("tsx"), &empty, unknown).await;
    let path = "cannot start /no/python: there is no such file";
    missing(Stdio::python("a.py").interpreter("/no/python"), &empty, path).await;
}

#[tokio::test]
async fn typescript_needs_a_runner() {
    let (kind, text) = refused(Stdio::node("src/a b.ts")).await;
    assert_eq!(kind, ErrorKind::Config);
    assert!(text.starts_with("src/a b.ts is TypeScript") && text.contains("tsx"), "{text}");
}

#[test]
fn a_command_line_that_cannot_be_split_is_an_error() {
    for (line, expected) in [
        ("", "the command line is empty"),
        (" \t # nothing", "the command line is empty"),
        ("uvx 'a b", "the command line ends within a quote or after a backslash: uvx 'a b"),
    ] {
        let error = Stdio::command_line(line).unwrap_err();
        assert_eq!((error.kind(), error.delivery()), (ErrorKind::Config, Delivery::NotSent));
        assert_eq!(error.to_string(), expected);
    }
}

/// Whether this machine has a program; a test without it has nothing to test.
fn has(program: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).any(|directory| directory.join(program).is_file())
}

#[tokio::test]
async fn a_script_of_python() {
    if !has("python3") {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let script = dir.path().join("mein 'größter' server.py");
    let text = r#"
import json, os, sys
for line in sys.stdin:
    result = {"args": sys.argv[1:], "utf8": sys.flags.utf8_mode, "cwd": os.getcwd()}
    answer = {"jsonrpc": "2.0", "id": json.loads(line)["id"], "result": result}
    print(json.dumps(answer, ensure_ascii=False), flush=True)
"#;
    std::fs::write(&script, text).unwrap();
    let place = dir.path().canonicalize().unwrap();
    let server = Stdio::python(script.file_name().unwrap()).args(["ü \"q\"", ""]).cwd(&place);
    let result = result_of(server.env("VIRTUAL_ENV", "")).await;
    let place = place.display();
    assert_eq!(result, format!(r#"{{"args": ["ü \"q\"", ""], "utf8": 1, "cwd": "{place}"}}"#));
}

#[tokio::test]
async fn a_script_of_node() {
    if !has("node") {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let script = dir.path().join("größe & co.mjs");
    let text = r#"
import { createInterface } from "node:readline";
createInterface({ input: process.stdin }).on("line", (line) => {
    const result = { args: process.argv.slice(2) };
    console.log(JSON.stringify({ jsonrpc: "2.0", id: JSON.parse(line).id, result }));
});
"#;
    std::fs::write(&script, text).unwrap();
    let result = result_of(Stdio::node(&script).args(["ü \"q\"", ""])).await;
    assert_eq!(result, r#"{"args":["ü \"q\"",""]}"#);
}

async fn result_of<R: Send + Sync + 'static>(server: Stdio<R>) -> String {
    let transport = bounded(server.stderr(Stderr::Null).connect()).await.unwrap().transport;
    let response = bounded(call(&transport, 1)).await.unwrap();
    bounded(transport.close()).await.unwrap();
    String::from_utf8(response.outcome.unwrap().as_bytes().to_vec()).unwrap()
}
