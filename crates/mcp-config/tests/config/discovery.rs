use std::fs;
use std::path::Path;

use mcp_config::{Application, Folders, McpConfig, Os, Scope, Server};

use crate::names;

fn put(path: std::path::PathBuf, text: &str) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, text).unwrap();
}

/// The locations of user files under `home`.
fn of_user(os: Os) -> Vec<(Application, String)> {
    let locations = Folders::new(os, "home", "work").locations();
    let user = locations.into_iter().filter(|it| it.scope == Scope::User);
    user.map(|it| (it.application, it.path.to_string_lossy().replace('\\', "/"))).collect()
}

#[test]
fn each_system_has_its_locations() {
    use Application::*;
    let common = [
        (ClaudeCode, "home/.claude.json"),
        (Cursor, "home/.cursor/mcp.json"),
        (Windsurf, "home/.codeium/windsurf/mcp_config.json"),
        (Windsurf, "home/.codeium/mcp_config.json"),
        (Gemini, "home/.gemini/settings.json"),
        (Qwen, "home/.qwen/settings.json"),
        (Codex, "home/.codex/config.toml"),
        (Cline, "home/.cline/data/settings/cline_mcp_settings.json"),
        (Kiro, "home/.kiro/settings/mcp.json"),
        (LmStudio, "home/.lmstudio/mcp.json"),
        (Hermes, "home/.hermes/config.yaml"),
        (CopilotCli, "home/.copilot/mcp-config.json"),
        (Junie, "home/.junie/mcp/mcp.json"),
        (Warp, "home/.warp/.mcp.json"),
        (Shared, "home/.agents/.mcp.json"),
        (Continue, "home/.continue/config.yaml"),
        (OpenCode, "home/.config/opencode/opencode.json"),
        (OpenCode, "home/.config/opencode/opencode.jsonc"),
        (Amp, "home/.config/amp/settings.json"),
        (Crush, "home/.config/crush/crush.json"),
    ];
    let storage = "Code/User/globalStorage";
    let of_editor = |settings: &str| {
        [
            (ClaudeDesktop, format!("{settings}/Claude/claude_desktop_config.json")),
            (VsCode, format!("{settings}/Code/User/mcp.json")),
            (VsCode, format!("{settings}/Code/User/settings.json")),
            (
                Cline,
                format!(
                    "{settings}/{storage}/saoudrizwan.claude-dev/settings/cline_mcp_settings.json"
                ),
            ),
            (
                RooCode,
                format!(
                    "{settings}/{storage}/rooveterinaryinc.roo-cline/settings/mcp_settings.json"
                ),
            ),
        ]
    };
    for (os, settings, goose, zed) in [
        (
            Os::Linux,
            "home/.config",
            "home/.config/goose/config.yaml",
            "home/.config/zed/settings.json",
        ),
        (
            Os::MacOs,
            "home/Library/Application Support",
            "home/.config/goose/config.yaml",
            "home/.config/zed/settings.json",
        ),
        (
            Os::Windows,
            "home/AppData/Roaming",
            "home/AppData/Roaming/Block/goose/config/config.yaml",
            "home/AppData/Roaming/Zed/settings.json",
        ),
    ] {
        let mut wanted: Vec<_> = common.map(|(it, path)| (it, path.to_owned())).to_vec();
        wanted.extend(of_editor(settings));
        wanted.extend([(Goose, goose.to_owned()), (Zed, zed.to_owned())]);
        let mut found = of_user(os);
        wanted.sort();
        found.sort();
        assert_eq!(found, wanted, "{os:?}");
    }
    let moved = Folders::new(Os::Windows, "home", "work").app_data("data").locations();
    let desktop = moved.iter().find(|it| it.application == ClaudeDesktop).unwrap();
    assert_eq!(desktop.path, Path::new("data").join("Claude").join("claude_desktop_config.json"));
    let moved = Folders::new(Os::Linux, "home", "work").config("xdg").locations();
    let amp = moved.iter().rfind(|it| it.application == Amp).unwrap();
    assert_eq!(amp.path, Path::new("xdg").join("amp").join("settings.json"));
    let work = moved.iter().filter(|it| it.scope == Scope::Workspace).map(|it| &it.path);
    let wanted = [
        ".mcp.json",
        "mcp.json",
        ".cursor/mcp.json",
        ".vscode/mcp.json",
        ".github/mcp.json",
        ".gemini/settings.json",
        ".qwen/settings.json",
        ".codex/config.toml",
        ".zed/settings.json",
        ".roo/mcp.json",
        ".kiro/settings/mcp.json",
        ".junie/mcp/mcp.json",
        ".amp/settings.json",
        "opencode.json",
        "opencode.jsonc",
        ".opencode/opencode.json",
        ".opencode/opencode.jsonc",
        ".crush.json",
        "crush.json",
        ".warp/.mcp.json",
        ".agents/.mcp.json",
    ];
    assert!(work.eq(&wanted.map(|it| Path::new("work").join(it))));
}

/// The folders searched for project files.
fn project_folders(home: &str, work: &str) -> Vec<String> {
    let locations = Folders::new(Os::Linux, home, work).locations();
    let cursor = locations
        .into_iter()
        .filter(|it| it.scope == Scope::Workspace && it.application == Application::Cursor);
    cursor
        .map(|it| it.path.parent().unwrap().parent().unwrap().to_string_lossy().replace('\\', "/"))
        .collect()
}

