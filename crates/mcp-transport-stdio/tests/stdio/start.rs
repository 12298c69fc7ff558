use std::{os::unix::fs::PermissionsExt, path::Path, time::Instant};

use mcp_testkit::within;
use mcp_transport::{Binding, Carrier, Connect, Connection, Delivery, Error, ErrorKind, Transport};
use mcp_transport_stdio::{Stderr, Stdio};

use crate::support::{call, connect, sh};

async fn start_error(stdio: Stdio) -> String {
    let started = Instant::now();
    let error: Error = within(stdio.connect()).await.unwrap_err();
    assert!(started.elapsed().as_millis() < 100, "{:?}", started.elapsed());
    assert_eq!((error.kind(), error.delivery()), (ErrorKind::Connect, Delivery::NotSent));
    error.to_string()
}

fn file(dir: &Path, name: &str, text: &str, mode: u32) -> std::path::PathBuf {
    let file = dir.join(name);
    std::fs::write(&file, text).unwrap();
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(mode)).unwrap();
    file
}

#[tokio::test]
async fn a_missing_command_is_an_error_with_its_name() {
    let text = start_error(Stdio::new("no-such-server").arg("a b")).await;
    assert_eq!(text, "cannot start no-such-server: it was not found on PATH");
    let text = start_error(Stdio::new("/no/such/server")).await;
    assert_eq!(text, "cannot start /no/such/server: there is no such file");
    let text = start_error(Stdio::new("")).await;
    assert_eq!(text, "cannot start '': it was not found on PATH");
    let text = start_error(Stdio::new("cat").env("PATH", "/no/such/directory")).await;
    assert_eq!(text, "cannot start cat: it was not found on PATH");
}

#[tokio::test]
async fn command_lines_and_tildes_as_a_program_are_errors_with_a_hint() {
    let text = start_error(Stdio::new("sh -c 'exit 0'")).await;
    assert!(text.contains("whole command line: pass `sh` as the program"), "{text}");
    // No hint if the first word is not a program either, or if there are arguments.
    for stdio in [Stdio::new("no-such-server --port 1"), Stdio::new("sh -c").arg("exit 0")] {
        let text = start_error(stdio).await;
        assert!(text.ends_with("it was not found on PATH"), "{text}");
    }
    let text = start_error(Stdio::new("~/bin/server")).await;
    assert!(text.contains("`~` is not expanded") && text.contains("${userHome}"), "{text}");
}

#[tokio::test]
async fn an_invalid_working_directory_is_distinguished_from_a_missing_command() {
    let text = start_error(Stdio::new("cat").cwd("/no/such/directory")).await;
    let reason = "the working directory /no/such/directory does not exist";
    assert_eq!(text, format!("cannot start cat: {reason}"));
    let text = start_error(Stdio::new("cat").cwd("/etc/passwd")).await;
    let reason = "the working directory /etc/passwd is not a directory";
    assert_eq!(text, format!("cannot start cat: {reason}"));
}

#[tokio::test]
async fn a_file_that_cannot_be_executed_is_an_error_with_its_path() {
    let dir = tempfile::tempdir().unwrap();
    let plain = file(dir.path(), "plain", "#!/bin/sh\n", 0o644);
    let plain = plain.display();
    let text = start_error(Stdio::new(plain.to_string())).await;
    assert_eq!(text, format!("cannot start {plain}: it is not executable"));
    for (name, hint) in [("server.py", "Stdio::python"), ("server.mjs", "Stdio::node")] {
        let script = file(dir.path(), name, "", 0o644);
        let text = start_error(Stdio::new(script)).await;
        assert!(text.contains("it is not executable: use") && text.contains(hint), "{text}");
    }
    let script = file(dir.path(), "script", "#!/no/such/interpreter\n", 0o755);
    let script = script.display();
    let text = start_error(Stdio::new(script.to_string())).await;
    let reason = format!("the interpreter in the first line of {script} does not exist");
    assert_eq!(text, format!("cannot start {script}: {reason}"));
}

#[tokio::test]
async fn a_stderr_file_that_cannot_be_opened_is_an_error_with_its_path() {
    let stderr = Stderr::Append("/no/such/directory/log".into());
    let error = Stdio::new("cat").stderr(stderr).connect().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Config);
    assert_eq!(error.to_string(), "cannot open /no/such/directory/log for stderr");
}

#[tokio::test]
async fn the_process_runs_in_the_working_directory() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path().canonicalize().unwrap();
    let connection = connect(sh("pwd -P > where; serve").cwd(&dir)).await;
    within(call(&connection.transport, 1)).await.unwrap();
    assert_eq!(std::fs::read_to_string(dir.join("where")).unwrap().trim(), dir.to_str().unwrap());
    connection.transport.close().await.unwrap();
}

#[test]
fn without_a_runtime_connecting_is_an_error() {
    let stdio = Stdio::new("cat");
    let mut connecting = std::pin::pin!(stdio.connect());
    let cx = &mut std::task::Context::from_waker(std::task::Waker::noop());
    let std::task::Poll::Ready(connected) = connecting.as_mut().poll(cx) else { panic!() };
    let error = connected.unwrap_err();
    assert_eq!((error.kind(), error.delivery()), (ErrorKind::Config, Delivery::NotSent));
}

#[tokio::test]
async fn each_connect_starts_a_process() {
    let stdio = sh("serve");
    assert!(stdio.describe().starts_with("sh -c '"));
    let Connection { transport: one, info, .. } = connect(stdio.clone()).await;
    assert_eq!((info.binding, info.carrier), (Binding::Pipe, Carrier::Pipe));
    assert_eq!((info.pid, info.description), (Some(one.pid()), stdio.describe()));
    let two = connect(stdio).await.transport;
    assert_ne!(one.pid(), two.pid());
    within(call(&one, 1)).await.unwrap();
    one.close().await.unwrap();
    within(call(&two, 1)).await.unwrap();
    two.close().await.unwrap();
}
