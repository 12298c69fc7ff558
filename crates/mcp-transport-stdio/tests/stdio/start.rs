use std::{os::unix::fs::PermissionsExt, path::Path, time::Instant};

use mcp_transport::{Binding, Carrier, Connect, Connection, Delivery, Error, ErrorKind, Transport};
use mcp_transport_stdio::{Stderr, Stdio};

use crate::support::{bounded, call, connect, sh};

async fn refused(stdio: Stdio) -> String {
    let begun = Instant::now();
    let error: Error = bounded(stdio.connect()).await.unwrap_err();
    assert!(begun.elapsed().as_millis() < 100, "{:?}", begun.elapsed());
    assert_eq!((error.kind(), error.delivery()), (ErrorKind::Connect, Delivery::NotSent));
    assert!(error.find::<std::io::Error>().is_some());
    error.to_string()
}

fn file(dir: &Path, name: &str, text: &str, mode: u32) -> std::path::PathBuf {
    let file = dir.join(name);
    std::fs::write(&file, text).unwrap();
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(mode)).unwrap();
    file
}

#[tokio::test]
async fn a_missing_command_is_named() {
    let text = refused(Stdio::new("no-such-server").arg("a b")).await;
    assert_eq!(text, "cannot start no-such-server: it was not found on PATH");
    let text = refused(Stdio::new("/no/such/server")).await;
    assert_eq!(text, "cannot start /no/such/server: there is no such file");
    let text = refused(Stdio::new("")).await;
    assert_eq!(text, "cannot start '': it was not found on PATH");
    let text = refused(Stdio::new("cat").env("PATH", "/no/such/directory")).await;
    assert_eq!(text, "cannot start cat: it was not found on PATH");
}

#[tokio::test]
async fn what_only_a_shell_would_understand_is_named_with_what_to_write() {
    let text = refused(Stdio::new("sh -c 'exit 0'")).await;
    assert!(text.contains("whole command line: pass `sh` as the program"), "{text}");
    // There is no such program either, or it has arguments of its own.
    for stdio in [Stdio::new("no-such-server --port 1"), Stdio::new("sh -c").arg("exit 0")] {
        let text = refused(stdio).await;
        assert!(text.ends_with("it was not found on PATH"), "{text}");
    }
    let text = refused(Stdio::new("~/bin/server")).await;
    assert!(text.contains("`~` is not expanded") && text.contains("${userHome}"), "{text}");
}

#[tokio::test]
async fn a_bad_working_directory_is_told_from_a_missing_command() {
    let text = refused(Stdio::new("cat").cwd("/no/such/directory")).await;
    let why = "the working directory /no/such/directory does not exist";
    assert_eq!(text, format!("cannot start cat: {why}"));
    let text = refused(Stdio::new("cat").cwd("/etc/passwd")).await;
    let why = "the working directory /etc/passwd is not a directory";
    assert_eq!(text, format!("cannot start cat: {why}"));
}

#[tokio::test]
async fn a_file_that_cannot_be_run_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let plain = file(dir.path(), "plain", "#!/bin/sh\n", 0o644);
    let plain = plain.display();
    let text = refused(Stdio::new(plain.to_string())).await;
    assert_eq!(text, format!("cannot start {plain}: it is not executable"));
    for (name, hint) in [("server.py", "Stdio::python"), ("server.mjs", "Stdio::node")] {
        let script = file(dir.path(), name, "", 0o644);
        let text = refused(Stdio::new(script)).await;
        assert!(text.contains("it is not executable: use") && text.contains(hint), "{text}");
    }
    let script = file(dir.path(), "script", "#!/no/such/interpreter\n", 0o755);
    let script = script.display();
    let text = refused(Stdio::new(script.to_string())).await;
    let why = format!("the interpreter that {script} asks for does not exist");
    assert_eq!(text, format!("cannot start {script}: {why}"));
}

#[tokio::test]
async fn a_file_for_stderr_that_cannot_be_opened_is_named() {
    let stderr = Stderr::Append("/no/such/directory/log".into());
    let error = Stdio::new("cat").stderr(stderr).connect().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Config);
    assert_eq!(error.to_string(), "cannot open /no/such/directory/log for stderr");
}

#[tokio::test]
async fn the_working_directory_is_the_childs() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path().canonicalize().unwrap();
    let connection = connect(sh("pwd -P > where; serve").cwd(&dir)).await;
    bounded(call(&connection.transport, 1)).await.unwrap();
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
async fn one_value_starts_many_processes() {
    let stdio = sh("serve");
    assert!(stdio.describe().starts_with("sh -c '"));
    let Connection { transport: one, info, .. } = connect(stdio.clone()).await;
    assert_eq!((info.binding, info.carrier), (Binding::Pipe, Carrier::Pipe));
    assert_eq!((info.pid, info.description), (Some(one.pid()), stdio.describe()));
    let two = connect(stdio).await.transport;
    assert_ne!(one.pid(), two.pid());
    bounded(call(&one, 1)).await.unwrap();
    one.close().await.unwrap();
    bounded(call(&two, 1)).await.unwrap();
    two.close().await.unwrap();
}
