//! Real servers of one configuration behind one session.

use std::{io::Write as _, time::Duration};

use mcp_client::{
    Client, EraPolicy, Error, ErrorKind, Session,
    group::{Group, ItemKind, Origin, ServerState},
    types::{
        CompleteRequestParams, CompletionArgument, Era, PromptReference, ProtocolVersion,
        error_code,
    },
};
use serde_json::{Value, json};

use super::{everything, node, python, runners};
use crate::support::{
    Configured, Expect, HttpPeer, Log, Peer, Tree, bounded, config, exercise, within,
};

const SOON: Duration = Duration::from_secs(5);

/// The state of each server.
fn states(group: &Group) -> Vec<(String, ServerState)> {
    group.status().iter().map(|server| (server.name.to_string(), server.state)).collect()
}

fn ready(name: &str) -> (String, ServerState) {
    (name.to_owned(), ServerState::Ready)
}

async fn text(session: &Session, tool: &str, argument: &str, text: &str) -> Result<String, Error> {
    let result = bounded(session.call_tool(tool).arg(argument, text)).await?;
    Ok(result.into_result().unwrap().text())
}

/// An npm package with its process tree.
fn package() -> Option<(Tree, Value)> {
    let peers = Peer("npm").installed()?;
    let tree = Tree::new();
    let (name, mark) = tree.variable();
    let mut env = json!({ name: mark });
    for (name, value) in runners::settings() {
        env[name] = json!(value);
    }
    let package = "@modelcontextprotocol/server-everything@2026.8.31";
    let args = json!(["-y", "--prefer-offline", package]);
    let entry = json!({ "command": "npx", "args": args, "cwd": peers.join("npm"), "env": env });
    Some((tree, entry))
}

/// A Python script, an npm package and a URL, in both eras, from a file.
#[tokio::test]
async fn a_script_a_package_and_a_url() {
    let (Some(script), Some(web)) = (python("mcp2"), node("ts2")) else { return };
    let Some((npx, everything)) = package() else { return };
    let script = Configured::new(&script);
    let web = HttpPeer::start(&web, &[]).await;
    let url = json!({ "url": web.url });
    let servers = [("script", &script.entry), ("everything", &everything), ("web", &url)];
    let mut file = tempfile::Builder::new().suffix(".json").tempfile().unwrap();
    write!(file, "{}", config(servers)).unwrap();

    let client = Client::new(file.path()).unwrap();
    let session = bounded(client.connect()).await.unwrap();
    assert_eq!(session.protocol_version(), ProtocolVersion::LATEST_MODERN);
    let group = client.group().unwrap();
    assert_eq!(states(&group), ["script", "everything", "web"].map(ready));
    let status = group.status();
    let eras = status.iter().map(|server| server.protocol_version.unwrap().era());
    assert!(eras.eq([Era::Modern, Era::Legacy, Era::Modern]));
    let who = status.iter().map(|server| &*server.server_info.as_ref().unwrap().name);
    assert!(who.eq(["mcp2", "mcp-servers/everything", "ts2"]));
    assert_eq!(script.tree.running(), [status[0].pid.unwrap()]);
    assert!(npx.running().contains(&status[1].pid.unwrap()));
    assert_eq!((status[2].pid, &status[2].target), (None, &web.url));

    exercise(&session, &script.log, &Expect::modern("mcp2").among_others("script")).await;
    exercise(&session, &web.log, &Expect::modern("ts2").among_others("web")).await;
    has_everything(&session).await;
    in_the_order_of_the_file(&session).await;
    let unknown = bounded(session.call_tool("script_nothing")).await.unwrap_err();
    assert_eq!(unknown.answer().unwrap().code, error_code::INVALID_PARAMS, "{unknown}");

    let before = [script.tree.running(), npx.running()].concat();
    within(SOON, session.close()).await.unwrap();
    within(SOON, client.close()).await.unwrap();
    script.tree.gone(&before, Duration::ZERO).await;
    npx.gone(&before, Duration::ZERO).await;
}

