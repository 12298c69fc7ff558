use std::fs;

use mcp_config::{ErrorKind, McpConfig, Server};
use proptest::prelude::*;

use crate::{config, file, names};

const TEXT: &str = r#"// mine
{
    "theme": "dark", // kept
    "mcpServers": {
        // the first
        "a": { "command": "x", "strange": [1, 2] }, // a, still
        "b": {
            "command": "y" /* , */
        } // b, still
    },
    "last": null
}
"#;

#[test]
fn adding_keeps_comments_order_and_layout() {
    let mut config = McpConfig::from_str(TEXT).unwrap();
    let server = Server::stdio("npx", ["-y", "it"]);
    assert_eq!(config.add_server("c", &server).unwrap(), None);
    let wanted = TEXT.replace(
        "        } // b, still\n",
        "        }, // b, still\n        \"c\": {\n            \"command\": \"npx\",\n            \"args\": [\"-y\", \"it\"]\n        }\n",
    );
    assert_eq!(config.text(), wanted);
    assert_eq!(config.server("c"), Some(&server));
}

#[test]
fn replacing_keeps_the_position() {
    let mut config = McpConfig::from_str(TEXT).unwrap();
    let mut server = config.server("a").unwrap().clone();
    let same = config.add_server("a", &server).unwrap();
    assert_eq!((same.as_ref(), config.text()), (Some(&server), TEXT));
    server.disabled = true;
    config.add_server("a", &server).unwrap();
    assert_eq!(names(&config), ["a", "b"]);
    let entry = config.server("a").unwrap();
    assert!(entry.disabled && entry.extra.contains_key("strange"));
    assert!(config.text().contains("// the first\n        \"a\": {\n"), "{}", config.text());
    assert!(config.text().contains("}, // a, still"), "{}", config.text());
}

#[test]
fn removing_keeps_the_rest_unchanged() {
    let mut config = McpConfig::from_str(TEXT).unwrap();
    assert!(config.remove_server("b").unwrap());
    assert!(!config.remove_server("b").unwrap());
    assert_eq!(names(&config), ["a"]);
    for kept in
        ["// mine", "// kept", "// the first", "// a, still", "// b, still", "\"last\": null"]
    {
        assert!(config.text().contains(kept), "{kept}: {}", config.text());
    }
    assert!(config.remove_server("a").unwrap());
    assert_eq!(config.servers().len(), 0);
    assert!(config.text().contains("\"theme\": \"dark\", // kept"), "{}", config.text());
}

#[test]
fn a_broken_server_can_be_removed() {
    let mut config = McpConfig::from_str(r#"{"mcpServers": {"a": {"comand": "x"}}}"#).unwrap();
    assert!(config.remove_server("a").unwrap());
    assert_eq!(config.problems(), []);
}

#[test]
fn each_dialect_gets_its_own_field_names() {
    let mut files = vec![
        ("claude_desktop_config.json", "\"type\": \"http\""),
        ("vscode.json", "\"type\": \"http\""),
        ("windsurf.json", "\"serverUrl\": \"https://new/mcp\""),
        ("gemini.json", "\"httpUrl\": \"https://new/mcp\""),
        ("zed.json", "\"url\": \"https://new/mcp\""),
        ("bare.json", "\"new\": {"),
    ];
    if cfg!(feature = "toml") {
        files.push(("codex.toml", "[mcp_servers.new]\nurl = \"https://new/mcp\""));
    }
    if cfg!(feature = "yaml") {
        files.push(("goose.yaml", "type: streamable_http\n    uri: https://new/mcp"));
    }
    for (name, wanted) in files {
        let mut config = config(name);
        let before: Vec<_> =
            config.servers().map(|(name, it)| (name.to_owned(), it.clone())).collect();
        let mut server = Server::http("https://new/mcp");
        server.timeout = Some(std::time::Duration::from_millis(2500));
        config.add_server("new", &server).unwrap();
        assert!(config.text().contains(wanted), "{name}: {}", config.text());
        let read = config.server("new").unwrap();
        assert_eq!((&read.target, read.timeout), (&server.target, server.timeout), "{name}");
        assert!(config.remove_server("new").unwrap());
        let after: Vec<_> =
            config.servers().map(|(name, it)| (name.to_owned(), it.clone())).collect();
        assert_eq!(after, before, "{name}");
    }
}

#[test]
fn every_server_of_the_samples_survives_being_written() {
    for name in
        ["claude.json", "cursor.json", "vscode.json", "gemini.json", "zed.json", "fastmcp.json"]
    {
        let config = config(name);
        let mut copy = McpConfig::new();
        for (name, server) in config.servers() {
            copy.add_server(name, server).unwrap();
            assert_eq!(copy.server(name), Some(server));
        }
        assert_eq!(names(&copy), names(&config));
    }
}

#[cfg(feature = "toml")]
#[test]
fn toml_keeps_its_comments() {
    let mut config = config("codex.toml");
    let before = config.text().to_owned();
    let mut server = Server::stdio("x", ["a"]);
    if let mcp_config::Target::Stdio(stdio) = &mut server.target {
        stdio.env.insert("A".to_owned(), "b".to_owned());
    }
    config.add_server("new", &server).unwrap();
    assert!(config.text().contains("# What the work needs\n[mcp_servers.context7]"));
    assert!(config.text().contains("[mcp_servers.new.env]\nA = \"b\""), "{}", config.text());
    config.remove_server("new").unwrap();
    assert_eq!(config.text(), before);
}

#[test]
fn concurrent_changes_are_not_overwritten() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("mcp.json");
    fs::write(&path, TEXT).unwrap();
    let mut config = McpConfig::from_file(&path).unwrap();
    config.remove_server("a").unwrap();
    config.write().unwrap();
    config.remove_server("b").unwrap();
    fs::write(&path, "{}").unwrap();
    let error = config.write().unwrap_err();
    assert_eq!((error.kind(), error.file()), (ErrorKind::Changed, Some(&*path)));
    assert_eq!(fs::read_to_string(&path).unwrap(), "{}");
    config.write_to(&path).unwrap();
    assert_eq!(fs::read_to_string(&path).unwrap(), config.text());
    let files = fs::read_dir(folder.path()).unwrap().count();
    assert_eq!(files, 1, "no temporary file is left");
    assert_eq!(McpConfig::new().write().unwrap_err().kind(), ErrorKind::Edit);
    let error = config.write_to(folder.path().join("none").join("mcp.json")).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Io);
}

