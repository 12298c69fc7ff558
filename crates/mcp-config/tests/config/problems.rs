use mcp_config::{ErrorKind, McpConfig, ProblemKind};

use crate::names;

#[test]
fn one_invalid_entry_does_not_affect_the_others() {
    let text = r#"{
  "mcpServers": {
    "good": { "command": "x" },
    "typo": { "comand": "x" },
    "number": { "command": "x", "args": ["--port", 8080] },
    "list": ["x"],
    "both": { "command": "x", "url": "https://x/mcp" },
    "type": { "type": "streamable-htp", "url": "https://x/mcp" },
    "missing": { "type": "sse", "command": "x" },
    "scheme": { "url": "localhost:8080/mcp" },
    "era": { "command": "x", "protocolEra": "moderm" },
    "time": { "command": "x", "timeout": -1 },
    "env": { "command": "x", "env": { "A": ["SECRET"] } },
    "also": { "url": "https://x/mcp", "headres": {} }
  }
}"#;
    let config = McpConfig::from_str(text).unwrap();
    assert_eq!(names(&config), ["good", "also"]);
    let wanted = [
        "line 4: mcpServers.typo: found neither \"command\" nor \"url\", did you mean \"command\" instead of \"comand\"?",
        "line 5: mcpServers.number.args[1]: found a number, expected text: put it in quotes",
        "line 6: mcpServers.list: found a list, expected an object",
        "line 7: mcpServers.both: found both a command and \"url\": remove one, or set \"type\"",
        "line 8: mcpServers.type.type: found \"streamable-htp\", expected one of stdio, http, streamable-http, sse, did you mean \"streamable-http\"?",
        "line 9: mcpServers.missing.type: found a transport over HTTP, but there is no \"url\"",
        "line 10: mcpServers.scheme.url: expected a URL that begins with http:// or https://, did you mean \"https://localhost:8080/mcp\"?",
        "line 11: mcpServers.era.protocolEra: found \"moderm\", expected legacy, auto or modern, did you mean \"modern\"?",
        "line 12: mcpServers.time.timeout: found a number, expected a number of milliseconds above zero",
        "line 13: mcpServers.env.env.A: found a list, expected text",
        "line 14: mcpServers.also.headres: unknown field \"headres\", did you mean \"headers\"?",
    ];
    let doubtful = |text: &str| text.contains("unknown field");
    let fatal: Vec<String> = config.problems().iter().map(ToString::to_string).collect();
    // The remaining fields of an invalid entry are checked too.
    let reported: Vec<&str> = fatal
        .iter()
        .map(String::as_str)
        .filter(|it| !doubtful(it) || it.contains("also"))
        .collect();
    assert_eq!(reported, wanted);
    let last = config.problems().last().unwrap();
    assert_eq!((last.kind, last.is_fatal()), (ProblemKind::Doubtful, false));
    assert_eq!(last.server.as_deref(), Some("also"));
}

#[test]
fn syntax_errors_name_line_and_column_past_comments() {
    let text = "\u{feff}// é\n{ /* x\n */ \"mcpServers\": {\n  \"a\": { \"command\": }\n} }";
    let error = McpConfig::from_str(text).unwrap_err();
    assert_eq!((error.kind(), error.place()), (ErrorKind::Syntax, Some((4, 21))));
    assert_eq!(error.to_string(), "line 4, column 21: expected value");
    for text in ["{,}", "[1,,]", "{\"a\": 1,,}", "{\"mcpServers\": {\"a\": // x", "{ /* x"] {
        assert_eq!(McpConfig::from_str(text).unwrap_err().kind(), ErrorKind::Syntax, "{text}");
    }
}

#[test]
fn errors_name_the_file() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("mcp.json");
    let error = McpConfig::from_file(&file).unwrap_err();
    assert_eq!((error.kind(), error.file()), (ErrorKind::Io, Some(&*file)));
    assert_eq!(error.io_kind(), Some(std::io::ErrorKind::NotFound));
    // The text contains the cause, so there is no source.
    assert!(error.to_string().contains("cannot be read: "), "{error}");
    assert!(std::error::Error::source(&error).is_none());
    std::fs::write(&file, "{").unwrap();
    let error = McpConfig::from_file(&file).unwrap_err();
    assert!(
        error.to_string().starts_with(&format!("{}: line 1, column 1: ", file.display())),
        "{error}"
    );
    std::fs::write(&file, b"{\"mcpServers\": {\"a\": \"\xff\"}}").unwrap();
    assert_eq!(McpConfig::from_file(&file).unwrap_err().kind(), ErrorKind::Syntax);
    std::fs::write(&file, "{\"mcpServers\": {\n\"a\": 1}}").unwrap();
    let config = McpConfig::from_file(&file).unwrap();
    let problem = config.problems()[0].to_string();
    assert!(problem.starts_with(&format!("{}:2: mcpServers.a: ", file.display())), "{problem}");
}

