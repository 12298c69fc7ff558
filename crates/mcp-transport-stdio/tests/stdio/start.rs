use std::{os::unix::fs::PermissionsExt, path::Path, time::Instant};

use mcp_testkit::within;
use mcp_transport::{Connect, Delivery, Error, ErrorKind};
use mcp_transport_stdio::Stdio;

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
async fn a_command_line_as_a_program_is_an_error_with_a_hint() {
    for stdio in [
        Stdio::new("sh -c 'exit 0'"),
        Stdio::new("  sh -c 'exit 0' "),
        Stdio::new("sh\t-c"),
        // Some of it may be where it belongs.
        Stdio::new("sh -c").arg("exit 0"),
    ] {
        let text = start_error(stdio).await;
        assert!(text.contains("whole command line: pass `sh` as the program"), "{text}");
        assert!(text.contains("`args`") && text.ends_with("use `Stdio::command_line`"), "{text}");
    }
    let text = start_error(Stdio::new("no-such-server --port 1")).await;
    assert!(text.contains("pass `no-such-server` as the program"), "{text}");
    let text = start_error(Stdio::new("npx -y ./server").env("PATH", "/no/such/directory")).await;
    assert!(text.contains("pass `npx`") && text.contains("install Node.js"), "{text}");
    let text = start_error(Stdio::new("FOO=1 sh -c 'exit 0'")).await;
    assert!(text.contains("pass variables by `env`"), "{text}");
    for quoted in ["'sh' -c 'exit 0'", "\"/bin/sh\""] {
        let text = start_error(Stdio::new(quoted)).await;
        assert!(text.contains("with its quotes"), "{text}");
    }
    // A path may have spaces.
    let dir = tempfile::tempdir().unwrap();
    let program = file(dir.path(), "my server", "#!/bin/sh\n", 0o755).display().to_string();
    let text = start_error(Stdio::new(format!("{program} --port 1"))).await;
    assert!(text.contains(&format!("pass `{program}` as the program")), "{text}");
    let text = start_error(Stdio::new(format!("{}/no such server", dir.path().display()))).await;
    assert!(text.ends_with("there is no such file"), "{text}");
}

#[tokio::test]
async fn what_a_shell_would_expand_is_an_error_with_a_hint() {
    for program in ["~/bin/server", "~", "~me/bin/server", "~/bin/server --port 1"] {
        let text = start_error(Stdio::new(program)).await;
        assert!(text.contains("`~` is not expanded") && text.contains("${userHome}"), "{text}");
    }
    for program in ["$HOME/bin/server", "${HOME}/bin/server", "%HOME%\\server.exe", "$HOME"] {
        let text = start_error(Stdio::new(program)).await;
        assert!(text.contains("the variable `HOME` is not expanded"), "{text}");
        assert!(text.contains("`${HOME}`"), "{text}");
    }
    let text = start_error(Stdio::new("cat").cwd("~/work")).await;
    assert!(text.contains("~/work does not exist: `~` is not expanded"), "{text}");
}

#[tokio::test]
async fn a_file_that_is_not_on_the_path_is_found_where_it_is() {
    let dir = tempfile::tempdir().unwrap();
    file(dir.path(), "server.py", "", 0o755);
    file(dir.path(), "server", "", 0o755);
    let text = start_error(Stdio::new("server.py").cwd(dir.path())).await;
    assert!(text.contains("write `./server.py`, or use `Stdio::python`"), "{text}");
    let text = start_error(Stdio::new("server").cwd(dir.path())).await;
    assert!(text.ends_with("the working directory is not searched: write `./server`"), "{text}");
    let text = start_error(Stdio::new("./other").cwd(dir.path())).await;
    let place = format!("there is no such file (looked from {})", dir.path().display());
    assert!(text.ends_with(&place), "{text}");
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
    let runners = [
        ("server.py", "use `Stdio::python`, or run `python3`"),
        ("server.mjs", "use `Stdio::node`, or run `node`"),
        ("server.TS", "use `Stdio::node` with `.runner(\"tsx\")`"),
        ("server.sh", "run `sh` with the file as its first argument"),
        ("server.jar", "run `java` with `-jar`"),
    ];
    for (name, hint) in runners {
        let script = file(dir.path(), name, "", 0o644);
        let text = start_error(Stdio::new(&script)).await;
        assert!(text.contains("it is not executable: ") && text.contains(hint), "{text}");
        let script = file(dir.path(), name, "", 0o644);
        std::fs::set_permissions(&script, std::fs::Permissions::from_mode(0o755)).unwrap();
        let text = start_error(Stdio::new(&script)).await;
        assert!(text.contains("no program of this system") && text.contains(hint), "{text}");
    }
    let text = start_error(Stdio::new(dir.path())).await;
    assert!(text.ends_with(": it is a directory"), "{text}");
    let script = file(dir.path(), "script", "#!/no/such/interpreter\n", 0o755);
    let script = script.display();
    let text = start_error(Stdio::new(script.to_string())).await;
    let reason = format!("the interpreter in the first line of {script} does not exist");
    assert_eq!(text, format!("cannot start {script}: {reason}"));
    let script = file(dir.path(), "of-windows", "#!/bin/sh\r\nexit\r\n", 0o755);
    let text = start_error(Stdio::new(script)).await;
    assert!(text.ends_with("the line ends with a carriage return, as on Windows"), "{text}");
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
