//! The hostile peer and the contract peer as programs.

use std::{
    io::{BufRead, BufReader, Write},
    process::{Command, Stdio},
};

use mcp_testkit::{contract_peer_command, hostile_peer_command};

/// Runs the hostile peer with some input. Returns its stdout, its stderr and its exit code.
fn played(steps: &[&str], input: &str) -> (Vec<u8>, String, Option<i32>) {
    let mut child = Command::new(hostile_peer_command())
        .args(steps)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program starts");
    let mut stdin = child.stdin.take().expect("stdin is piped");
    // Fails if the program exits before it has read everything.
    let _ = stdin.write_all(input.as_bytes());
    drop(stdin);
    let output = child.wait_with_output().expect("the program exits");
    (output.stdout, String::from_utf8_lossy(&output.stderr).into_owned(), output.status.code())
}

const REQUEST: &str = "{\"jsonrpc\":\"2.0\",\"id\":\"a\",\"method\":\"m\"}\n";
const ANSWER: &str = "{\"jsonrpc\":\"2.0\",\"id\":\"a\",\"result\":{}}\n";

#[test]
fn steps_run_in_order() {
    let (output, errors, code) = played(
        &["banner", "read", "answer", "answer", "stderr=oh no", "exit=3", "answer"],
        REQUEST,
    );
    let text = String::from_utf8(output).expect("the output is text");
    assert_eq!(text, format!("Hostile peer 1.0 is listening [stdio]\n{ANSWER}{ANSWER}"));
    assert_eq!((&*errors, code), ("oh no\n", Some(3)));

    let (output, _, code) = played(&["read", "oversize-last=100000", "not-utf8", "echo"], REQUEST);
    assert!(output.len() > 100_000);
    assert!(output.ends_with(b",\"id\":\"a\"}\n\xff\xfe\xc3\x28\n"));
    assert_eq!(code, Some(0));

    let (_, errors, code) = played(&["fly"], "");
    assert_eq!((&*errors, code), ("hostile-peer: fly: unknown step fly\n", Some(1)));
}

#[cfg(unix)]
#[test]
fn ignored_signals_and_closed_streams_do_not_end_the_program() {
    use std::io::Read as _;

    let mut child = Command::new(hostile_peer_command())
        .args(["ignore-term", "close-stdin", "banner", "close-stdout", "hang-for-ever"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("the program starts");
    let mut output = String::new();
    let mut stdout = child.stdout.take().expect("stdout is piped");
    stdout.read_to_string(&mut output).expect("the output is text");
    assert!(output.starts_with("Hostile"), "stdout is closed after the banner");
    let mut stdin = child.stdin.take().expect("stdin is piped");
    assert!(stdin.write_all(b"x").is_err(), "stdin is closed");
    let term = Command::new("kill").arg(child.id().to_string()).status().expect("kill runs");
    assert!(term.success());
    std::thread::sleep(std::time::Duration::from_millis(100));
    assert!(child.try_wait().expect("it is a child").is_none(), "the program is still running");
    child.kill().expect("it can be killed");
    child.wait().expect("it is a child");
}

#[test]
fn the_contract_peer_responds_on_its_standard_streams() {
    let mut child = Command::new(contract_peer_command())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("the program starts");
    let mut stdin = child.stdin.take().expect("stdin is piped");
    let mut stdout = BufReader::new(child.stdout.take().expect("stdout is piped"));
    let request = REQUEST.replace("\"m\"", "\"contract/echo\"");
    stdin.write_all(request.as_bytes()).expect("the program reads its stdin");
    let mut line = String::new();
    stdout.read_line(&mut line).expect("the output is text");
    assert_eq!(line, ANSWER);
    drop(stdin);
    assert!(child.wait().expect("the program exits").success());
}
