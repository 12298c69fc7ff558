//! `list` and `inspect` at 80 columns, without a terminal.

use serde_json::Value;

use crate::support::{Served, command, ran, run, run_in};

const LIST: &str = "\
Tools
  echo(text: string)
      Returns the text
  add(a: integer, b?: integer | null = null)
      Adds numbers
  fail()
      Fails
  wait(seconds: number)
      Waits

Resources
  shop://greeting greeting
  shop://logo logo

Resource templates
  shop://item/{id} item
";

#[test]
fn what_a_server_offers_is_listed_as_signatures() {
    let served = Served::start();
    assert_eq!(run(&["list", &served.url]).ok(), LIST);
    assert_eq!(run(&["list", &served.url, "--grep", "ADD"]).ok().lines().count(), 3);
    let all: Value = serde_json::from_str(&run(&["list", &served.url, "--json"]).ok()).unwrap();
    assert_eq!(all["tools"][0]["name"], "echo");
    assert_eq!(all["resourceTemplates"][0]["uriTemplate"], "shop://item/{id}");
    let lines = run(&["list", &served.url, "--jsonl"]).ok();
    let first: Value = serde_json::from_str(lines.lines().next().unwrap()).unwrap();
    assert_eq!((&first["kind"], &first["item"]["name"]), (&"tool".into(), &"echo".into()));
    let schema = run(&["list", &served.url, "--grep", "echo", "--schema"]).ok();
    assert!(schema.contains("\"description\": \"What to return\""), "{schema}");
}

#[test]
fn a_server_says_what_it_is() {
    let served = Served::start();
    let shown = run(&["inspect", &served.url, "--era", "legacy"]).ok();
    assert!(
        shown.starts_with("server        shop 1.2\nprotocol      2025-11-25, legacy era\n"),
        "{shown}"
    );
    assert!(shown.ends_with("\n\nSells books.\\u{1b}[31m\n"), "{shown}");
    let shown: Value =
        serde_json::from_str(&run(&["inspect", &served.url, "--json"]).ok()).unwrap();
    assert_eq!((&shown["era"], &shown["serverInfo"]["name"]), (&"modern".into(), &"shop".into()));
    let pings: Value =
        serde_json::from_str(&run(&["ping", &served.url, "-n", "2", "-i", "0", "--json"]).ok())
            .unwrap();
    assert_eq!(pings["count"], 2);
    assert!(pings["minMs"].as_f64() <= pings["p95Ms"].as_f64());
}

#[test]
fn configured_servers_are_listed_and_none_is_started() {
    let folder = tempfile::tempdir().unwrap();
    let config = r#"{"mcpServers": {
        "time": {"command": "touch", "args": ["started", "--token", "canary-secret"]},
        "docs": {"url": "https://me:canary-secret@example.com/mcp?key=canary-secret"},
        "old": {"command": "old", "disabled": true}
    }}"#;
    std::fs::write(folder.path().join("mcp.json"), config).unwrap();
    let listed = run_in(folder.path(), &["list"]).ok();
    assert_eq!(
        listed,
        "NAME  APPLICATION      COMMAND OR URL\n\
         time  shared           touch started\n\
         docs  shared           https://example.com/mcp\n\
         old   shared disabled  old\n"
    );
    let all: Value =
        serde_json::from_str(&run_in(folder.path(), &["list", "--json"]).ok()).unwrap();
    assert_eq!((&all[2]["disabled"], &all[0]["scope"]), (&true.into(), &"workspace".into()));
    assert!(!all.to_string().contains("canary"), "{all}");
    assert!(!folder.path().join("started").exists());
    let mut narrow = command(folder.path());
    let narrow = ran(narrow.args(["list"]).env("COLUMNS", "40").output().unwrap()).ok();
    assert!(narrow.lines().all(|line| line.chars().count() <= 40), "{narrow}");
}