async fn has_everything(session: &Session) {
    assert_eq!(text(session, "everything_echo", "message", "hello").await.unwrap(), "Echo: hello");
    let resources = bounded(session.list_resources()).await.unwrap();
    let uri = &resources.iter().find(|it| it.uri.contains("://everything/")).unwrap().uri;
    let read = bounded(session.read_resource(uri)).await.unwrap();
    assert_eq!(read.contents[0].uri(), uri);
    let prompt = session.get_prompt("everything_args-prompt").arg("city", "Paris");
    let prompt = bounded(prompt).await.unwrap();
    assert!(prompt.messages[0].content.as_text().unwrap().contains("Paris"));

    let prompt = PromptReference::new("everything_completable-prompt");
    let argument = CompletionArgument::new("department", "S");
    let params = CompleteRequestParams::new(prompt, argument);
    let completed = bounded(session.complete(&params)).await.unwrap();
    assert_eq!(completed.completion.values, ["Sales", "Support"]);

    let seen = std::sync::Arc::new(std::sync::Mutex::new(Vec::new()));
    let heard = seen.clone();
    let call = session
        .call_tool("everything_trigger-long-running-operation")
        .arg("duration", 0.2)
        .arg("steps", 4)
        .on_progress(move |it| heard.lock().unwrap().push(it.progress.to_f64()));
    bounded(call).await.unwrap().into_result().unwrap();
    assert_eq!(*seen.lock().unwrap(), [1.0, 2.0, 3.0, 4.0]);

    // Resource links of a result can be read.
    let links = session.call_tool("everything_get-resource-links").arg("count", 2);
    let links = serde_json::to_value(bounded(links).await.unwrap()).unwrap();
    let links = links["content"].as_array().unwrap().iter();
    let links: Vec<&str> = links.filter_map(|it| it["uri"].as_str()).collect();
    assert_eq!(links.len(), 2);
    for link in links {
        assert_eq!(bounded(session.read_resource(link)).await.unwrap().contents[0].uri(), link);
    }
}

async fn in_the_order_of_the_file(session: &Session) {
    let tools = bounded(session.list_tools()).await.unwrap();
    let mut servers: Vec<_> = tools.iter().map(|it| it.name.split('_').next().unwrap()).collect();
    servers.dedup();
    assert_eq!(servers, ["script", "everything", "web"]);
    let prompts = bounded(session.list_prompts()).await.unwrap();
    let mut servers: Vec<_> = prompts.iter().map(|it| it.name.split('_').next().unwrap()).collect();
    servers.dedup();
    assert_eq!(servers, ["script", "everything", "web"]);
}

/// The server that sends a request is named.
#[tokio::test]
async fn requests_of_a_server_are_answered() {
    let Some(other) = node("ts2") else { return };
    let Some((tree, entry)) = package() else { return };
    let other = Configured::new(&other);
    let client = Client::new(config([("other", &other.entry), ("everything", &entry)])).unwrap();
    let asked = Log::new();
    let client = everything::answering(client, &asked);
    let session = bounded(client.connect()).await.unwrap();
    everything::asks(&session, "everything_", &asked).await;
    within(SOON, client.close()).await.unwrap();
    tree.gone(&[], Duration::ZERO).await;
}

#[tokio::test]
async fn servers_of_both_eras() {
    let (Some(old), Some(new)) = (python("mcp1"), python("mcp2")) else { return };
    let (old, new) = (Configured::new(&old), Configured::new(&new));
    let document = config([("old", &old.entry), ("new", &new.entry)]);
    for (mode, era) in [(EraPolicy::Auto, Era::Modern), (EraPolicy::Legacy, Era::Legacy)] {
        let client = Client::new(&document).unwrap().era(mode);
        let session = bounded(client.connect()).await.unwrap();
        assert_eq!(session.era(), era);
        let status = client.group().unwrap().status();
        let eras = status.iter().map(|server| server.protocol_version.unwrap().era());
        assert!(eras.eq([Era::Legacy, era]));
        exercise(&session, &old.log, &Expect::legacy("mcp1").among_others("old")).await;
        exercise(&session, &new.log, &Expect::modern("mcp2").among_others("new")).await;
        within(SOON, client.close()).await.unwrap();
        old.tree.gone(&[], Duration::ZERO).await;
        new.tree.gone(&[], Duration::ZERO).await;
    }
}

/// `weather` with `x_note` and `weather_x` with `note`: the first server gets the name.
#[tokio::test]
async fn colliding_names_are_reported_and_never_misrouted() {
    let (Some(one), Some(two)) = (python("mcp2"), node("ts2")) else { return };
    let notes = || tempfile::NamedTempFile::new().unwrap();
    let (weather_notes, x_notes) = (notes(), notes());
    let weather = Configured::new(&one)
        .env("MCP_NOTES", weather_notes.path())
        .with("tools", json!({ "note": { "name": "x_note" } }));
    let x = Configured::new(&two).env("MCP_NOTES", x_notes.path());
    let (weather_entry, x_entry) = (("weather", &weather.entry), ("weather_x", &x.entry));
    for (document, first, second) in [
        (config([weather_entry, x_entry]), "weather", "weather_x"),
        (config([x_entry, weather_entry]), "weather_x", "weather"),
    ] {
        let client = Client::new(document).unwrap();
        let session = bounded(client.connect()).await.unwrap();
        let group = client.group().unwrap();
        let names = async || -> Vec<String> {
            let tools = bounded(session.list_tools()).await.unwrap();
            let names = tools.into_iter().map(|tool| tool.name);
            names.filter(|name| name.contains("note")).collect()
        };
        assert_eq!(names().await, ["weather_x_note", "weather_x_note_2"]);
        let collisions = group.collisions();
        let [collision] = &collisions[..] else { panic!("{collisions:?}") };
        assert_eq!((&*collision.kept.server, &*collision.renamed.server), (first, second));
        assert_eq!(collision.renamed_to, "weather_x_note_2");

        group.restart(first).await.unwrap();
        assert_eq!(names().await, ["weather_x_note", "weather_x_note_2"]);
        for (tool, server) in [("weather_x_note", first), ("weather_x_note_2", second)] {
            let origin = group.route(ItemKind::Tool, tool).unwrap();
            let Origin { server: routed, name, .. } = origin;
            assert_eq!((&*routed, &*name), (server, "note"));
            let note = format!("for {server}, behind {first}");
            assert_eq!(text(&session, tool, "text", &note).await.unwrap(), note);
        }
        within(SOON, client.close()).await.unwrap();
    }
    for (notes, server) in [(weather_notes, "weather"), (x_notes, "weather_x")] {
        let expected =
            ["weather", "weather_x"].map(|first| format!("for {server}, behind {first}"));
        let notes = std::fs::read_to_string(notes.path()).unwrap();
        assert!(notes.lines().eq(expected), "{server}: {notes}");
    }
}

