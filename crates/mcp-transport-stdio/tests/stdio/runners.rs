//! Scripts and packages, run by fake runners that record their arguments, or by real ones if they are
//! installed.

use std::{
    os::unix::fs::symlink,
    path::{Path, PathBuf},
    process::Command,
};

use mcp_testkit::within;
use mcp_transport::{Connect, Delivery, Error, ErrorKind, Transport};
use mcp_transport_stdio::{Stderr, Stdio};

use crate::support::{ECHO, call};

/// A directory for `PATH` with a shell and fake runners of these names.
fn fake_runners(names: &[&str]) -> (tempfile::TempDir, PathBuf) {
    let dir = tempfile::tempdir().unwrap();
    symlink("/bin/sh", dir.path().join("sh")).unwrap();
    let text = dir.path().join("fake-runner.txt");
    let script = r#"for word in "${0##*/}" "$@" "utf8=$PYTHONUTF8" "$PWD"; do
        printf '%s\n' "$word"; done > "$RECORD""#;
    std::fs::write(&text, format!("#!/bin/sh\n{ECHO}\n{script}\nserve\n")).unwrap();
    for name in names {
        // Copied by another process: a file that a concurrent fork holds open for writing cannot be executed.
        let mut install = Command::new("install");
        install.args(["-m", "755"]).arg(&text).arg(dir.path().join(name));
        assert!(install.status().unwrap().success());
    }
    let path = dir.path().to_owned();
    (dir, path)
}

/// The name, arguments, one variable and working directory of the fake runner in `path`.
async fn recorded<R: Send + Sync + 'static>(server: Stdio<R>, path: &Path) -> Vec<String> {
    let file = path.join("recorded");
    let server = server.env("PATH", path).env("RECORD", &file).stderr(Stderr::Null);
    let transport = within(server.connect()).await.unwrap().transport;
    within(call(&transport, 1)).await.unwrap();
    within(transport.close()).await.unwrap();
    std::fs::read_to_string(file).unwrap().lines().map(str::to_owned).collect()
}

#[tokio::test]
async fn arguments_reach_the_runner_unchanged() {
    let (_dir, path) = fake_runners(&["uv", "uvx", "npx", "node", "my runner"]);
    let cwd = path.join("it's a \"dîr\"");
    std::fs::create_dir(&cwd).unwrap();
    let place = cwd.canonicalize().unwrap().display().to_string();
    let place = place.as_str();
    let odd = ["a b", "it's", "\"q\"", "$HOME", "", "ü\\n", "*"];
    let expected = |words: &[&str]| -> Vec<String> {
        words.iter().copied().chain(odd).chain(["utf8=", place]).map(str::to_owned).collect()
    };

    let uvx = Stdio::uvx("tool").args(odd).from_package("a[b]>=1").cwd(&cwd);
    assert_eq!(recorded(uvx, &path).await, expected(&["uvx", "--from", "a[b]>=1", "tool"]));
    let uv = Stdio::uv("ein skript.py").args(odd).project(&cwd).cwd(&cwd);
    assert_eq!(
        recorded(uv, &path).await,
        expected(&["uv", "run", "--project", cwd.to_str().unwrap(), "ein skript.py"])
    );
    let npx = Stdio::npx("@a/b").args(odd).cwd(&cwd).prefer_offline(true);
    assert_eq!(recorded(npx, &path).await, expected(&["npx", "-y", "--prefer-offline", "@a/b"]));
    let node = Stdio::node("ein skript.js").args(odd).cwd(&cwd);
    assert_eq!(recorded(node, &path).await, expected(&["node", "ein skript.js"]));
    let typed = Stdio::node("a.ts").runner("my runner").args(odd).cwd(&cwd);
    assert_eq!(recorded(typed, &path).await, expected(&["my runner", "a.ts"]));
    let line = r#"'my runner' a.ts 'a b' it\'s '"q"' \$HOME "" 'ü\n' *"#;
    let line = Stdio::command_line(line).unwrap().cwd(&cwd);
    assert_eq!(recorded(line, &path).await, expected(&["my runner", "a.ts"]));
}

#[tokio::test]
async fn the_python_interpreter_is_looked_up_and_uses_utf8() {
    let (_dir, path) = fake_runners(&["python", "python3"]);
    let venv = path.join("my venv");
    std::fs::create_dir_all(venv.join("bin")).unwrap();
    std::fs::hard_link(path.join("python"), venv.join("bin/python")).unwrap();
    let none = || Stdio::python("a b.py").arg("-v").env("VIRTUAL_ENV", "");
    let here = std::env::current_dir().unwrap().canonicalize().unwrap().display().to_string();
    let started = |program: &str, utf8: &str| {
        [program, "a b.py", "-v", &format!("utf8={utf8}"), &here].map(str::to_owned)
    };
    assert_eq!(recorded(none(), &path).await, started("python3", "1"));
    assert_eq!(recorded(none().interpreter("python"), &path).await, started("python", "1"));
    assert_eq!(recorded(none().env("PYTHONUTF8", "0"), &path).await, started("python3", "0"));
    let server = none().env("VIRTUAL_ENV", &venv);
    std::fs::remove_file(path.join("python")).unwrap();
    assert_eq!(recorded(server.clone(), &path).await, started("python", "1"));
    // Each connect looks the interpreter up again.
    std::fs::rename(venv.join("bin/python"), path.join("python")).unwrap();
    std::fs::remove_file(path.join("python3")).unwrap();
    assert_eq!(recorded(server, &path).await, started("python", "1"));
}

async fn start_error(server: impl Connect) -> (ErrorKind, String) {
    let error: Error = within(server.connect()).await.err().unwrap();
    assert_eq!(error.delivery(), Delivery::NotSent);
    (error.kind(), error.to_string())
}

#[tokio::test]
async fn a_missing_runner_is_an_error_with_the_installer() {
    let (_dir, empty) = fake_runners(&[]);
    async fn missing<R: Send + Sync + 'static>(server: Stdio<R>, path: &Path, expected: &str) {
        let server = server.env("PATH", path).env("VIRTUAL_ENV", "");
        assert_eq!(start_error(server).await, (ErrorKind::Connect, expected.to_owned()));
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
    // No hint for unknown programs.
    let unknown = "cannot start tsx: it was not found on PATH";
    missing(Stdio::node("a.ts").runner("tsx"), &empty, unknown).await;
    let path = "cannot start /no/python: there is no such file";
    missing(Stdio::python("a.py").interpreter("/no/python"), &empty, path).await;
}

#[tokio::test]
async fn typescript_needs_a_runner() {
    let (kind, text) = start_error(Stdio::node("src/a b.ts")).await;
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

/// Whether a program is installed. Tests that need it are skipped otherwise.
fn has(program: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).any(|directory| directory.join(program).is_file())
}

#[tokio::test]
async fn a_python_script_is_run() {
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
async fn a_node_script_is_run() {
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
    let transport = within(server.stderr(Stderr::Null).connect()).await.unwrap().transport;
    let response = within(call(&transport, 1)).await.unwrap();
    within(transport.close()).await.unwrap();
    String::from_utf8(response.outcome.unwrap().as_bytes().to_vec()).unwrap()
}