#[test]
fn files_of_a_project_are_found_in_parent_folders_up_to_the_home() {
    assert_eq!(project_folders("/h/ada", "/h/ada/a/b"), ["/h/ada/a/b", "/h/ada/a"]);
    assert_eq!(project_folders("/h/ada", "/srv/a/b"), ["/srv/a/b"]);
    assert_eq!(project_folders("/h/ada", "/h/adam/a"), ["/h/adam/a"]);
    // In the home folder itself, these are user files.
    assert_eq!(project_folders("/h/ada", "/h/ada"), [""; 0]);
    let deep = "/h/ada".to_owned() + &"/x".repeat(1000);
    assert_eq!(project_folders("/h/ada", &deep).len(), 32);

    let folder = tempfile::tempdir().unwrap();
    let (home, work) = (folder.path().join("home"), folder.path().join("home/app/src"));
    put(home.join("app/.mcp.json"), r#"{"mcpServers": {"above": {"command": "x"}}}"#);
    put(home.join(".mcp.json"), r#"{"mcpServers": {"home": {"command": "x"}}}"#);
    put(folder.path().join(".mcp.json"), r#"{"mcpServers": {"outside": {"command": "x"}}}"#);
    let projects = serde_json::json!({
        home.join("app").to_str().unwrap(): { "mcpServers": { "local": { "command": "x" } } },
    });
    put(home.join(".claude.json"), &serde_json::json!({ "projects": projects }).to_string());
    fs::create_dir_all(&work).unwrap();
    let found = McpConfig::discover_in(&Folders::new(Os::Linux, &home, &work));
    let shown: Vec<_> =
        found.iter().map(|it| (it.source.scope, names(it.config.as_ref().unwrap()))).collect();
    assert_eq!(
        shown,
        [(Scope::Workspace, vec!["above"]), (Scope::Local, vec!["local"]), (Scope::User, vec![])]
    );
}

#[test]
fn the_folder_of_a_project_is_found_in_each_spelling() {
    let folder = tempfile::tempdir().unwrap();
    let home = folder.path().join("home");
    let app = home.join("app");
    fs::create_dir_all(&app).unwrap();
    let plain = app.to_str().unwrap();
    let mut spellings = vec![plain.to_owned(), format!("{plain}/")];
    if cfg!(windows) {
        let slashes = plain.replace('\\', "/");
        spellings.push(format!("{}{}", slashes[..1].to_lowercase(), &slashes[1..]));
    }
    for key in spellings {
        let projects = serde_json::json!({
            "elsewhere": { "mcpServers": { "other": { "command": "x" } } },
            key.clone(): { "mcpServers": { "local": { "command": "x" } } },
        });
        put(home.join(".claude.json"), &serde_json::json!({ "projects": projects }).to_string());
        let found = McpConfig::discover_in(&Folders::new(Os::Linux, &home, &app));
        let local = found.iter().find(|it| it.source.scope == Scope::Local);
        let local = local.unwrap_or_else(|| panic!("{key} is not found"));
        assert_eq!(names(local.config.as_ref().unwrap()), ["local"]);
    }
}

#[test]
fn a_file_is_read_in_the_dialect_of_its_application() {
    let folder = tempfile::tempdir().unwrap();
    let (home, work) = (folder.path().join("home"), folder.path().join("work"));
    let text = r#"{"mcpServers": {"x": {"url": "https://x/mcp", "timeout": 60}}}"#;
    for path in [".roo/mcp.json", ".cursor/mcp.json"] {
        put(work.join(path), text);
    }
    put(home.join(".gemini/settings.json"), text);
    put(home.join(".config/opencode/opencode.json"), r#"{"mcp": {}}"#);
    put(home.join(".config/amp/settings.json"), r#"{"amp.tools": []}"#);
    let found = McpConfig::discover_in(&Folders::new(Os::Linux, &home, &work));
    let shown: Vec<_> = found
        .iter()
        .map(|it| {
            let config = it.config.as_ref().unwrap();
            let timeout = config.server("x").and_then(|server| server.timeout);
            (it.source.application, timeout.map(|it| it.as_millis()), config.problems().len())
        })
        .collect();
    assert_eq!(
        shown,
        [
            (Application::Cursor, Some(60_000), 1),
            (Application::RooCode, Some(60_000), 0),
            (Application::Gemini, Some(60), 0),
            (Application::OpenCode, None, 0),
            (Application::Amp, None, 0),
        ]
    );
    // The path of an opened file identifies the application too.
    let roo = McpConfig::from_file(work.join(".roo/mcp.json")).unwrap();
    assert_eq!((roo.application(), roo.problems()), (Some(Application::RooCode), &[][..]));
    let mut amp = McpConfig::from_file(home.join(".config/amp/settings.json")).unwrap();
    amp.add_server("a", &Server::stdio("x", ["y"])).unwrap();
    assert!(amp.text().contains("\"amp.mcpServers\""), "{}", amp.text());
}

#[test]
fn existing_files_are_found_with_their_source() {
    let folder = tempfile::tempdir().unwrap();
    let (home, work) = (folder.path().join("home"), folder.path().join("work"));
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
    // An added server is written in the application's dialect.
    let mut gemini = found.into_iter().next_back().unwrap().config.unwrap();
    gemini.add_server("x", &Server::http("https://x/mcp")).unwrap();
    gemini.write().unwrap();
    let text = fs::read_to_string(home.join(".gemini/settings.json")).unwrap();
    let value: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert_eq!(value["mcpServers"]["x"], serde_json::json!({ "httpUrl": "https://x/mcp" }));
    assert_eq!(value["theme"], "x");
}

#[test]
fn the_folders_of_this_process_give_absolute_paths() {
    for location in Folders::of_process().locations() {
        assert!(location.path.is_absolute(), "{location:?}");
    }
    for found in McpConfig::discover() {
        assert!(found.source.path.is_file());
    }
}
