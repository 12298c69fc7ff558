//! Tests of process-wide state, which cannot run in parallel with others: each case runs in a new process of
//! this program.
#![allow(clippy::unwrap_used, reason = "tests")]

#[cfg(not(target_os = "linux"))]
fn main() {}

#[cfg(target_os = "linux")]
fn main() {
    match std::env::args().nth(1).as_deref() {
        Some("inner-stderr") => linux::inner_stderr(),
        Some("inner-function") => linux::inner_function(),
        Some("inner-venv") => linux::inner_venv(),
        Some("inner-subreaper") => linux::inner_subreaper(),
        _ => {
            linux::stderr_is_forwarded();
            linux::shell_functions_are_not_inherited();
            linux::scripts_run_in_the_active_virtual_environment();
            linux::adopted_orphans_are_reaped();
        }
    }
}

#[cfg(target_os = "linux")]
mod linux {
    use std::{
        os::unix::fs::PermissionsExt,
        process::{Command, Output},
        time::{Duration, Instant},
    };

    use mcp_transport::{Connect, Connection, Transport};
    use mcp_transport_stdio::{Stderr, Stdio, StdioTransport};

    fn outer(case: &str, configure: impl FnOnce(&mut Command)) -> Output {
        let mut command = Command::new(std::env::current_exe().unwrap());
        configure(command.arg(case));
        let output = command.output().unwrap();
        assert!(output.status.success(), "{case}: {}", String::from_utf8_lossy(&output.stderr));
        output
    }

    fn run<T>(test: impl Future<Output = T>) -> T {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let bounded = async { tokio::time::timeout(Duration::from_secs(20), test).await };
        runtime.block_on(bounded).expect("the test hangs")
    }

    async fn start(script: &str) -> Connection<StdioTransport> {
        Stdio::new("sh").args(["-c", script]).connect().await.unwrap()
    }

    pub(crate) fn stderr_is_forwarded() {
        let output = outer("inner-stderr", |_| {});
        assert_eq!(output.stderr, b"one\ntwo \xff\nbye");
        assert!(output.stdout.is_empty());
    }

    pub(crate) fn inner_stderr() {
        run(async {
            let connection = start(r"printf 'one\ntwo \377\n' >&2; cat; printf bye >&2").await;
            connection.transport.close().await.unwrap();
            assert_eq!(connection.transport.stderr_tail(), "one\ntwo \u{fffd}\nbye");
        });
    }

    pub(crate) fn shell_functions_are_not_inherited() {
        let function = "() { echo evil; }";
        outer("inner-function", |command| {
            command.env("TERM", function).env("HOOK", function).env("PLAIN", "inherited");
        });
    }

    pub(crate) fn inner_function() {
        let variables = run(async {
            let stdio = Stdio::new("sh").args(["-c", "env >&2"]).stderr(Stderr::Null);
            let connection = stdio.inherit_env(["HOOK", "PLAIN"]).connect().await.unwrap();
            connection.transport.close().await.unwrap();
            connection.transport.stderr_tail()
        });
        assert!(variables.contains("PLAIN=inherited\n") && variables.contains("PATH="));
        assert!(!variables.contains("TERM=") && !variables.contains("HOOK="), "{variables}");
    }

    pub(crate) fn scripts_run_in_the_active_virtual_environment() {
        let venv = tempfile::tempdir().unwrap();
        let python = venv.path().join("bin/python");
        std::fs::create_dir(venv.path().join("bin")).unwrap();
        std::fs::write(&python, "#!/bin/sh\necho \"$0 $* ${VIRTUAL_ENV-unset}\" >&2\n").unwrap();
        std::fs::set_permissions(&python, std::fs::Permissions::from_mode(0o755)).unwrap();
        outer("inner-venv", |command| {
            command.env("VIRTUAL_ENV", venv.path());
        });
    }

    pub(crate) fn inner_venv() {
        let output = run(async {
            let stdio = Stdio::python("server.py").arg("-v").stderr(Stderr::Null);
            let connection = stdio.connect().await.unwrap();
            connection.transport.close().await.unwrap();
            connection.transport.stderr_tail()
        });
        let venv = std::env::var("VIRTUAL_ENV").unwrap();
        assert_eq!(output, format!("{venv}/bin/python server.py -v unset\n"));
    }

    pub(crate) fn adopted_orphans_are_reaped() {
        outer("inner-subreaper", |_| {});
    }

    /// The first process of a container adopts every orphan. A subreaper does the same.
    pub(crate) fn inner_subreaper() {
        rustix::process::set_child_subreaper(Some(rustix::process::getpid())).unwrap();
        let script = "sh -c 'sleep 60 & sleep 60' & sleep 60 & cat";
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
        for is_closed in [true, false] {
            let connection = runtime.block_on(start(script));
            while children() < 1 {
                std::thread::sleep(Duration::from_millis(2));
            }
            let started = Instant::now();
            match is_closed {
                true => runtime.block_on(connection.transport.close()).unwrap(),
                false => drop(connection),
            }
            assert!(started.elapsed() < Duration::from_secs(1), "{:?}", started.elapsed());
            assert_eq!(children(), 0);
        }
    }

    /// The number of children of this process, zombies included.
    fn children() -> usize {
        let threads = std::fs::read_dir("/proc/self/task").unwrap();
        let children = threads.flatten().map(|thread| {
            let text = std::fs::read_to_string(thread.path().join("children")).unwrap_or_default();
            text.split_whitespace().count()
        });
        children.sum()
    }
}
