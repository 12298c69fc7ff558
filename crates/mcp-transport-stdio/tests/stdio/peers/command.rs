//! What reaches the process: arguments, environment and working directory.

use std::{
    collections::BTreeMap,
    ffi::OsString,
    path::{Path, PathBuf},
};

use mcp_testkit::hostile_peer_command;
use mcp_transport::{Connect, Transport};
use mcp_transport_stdio::Stdio;

use super::{call, connect, peer};

const ODD: &[&str] =
    &["a b", "it's", "\"q\"", r"\", r#"\" \\"#, r"C:\it's a\", "$HOME", "", "ü\\n", "*"];

fn argument(step: &str, file: &Path) -> OsString {
    let mut argument = OsString::from(step);
    argument.push(file);
    argument
}

/// The content of a file that the server wrote at its start, split at NUL.
async fn written<R: Send + Sync + 'static>(server: Stdio<R>, file: &Path) -> Vec<String> {
    let transport = connect(server).await.transport;
    call(&transport, 1).await.unwrap();
    transport.close().await.unwrap();
    std::fs::read_to_string(file).unwrap().split('\0').map(str::to_owned).collect()
}

#[tokio::test]
async fn arguments_are_unchanged() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("the arguments");
    let server = peer(&[]).arg(argument("arguments=", &file)).args(ODD);
    assert_eq!(written(server.clone(), &file).await, ODD);
    // The text of a command is a command line with the same arguments.
    std::fs::remove_file(&file).unwrap();
    let line = Stdio::command_line(&server.describe()).unwrap();
    assert_eq!(written(line, &file).await, ODD);
}

#[tokio::test]
async fn an_interpreter_of_a_virtual_environment_is_started() {
    let dir = tempfile::tempdir().unwrap();
    let folder = dir.path().join("my venv").join(if cfg!(windows) { "Scripts" } else { "bin" });
    let name = PathBuf::from("python").with_extension(std::env::consts::EXE_EXTENSION);
    std::fs::create_dir_all(&folder).unwrap();
    // Linked: a file that a concurrent fork holds open for writing cannot be executed.
    if std::fs::hard_link(hostile_peer_command(), folder.join(&name)).is_err() {
        std::fs::copy(hostile_peer_command(), folder.join(&name)).unwrap();
    }
    let file = dir.path().join("arguments");
    let server = Stdio::python(argument("arguments=", &file)).args(["-v", "a b"]);
    let server = server.env("VIRTUAL_ENV", dir.path().join("my venv"));
    assert_eq!(written(server, &file).await, ["-v", "a b"]);
}

async fn environment_of(configure: impl FnOnce(Stdio) -> Stdio) -> BTreeMap<String, String> {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("environment");
    let server = configure(peer(&[]).arg(argument("environment=", &file)).arg("echo"));
    let vars = written(server, &file).await;
    // Windows has variables without a name for the working directories of drives.
    let vars = vars.iter().filter_map(|var| var.split_once('=')).filter(|var| !var.0.is_empty());
    vars.map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
}

#[tokio::test]
async fn the_environment_is_the_allow_list_and_what_is_set() {
    let secret = std::env::var("CARGO_PKG_NAME").unwrap();
    let plain = environment_of(|stdio| stdio).await;
    let has = |vars: &BTreeMap<String, String>, wanted: &str| {
        vars.keys().any(|name| name.eq_ignore_ascii_case(wanted))
    };
    assert!(has(&plain, "PATH") && !has(&plain, "CARGO_PKG_NAME"), "{plain:?}");
    assert!(!plain.values().any(|value| *value == secret), "{plain:?}");
    let set = environment_of(|stdio| {
        let stdio = stdio.env("API_KEY", "k=1").env("PATH", "/nowhere");
        stdio.inherit_env(["CARGO_PKG_NAME", "SURELY_UNSET", "", "A=B"])
    });
    let mut expected: BTreeMap<String, String> =
        plain.into_iter().filter(|(name, _)| !name.eq_ignore_ascii_case("PATH")).collect();
    for (name, value) in [("API_KEY", "k=1"), ("PATH", "/nowhere"), ("CARGO_PKG_NAME", &secret)] {
        expected.insert(name.to_owned(), value.to_owned());
    }
    assert_eq!(set.await, expected);
}

#[tokio::test]
async fn the_process_runs_in_the_working_directory() {
    let dir = tempfile::tempdir().unwrap();
    let cwd = dir.path().join("it's a dîr");
    std::fs::create_dir(&cwd).unwrap();
    let transport = connect(peer(&["pid=where", "echo"]).cwd(&cwd)).await.transport;
    call(&transport, 1).await.unwrap();
    let pid = std::fs::read_to_string(cwd.join("where")).unwrap();
    assert_eq!(pid, transport.pid().to_string());
    transport.close().await.unwrap();
}
