//! `--trace`, without secrets.

use serde_json::Value;

use crate::support::{Served, command, ran, run};

#[test]
fn each_message_is_a_line() {
    let served = Served::start();
    let ran = run(&["call", &served.url, "echo", "text=x", "--trace"]);
    assert_eq!((ran.code, &*ran.out), (0, "x\n"));
    let lines: Vec<Value> =
        ran.err.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let called = lines.iter().position(|line| line["message"]["method"] == "tools/call").unwrap();
    assert_eq!(lines[called]["to"], "server");
    let id = &lines[called]["message"]["id"];
    let answer = lines[called..].iter().find(|line| line["to"] == "client").unwrap();
    assert_eq!(&answer["message"]["id"], id);
    assert!(answer["time"].is_number());
}

const CANARY: &str = "canary-0123";

#[test]
fn secrets_are_masked() {
    let served = Served::start();
    let url = format!("{}?key={CANARY}-query", served.url);
    let header = format!("X-Key: {CANARY}-header");
    let folder = tempfile::tempdir().unwrap();
    let runs = |args: &[&str]| {
        let mut command = command(folder.path());
        command.args(args).env("TOKEN", format!("{CANARY}-token"));
        ran(command.output().unwrap())
    };
    // A server that echoes a secret.
    let echo = format!("text=it is {CANARY}-header");
    let all = ["-H", &header, "--bearer-env", "TOKEN", "--trace"];
    let called = runs(&[&["call", &*url, "echo", &*echo][..], &all].concat());
    assert_eq!(called.code, 0, "{called:?}");
    assert!(called.err.contains("it is …") && !called.err.contains(CANARY), "{called:?}");
    let failed =
        runs(&[&["list", "http://127.0.0.1:1/mcp?key=canary-0123-query"][..], &all].concat());
    assert_eq!(failed.code, 4);
    assert!(!failed.err.contains(CANARY), "{failed:?}");
    let inspected = runs(&[&["inspect", &*url][..], &all].concat());
    assert!(!format!("{inspected:?}").contains(CANARY), "{inspected:?}");
}

#[test]
fn a_secret_of_a_process_is_masked_on_its_stderr() {
    let program = ["--", "sh", "-c", "echo it is $KEY >&2; exit 1"];
    let secret = format!("KEY={CANARY}-env");
    let failed = run(&[&["list", "--trace", "-e", &*secret][..], &program].concat());
    assert_eq!(failed.code, 4, "{failed:?}");
    assert!(failed.err.contains("stderr: it is …") && !failed.err.contains(CANARY), "{failed:?}");
}
