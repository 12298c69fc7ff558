use std::time::Duration;

use mcp_config::{Auth, Dialect, McpConfig, ProtocolEra, RemoteTransport};
use serde_json::json;

use crate::{config, names, remote, stdio};

#[test]
fn claude_desktop_with_numbers_and_booleans_in_env() {
    let config = config("claude_desktop_config.json");
    assert_eq!((config.dialect(), config.problems()), (Dialect::McpServers, &[][..]));
    assert_eq!(names(&config), ["filesystem", "github"]);
    let github = stdio(config.server("github").unwrap());
    assert_eq!(github.command, "docker");
    assert_eq!(github.args.last().unwrap(), "ghcr.io/github/github-mcp-server");
    assert_eq!(github.env["GITHUB_PORT"], "8080");
    assert_eq!(github.env["GITHUB_READ_ONLY"], "true");
}

#[test]
fn claude_code_names_the_transport() {
    let config = config("claude.json");
    assert_eq!(names(&config), ["sentry", "asana"]);
    let sentry = remote(config.server("sentry").unwrap());
    assert_eq!(sentry.transport, Some(RemoteTransport::StreamableHttp));
    assert_eq!(sentry.headers["Authorization"], "Bearer ${SENTRY_TOKEN}");
    let asana = remote(config.server("asana").unwrap());
    assert_eq!(asana.transport, Some(RemoteTransport::Sse));
}

#[test]
fn cursor_with_comments_and_trailing_commas() {
    let config = config("cursor.json");
    assert_eq!(config.problems(), []);
    let db = stdio(config.server("db").unwrap());
    assert_eq!(db.env_file.as_deref(), Some("${workspaceFolder}/.env".as_ref()));
    assert_eq!(remote(config.server("docs").unwrap()).transport, None);
}

#[test]
fn vs_code_with_inputs() {
    for (name, servers, inputs) in [
        ("vscode.json", &["Perplexity", "github"][..], &["perplexity-key", "region"][..]),
        ("vscode_settings.json", &["fetch"], &["key"]),
    ] {
        let config = config(name);
        assert_eq!(config.dialect(), Dialect::VsCode);
        let doubts: Vec<_> = config.problems().iter().map(|it| it.path.as_str()).collect();
        assert_eq!(doubts, if inputs.len() > 1 { &["servers.Perplexity.dev"][..] } else { &[] });
        assert_eq!(names(&config), servers);
        let ids: Vec<_> = config.inputs().iter().map(|input| input.id.as_str()).collect();
        assert_eq!(ids, inputs);
    }
    let config = config("vscode.json");
    let [key, region] = config.inputs() else { panic!("two inputs") };
    assert!(key.password && !region.password);
    assert_eq!((region.default.as_deref(), region.options.len()), (Some("eu"), 2));
    let server = config.server("Perplexity").unwrap();
    assert_eq!(server.extra["dev"], json!({ "watch": "src/**/*.ts" }));
}

#[test]
fn windsurf_and_gemini_have_their_own_url_fields() {
    let windsurf = config("windsurf.json");
    assert_eq!(windsurf.problems(), []);
    let server = windsurf.server("remote").unwrap();
    assert_eq!(remote(server).url, "https://example.com/mcp");
    assert_eq!(server.exclude_tools, ["drop"]);
    let gemini = config("gemini.json");
    assert_eq!(gemini.problems(), []);
    let streaming = gemini.server("streaming").unwrap();
    assert_eq!(remote(streaming).transport, Some(RemoteTransport::StreamableHttp));
    assert_eq!(streaming.timeout, Some(Duration::from_secs(5)));
    assert_eq!(streaming.include_tools.as_deref(), Some(&["search".to_owned()][..]));
    assert_eq!(streaming.extra["trust"], json!(false));
    let events = gemini.server("events").unwrap();
    assert_eq!(remote(events).transport, Some(RemoteTransport::Sse));
    assert_eq!(stdio(gemini.server("local").unwrap()).cwd.as_deref(), Some("./server".as_ref()));
}

#[test]
fn zed_with_old_commands_and_extensions() {
    let config = config("zed.json");
    assert_eq!(
        (config.dialect(), names(&config)),
        (Dialect::Zed, vec!["custom", "older", "remote"])
    );
    assert!(config.server("custom").unwrap().disabled);
    let older = stdio(config.server("older").unwrap());
    assert_eq!(
        (&*older.command, &*older.args, &*older.env["A"]),
        ("older-server", &["a".to_owned()][..], "b")
    );
    let [problem] = config.problems() else { panic!("{:?}", config.problems()) };
    assert_eq!((problem.path.as_str(), problem.line), ("context_servers.postgres", Some(8)));
}

