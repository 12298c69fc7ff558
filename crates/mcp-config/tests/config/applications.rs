//! Fields of each application are honoured or reported.

use std::time::Duration;

use mcp_config::{
    Application, Auth, Dialect, McpConfig, Problem, ProblemKind, ProtocolEra, RemoteTransport,
    Server, Variables,
};
use serde_json::{Value, json};

use crate::{names, remote, stdio};

/// The configuration with one server `x`.
fn with(entry: Value) -> McpConfig {
    McpConfig::from_value(&json!({ "mcpServers": { "x": entry } })).unwrap()
}

fn server(entry: Value) -> Server {
    let config = with(entry);
    assert!(config.problems().iter().all(|it| !it.is_fatal()), "{:?}", config.problems());
    config.server("x").unwrap().clone()
}

/// The only problem of a server that is still used.
fn doubt(entry: Value) -> Problem {
    let config = with(entry);
    let [problem] = config.problems() else { panic!("{:?}", config.problems()) };
    assert_eq!((problem.kind, names(&config)), (ProblemKind::Doubtful, vec!["x"]));
    problem.clone()
}

#[test]
fn a_timeout_has_the_unit_of_the_application() {
    for (mark, value, wanted) in [
        (json!({ "transportType": "stdio" }), json!(60), 60_000),
        (json!({ "watchPaths": [] }), json!(60), 60_000),
        (json!({ "isActive": true }), json!(60), 60_000),
        (json!({ "connect_timeout": 10 }), json!(60), 60_000),
        (json!({ "trust": false }), json!(60), 60),
        (json!({ "discoveryTimeoutMs": 10 }), json!(60), 60),
        (json!({ "alwaysLoad": true }), json!(60), 60),
        (json!({}), json!(5000), 5000),
        (json!({}), json!(1000), 1000),
    ] {
        let mut entry = json!({ "command": "x", "timeout": value });
        entry.as_object_mut().unwrap().extend(mark.as_object().unwrap().clone());
        let config = with(entry.clone());
        assert_eq!(config.problems(), [], "{entry}");
        let timeout = config.server("x").unwrap().timeout;
        assert_eq!(timeout, Some(Duration::from_millis(wanted)), "{entry}");
    }
}

#[test]
fn a_timeout_with_an_unknown_unit_is_reported_with_both_readings() {
    for value in [json!(60), json!(0.5), json!(999)] {
        let problem = doubt(json!({ "command": "x", "timeout": value }));
        assert_eq!(problem.path, "mcpServers.x.timeout");
        for reading in [format!("{value} seconds"), format!("{value} ms")] {
            assert!(problem.message.contains(&reading), "{problem}");
        }
    }
    let entry = json!({ "command": "x", "timeout": 60 });
    assert_eq!(server(entry).timeout, Some(Duration::from_secs(60)));
    // Hours are not a plausible timeout for an application that uses seconds.
    let problem = doubt(json!({ "command": "x", "isActive": true, "timeout": 60_000 }));
    assert!(problem.message.contains("60000 milliseconds"), "{problem}");
}

#[test]
fn timeouts_that_name_their_unit_are_read() {
    for (field, value, wanted) in [
        ("timeoutMs", json!(60), 60),
        ("timeout_ms", json!(60), 60),
        ("timeoutSeconds", json!(60), 60_000),
        ("timeout_seconds", json!(1.5), 1500),
        ("tool_timeout_sec", json!(60), 60_000),
        ("timeout", json!({ "execution": 60 }), 60),
    ] {
        let config = with(json!({ "command": "x", field: value }));
        assert_eq!(config.problems(), [], "{field}");
        let timeout = config.server("x").unwrap().timeout;
        assert_eq!(timeout, Some(Duration::from_millis(wanted)), "{field}");
    }
    for (field, value, wanted) in [
        ("startup_timeout_sec", json!(2), 2000),
        ("startup_timeout_ms", json!(2), 2),
        ("connect_timeout", json!(2), 2000),
        ("connectionTimeout", json!(2), 2),
        ("discoveryTimeoutMs", json!(2), 2),
        ("timeout", json!({ "startup": 2 }), 2),
    ] {
        let server = server(json!({ "command": "x", field: value }));
        assert_eq!(server.startup_timeout, Some(Duration::from_millis(wanted)), "{field}");
    }
    let problem = doubt(json!({ "command": "x", "timeout": { "catalog": 5 } }));
    assert_eq!(problem.path, "mcpServers.x.timeout.catalog");
    assert_eq!(with(json!({ "command": "x", "timeout": "60s" })).servers().len(), 0);
}

