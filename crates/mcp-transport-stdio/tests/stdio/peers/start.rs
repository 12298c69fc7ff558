//! Servers that cannot be started.

use std::time::Instant;

use mcp_testkit::{hostile_peer_command, within};
use mcp_transport::{Connect, Connection, Delivery, Error, ErrorKind, Transport};
use mcp_transport_stdio::{Stderr, Stdio};

use super::{SOON, call, connect, peer};

async fn start_error<R: Send + Sync + 'static>(stdio: Stdio<R>) -> String {
    let started = Instant::now();
    let error: Error = within(stdio.connect()).await.unwrap_err();
    assert!(started.elapsed() < SOON, "{:?}", started.elapsed());
    assert_eq!((error.kind(), error.delivery()), (ErrorKind::Connect, Delivery::NotSent));
    error.to_string()
}

#[tokio::test]
async fn a_missing_command_is_an_error_with_its_name() {
    let text = start_error(Stdio::new("no-such-server").arg("a b")).await;
    assert_eq!(text, "cannot start no-such-server: it was not found on PATH");
    let text = start_error(Stdio::new("")).await;
    assert_eq!(text, "cannot start '': it was not found on PATH");
    let dir = tempfile::tempdir().unwrap();
    let missing = dir.path().join("no-such-server");
    let text = start_error(Stdio::new(&missing)).await;
    assert_eq!(text, format!("cannot start {}: there is no such file", missing.display()));
    let text = start_error(Stdio::npx("a").env("PATH", dir.path())).await;
    let node = "install Node.js: https://nodejs.org/";
    assert_eq!(text, format!("cannot start npx: it was not found on PATH; {node}"));
}

#[tokio::test]
async fn a_command_line_as_a_program_is_an_error_with_a_hint() {
    let text = start_error(Stdio::new("no-such-server --port 1")).await;
    assert!(text.contains("pass `no-such-server` as the program"), "{text}");
    // A path may have spaces.
    let dir = tempfile::tempdir().unwrap();
    let program = dir.path().join("my server").with_extension(std::env::consts::EXE_EXTENSION);
    std::fs::copy(hostile_peer_command(), &program).unwrap();
    let text = start_error(Stdio::new(format!("{} --port 1", program.display()))).await;
    assert!(text.contains(&format!("pass `{}` as the program", program.display())), "{text}");
    for program in ["${HOME}/bin/server", "%HOME%\\server.exe"] {
        let text = start_error(Stdio::new(program)).await;
        assert!(text.contains("the variable `HOME` is not expanded"), "{text}");
    }
}

#[tokio::test]
async fn an_invalid_working_directory_is_distinguished_from_a_missing_command() {
    let dir = tempfile::tempdir().unwrap();
    let missing = dir.path().join("missing");
    let text = start_error(peer(&["echo"]).cwd(&missing)).await;
    let reason = format!(": the working directory {} does not exist", missing.display());
    assert!(text.ends_with(&reason), "{text}");
    let file = dir.path().join("file");
    std::fs::write(&file, "").unwrap();
    let text = start_error(peer(&["echo"]).cwd(&file)).await;
    let reason = format!(": the working directory {} is not a directory", file.display());
    assert!(text.ends_with(&reason), "{text}");
}

#[tokio::test]
async fn a_file_that_is_no_program_is_an_error_with_its_runner() {
    let dir = tempfile::tempdir().unwrap();
    for (name, hint) in [
        ("server.py", "use `Stdio::python`, or run `python3`"),
        ("server.mjs", "use `Stdio::node`, or run `node`"),
        ("server.jar", "run `java` with `-jar`"),
    ] {
        let script = dir.path().join(name);
        std::fs::write(&script, "text").unwrap();
        let text = start_error(Stdio::new(&script)).await;
        let reason = if cfg!(windows) { "no program of this system: " } else { "not executable: " };
        assert!(text.contains(name) && text.contains(&format!("{reason}{hint}")), "{text}");
    }
}

#[tokio::test]
async fn a_stderr_file_that_cannot_be_opened_is_an_error_with_its_path() {
    let dir = tempfile::tempdir().unwrap();
    let log = dir.path().join("missing").join("log");
    let error = peer(&["echo"]).stderr(Stderr::Append(log.clone())).connect().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Config);
    assert_eq!(error.to_string(), format!("cannot open {} for stderr", log.display()));
}

#[tokio::test]
async fn each_connect_starts_a_process() {
    let stdio = peer(&["echo"]);
    let Connection { transport: one, info, .. } = connect(stdio.clone()).await;
    assert_eq!((info.pid, info.description), (Some(one.pid()), stdio.describe()));
    let two = connect(stdio).await.transport;
    assert_ne!(one.pid(), two.pid());
    call(&one, 1).await.unwrap();
    one.close().await.unwrap();
    call(&two, 1).await.unwrap();
    two.close().await.unwrap();
}
