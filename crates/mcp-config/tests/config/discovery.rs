use std::fs;
use std::path::Path;

use mcp_config::{Application, Folders, McpConfig, Os, Scope, Server};

use crate::names;

/// The places of files that count for the user everywhere, under `home`.
fn of_user(os: Os) -> Vec<(Application, String)> {
    let locations = Folders::new(os, "home", "work").locations();
    let user = locations.into_iter().filter(|it| it.scope == Scope::User);
    user.map(|it| (it.application, it.path.to_string_lossy().replace('\\', "/"))).collect()
}

#[test]
fn each_system_has_its_places() {
    use Application::*;
    let common = [
        (ClaudeCode, "home/.claude.json"),
        (Cursor, "home/.cursor/mcp.json"),
        (Windsurf, "home/.codeium/windsurf/mcp_config.json"),
        (Gemini, "home/.gemini/settings.json"),
        (Codex, "home/.codex/config.toml"),
    ];
    let linux = [
        (ClaudeDesktop, "home/.config/Claude/claude_desktop_config.json"),
        (VsCode, "home/.config/Code/User/mcp.json"),
        (VsCode, "home/.config/Code/User/settings.json"),
        (Goose, "home/.config/goose/config.yaml"),
        (Zed, "home/.config/zed/settings.json"),
    ];
    let macos = [
        (ClaudeDesktop, "home/Library/Application Support/Claude/claude_desktop_config.json"),
        (VsCode, "home/Library/Application Support/Code/User/mcp.json"),
        (VsCode, "home/Library/Application Support/Code/User/settings.json"),
        (Goose, "home/.config/goose/config.yaml"),
        (Zed, "home/.config/zed/settings.json"),
    ];
    let windows = [
        (ClaudeDesktop, "home/AppData/Roaming/Claude/claude_desktop_config.json"),
        (VsCode, "home/AppData/Roaming/Code/User/mcp.json"),
        (VsCode, "home/AppData/Roaming/Code/User/settings.json"),
        (Goose, "home/AppData/Roaming/Block/goose/config/config.yaml"),
        (Zed, "home/AppData/Roaming/Zed/settings.json"),
    ];
    for (os, own) in [(Os::Linux, linux), (Os::MacOs, macos), (Os::Windows, windows)] {
        let mut wanted: Vec<_> =
            common.iter().chain(&own).map(|(it, path)| (*it, (*path).to_owned())).collect();
        let mut found = of_user(os);
        wanted.sort();
        found.sort();
        assert_eq!(found, wanted, "{os:?}");
    }
    let moved = Folders::new(Os::Windows, "home", "work").app_data("data").locations();
    let desktop = moved.iter().find(|it| it.application == ClaudeDesktop).unwrap();
    assert_eq!(desktop.path, Path::new("data").join("Claude").join("claude_desktop_config.json"));
    let work = moved.iter().filter(|it| it.scope == Scope::Workspace).map(|it| &it.path);
    let wanted = [
        ".mcp.json",
        "mcp.json",
        ".cursor/mcp.json",
        ".vscode/mcp.json",
        ".gemini/settings.json",
        ".codex/config.toml",
        ".zed/settings.json",
    ];
    assert!(work.eq(&wanted.map(|it| Path::new("work").join(it))));
}

#[test]
fn what_is_there_is_found_with_its_source() {
    let folder = tempfile::tempdir().unwrap();
    let (home, work) = (folder.path().join("home"), folder.path().join("work"));
    let put = |path: std::path::PathBuf, text: &str| {
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    };
    put(work.join(".mcp.json"), r#"{"mcpServers": {"a": {"command": "x"}}}"#);
    put(work.join("mcp.json"), "{");
    put(work.join(".vscode/mcp.json"), r#"{"servers": {"b": {"command": "x"}}}"#);
    put(home.join(".gemini/settings.json"), r#"{"theme": "x", "tools": {"command": "no server"}}"#);
    put(home.join(".config/Code/User/settings.json"), r#"{"editor": 1}"#);
    let claude = serde_json::json!({
        "mcpServers": { "c": { "command": "x" } },
        "projects": { work.to_str().unwrap(): { "mcpServers": { "d": { "command": "x" } } } },
    });
    put(home.join(".claude.json"), &claude.to_string());
    let found = McpConfig::discover_in(&Folders::new(Os::Linux, &home, &work));
    let shown: Vec<_> = found
        .iter()
        .map(|it| {
            let servers = it.config.as_ref().map(|config| names(config).join(" "));
            (it.source.application, it.source.scope, servers.ok())
        })
        .collect();
    let some = |names: &str| Some(names.to_owned());
    assert_eq!(
        shown,
        [
            (Application::Shared, Scope::Workspace, some("a")),
            (Application::Shared, Scope::Workspace, None),
            (Application::VsCode, Scope::Workspace, some("b")),
            (Application::ClaudeCode, Scope::Local, some("d")),
            (Application::ClaudeCode, Scope::User, some("c")),
            (Application::Gemini, Scope::User, some("")),
        ]
    );
    // What is added is written as the application reads it.
    let mut gemini = found.into_iter().next_back().unwrap().config.unwrap();
    gemini.add_server("x", &Server::http("https://x/mcp")).unwrap();
    gemini.write().unwrap();
    let text = fs::read_to_string(home.join(".gemini/settings.json")).unwrap();
    let value: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert_eq!(value["mcpServers"]["x"], serde_json::json!({ "httpUrl": "https://x/mcp" }));
    assert_eq!(value["theme"], "x");
}

#[test]
fn the_folders_of_this_process_give_whole_paths() {
    for location in Folders::of_process().locations() {
        assert!(location.path.is_absolute(), "{location:?}");
    }
    for found in McpConfig::discover() {
        assert!(found.source.path.is_file());
    }
}
