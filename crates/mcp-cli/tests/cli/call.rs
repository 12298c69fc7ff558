//! `call` and `read`.

use std::io::Write;

use serde_json::{Value, json};

use crate::support::{Served, command, ran, run, run_in};

#[test]
fn text_is_written_as_it_is_and_structures_as_json() {
    let served = Served::start();
    let url = &*served.url;
    assert_eq!(run(&["call", url, "echo", "text=a=b"]).ok(), "a=b\n");
    assert_eq!(run(&["call", url, "echo", "text=12"]).ok(), "12\n");
    let sum: Value =
        serde_json::from_str(&run(&["call", url, "add", "a=2", "--json"]).ok()).unwrap();
    assert_eq!(sum, json!({ "sum": 3 }));
    assert_eq!(run(&["call", url, "add", "a=2", "b:=3", "--jsonl"]).ok(), "{\"sum\":5}\n");
    let raw: Value =
        serde_json::from_str(&run(&["call", url, "add", "a=2", "--raw"]).ok()).unwrap();
    assert_eq!(raw["structuredContent"], json!({ "sum": 3 }));
    assert!(raw["content"].is_array(), "{raw}");
    for era in ["legacy", "modern", "2025-06-18"] {
        assert_eq!(run(&["call", url, "echo", "text=x", "--era", era]).ok(), "x\n");
    }
}

#[test]
fn arguments_come_from_files_and_stdin_too() {
    let served = Served::start();
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("words"), "some\nwords").unwrap();
    let text = run_in(folder.path(), &["call", &served.url, "echo", "text=@words"]).ok();
    assert_eq!(text, "some\nwords\n");
    let mut call = command(folder.path());
    call.args(["call", &served.url, "add", "--args", "-", "b=5", "--jsonl"]);
    call.stdin(std::process::Stdio::piped()).stdout(std::process::Stdio::piped());
    let mut call = call.spawn().unwrap();
    call.stdin.take().unwrap().write_all(b"{\"a\": 1, \"b\": 2}").unwrap();
    assert_eq!(ran(call.wait_with_output().unwrap()).ok(), "{\"sum\":6}\n");
}

#[test]
fn what_is_wrong_is_said_before_anything_is_sent() {
    let served = Served::start();
    let folder = tempfile::tempdir().unwrap();
    let call = |args: &[&str]| {
        let trace = folder.path().join("trace");
        let trace = format!("--trace={}", trace.display());
        let args = [&["call", &*served.url][..], args, &[&trace]].concat();
        let said = run_in(folder.path(), &args).fails(2);
        let trace = std::fs::read_to_string(folder.path().join("trace")).unwrap();
        assert!(!trace.contains("tools/call"), "{trace}");
        said
    };
    assert_eq!(
        call(&["echo", "txt=a"]),
        "error: echo: there is no argument txt, did you mean text?; text is missing: string\n\
         usage: echo(text: string)\n"
    );
    assert_eq!(call(&["add", "a=x"]), "error: a: expected integer, found x\n");
    assert!(call(&["ehco", "text=a"]).contains("did you mean echo?"));
    assert!(call(&["add", "a:=\"1\""]).contains("at /a"));
}

#[test]
fn resources_are_written_byte_for_byte() {
    let served = Served::start();
    assert_eq!(run(&["read", &served.url, "shop://greeting"]).ok(), "hello");
    assert_eq!(run(&["read", &served.url, "shop://item/7"]).ok(), "item 7");
    let folder = tempfile::tempdir().unwrap();
    let read = command(folder.path()).args(["read", &served.url, "shop://logo"]).output().unwrap();
    assert_eq!(read.stdout, [0, 159, 146, 150]);
    run_in(folder.path(), &["read", &served.url, "shop://logo", "-o", "logo"]).ok();
    assert_eq!(std::fs::read(folder.path().join("logo")).unwrap(), [0, 159, 146, 150]);
}

#[test]
fn a_reader_that_has_seen_enough_ends_it_quietly() {
    let served = Served::start();
    let folder = tempfile::tempdir().unwrap();
    let mut list = command(folder.path());
    list.args(["list", &served.url]).stdout(std::process::Stdio::piped());
    let mut list = list.stderr(std::process::Stdio::piped()).spawn().unwrap();
    drop(list.stdout.take());
    let ran = ran(list.wait_with_output().unwrap());
    assert_eq!((ran.code, &*ran.err), (0, ""));
}
