//! Further commands: `prompt`, `complete`, `watch`, `bench`, `discover`, `config`, `shell`, `completions`.

use std::{path::Path, time::Duration};

use mcp_server::Server;
use schemars::JsonSchema;
use serde_json::{Value, json};

use crate::support::{Served, command, ran, run, run_in};

#[derive(serde::Deserialize, JsonSchema)]
struct Greet {
    name: String,
}

fn prompts() -> Served {
    let server = Server::builder("greeter")
        .prompt("greet", "Greets", |greet: Greet| async move { format!("Hello, {}!", greet.name) })
        .completion(|_| async { vec!["Ann", "Anton"] });
    Served::of(server.build(), |http| http)
}

#[test]
fn prompts_are_filled_in_and_completed() {
    let served = prompts();
    let url = &*served.url;
    assert_eq!(run(&["prompt", url, "greet", "name=Ann"]).ok(), "user:\nHello, Ann!\n");
    let json: Value =
        serde_json::from_str(&run(&["prompt", url, "greet", "name=x", "--json"]).ok()).unwrap();
    assert_eq!(json["messages"][0]["content"]["text"], "Hello, x!");
    let said = run(&["prompt", url, "greet", "nam=x"]).fails(2);
    assert_eq!(
        said,
        "error: greet: there is no argument nam, did you mean name?; name is missing\nusage: greet(name)\n"
    );
    assert!(run(&["prompt", url, "gret"]).fails(2).contains("did you mean greet?"));
    assert_eq!(run(&["complete", url, "greet", "name=An"]).ok(), "Ann\nAnton\n");
}

#[test]
fn a_tool_is_measured() {
    let served = Served::start();
    let bench = ["bench", &*served.url, "echo", "text=x", "-n", "20", "-c", "4", "--json"];
    let measured: Value = serde_json::from_str(&run(&bench).ok()).unwrap();
    assert_eq!(measured["calls"], 20);
    assert!(measured["medianMs"].as_f64() <= measured["maxMs"].as_f64(), "{measured}");
    let ran = run(&["bench", &served.url, "fail", "-n", "3", "--json"]);
    assert_eq!(ran.code, 7);
    assert!(ran.out.contains("\"Tool\": 3"), "{ran:?}");
    let start = std::time::Instant::now();
    run(&["bench", &served.url, "echo", "text=x", "-d", "300ms", "--rate", "20"]).ok();
    assert!(start.elapsed() < Duration::from_secs(10));
}

fn config(folder: &Path, file: &str, text: &str) {
    let file = folder.join(file);
    std::fs::create_dir_all(file.parent().unwrap()).unwrap();
    std::fs::write(file, text).unwrap();
}

#[test]
fn servers_are_saved_under_a_name() {
    let served = Served::start();
    let folder = tempfile::tempdir().unwrap();
    let mcp = |args: &[&str]| run_in(folder.path(), args);
    mcp(&["config", "add", "shop", &served.url, "-H", "X-Key: canary-secret"]).ok();
    assert_eq!(mcp(&["call", "shop", "echo", "text=x"]).ok(), "x\n");
    let path = mcp(&["config", "path"]).ok();
    let text = std::fs::read_to_string(path.trim()).unwrap();
    assert!(text.contains("canary-secret"), "{text}");
    let shown = mcp(&["config", "show", "shop"]).ok();
    assert!(shown.contains("\"shop\"") && !shown.contains("canary"), "{shown}");
    mcp(&["config", "remove", "shop"]).ok();
    mcp(&["call", "shop", "echo", "text=x"]).fails(2);
    assert!(mcp(&["config", "remove", "shop"]).fails(2).contains("there is no server shop"));
}

#[test]
fn files_of_applications_are_changed_and_keep_their_comments() {
    let folder = tempfile::tempdir().unwrap();
    let mcp = |args: &[&str]| run_in(folder.path(), args);
    let file = "home/.cursor/mcp.json";
    let before =
        "{\n  // mine\n  \"mcpServers\": {\n    \"a\": {\"url\": \"https://a/mcp\"}\n  }\n}\n";
    config(folder.path(), file, before);
    let text = || std::fs::read_to_string(folder.path().join(file)).unwrap();
    let add = ["config", "add", "b", "--to", "cursor", "-e", "KEY=${KEY}"];
    let program = ["--", "uvx", "mcp-server-time"];
    let shown = mcp(&[&add[..], &["--dry-run"], &program].concat()).ok();
    assert!(shown.contains("+ ") && shown.contains("mcp-server-time"), "{shown}");
    assert_eq!(text(), before);
    mcp(&[&add[..], &program].concat()).ok();
    assert!(text().contains("// mine") && text().contains("${KEY}"), "{}", text());
    assert!(mcp(&["list"]).ok().contains("uvx mcp-server-time"));
    mcp(&["config", "remove", "b", "--from", "cursor"]).ok();
    assert_eq!(text(), before);
    // A file that does not exist yet.
    mcp(&["config", "add", "c", "https://c/mcp", "--to", "codex"]).ok();
    let codex = std::fs::read_to_string(folder.path().join("home/.codex/config.toml")).unwrap();
    assert!(codex.contains("[mcp_servers.c]"), "{codex}");
    let converted = mcp(&["config", "convert", "codex"]).ok();
    let converted: Value = serde_json::from_str(&converted).unwrap();
    assert_eq!(converted["mcpServers"]["c"]["url"], "https://c/mcp");
    let converted = mcp(&["config", "convert", "cursor", "--to", "vs-code"]).ok();
    assert!(converted.contains("\"servers\""), "{converted}");
    let found: Value = serde_json::from_str(&mcp(&["discover", "--json"]).ok()).unwrap();
    let found: Vec<_> = found.as_array().unwrap().iter().map(|it| &it["application"]).collect();
    assert_eq!(found, [&json!("cursor"), &json!("codex")]);
}

