//! Processes that exit before they are shut down.

use std::time::{Duration, Instant};

use mcp_testkit::within;
use mcp_transport::{Delivery, Error, ErrorKind, Transport};
use mcp_transport_stdio::{ExitError, Stderr};

use crate::support::{call, connect, open, pids, request, sh, wait_for_exit};

/// The longest time until open requests fail. Documented as 100 ms; longer here for a busy machine.
const EXIT_TIMEOUT: Duration = Duration::from_millis(150);

fn exit_of(error: &Error) -> &ExitError {
    assert_eq!(error.kind(), ErrorKind::Closed);
    error.find().unwrap()
}

#[tokio::test]
async fn an_exit_before_the_response_reports_status_and_stderr_summary() {
    let connection = connect(sh("echo no module named x >&2; exit 3")).await;
    let started = Instant::now();
    let error = within(call(&connection.transport, 1)).await.unwrap_err();
    assert!(started.elapsed() < EXIT_TIMEOUT, "{:?}", started.elapsed());
    let exit = exit_of(&error);
    assert_eq!((exit.code(), exit.signal()), (Some(3), None));
    assert_eq!(exit.stderr_tail, "no module named x\n");
    assert!(exit.command.starts_with("sh -c"), "{}", exit.command);
    let text = exit.to_string();
    let end = " exited with status 3; stderr: no module named x";
    assert!(text.ends_with(end), "{text}");
}

#[tokio::test]
async fn an_exit_reports_the_number_of_skipped_lines() {
    let connection = connect(sh("echo usage: server PORT; echo; echo bye; exit 2")).await;
    let error = within(call(&connection.transport, 1)).await.unwrap_err();
    assert_eq!(exit_of(&error).code(), Some(2));
    assert!(error.to_string().ends_with("after 2 lines of non-JSON-RPC output"), "{error}");
}

#[tokio::test]
async fn an_exit_fails_open_and_later_requests() {
    let connection = connect(sh("read -r line; read -r line; exit 0")).await;
    let mut inbound = connection.inbound;
    let first = open(&connection.transport, 1).await;
    let second = open(&connection.transport, 2).await;
    let started = Instant::now();
    for exchange in [first, second] {
        let error = within(exchange.response()).await.unwrap_err();
        assert_eq!((exit_of(&error).code(), error.delivery()), (Some(0), Delivery::Unknown));
    }
    assert!(started.elapsed() < EXIT_TIMEOUT, "{:?}", started.elapsed());
    let started = Instant::now();
    let error = connection.transport.request(request(3)).await.unwrap_err();
    assert!(started.elapsed() < Duration::from_millis(10), "{:?}", started.elapsed());
    assert_eq!((exit_of(&error).code(), error.delivery()), (Some(0), Delivery::NotSent));
    assert_eq!(exit_of(&inbound.next().await.unwrap().unwrap_err()).code(), Some(0));
    assert!(inbound.next().await.is_none());
    connection.transport.close().await.unwrap();
}

#[tokio::test]
async fn an_exit_by_a_signal_reports_its_name() {
    let connection = connect(sh("serve")).await;
    let transport = connection.transport;
    within(call(&transport, 1)).await.unwrap();
    let pid = rustix::process::Pid::from_raw(transport.pid().cast_signed()).unwrap();
    let waiting = connect(sh("cat > /dev/null")).await;
    let exchange = open(&waiting.transport, 1).await;
    let other = rustix::process::Pid::from_raw(waiting.transport.pid().cast_signed()).unwrap();
    let started = Instant::now();
    rustix::process::kill_process(pid, rustix::process::Signal::KILL).unwrap();
    rustix::process::kill_process(other, rustix::process::Signal::SEGV).unwrap();
    let error = within(exchange.response()).await.unwrap_err();
    assert!(started.elapsed() < EXIT_TIMEOUT, "{:?}", started.elapsed());
    assert_eq!(exit_of(&error).signal(), Some(11));
    let error = within(call(&transport, 2)).await.unwrap_err();
    assert_eq!((exit_of(&error).code(), exit_of(&error).signal()), (None, Some(9)));
    let text = exit_of(&error).to_string();
    assert!(
        text.ends_with("was terminated by signal 9 (SIGKILL); nothing was written to stderr"),
        "{text}"
    );
}

#[tokio::test]
async fn a_grandchild_that_keeps_the_pipes_open_does_not_delay_errors_and_is_ended() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("pids");
    let script = r#"sleep 30 & echo $! > "$0"; echo bye >&2; exit 3"#;
    let connection = connect(sh(script).arg(&file)).await;
    let started = Instant::now();
    let error = within(call(&connection.transport, 1)).await.unwrap_err();
    assert!(started.elapsed() < EXIT_TIMEOUT, "{:?}", started.elapsed());
    assert_eq!(exit_of(&error).code(), Some(3));
    assert_eq!(exit_of(&error).stderr_tail, "bye\n");
    wait_for_exit(&within(pids(&file, 1)).await).await;
    connection.transport.close().await.unwrap();
}

#[tokio::test]
async fn responses_in_the_pipe_are_delivered_before_the_error() {
    let script = r#"
        read -r line; read -r line; answer 1
        printf '{"jsonrpc":"2.0","id":2,"result":"'; head -c 500000 /dev/zero | tr '\0' x; echo '"}'
        exit 1"#;
    let connection = connect(sh(script)).await;
    let first = open(&connection.transport, 1).await;
    let second = open(&connection.transport, 2).await;
    let third = open(&connection.transport, 3).await;
    within(first.response()).await.unwrap();
    let long = within(second.response()).await.unwrap();
    assert_eq!(long.outcome.unwrap().len(), 500_002);
    let error = within(third.response()).await.unwrap_err();
    assert_eq!(exit_of(&error).code(), Some(1));
}

#[tokio::test]
async fn output_that_arrives_after_the_exit_is_read_to_its_end() {
    // Another process keeps writing for much longer than the idle time-out of a drain.
    let script = r#"
        read -r line
        { i=0; while [ $i -lt 100000 ]; do echo '{"jsonrpc":"2.0","method":"n"}'; i=$((i+1)); done
          answer 1; sleep 30; } &
        exit 0"#;
    let connection = connect(sh(script)).await;
    within(call(&connection.transport, 1)).await.unwrap();
    let error = within(connection.transport.closed()).await;
    assert_eq!(exit_of(&error).code(), Some(0));
    connection.transport.close().await.unwrap();
}

#[tokio::test]
async fn a_process_that_closes_its_stdout_but_does_not_exit_is_reported_and_ended() {
    let script = "read -r line; exec >&-; while read -r line; do :; done; sleep 30";
    let connection = connect(sh(script).close_stdin_wait(Duration::from_millis(50))).await;
    let error = within(call(&connection.transport, 1)).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Closed);
    let text = error.to_string();
    assert!(text.ends_with("closed its stdout or stdin but is still running"), "{text}");
    wait_for_exit(&[connection.transport.pid()]).await;
}

#[tokio::test]
async fn the_last_8_kib_of_stderr_are_available() {
    let script = "seq 1 20000 >&2; exit 1";
    let connection = connect(sh(script).stderr(Stderr::Null)).await;
    let error = within(call(&connection.transport, 1)).await.unwrap_err();
    let tail = &exit_of(&error).stderr_tail;
    assert_eq!(tail.len(), 8192);
    assert!(tail.ends_with("\n19999\n20000\n"), "{tail}");
    assert_eq!(connection.transport.stderr_tail(), *tail);
}