#[test]
fn a_document_without_servers_names_the_expected_keys() {
    for (text, wanted) in [
        (
            r#"{"mcpServer": {"a": {"command": "x"}}}"#,
            "did you mean \"mcpServers\" instead of \"mcpServer\"?",
        ),
        (
            r#"{"mcpservers": {"a": {"command": "x"}}}"#,
            "did you mean \"mcpServers\" instead of \"mcpservers\"?",
        ),
        (r#"{"command": "x"}"#, "one server without a name"),
        (r#"{"mcpServers": ["x"]}"#, "mcpServers in line 1: found a list, expected an object"),
        (r#"{"theme": 1}"#, "found no servers, only \"theme\""),
        ("[]", "found a list"),
    ] {
        let error = McpConfig::from_str(text).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Shape);
        assert!(error.to_string().contains(wanted), "{text}: {error}");
    }
    for text in ["", "{}", "// nothing yet\n", r#"{"mcpServers": null}"#, r#"{"mcpServers": {}}"#] {
        assert_eq!(names(&McpConfig::from_str(text).unwrap()), [""; 0], "{text}");
    }
}

#[test]
fn duplicates_and_servers_of_two_dialects_are_reported() {
    let config = McpConfig::from_str(
        r#"{"mcpServers": {"a": {"command": "x"}, "a": {"command": "y"}}, "servers": {"b": {"command": "z"}}}"#,
    );
    let config = config.unwrap();
    let reported: Vec<String> = config.problems().iter().map(|it| it.path.clone()).collect();
    assert_eq!(reported, ["mcpServers.a", "servers"]);
    assert_eq!(crate::stdio(config.server("a").unwrap()).command, "y");
}

#[test]
fn problems_and_debug_redact_secrets() {
    let config = McpConfig::from_str(
        r#"{"mcpServers": {
            "a": {"command": "x", "env": {"A": "SECRET", "B": ["SECRET"]}},
            "b": {"url": "https://x/mcp", "headers": {"A": {"B": "SECRET"}}, "auth": ["SECRET"]},
            "c": {"url": "https://x/mcp", "headers": {"A": "SECRET"}, "auth": "SECRET", "oauth": "SECRET"}
        }}"#,
    );
    let shown = format!("{config:?}");
    assert!(!shown.contains("SECRET"), "{shown}");
    let more = McpConfig::from_str(
        r#"{
            "inputs": [{"id": "i", "password": true, "default": "SECRET"}],
            "servers": {
                "a": {"command": "x", "args": ["--token", "SECRET", "--key=SECRET"]},
                "b": {"url": "x.example/mcp?key=SECRET"},
                "c": {"command": "npx --token SECRET"}
            }
        }"#,
    );
    let more = more.unwrap();
    let shown = format!("{:?} {:?}", more.problems(), more.inputs());
    assert!(!shown.contains("SECRET"), "{shown}");
    let shown = format!("{:?}", more.server("a"));
    assert!(shown.contains("--token") && !shown.contains("SECRET"), "{shown}");
    let config = config.unwrap();
    let fatal: Vec<_> = config.problems().iter().filter(|it| it.is_fatal()).collect();
    assert_eq!(fatal.len(), 3, "{fatal:?}");
}

#[cfg(not(feature = "toml"))]
#[test]
fn toml_without_its_feature_is_an_error() {
    let error = McpConfig::from_file(crate::file("codex.toml")).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unsupported);
}

#[cfg(feature = "toml")]
#[test]
fn problems_of_toml_name_the_line() {
    let error = McpConfig::from_toml("a = 1\nb = ]").unwrap_err();
    assert_eq!((error.kind(), error.place().map(|it| it.0)), (ErrorKind::Syntax, Some(2)));
    let config = McpConfig::from_toml("[mcp_servers.a]\ncommand = 'x'\nargs = 1\n").unwrap();
    assert_eq!(
        config.problems()[0].to_string(),
        "line 3: mcp_servers.a.args: found a number, expected a list of texts"
    );
}

#[cfg(feature = "yaml")]
#[test]
fn syntax_errors_of_yaml_name_the_line() {
    let error = McpConfig::from_yaml("extensions:\n  a: [").unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Syntax);
    assert!(error.place().is_some(), "{error}");
}