#[test]
fn every_way_to_disable_a_server_is_honoured() {
    for (field, value, wanted) in [
        ("disabled", true, true),
        ("disabled", false, false),
        ("enabled", false, true),
        ("enabled", true, false),
        ("isActive", false, true),
        ("isActive", true, false),
        ("is_active", false, true),
        ("disable", true, true),
    ] {
        let server = server(json!({ "command": "x", field: value }));
        assert_eq!(server.disabled, wanted, "{field}: {value}");
    }
    // One flag that disables the server is enough.
    let mixed = json!({ "command": "x", "disabled": false, "isActive": false, "enabled": true });
    assert!(server(mixed).disabled);
}

#[test]
fn lists_elsewhere_in_the_document_disable_servers() {
    let off = |document: &str| {
        let config = McpConfig::from_str(document).unwrap();
        let off = config.servers().filter(|(_, server)| server.disabled);
        off.map(|(name, _)| name.to_owned()).collect::<Vec<_>>()
    };
    let servers =
        r#""mcpServers": {"a": {"command": "x"}, "b-in": {"command": "x"}, "c": {"command": "x"}}"#;
    for (lists, wanted) in [
        (r#""mcp": {"allowed": ["a"]}"#, &["b-in", "c"][..]),
        (r#""mcp": {"allowed": ["a", "*-in"]}"#, &["c"]),
        (r#""mcp": {"allowed": []}"#, &["a", "b-in", "c"]),
        (r#""mcp": {"excluded": ["?", "x"]}"#, &["a", "c"]),
        (r#""mcp": {"allowed": ["a", "c"], "excluded": ["a"]}"#, &["a", "b-in"]),
        (r#""allowMCPServers": ["c"]"#, &["a", "b-in"]),
        (r#""excludeMCPServers": ["c"]"#, &["c"]),
        (r#""disabledMcpServers": ["a"]"#, &["a"]),
        (r#""mcp": {"serverCommand": "x"}"#, &[]),
    ] {
        assert_eq!(off(&format!("{{{lists}, {servers}}}")), wanted, "{lists}");
    }
    let many: Vec<String> = (0..100).map(|index| format!("*{index}")).collect();
    let document =
        json!({ "mcp": { "excluded": many }, "mcpServers": { "a": { "command": "x" } } });
    let config = McpConfig::from_value(&document).unwrap();
    assert_eq!(config.problems()[0].path, "mcp");
}

#[test]
fn every_list_of_tools_is_honoured() {
    for field in [
        "includeTools",
        "include_tools",
        "enabledTools",
        "enabled_tools",
        "allowedTools",
        "allowed_tools",
        "available_tools",
    ] {
        let server = server(json!({ "command": "x", field: ["a"] }));
        assert_eq!(server.include_tools, Some(vec!["a".to_owned()]), "{field}");
    }
    for field in ["excludeTools", "exclude_tools", "disabledTools", "disabled_tools", "deniedTools"]
    {
        assert_eq!(server(json!({ "command": "x", field: ["a"] })).exclude_tools, ["a"], "{field}");
    }
    for field in ["alwaysAllow", "autoApprove"] {
        assert_eq!(server(json!({ "command": "x", field: ["a"] })).always_allow, ["a"], "{field}");
    }
    let policy = json!({ "command": "x", "tools": { "include": "a", "exclude": ["a", "b"] } });
    let server = server(policy);
    assert_eq!((server.include_tools, server.exclude_tools), (Some(vec!["a".to_owned()]), vec![]));
    let policy = json!({ "command": "x", "tools": { "exclude": ["b"], "resources": true } });
    assert_eq!(with(policy).server("x").unwrap().exclude_tools, ["b"]);
    let problem = doubt(json!({ "command": "x", "tools": { "include": [], "prompts": false } }));
    assert_eq!(problem.path, "mcpServers.x.tools.prompts");
    let problem = doubt(json!({ "command": "x", "excludeTools": ["delete_*"] }));
    assert!(problem.message.contains("\"delete_*\""), "{problem}");
    let problem =
        doubt(json!({ "command": "x", "tools": { "t": { "approval_mode": "approve" } } }));
    assert_eq!(problem.path, "mcpServers.x.tools.t.approval_mode");
}

#[test]
fn credentials_of_every_spelling_are_sent() {
    for (field, wanted) in [
        ("bearer_token", "t"),
        ("bearerToken", "t"),
        ("apiKey", "t"),
        ("authorization_token", "t"),
        ("bearer_token_env_var", "${t}"),
        ("bearerTokenEnvVar", "${t}"),
    ] {
        let server = server(json!({ "url": "https://x/mcp", field: "t" }));
        assert_eq!(remote(&server).auth, Some(Auth::Bearer(wanted.to_owned())), "{field}");
    }
    let server = server(json!({
        "url": "https://x/mcp",
        "requestOptions": { "headers": { "A": "b" } },
    }));
    assert_eq!(remote(&server).headers["A"], "b");
    assert!(!server.extra.contains_key("requestOptions"));
    let oauth = |value: Value| with(json!({ "url": "https://x/mcp", "oauth": value }));
    let auth = |config: &McpConfig| remote(config.server("x").unwrap()).auth.clone();
    assert_eq!(auth(&oauth(json!(true))), Some(Auth::OAuth(Box::default())));
    assert_eq!((auth(&oauth(json!(false))), oauth(json!(false)).problems()), (None, &[][..]));
    let problem = doubt(json!({ "url": "https://x/mcp", "oauth": { "clientld": "x" } }));
    assert_eq!(problem.path, "mcpServers.x.oauth.clientld");
}

#[test]
fn oauth_in_the_spellings_of_applications() {
    for (fields, id, scopes) in [
        (json!({ "auth": "OAuth" }), None, vec![]),
        (
            json!({ "auth": { "CLIENT_ID": "c", "CLIENT_SECRET": "${S}", "scopes": ["a"] } }),
            Some("c"),
            vec!["a"],
        ),
        (json!({ "auth": { "type": "oauth", "scope": "a b" } }), None, vec!["a", "b"]),
        (json!({ "oauth": { "clientId": "c", "callbackPort": 3118 } }), Some("c"), vec![]),
        (
            json!({ "oauth": { "clientId": "c", "clientSecret": "s", "scope": "a" } }),
            Some("c"),
            vec!["a"],
        ),
        (
            json!({ "oauth": { "enabled": true, "clientId": "c", "scopes": ["a"] } }),
            Some("c"),
            vec!["a"],
        ),
        (
            json!({ "oauth": { "client_id": "c" }, "scopes": ["a"], "oauth_resource": "https://r" }),
            Some("c"),
            vec!["a"],
        ),
        (json!({ "oauth_client_id": "c", "oauth_callback_port": 8080 }), Some("c"), vec![]),
        (json!({ "oauthClientId": "c", "oauthPublicClient": true }), Some("c"), vec![]),
        (json!({ "oauthScopes": ["a"] }), None, vec!["a"]),
        (
            json!({ "client_id": "c", "client_secret_key": "S", "scopes": ["a"] }),
            Some("c"),
            vec!["a"],
        ),
        (
            json!({ "auth": { "grant": "client_credentials", "client_id": "c", "token_store": "file" } }),
            Some("c"),
            vec![],
        ),
    ] {
        let mut entry = fields.clone();
        entry["url"] = "https://x/mcp".into();
        let config = with(entry);
        assert_eq!(config.problems(), &[][..], "{fields}");
        let server = config.server("x").unwrap();
        let Some(Auth::OAuth(oauth)) = &remote(server).auth else { panic!("{fields}") };
        assert_eq!(oauth.client_id.as_deref(), id, "{fields}");
        assert_eq!(oauth.scopes, scopes, "{fields}");
        assert!(server.extra.is_empty(), "{fields}");
        assert!(!format!("{server:?}").contains("${S}"));
    }
    let goose = with(json!({ "url": "https://x/mcp", "client_id": "c", "client_secret_key": "S" }));
    let Some(Auth::OAuth(oauth)) = &remote(goose.server("x").unwrap()).auth else { panic!() };
    assert_eq!(oauth.client_secret.as_deref(), Some("${S}"), "the variable of this name");
    let off = with(json!({ "url": "https://x/mcp", "oauth": { "enabled": false } }));
    assert_eq!(remote(off.server("x").unwrap()).auth, None);
    let other = with(json!({ "url": "https://x/mcp", "auth": { "type": "kerberos" } }));
    assert!(matches!(remote(other.server("x").unwrap()).auth, Some(Auth::Other(_))));
    for (wrong, path) in [
        (json!({ "oauth": { "callbackPort": 0 } }), "oauth.callbackPort"),
        (json!({ "oauth": { "grant": "magic" } }), "oauth.grant"),
        (json!({ "oauth": { "token_store": "cloud" } }), "oauth.token_store"),
    ] {
        let mut entry = wrong.clone();
        entry["url"] = "https://x/mcp".into();
        let config = with(entry);
        assert_eq!(config.problems()[0].path, format!("mcpServers.x.{path}"), "{wrong}");
    }
}

#[test]
fn fields_without_a_counterpart_are_reported_with_their_application() {
    for (field, value, application) in [
        ("headersHelper", json!("./token.sh"), "Claude Code"),
        ("sandboxEnabled", json!(true), "VS Code"),
        ("sandbox", json!({ "network": {} }), "VS Code"),
        ("dev", json!({ "watch": "src" }), "VS Code"),
        ("trust", json!(true), "Gemini CLI"),
        ("authProviderType", json!("google_credentials"), "Gemini CLI"),
        ("targetAudience", json!("x"), "Gemini CLI"),
        ("appResourceMaxBytes", json!(1), "Qwen Code"),
        ("watchPaths", json!(["src"]), "Roo Code"),
        ("registryUrl", json!("https://x"), "Cherry Studio"),
        ("longRunning", json!(true), "Cherry Studio"),
        ("disabledAutoApproveTools", json!(["x"]), "Cherry Studio"),
        ("required", json!(true), "Codex"),
        ("scopes", json!(["x"]), "Codex"),
        ("default_tools_approval_mode", json!("approve"), "Codex"),
        ("supports_parallel_tool_calls", json!(true), "Codex"),
        ("ssl_verify", json!(false), "Hermes"),
        ("client_cert", json!("x.pem"), "Hermes"),
        ("sampling", json!({ "enabled": false }), "Hermes"),
        ("idle_timeout_seconds", json!(5), "Hermes"),
        ("filterMapping", json!({ "a": "b" }), "Copilot CLI"),
        ("oauthClientId", json!("x"), "Copilot CLI"),
        ("oauth_client_secret", json!("x"), "Crush"),
        ("start_on_launch", json!(false), "Warp"),
        ("requestOptions", json!({ "verifySsl": false }), "Continue"),
        ("remote", json!(true), "Zed"),
        ("settings", json!({ "a": 1 }), "Zed"),
        ("authentication", json!({ "a": 1 }), "FastMCP"),
    ] {
        let problem = doubt(json!({ "command": "x", field: value }));
        assert_eq!(problem.path, format!("mcpServers.x.{field}"));
        let names_both = problem.message.contains(&format!("{field:?}"))
            && problem.message.contains(application);
        assert!(names_both, "{problem}");
    }
}

#[test]
fn fields_without_effect_are_not_reported() {
    for (field, value) in [
        ("trust", json!(false)),
        ("required", json!(false)),
        ("ssl_verify", json!(true)),
        ("start_on_launch", json!(true)),
        ("sandbox", json!({})),
        ("scopes", json!([])),
        ("dev", Value::Null),
        ("name", json!("x")),
        ("provider", json!("x")),
        ("tags", json!(["x"])),
        ("remoteConfigured", json!(true)),
        ("headers", json!({})),
        ("url", json!("")),
        ("something", json!({ "entirely": "unknown" })),
    ] {
        let config = with(json!({ "command": "x", field: value }));
        assert_eq!((config.problems(), names(&config)), (&[][..], vec!["x"]), "{field}");
    }
}

#[test]
fn honoured_fields_that_do_not_apply_are_reported() {
    for (entry, path) in [
        (json!({ "url": "https://x/mcp", "env": { "A": "b" } }), "env"),
        (json!({ "command": "x", "headers": { "A": "b" } }), "headers"),
        (json!({ "command": "x", "includeTools": ["a"], "enabled_tools": ["b"] }), "enabled_tools"),
        (json!({ "command": "x", "timeoutMs": 1500, "tool_timeout_sec": 3 }), "timeoutMs"),
    ] {
        let problem = doubt(entry);
        assert_eq!(problem.path, format!("mcpServers.x.{path}"));
    }
}

#[test]
fn typos_of_one_or_two_letters_are_reported() {
    for (written, wanted) in [
        ("arg", "args"),
        ("enviroment", "environment"),
        ("environement", "environment"),
        ("headres", "headers"),
        ("timout", "timeout"),
        ("disbled", "disabled"),
        ("Env", "env"),
        ("cwdd", "cwd"),
        ("keep_aliv", "keep_alive"),
        ("headerHelper", "headersHelper"),
        ("exclude-tools", "excludeTools"),
    ] {
        let problem = doubt(json!({ "command": "x", written: "y" }));
        let hint = format!("did you mean {wanted:?}?");
        assert!(problem.message.contains(&hint), "{problem}");
    }
}

#[test]
fn a_command_that_needs_a_shell_is_reported() {
    for (command, wanted) in [
        ("npx -y it", "after \"npx\" into \"args\""),
        ("/usr/bin/node --inspect x.js", "after \"/usr/bin/node\""),
        ("~/bin/it", "${userHome}"),
        ("KEY=1 npx -y it", "put \"KEY=1\" into \"env\""),
    ] {
        let problem = doubt(json!({ "command": command }));
        assert_eq!(problem.path, "mcpServers.x.command");
        assert!(problem.message.contains(wanted), "{problem}");
    }
    for (field, value, path) in [
        ("args", json!(["--root", "~/data"]), "mcpServers.x.args[1]"),
        ("cwd", json!("~"), "mcpServers.x.cwd"),
        ("env_file", json!("~/.env"), "mcpServers.x.env_file"),
    ] {
        let problem = doubt(json!({ "command": "x", field: value }));
        assert_eq!(problem.path, path);
        assert!(problem.message.contains("${userHome}"), "{problem}");
    }
    assert_eq!(with(json!({ "command": "sh", "args": ["-c", "~/it"] })).problems(), []);
    for command in ["C:\\Program Files\\node.exe", "/opt/My App/run", "npx"] {
        assert_eq!(with(json!({ "command": command })).problems(), [], "{command}");
    }
}

#[test]
fn protocol_headers_are_left_out_and_reported() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("mcp.json");
    let text = "{\"mcpServers\": {\n\"x\": {\n\"url\": \"https://x/mcp\",\n\"headers\": {\n\"Accept\": \"text/event-stream\",\n\"X-Key\": \"k\",\n\"CONTENT-TYPE\": \"application/json\",\n\"MCP-Protocol-Version\": \"2025-06-18\"\n}}}}";
    std::fs::write(&file, text).unwrap();
    let config = McpConfig::from_file(&file).unwrap();
    let headers = &remote(config.server("x").unwrap()).headers;
    assert_eq!(headers.iter().collect::<Vec<_>>(), [(&"X-Key".to_owned(), &"k".to_owned())]);
    let reported: Vec<_> = config.problems().iter().map(|it| (it.line, it.path.as_str())).collect();
    assert_eq!(
        reported,
        [
            (Some(5), "mcpServers.x.headers.Accept"),
            (Some(7), "mcpServers.x.headers.CONTENT-TYPE"),
            (Some(8), "mcpServers.x.headers.MCP-Protocol-Version"),
        ]
    );
    let problem = &config.problems()[2];
    assert!(problem.to_string().starts_with(&format!("{}:8: ", file.display())), "{problem}");
    assert!(problem.message.contains("\"protocolVersion\""), "{problem}");
}

#[test]
fn a_document_pins_a_revision() {
    let pinned = server(json!({ "command": "x", "protocolVersion": "2025-06-18" }));
    assert_eq!(pinned.protocol_version.as_deref(), Some("2025-06-18"));
    for wrong in [json!("latest"), json!("2025-6-18"), json!("2025-06-18-draft"), json!(2025)] {
        let config = with(json!({ "command": "x", "protocolVersion": wrong }));
        assert_eq!(config.problems()[0].path, "mcpServers.x.protocolVersion");
        assert_eq!(config.servers().len(), 0, "{wrong}");
    }
    for (field, value, wanted) in [
        ("versionNegotiation", "auto", ProtocolEra::Auto),
        ("versionNegotiation", "legacy", ProtocolEra::Legacy),
        ("protocol", "stateless", ProtocolEra::Auto),
        ("protocol", "legacy", ProtocolEra::Legacy),
    ] {
        let server = server(json!({ "command": "x", field: value }));
        assert_eq!(server.protocol_era, Some(wanted), "{field}: {value}");
    }
}

#[test]
fn nested_transports_and_commands_as_lists_are_read() {
    let nested = with(json!({
        "transport": { "type": "http", "url": "https://x/mcp", "headers": { "A": "b" } }
    }));
    let server = nested.server("x").unwrap();
    assert_eq!(remote(server).transport, Some(RemoteTransport::StreamableHttp));
    assert_eq!((&*remote(server).url, &*remote(server).headers["A"]), ("https://x/mcp", "b"));
    let nested = with(json!({ "transport": { "type": "stdio", "command": "a", "args": ["b"] } }));
    assert_eq!(stdio(nested.server("x").unwrap()).args, ["b"]);
    // A problem names the original position of the field.
    let wrong = with(json!({ "transport": { "type": "http", "url": "x" } }));
    assert_eq!(wrong.problems()[0].path, "mcpServers.x.transport.url");

    let list = with(json!({ "command": ["npx", "-y", "it"], "args": ["more"] }));
    let server = stdio(list.server("x").unwrap());
    assert_eq!((&*server.command, server.args.join(" ")), ("npx", "-y it more".to_owned()));
    assert_eq!(with(json!({ "command": [] })).servers().len(), 0);

    for other in ["env", "headers", "tools", "includeTools", "args"] {
        let target = if other == "headers" { "url" } else { "command" };
        for empty in [json!([]), json!({})] {
            let config = with(json!({ target: "https://x/mcp", other: empty }));
            assert_eq!((config.servers().len(), config.problems()), (1, &[][..]), "{other}");
        }
    }
    for key in ["working_directory", "workingDirectory", "cwd"] {
        let config = with(json!({ "command": "x", key: "/srv" }));
        assert_eq!(stdio(config.server("x").unwrap()).cwd.as_deref(), Some("/srv".as_ref()));
    }
}

#[test]
fn open_code_in_both_versions() {
    let entries = json!({
        "a": { "type": "local", "command": ["bun", "x", "it"], "environment": { "K": "{env:KEY}" } },
        "b": { "type": "remote", "url": "https://x/mcp", "enabled": false, "oauth": false, "timeout": 60 },
    });
    for document in [json!({ "mcp": entries }), json!({ "mcp": { "servers": entries } })] {
        let config = McpConfig::from_value(&document).unwrap();
        assert_eq!((config.dialect(), config.problems()), (Dialect::OpenCode, &[][..]));
        assert_eq!(names(&config), ["a", "b"]);
        let b = config.server("b").unwrap();
        assert_eq!((b.disabled, b.timeout), (true, Some(Duration::from_millis(60))));
        let variables = Variables::new(|name| (name == "KEY").then(|| "k".to_owned()));
        let expanded = config.expand(&variables);
        assert_eq!(stdio(expanded.server("a").unwrap()).env["K"], "k");
        let mut copy = config.clone();
        for (name, server) in config.servers() {
            copy.add_server("new", server).unwrap();
            assert_eq!(copy.server("new"), Some(server), "{name}: {}", copy.text());
        }
    }
    let vs_code = json!({ "mcp": { "servers": { "a": { "command": "x" } } } });
    assert_eq!(McpConfig::from_value(&vs_code).unwrap().dialect(), Dialect::VsCode);
}

#[test]
fn amp_and_crush() {
    let amp = McpConfig::from_str(
        r#"{"amp.tools.disable": ["x"], "amp.mcpServers": {"a": {"command": "x", "includeTools": ["t"]}}}"#,
    );
    let amp = amp.unwrap();
    assert_eq!((amp.dialect(), names(&amp), amp.problems()), (Dialect::Amp, vec!["a"], &[][..]));
    let crush = McpConfig::from_str(
        r#"{"$schema": "x", "mcp": {
            "a": {"type": "stdio", "command": "x", "env": {"K": "$KEY"}, "timeout": 60},
            "b": {"type": "http", "url": "https://x/mcp", "headers": {"A": "$(op read x)"}, "enabled_tools": ["t"]}
        }}"#,
    );
    let crush = crush.unwrap();
    assert_eq!((crush.dialect(), crush.application()), (Dialect::Crush, Some(Application::Crush)));
    assert_eq!(crush.server("a").unwrap().timeout, Some(Duration::from_secs(60)));
    let [problem] = crush.problems() else { panic!("{:?}", crush.problems()) };
    assert_eq!(problem.path, "mcp.b.headers.A");
    let expanded = crush.expand(&Variables::new(|name| (name == "KEY").then(|| "k".to_owned())));
    assert_eq!(stdio(expanded.server("a").unwrap()).env["K"], "k");
}

#[test]
fn a_list_of_servers_with_names() {
    let config = McpConfig::from_str(
        r#"{"mcpServers": [{"name": "a", "command": "x"}, {"command": "y"}, {"name": "a", "command": "z"}]}"#,
    );
    let config = config.unwrap();
    assert_eq!(names(&config), ["a"]);
    assert_eq!(stdio(config.server("a").unwrap()).command, "z");
    let reported: Vec<_> = config.problems().iter().map(|it| it.path.as_str()).collect();
    assert_eq!(reported, ["mcpServers[1]", "mcpServers.a"]);
    let mut config = McpConfig::from_str(
        "{\n  \"mcpServers\": [\n    {\"name\": \"a\", \"command\": \"x\"}\n  ]\n}\n",
    )
    .unwrap();
    config.add_server("b", &Server::stdio("y", ["z"])).unwrap();
    config.add_server("a", &Server::stdio("changed", ["z"])).unwrap();
    assert_eq!(names(&config), ["a", "b"]);
    assert!(config.remove_server("a").unwrap());
    assert_eq!(names(&config), ["b"]);
    let mut empty = McpConfig::from_str(r#"{"mcpServers": []}"#).unwrap();
    empty.add_server("b", &Server::stdio("y", ["z"])).unwrap();
    let value: Value = serde_json::from_str(empty.text()).unwrap();
    assert_eq!(value["mcpServers"]["b"]["command"], "y");
}

#[test]
fn references_of_another_application_are_expanded_or_reported() {
    let gemini = with(json!({ "httpUrl": "https://$HOST/mcp", "headers": { "A": "Bearer $KEY" } }));
    assert_eq!((gemini.application(), gemini.problems()), (Some(Application::Gemini), &[][..]));
    let variables = Variables::new(|name| match name {
        "HOST" => Some("h".to_owned()),
        "KEY" => Some("k".to_owned()),
        _ => None,
    });
    let expanded = gemini.expand(&variables);
    let server = remote(expanded.server("x").unwrap());
    assert_eq!((&*server.url, &*server.headers["A"]), ("https://h/mcp", "Bearer k"));
    let unset = with(json!({ "command": "x", "trust": false, "env": { "A": "$NO_SUCH" } }));
    let expanded = unset.expand(&variables);
    assert_eq!(expanded.problems[0].kind, ProblemKind::Unresolved);
    assert_eq!(expanded.problems[0].path, "mcpServers.x.env.A");

    for text in ["$API_KEY", "%API_KEY%", "{env:API_KEY}"] {
        let problem = doubt(json!({ "command": "x", "env": { "A": text } }));
        assert_eq!(problem.path, "mcpServers.x.env.A");
        assert!(problem.message.contains("${API_KEY}"), "{problem}");
    }
    // A shell expands the first; the description is prose.
    for entry in [
        json!({ "command": "/bin/sh", "args": ["-c", "exec it $API_KEY"] }),
        json!({ "command": "x", "description": "needs $API_KEY" }),
        json!({ "command": "x", "env": { "A": "pa$SWORD" } }),
    ] {
        assert_eq!(with(entry.clone()).problems(), [], "{entry}");
    }
}

#[test]
fn a_header_with_a_line_break_names_the_variable() {
    let config = with(json!({
        "url": "https://x/mcp", "headers": { "A": "Bearer ${TOKEN}" }
    }));
    let expanded = config.expand(&Variables::new(|_| Some("t\n".to_owned())));
    let [problem] = &expanded.problems[..] else { panic!("{:?}", expanded.problems) };
    assert_eq!((problem.kind, expanded.servers.len()), (ProblemKind::Invalid, 0));
    assert_eq!(
        problem.to_string(),
        "line 6: mcpServers.x.headers.A: the value ends with a line break: it comes from TOKEN"
    );
}

#[test]
fn each_application_gets_its_own_field_names() {
    let mut server = Server::http("https://new/mcp");
    server.timeout = Some(Duration::from_secs(90));
    server.startup_timeout = Some(Duration::from_secs(5));
    server.include_tools = Some(vec!["a".to_owned()]);
    server.exclude_tools = vec!["b".to_owned()];
    server.always_allow = vec!["a".to_owned()];
    server.disabled = true;
    server.protocol_version = Some("2025-06-18".to_owned());
    for (mark, wanted) in [
        (
            json!({ "transportType": "sse" }),
            json!({ "type": "streamableHttp", "timeout": 90, "autoApprove": ["a"] }),
        ),
        (
            json!({ "watchPaths": ["x"] }),
            json!({ "type": "streamable-http", "timeout": 90, "disabledTools": ["b"] }),
        ),
        (
            json!({ "isActive": true }),
            json!({ "type": "streamableHttp", "isActive": false, "timeout": 90 }),
        ),
        (json!({ "trust": false }), json!({ "httpUrl": "https://new/mcp", "timeout": 90_000 })),
        (
            json!({ "discoveryTimeoutMs": 1 }),
            json!({ "httpUrl": "https://new/mcp", "discoveryTimeoutMs": 5000 }),
        ),
        (json!({}), json!({ "type": "http", "timeout": 90_000, "disabled": true })),
    ] {
        let mut old = json!({ "url": "https://old/mcp" });
        old.as_object_mut().unwrap().extend(mark.as_object().unwrap().clone());
        let mut config = with(old);
        config.add_server("new", &server).unwrap();
        assert_eq!(config.server("new"), Some(&server), "{mark}");
        let value: Value = serde_json::from_str(config.text()).unwrap();
        for (field, wanted) in wanted.as_object().unwrap() {
            assert_eq!(value["mcpServers"]["new"][field], *wanted, "{mark} {field}");
        }
    }
    // Without a unit, a short time is written with an explicit one.
    let mut config = with(json!({ "command": "x" }));
    server.timeout = Some(Duration::from_millis(250));
    config.add_server("new", &server).unwrap();
    assert_eq!(config.server("new"), Some(&server));
}
