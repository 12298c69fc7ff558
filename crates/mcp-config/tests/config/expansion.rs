use mcp_config::{Auth, McpConfig, ProblemKind, Variables};

use crate::{config, remote, stdio};

#[test]
fn every_text_field_is_expanded() {
    let config = McpConfig::from_str(
        r#"{"mcpServers": {
            "a": {
                "command": "${V}/x", "args": ["${V}", "-${V}-"], "env": {"${V}": "${V}"},
                "envFile": "${V}", "cwd": "${V}", "description": "${V}", "icon": "${V}",
                "alwaysAllow": ["${V}"], "other": {"deep": ["${V}"]},
                "tools": {"t": {"name": "${V}", "arguments": {"x": {"default": "${V}"}}}}
            },
            "b": {"url": "${SCHEME}://x/${V}", "headers": {"H": "B ${V}"}, "auth": "${V}"}
        }}"#,
    );
    let variables = Variables::new(|name| match name {
        "V" => Some("v".to_owned()),
        "SCHEME" => Some("https".to_owned()),
        _ => None,
    });
    let expanded = config.unwrap().expand(&variables);
    assert_eq!(expanded.problems, []);
    let a = expanded.server("a").unwrap();
    assert_eq!(stdio(a).command, "v/x");
    assert_eq!(stdio(a).args, ["v", "-v-"]);
    assert_eq!(stdio(a).env["${V}"], "v", "names are not expanded");
    assert_eq!(stdio(a).env_file.as_deref(), Some("v".as_ref()));
    assert_eq!(stdio(a).cwd.as_deref(), Some("v".as_ref()));
    assert_eq!((a.description.as_deref(), a.icon.as_deref()), (Some("v"), Some("v")));
    assert_eq!(a.always_allow, ["v"]);
    assert_eq!(a.extra["other"]["deep"][0], "v");
    assert_eq!(a.tools["t"].name.as_deref(), Some("v"));
    assert_eq!(a.tools["t"].arguments["x"].default, Some("v".into()));
    let b = remote(expanded.server("b").unwrap());
    assert_eq!((b.url.as_str(), &*b.headers["H"]), ("https://x/v", "B v"));
    assert_eq!(b.auth, Some(Auth::Bearer("v".to_owned())));
}

#[test]
fn an_unset_variable_names_server_field_and_variable_and_leaves_the_others() {
    let config = McpConfig::from_str(
        r#"{
            "mcpServers": {
                "a": {"command": "x", "env": {
                    "KEY": "${NO_SUCH}"
                }},
                "off": {"command": "${NO_SUCH}", "disabled": true},
                "b": {"command": "x"},
                "c": {"url": "${PLACE}"}
            }
        }"#,
    );
    let config = config.unwrap();
    let variables = Variables::new(|name| (name == "PLACE").then(|| "nowhere".to_owned()));
    let expanded = config.expand(&variables);
    let names: Vec<_> = expanded.servers.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["b"]);
    let [unset, place] = &expanded.problems[..] else { panic!("{:?}", expanded.problems) };
    assert_eq!((unset.kind, unset.server.as_deref()), (ProblemKind::Unresolved, Some("a")));
    assert_eq!(
        unset.to_string(),
        "line 4: mcpServers.a.env.KEY: the variable NO_SUCH is not set and has no default"
    );
    assert_eq!((place.path.as_str(), place.kind), ("mcpServers.c.url", ProblemKind::Invalid));
    assert_eq!(config.servers().len(), 4, "the configuration is unchanged");
}

#[test]
fn inputs_of_vs_code_are_requested() {
    let config = config("vscode.json");
    let variables = Variables::new(|_| None)
        .workspace_folder("/srv/app")
        .input(|input| input.password.then(|| "key".to_owned()));
    let expanded = config.expand(&variables);
    assert!(expanded.problems.iter().all(|problem| !problem.is_fatal()));
    let perplexity = stdio(expanded.server("Perplexity").unwrap());
    assert_eq!(perplexity.env["PERPLEXITY_API_KEY"], "key");
    assert_eq!(perplexity.env_file.as_deref(), Some("/srv/app/.env".as_ref()));
    assert_eq!(remote(expanded.server("github").unwrap()).url, "https://eu.example.com/mcp/");
}

#[cfg(feature = "toml")]
#[test]
fn variables_of_codex_are_passed_on() {
    let text = "[mcp_servers.a]\ncommand = 'x'\nenv_vars = ['A', 'B', 'NONE']\nenv = { B = 'own' }\n\
        [mcp_servers.b]\nurl = 'https://x/mcp'\nbearer_token_env_var = 'A'\n";
    let variables = Variables::new(|name| (name != "NONE").then(|| format!("its {name}")));
    let expanded = McpConfig::from_toml(text).unwrap().expand(&variables);
    let a = stdio(expanded.server("a").unwrap());
    assert_eq!((&*a.env["A"], &*a.env["B"], a.env.len()), ("its A", "own", 2));
    let b = remote(expanded.server("b").unwrap());
    assert_eq!(b.auth, Some(Auth::Bearer("its A".to_owned())));
}

#[test]
fn one_server_is_filled_in_without_looking_at_the_others() {
    let config = McpConfig::from_str(
        r#"{"mcpServers": {
            "a": {"command": "${V}", "disabled": true},
            "b": {"command": "${input:key}"},
            "c": {"url": 1}
        }}"#,
    );
    let config = config.unwrap();
    let asked = std::cell::Cell::new(false);
    let variables = Variables::new(|name| (name == "V").then(|| "v".to_owned())).input(|_| {
        asked.set(true);
        None
    });
    let expanded = config.expand_server("a", &variables);
    assert_eq!(stdio(expanded.server("a").unwrap()).command, "v");
    assert_eq!((expanded.servers.len(), expanded.problems.len()), (1, 0));
    assert!(!asked.get());
    let expanded = config.expand_server("c", &variables);
    assert_eq!((expanded.servers.len(), expanded.problems.len()), (0, 1));
    let expanded = config.expand_server("d", &variables);
    assert_eq!((expanded.servers.len(), expanded.problems.len()), (0, 0));
}