#[tokio::test]
async fn names_are_customizable() {
    let (Some(one), Some(two)) = (python("mcp1"), node("ts2")) else { return };
    let (one, two) = (Configured::new(&one), Configured::new(&two));
    let document = config([("one", &one.entry), ("two", &two.entry)]);
    let named = Client::new(&document)
        .unwrap()
        .grouping(|group| group.naming(|server, name| format!("{name}.{server}")).lazy(true));
    let plain = Client::new(&document).unwrap().grouping(|group| group.name_as_prefix(false));
    for (client, first, second) in [(named, "echo.one", "echo.two"), (plain, "echo", "echo_2")] {
        let session = bounded(client.connect()).await.unwrap();
        bounded(session.list_tools()).await.unwrap();
        for (tool, server) in [(first, "one"), (second, "two")] {
            let origin = client.group().unwrap().route(ItemKind::Tool, tool).unwrap();
            assert_eq!((&*origin.server, &*origin.name), (server, "echo"));
            assert_eq!(text(&session, tool, "text", server).await.unwrap(), server);
        }
        within(SOON, client.close()).await.unwrap();
    }
}

#[tokio::test]
async fn a_failed_server_is_reported_and_the_others_work() {
    let Some(good) = python("mcp2") else { return };
    let (one, two) = (Configured::new(&good), Configured::new(&good));
    let missing = json!({ "command": "no-such-command-here" });
    let broken = json!({ "command": "sh", "args": ["-c", "echo out of paper >&2; exit 3"] });
    let nonsense = json!({ "args": ["what?"] });
    let document = config([
        ("missing", &missing),
        ("one", &one.entry),
        ("broken", &broken),
        ("nonsense", &nonsense),
        ("two", &two.entry),
    ]);
    let client = Client::new(&document).unwrap();
    let session = bounded(client.connect()).await.unwrap();
    exercise(&session, &one.log, &Expect::modern("mcp2").among_others("one")).await;
    exercise(&session, &two.log, &Expect::modern("mcp2").among_others("two")).await;

    let status = client.group().unwrap().status();
    let of = |name: &str| status.iter().find(|server| &*server.name == name).unwrap();
    for name in ["one", "two"] {
        assert_eq!(of(name).state, ServerState::Ready);
        assert!(of(name).last_error.is_none(), "{:?}", of(name));
    }
    for (name, says) in [
        ("missing", &["cannot start no-such-command-here: it was not found on PATH"][..]),
        ("broken", &["status 3", "out of paper"]),
        ("nonsense", &["command", "url"]),
    ] {
        let server = of(name);
        assert_ne!(server.state, ServerState::Ready, "{name}");
        let text = server.last_error.as_ref().unwrap().to_string();
        assert!(text.starts_with(&format!("{name}: ")), "{text}");
        assert!(says.iter().all(|part| text.contains(part)), "{text}");
        let error = bounded(session.call_tool(&format!("{name}_echo"))).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Answer, "{error}");
        let text = error.to_string();
        assert!(text.contains(&format!("server \"{name}\" may have it")), "{text}");
    }
    within(SOON, client.close()).await.unwrap();
    one.tree.gone(&[], Duration::ZERO).await;
    two.tree.gone(&[], Duration::ZERO).await;

    let all_bad = config([("missing", &missing), ("broken", &broken)]);
    let error = bounded(Client::new(all_bad).unwrap().connect()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Connect, "{error}");
    let text = error.to_string();
    for part in ["missing: ", "no-such-command-here", "broken: ", "status 3", "out of paper"] {
        assert!(text.contains(part), "{part:?} is not in: {text}");
    }
}
