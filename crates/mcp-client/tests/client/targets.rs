//! All kinds of targets of a client.

use mcp_client::{Client, ErrorKind, Memory};

use crate::bookshop::bookshop;

#[tokio::test]
async fn a_server_and_any_connector() {
    for client in [Client::new(bookshop()).unwrap(), Client::new(Memory::new(bookshop())).unwrap()]
    {
        let session = client.connect().await.unwrap();
        assert_eq!(session.name(), "Bookshop in this process");
        session.close().await.unwrap();
    }
}

#[cfg(feature = "stdio")]
#[test]
fn paths_of_all_kinds() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("server.py");
    std::fs::write(&file, "").unwrap();
    let text = file.to_str().unwrap().to_owned();
    for client in [
        Client::new(&file),
        Client::new(file.as_path()),
        Client::new(&text),
        Client::new(&*text),
        Client::new(text.clone()),
        Client::new(file),
    ] {
        let shown = format!("{:?}", client.unwrap());
        assert!(shown.contains("python") && shown.contains("server.py"), "{shown}");
    }
    let missing = dir.path().join("missing.py");
    let failure = Client::new(missing.as_path()).unwrap_err();
    assert_eq!(failure.to_string(), format!("{}: there is no such file", missing.display()));
    std::fs::create_dir(dir.path().join("folder.py")).unwrap();
    let failure = Client::new(dir.path().join("folder.py")).unwrap_err();
    assert!(failure.to_string().contains("this is a directory"), "{failure}");
}

#[cfg(feature = "http")]
#[tokio::test]
async fn urls_of_all_kinds_without_their_secrets() {
    let url = "http://me:secret@127.0.0.1:1/mcp?key=secret";
    let parsed = url::Url::parse(url).unwrap();
    for client in [Client::new(url), Client::new(&parsed), Client::new(parsed.clone())] {
        let client = client.unwrap();
        let failure = client.connect().await.unwrap_err();
        let text = failure.to_string();
        assert!(text.starts_with("http://127.0.0.1:1/mcp: server/discover: "), "{text}");
        assert_eq!(text.matches("/mcp").count(), 1, "{text}");
        assert!(!format!("{client:?} {failure:?} {text}").contains("secret"), "{text}");
    }
}

#[cfg(feature = "config")]
#[tokio::test]
async fn configuration_problems_are_reported_once_for_each_server() {
    use mcp_client::{McpConfig, config_file::Variables, group::ServerState};
    use serde_json::json;

    let twice = json!({ "command": "${ONE}", "args": ["${TWO}"] });
    let auth = json!({ "type": "kerberos" });
    let oauth = json!({ "url": "http://127.0.0.1:1/mcp", "auth": auth });
    let dead = json!({ "command": "/nowhere/server" });
    let expand = |servers: serde_json::Value| {
        let config = McpConfig::from_value(&json!({ "mcpServers": servers })).unwrap();
        config.expand(&Variables::new(|_| None))
    };
    let failure = Client::new(expand(json!({ "twice": twice }))).unwrap_err().to_string();
    assert!(failure.starts_with("twice: ") && failure.contains("ONE"), "{failure}");
    assert!(failure.contains("TWO"), "{failure}");
    let all = expand(json!({ "twice": twice, "safe": oauth }));
    let failure = Client::new(all).unwrap_err().to_string();
    assert!(
        failure.contains("ONE") && failure.contains("safe: its \"auth\" is not valid"),
        "{failure}"
    );
    assert!(Client::new(expand(json!({}))).unwrap_err().to_string().contains("no server"));

    let some = expand(json!({ "dead": dead, "twice": twice, "safe": oauth }));
    let client = Client::new(some).unwrap();
    let status = client.group().unwrap().status();
    let names: Vec<&str> = status.iter().map(|server| &*server.name).collect();
    assert_eq!(names, ["dead", "safe", "twice"]);
    assert_eq!(status[2].state, ServerState::Failed);
    let failure = client.connect().await.unwrap_err().to_string();
    assert!(failure.contains("/nowhere/server") && failure.contains("\"auth\""), "{failure}");
}

#[tokio::test]
async fn a_setting_of_urls_on_another_target_is_an_error_at_connect() {
    let bytes = || tokio::io::duplex(64);
    for (name, client) in [
        ("header", Client::new(bytes()).unwrap().header("x-tenant", "blue")),
        ("bearer_token", Client::new(bytes()).unwrap().bearer_token("s3cret")),
    ] {
        let error = client.connect().await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Config, "{error}");
        let text = error.to_string();
        assert!(text.contains(name) && text.contains("set it on the transport"), "{text}");
        assert!(!format!("{client:?} {error:?}").contains("s3cret"));
    }
    let client = Client::new("http://127.0.0.1:9/mcp").unwrap().header("x-tenant", "a\nb");
    let error = client.connect().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Config, "{error}");
    assert!(error.to_string().contains("x-tenant"), "{error}");
}