#[cfg(unix)]
#[test]
fn files_with_secrets_are_private_and_links_are_preserved() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    let (path, link) = (folder.path().join("real.json"), folder.path().join("mcp.json"));
    fs::write(&path, TEXT).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
    std::os::unix::fs::symlink(&path, &link).unwrap();
    let mode = || fs::metadata(&path).unwrap().permissions().mode() & 0o777;
    let mut config = McpConfig::from_file(&link).unwrap();
    config.remove_server("b").unwrap();
    config.write().unwrap();
    assert_eq!((config.holds_secrets(), mode()), (false, 0o640));
    let mut server = Server::http("https://x/mcp");
    if let mcp_config::Target::Remote(remote) = &mut server.target {
        remote.headers.insert("Authorization".to_owned(), "Bearer secret".to_owned());
    }
    config.add_server("x", &server).unwrap();
    config.write().unwrap();
    assert_eq!((config.holds_secrets(), mode()), (true, 0o600));
    assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
}

#[test]
fn what_holds_secrets() {
    for (name, wanted) in [
        ("claude_desktop_config.json", true),
        ("cursor.json", false),
        ("vscode.json", false),
        ("gemini.json", true),
        ("bare.json", false),
    ] {
        assert_eq!(config(name).holds_secrets(), wanted, "{name}");
    }
    for text in [
        r#"{"mcpServers": {"a": {"url": "https://me:pass@x/mcp"}}}"#,
        r#"{"mcpServers": {"a": {"url": "https://x/mcp?api_key=sk"}}}"#,
        r#"{"mcpServers": {"a": {"url": "https://x/mcp", "headers": {"A": "Bearer sk${EMPTY:-}"}}}}"#,
        r#"{"mcpServers": {"a": {"command": "x", "env": {"K": "${K:-sk}"}}}}"#,
        r#"{"mcpServers": {"a": {"command": "x", "args": ["--token", "sk"]}}}"#,
        r#"{"servers": {}, "inputs": [{"id": "a", "password": true, "default": "sk"}]}"#,
    ] {
        let mut config = McpConfig::from_str(text).unwrap();
        assert!(config.holds_secrets(), "{text}");
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("mcp.json");
        config.write_to(&file).unwrap();
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            let mode = fs::metadata(&file).unwrap().permissions().mode() & 0o777;
            assert_eq!(mode, 0o600, "{text}");
        }
    }
    assert!(file("bare.json").is_file());
}

proptest! {
    /// In any layout, an edit changes one server and nothing else.
    #[test]
    fn edits_change_only_one_server(
        names in prop::collection::btree_set("[a-e\"\\\\é,/*]{1,3}", 0..4),
        blanks in prop::collection::vec(prop_oneof![
            Just(""), Just(" "), Just("\n"), Just("\r\n  "), Just("/* , \" } */"), Just("// x, y }\n"),
        ], 24),
        trailing: bool,
        at in 0_usize..4,
    ) {
        let mut blanks = blanks.into_iter().cycle();
        let mut blank = || blanks.next().unwrap_or_default();
        let mut text = format!("{}{{{}\"mcpServers\"{}:{}{{", blank(), blank(), blank(), blank());
        for (index, name) in names.iter().enumerate() {
            let comma = if trailing || index + 1 < names.len() { "," } else { "" };
            let name = serde_json::Value::from(name.as_str());
            text += &format!("{}{name}{}:{}{{\"command\":\"x\"}}{}{comma}{}", blank(), blank(), blank(), blank(), blank());
        }
        text += &format!("{}}}{}, \"other\": [1,]{}}}{}", blank(), blank(), blank(), blank());
        let mut config = McpConfig::from_str(&text).unwrap();
        let before: Vec<_> = config.servers().map(|(name, it)| (name.to_owned(), it.clone())).collect();
        prop_assert_eq!(before.len(), names.len());
        let name = names.iter().nth(at).map_or("new", String::as_str);
        let server = Server::http("https://x/mcp");
        config.add_server(name, &server).unwrap();
        prop_assert_eq!(config.server(name), Some(&server));
        let is_other = |(it, _): &(&str, &Server)| *it != name;
        let others = config.servers().filter(is_other).map(|(name, it)| (name.to_owned(), it.clone()));
        prop_assert!(others.eq(before.iter().filter(|(it, _)| it != name).cloned()));
        prop_assert!(text.matches("/* , \" } */").count() <= config.text().matches("/* , \" } */").count() || !text.trim().contains('\n'), "{}\n=>\n{}", text, config.text());
        config.remove_server(name).unwrap();
        let others = config.servers().map(|(name, it)| (name.to_owned(), it.clone()));
        prop_assert!(others.eq(before.iter().filter(|(it, _)| it != name).cloned()));
    }
}