#[test]
fn several_commands_share_one_session() {
    let served = Served::start();
    let folder = tempfile::tempdir().unwrap();
    let script =
        format!("echo started >> log; exec '{}' proxy '{}'", env!("CARGO_BIN_EXE_mcp"), served.url);
    let shell = [
        "shell",
        "-c",
        "call echo text='a b'",
        "-c",
        "read shop://greeting",
        "--",
        "sh",
        "-c",
        &script,
    ];
    assert_eq!(run_in(folder.path(), &shell).ok(), "a b\nhello");
    let log = std::fs::read_to_string(folder.path().join("log")).unwrap();
    assert_eq!(log.lines().count(), 1);
    let ran = run(&["shell", &served.url, "-c", "call fail", "-c", "call echo text=x"]);
    assert_eq!((ran.code, &*ran.out), (5, ""));
    assert!(run(&["shell", &served.url, "-c", "login"]).fails(2).contains("use one of list"));
}

/// The candidates for the last of these words.
fn completed(folder: &Path, words: &[&str]) -> Vec<String> {
    let mut complete = command(folder);
    complete.args(["--"]).args(words).env("MCP_COMPLETE", "bash");
    complete.env("_CLAP_COMPLETE_INDEX", (words.len() - 1).to_string());
    complete.env("_CLAP_IFS", "\n").env("_CLAP_COMPLETE_COMP_TYPE", "9");
    let out = ran(complete.output().unwrap()).ok();
    out.lines().map(str::to_owned).collect()
}

#[test]
fn tools_and_arguments_are_completed_by_what_the_server_says() {
    let served = Served::start();
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    config(
        folder,
        "mcp.json",
        &format!(r#"{{"mcpServers": {{"my-shop": {{"url": "{}"}}}}}}"#, served.url),
    );
    for shell in ["bash", "zsh", "fish", "powershell"] {
        assert!(run(&["completions", shell]).ok().contains("MCP_COMPLETE"), "{shell}");
    }
    run(&["completions", "tcsh"]).fails(2);
    let has = |words: &[&str], wanted: &str| {
        let found = completed(folder, words);
        assert!(found.iter().any(|it| it == wanted), "{words:?}: {found:?}");
    };
    has(&["mcp", "ca"], "call");
    has(&["mcp", "call", "my"], "my-shop");
    has(&["mcp", "call", "my-shop", "ec"], "echo");
    has(&["mcp", "call", "my-shop", "add", ""], "a=");
    has(&["mcp", "read", "my-shop", "shop"], "shop://greeting");
    // From the cache.
    drop(served);
    has(&["mcp", "call", "my-shop", "ec"], "echo");
    // A server that does not respond delays the completion only briefly.
    config(folder, "mcp.json", r#"{"mcpServers": {"dead": {"url": "http://127.0.0.1:1/mcp"}}}"#);
    let found = completed(folder, &["mcp", "call", "dead", ""]);
    assert!(found.iter().all(|it| it.starts_with("--")), "{found:?}");
}

/// A server of the legacy era whose tools change all the time.
#[cfg(unix)]
const CHANGING: &str = r#"
while IFS= read -r line; do
    case "$line" in
        *'"server/discover"'*)
            id=${line#*'"id":"'}; id=${id%%'"'*}
            echo '{"jsonrpc":"2.0","id":"'$id'","error":{"code":-32601,"message":"what?"}}' ;;
        *'"initialize"'*)
            echo '{"jsonrpc":"2.0","id":0,"result":{"protocolVersion":"2025-06-18","capabilities":{"tools":{"listChanged":true}},"serverInfo":{"name":"sh","version":"1"}}}' ;;
        *'notifications/initialized'*)
            while :; do
                sleep 0.2
                echo '{"jsonrpc":"2.0","method":"notifications/tools/list_changed"}'
                echo '{"jsonrpc":"2.0","method":"notifications/message","params":{"level":"error","data":"a\u001bb"}}'
            done & ;;
    esac
done
"#;

#[cfg(unix)]
#[test]
fn changes_and_logs_are_lines() {
    let folder = tempfile::tempdir().unwrap();
    let watch =
        ["watch", "-n", "6", "--exec", "echo $MCP_EVENT >> events", "--", "sh", "-c", CHANGING];
    let seen = run_in(folder.path(), &watch);
    assert_eq!((seen.code, &*seen.err), (0, "watching sh\n"), "{seen:?}");
    let lines: Vec<&str> = seen.out.lines().collect();
    assert!(lines.contains(&"tools") && lines.contains(&"log error: a\\u{1b}b"), "{seen:?}");
    let events = std::fs::read_to_string(folder.path().join("events")).unwrap();
    assert!(events.lines().all(|it| it == "tools") && !events.is_empty(), "{events}");
    let watch = ["watch", "-n", "2", "--json", "--", "sh", "-c", CHANGING];
    let seen = run_in(folder.path(), &watch).ok();
    let first: Value = serde_json::from_str(seen.lines().next().unwrap()).unwrap();
    assert!(first["event"] == "tools" || first["event"] == "log", "{seen}");
}
