//! Each exit code with a real cause.

use mcp_client::serve::BearerToken;

use crate::support::{Served, run, server};

#[test]
fn done() {
    let served = Served::start();
    run(&["ping", &served.url, "-n", "1"]).ok();
}

#[test]
fn an_answer_that_is_an_error_is_another_failure() {
    let served = Served::start();
    let said = run(&["read", &served.url, "shop://no-such"]).fails(1);
    assert!(said.contains("resources/read shop://no-such: the server answered"), "{said}");
}

#[test]
fn wrong_usage() {
    let said = run(&["call"]).fails(2);
    assert!(said.contains("write `mcp call TARGET TOOL"), "{said}");
    let said = run(&["list", "./nosuch.json"]).fails(2);
    assert_eq!(said, "error: there is no file ./nosuch.json\n");
    let said = run(&["config", "convert", "./nosuch.json"]).fails(2);
    assert_eq!(said, "error: there is no file ./nosuch.json\n");
    run(&["list", "--era", "old", "http://127.0.0.1:1/mcp"]).fails(2);
    let said = run(&["list", "nosuch"]).fails(2);
    assert!(said.contains("neither a URL nor a file"), "{said}");
    let said = run(&["list", "http://127.0.0.1:1/mcp", "--env", "A=b"]).fails(2);
    assert!(said.contains("apply to a program"), "{said}");
    let said = run(&["list", "-H", "a: b", "--", "true"]).fails(2);
    assert!(said.contains("apply to a URL"), "{said}");
    let said = run(&["list", "--bearer-env", "NO_SUCH", "http://127.0.0.1:1/mcp"]).fails(2);
    assert!(said.contains("NO_SUCH is not set"), "{said}");
}

#[test]
fn credentials_that_are_missing_or_wrong() {
    let token = BearerToken::new("the-secret");
    let served = Served::of(server(), |http| http.authenticate(token));
    let said = run(&["list", &served.url]).fails(3);
    assert!(said.contains("--bearer-env"), "{said}");
    run(&["list", &served.url, "-H", "Authorization: Bearer wrong"]).fails(3);
    run(&["list", &served.url, "-H", "Authorization: Bearer the-secret"]).ok();
}

#[test]
fn servers_that_cannot_be_reached_or_die() {
    let said = run(&["list", "http://127.0.0.1:1/mcp"]).fails(4);
    assert!(said.contains("onnection refused"), "{said}");
    assert_eq!(said.matches("http://127.0.0.1:1").count(), 1, "{said}");
    let said = run(&["list", "--", "no-such-program-anywhere"]).fails(4);
    assert!(said.contains("no-such-program-anywhere"), "{said}");
}

#[test]
fn a_program_that_dies() {
    let said = run(&["list", "--", "sh", "-c", "echo oops >&2; exit 3"]).fails(4);
    assert!(said.contains("exited with status 3; stderr: oops"), "{said}");
}

#[test]
fn a_tool_that_failed() {
    let served = Served::start();
    let said = run(&["call", &served.url, "fail"]).fails(5);
    assert_eq!(said, "error: the tool failed: out of \\u{1b}paper\n");
    // As JSON it is a result on stdout.
    let ran = run(&["call", &served.url, "fail", "--json"]);
    assert_eq!((ran.code, &*ran.err), (5, ""));
    assert!(ran.out.contains("\"isError\": true"), "{ran:?}");
}

#[test]
fn time_limits() {
    let served = Served::start();
    let limits = ["--total-timeout", "300ms"];
    let said = run(&[&["call", &*served.url, "wait", "seconds=60"][..], &limits].concat()).fails(6);
    assert!(said.contains("wait"), "{said}");
    // A program that does not respond.
    let silent = [env!("CARGO_BIN_EXE_mcp"), "watch", &*served.url];
    run(&[&["list", "--start-timeout", "300ms", "--"][..], &silent].concat()).fails(6);
}

#[test]
fn a_check_that_failed() {
    let folder = tempfile::tempdir().unwrap();
    let served = Served::start();
    let config = format!(
        r#"{{"mcpServers": {{"good": {{"url": "{}"}}, "bad": {{"url": "http://127.0.0.1:1/mcp"}}}}}}"#,
        served.url
    );
    std::fs::write(folder.path().join("mcp.json"), config).unwrap();
    let ran = crate::support::run_in(folder.path(), &["list", "--check", "--jsonl"]);
    assert_eq!(ran.code, 7, "{ran:?}");
    let rows: Vec<serde_json::Value> =
        ran.out.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(rows[0]["name"], "shared:good");
    assert_eq!(rows[0]["ok"], true);
    assert_eq!(rows[1]["ok"], false);
    assert!(rows[1]["error"].as_str().unwrap().contains("refused"), "{ran:?}");
}
