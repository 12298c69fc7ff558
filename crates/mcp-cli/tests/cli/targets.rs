//! Targets on the command line.

use std::path::Path;

use serde_json::json;

use crate::support::{Served, run_in};

fn config(folder: &Path, file: &str, text: &str) {
    let file = folder.join(file);
    std::fs::create_dir_all(file.parent().unwrap()).unwrap();
    std::fs::write(file, text).unwrap();
}

fn entry(url: &str) -> String {
    format!(r#"{{"mcpServers": {{"my shop": {{"url": "{url}"}}, "broken": {{"url": 1}}}}}}"#)
}

#[test]
fn files_applications_and_names() {
    let served = Served::start();
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    config(folder, "home/.cursor/mcp.json", &entry(&served.url));
    config(folder, "servers.json", &entry(&served.url));
    config(
        folder,
        "one.json",
        &format!(r#"{{"mcpServers": {{"a": {{"url": "{}"}}}}}}"#, served.url),
    );
    let echo = |target: &str| run_in(folder, &["call", target, "echo", "text=x"]);
    for target in ["cursor:my shop", "my shop", "servers.json:my shop", "one.json", "one.json:a"] {
        assert_eq!(echo(target).ok(), "x\n", "{target}");
    }
    let upper = served.url.replace("http:", "HTTP:");
    assert_eq!(echo(&upper).ok(), "x\n");
    assert!(echo("my shp").fails(2).contains("did you mean my shop?"));
    assert!(echo("servers.json:my shp").fails(2).contains("did you mean my shop?"));
    let said = echo("servers.json:broken").fails(2);
    assert!(said.contains("the entry of broken is invalid"), "{said}");

    config(folder, ".cursor/mcp.json", &entry(&served.url));
    let said = echo("my shop").fails(2);
    assert!(said.contains("is the name of several servers"), "{said}");
    assert_eq!(said.matches("cursor:my shop").count(), 2, "{said}");
}

/// A repository cannot start programs on the machine of a user who opens it.
#[test]
fn programs_of_a_workspace_are_not_started_unasked() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let program = env!("CARGO_BIN_EXE_mcp");
    let args = ["ping", "http://127.0.0.1:1/mcp", "--trace=started"];
    let entry = json!({ "mcpServers": { "evil": { "command": program, "args": args } } });
    config(folder, "mcp.json", &entry.to_string());
    let said = run_in(folder, &["list", "evil"]).fails(2);
    assert!(said.contains("evil of ") && said.contains("starts: "), "{said}");
    assert!(said.contains("mcp.json") && said.contains("--trace=started"), "{said}");
    assert!(said.ends_with("pass --trust to start it\n"), "{said}");
    run_in(folder, &["list", "--check"]);
    assert!(!folder.join("started").exists());
    run_in(folder, &["list", "evil", "--trust"]).fails(4);
    assert!(folder.join("started").exists());
}

#[test]
fn a_value_that_only_another_server_needs_is_not_missed() {
    let served = Served::start();
    let folder = tempfile::tempdir().unwrap();
    let entries = format!(
        r#"{{"mcpServers": {{"a": {{"url": "{}"}}, "b": {{"url": "https://${{NO_SUCH}}/mcp"}}}}}}"#,
        served.url
    );
    config(folder.path(), "two.json", &entries);
    run_in(folder.path(), &["ping", "-n", "1", "two.json:a"]).ok();
    let said = run_in(folder.path(), &["ping", "two.json:b"]).fails(2);
    assert!(said.contains("NO_SUCH"), "{said}");
}