#[test]
fn fastmcp_with_all_its_fields() {
    let config = config("fastmcp.json");
    let [problem] = config.problems() else { panic!("{:?}", config.problems()) };
    assert_eq!(problem.path, "mcpServers.assistant.authentication");
    let weather = config.server("weather").unwrap();
    assert_eq!(remote(weather).auth, Some(Auth::OAuth(Box::default())));
    assert_eq!(weather.timeout, Some(Duration::from_secs(30)));
    assert_eq!(weather.description.as_deref(), Some("Forecasts"));
    assert_eq!(weather.icon.as_deref(), Some("https://weather.example.com/icon.png"));
    assert_eq!(weather.include_tags.as_deref(), Some(&["public".to_owned()][..]));
    assert_eq!(weather.exclude_tags, ["beta"]);
    let forecast = &weather.tools["get_forecast"];
    assert_eq!(forecast.name.as_deref(), Some("forecast"));
    assert!(forecast.arguments["units"].hide);
    assert_eq!(forecast.arguments["units"].default, Some(json!("metric")));
    assert_eq!(forecast.arguments["loc"].name.as_deref(), Some("city"));
    assert_eq!(forecast.arguments["loc"].extra["examples"], json!(["Bern"]));
    assert!(!weather.tools["admin"].enabled && forecast.enabled);
    let assistant = config.server("assistant").unwrap();
    assert_eq!(assistant.keep_alive, Some(false));
    assert_eq!(assistant.always_allow, ["ask"]);
    assert_eq!(assistant.protocol_era, Some(ProtocolEra::Modern));
    assert_eq!(assistant.extra["authentication"], json!({ "kind": "unknown to us" }));
}

#[test]
fn a_bare_map() {
    let config = config("bare.json");
    assert_eq!((config.dialect(), config.problems()), (Dialect::Bare, &[][..]));
    assert_eq!(names(&config), ["time", "docs"]);
}

#[cfg(feature = "toml")]
#[test]
fn codex_in_toml() {
    let config = config("codex.toml");
    assert_eq!((config.dialect(), config.problems()), (Dialect::Codex, &[][..]));
    assert_eq!(names(&config), ["context7", "figma"]);
    let context7 = config.server("context7").unwrap();
    assert_eq!(stdio(context7).env["MY_ENV_VAR"], "MY_ENV_VALUE");
    assert_eq!(stdio(context7).pass_env, ["LOCAL_TOKEN"]);
    assert_eq!(context7.startup_timeout, Some(Duration::from_secs(20)));
    let figma = config.server("figma").unwrap();
    assert_eq!(remote(figma).auth, Some(Auth::Bearer("${FIGMA_OAUTH_TOKEN}".to_owned())));
    assert_eq!(remote(figma).headers["X-Figma-Region"], "us-east-1");
    assert_eq!(remote(figma).headers["X-Team"], "${FIGMA_TEAM}");
    assert_eq!(figma.timeout, Some(Duration::from_millis(1500)));
    assert!(figma.disabled);
}

#[cfg(feature = "yaml")]
#[test]
fn goose_in_yaml() {
    let config = config("goose.yaml");
    assert_eq!((config.dialect(), names(&config)), (Dialect::Goose, vec!["github", "remote"]));
    let github = config.server("github").unwrap();
    assert_eq!(stdio(github).command, "npx");
    assert_eq!(stdio(github).env["PORT"], "8080");
    assert_eq!(stdio(github).pass_env, ["GITHUB_PERSONAL_ACCESS_TOKEN"]);
    assert_eq!((github.timeout, &github.include_tools), (Some(Duration::from_secs(60)), &None));
    let remote_server = config.server("remote").unwrap();
    assert!(remote_server.disabled);
    assert_eq!(remote(remote_server).transport, Some(RemoteTransport::StreamableHttp));
    let [builtin] = config.problems() else { panic!("{:?}", config.problems()) };
    assert_eq!(builtin.kind, mcp_config::ProblemKind::Unsupported);
}

#[test]
fn a_transport_in_every_spelling_is_honoured() {
    use RemoteTransport::{Sse, StreamableHttp};
    for key in ["type", "transport"] {
        for (written, wanted) in [
            ("http", Some(StreamableHttp)),
            ("HTTP", Some(StreamableHttp)),
            ("streamable-http", Some(StreamableHttp)),
            ("streamableHttp", Some(StreamableHttp)),
            ("streamable_http", Some(StreamableHttp)),
            ("sse", Some(Sse)),
            ("SSE", Some(Sse)),
            ("remote", None),
        ] {
            let entry = json!({ "mcpServers": { "x": { "url": "https://x/mcp", key: written } } });
            let config = McpConfig::from_value(&entry).unwrap();
            assert_eq!(remote(config.server("x").unwrap()).transport, wanted, "{key} {written}");
        }
        for written in ["stdio", "STDIO", "local"] {
            let entry = json!({ "mcpServers": { "x": { "command": "x", key: written } } });
            let config = McpConfig::from_value(&entry).unwrap();
            assert_eq!(stdio(config.server("x").unwrap()).command, "x");
        }
    }
    // An explicit type decides between the two.
    let both = json!({ "mcpServers": {
        "a": { "type": "stdio", "command": "x", "url": "https://x/mcp" },
        "b": { "type": "sse", "command": "x", "url": "https://x/mcp" },
    } });
    let config = McpConfig::from_value(&both).unwrap();
    assert_eq!(stdio(config.server("a").unwrap()).command, "x");
    assert_eq!(remote(config.server("b").unwrap()).transport, Some(Sse));
}

#[test]
fn a_list_of_tools_names_those_to_offer() {
    let config = McpConfig::from_str(
        r#"{"mcpServers": {"a": {"command": "x", "tools": ["b"]}, "c": {"command": "x", "tools": ["*"]}}}"#,
    );
    let config = config.unwrap();
    assert_eq!(config.server("a").unwrap().include_tools, Some(vec!["b".to_owned()]));
    assert_eq!(config.server("c").unwrap().include_tools, None);
}
