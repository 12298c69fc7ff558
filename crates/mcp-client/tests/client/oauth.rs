//! Logins through the client: URLs, configurations, and targets that OAuth does not apply to.

use std::future::IntoFuture as _;
use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};
use std::time::Duration;

use mcp_client::{Client, EraPolicy, ErrorKind, McpConfig, OAuth, StreamableHttp, oauth::follow};
use mcp_testkit::{http::log_in, oauth::Guarded, within};
use serde_json::json;

/// A user who answers after a delay, and the number of prompts.
fn user(delay: Duration) -> (OAuth, Arc<AtomicUsize>) {
    let pages = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&pages);
    let agent = follow(move |page| {
        counter.fetch_add(1, Ordering::SeqCst);
        async move {
            tokio::time::sleep(delay).await;
            log_in(&page, &[]).await
        }
    });
    (OAuth::new().user_agent(agent), pages)
}

/// The `Authorization` headers of the requests to the MCP server.
fn tokens(guarded: &Guarded) -> Vec<Option<String>> {
    let log = guarded.log();
    let log = log.iter().filter(|it| it.path == "/mcp");
    log.map(|it| it.header("authorization").map(str::to_owned)).collect()
}

#[tokio::test]
async fn a_login_may_take_longer_than_the_start_limit_in_each_era() {
    for era in [EraPolicy::Auto, EraPolicy::Legacy] {
        let guarded = Guarded::start().await;
        let (auth, pages) = user(Duration::from_millis(900));
        let client = Client::new(guarded.url()).unwrap().era(era).auth(&auth);
        let client = client.start_timeout(Duration::from_millis(400));
        let session = within(client.connect().into_future()).await.unwrap();
        assert_eq!(within(session.list_tools().into_future()).await.unwrap()[0].name, "echo");
        within(session.close()).await.unwrap();
        // The next session sends the token from the start.
        let before = tokens(&guarded).len();
        let session = within(client.connect().into_future()).await.unwrap();
        assert!(tokens(&guarded)[before..].iter().all(Option::is_some));
        within(session.close()).await.unwrap();
        assert_eq!(pages.load(Ordering::SeqCst), 1);
    }
}

#[tokio::test]
async fn servers_of_a_configuration_without_a_token_share_one_oauth() {
    let (one, other, own) =
        (Guarded::start().await, Guarded::start().await, Guarded::start().await);
    let config = McpConfig::from_value(&json!({ "mcpServers": {
        "one": { "url": one.url() },
        "other": { "url": other.url(), "auth": "oauth" },
        "own": { "url": own.url(), "headers": { "Authorization": "Bearer good" } },
    }}))
    .unwrap();
    own.lock().access.insert("good".to_owned(), String::new());
    let (auth, pages) = user(Duration::ZERO);
    let client = Client::new(config).unwrap().auth(&auth);
    let session = within(client.connect().into_future()).await.unwrap();
    let names = async || {
        let tools = within(session.list_tools().into_future()).await.unwrap();
        tools.iter().map(|tool| tool.name.clone()).collect::<Vec<_>>()
    };
    // A server joins once its user has logged in.
    let expected = ["one_echo", "other_echo", "own_echo"];
    within(async {
        while names().await != expected {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    })
    .await;
    assert_eq!(pages.load(Ordering::SeqCst), 2, "one for each server");
    assert!(tokens(&own).iter().all(|it| it.as_deref() == Some("Bearer good")));
    within(session.close()).await.unwrap();
    within(client.close()).await.unwrap();
}

#[tokio::test]
async fn oauth_where_it_does_not_apply_is_an_error_at_connect() {
    let url = "http://127.0.0.1:1/mcp";
    for client in [
        Client::new(StreamableHttp::new(url).unwrap()).unwrap().auth(OAuth::new()),
        Client::new(url).unwrap().header("authorization", "Bearer s3cret").auth(OAuth::new()),
        Client::new(url).unwrap().auth(OAuth::new()).auth("s3cret"),
    ] {
        let error = within(client.connect().into_future()).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Config, "{error}");
        assert!(error.to_string().contains("auth"), "{error}");
        assert!(!format!("{client:?} {error:?}").contains("s3cret"));
    }
}

#[cfg(feature = "stdio")]
#[tokio::test]
async fn a_process_has_its_credentials_from_the_environment_and_never_by_oauth() {
    let dir = tempfile::tempdir().unwrap();
    let started = dir.path().join("started");
    let server = mcp_client::Stdio::new("sh").args(["-c", "touch \"$0\""]).arg(&started);
    let client = Client::new(server).unwrap().auth(OAuth::new());
    let error = within(client.connect().into_future()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Config, "{error}");
    assert!(error.to_string().contains("Client::auth applies to a URL"), "{error}");
    assert!(!started.exists(), "nothing was started");
    let config = serde_json::json!({ "mcpServers": { "x": { "command": "sh", "auth": "oauth" } } });
    let problems = mcp_client::McpConfig::from_str(&config.to_string()).unwrap();
    let problem = problems.problems().iter().find(|it| it.path.ends_with("auth"));
    assert!(problem.is_some(), "{:?}", problems.problems());
}

#[tokio::test]
async fn without_it_the_hint_names_it() {
    let guarded = Guarded::start().await;
    let client = Client::new(guarded.url()).unwrap();
    let error = within(client.connect().into_future()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unauthorized);
    let text = error.to_string();
    assert!(text.contains("OAuth::new()") && text.contains("\"auth\": \"oauth\""), "{text}");
}

#[tokio::test]
async fn grants_of_extensions_are_declared() {
    let guarded = Guarded::start().await;
    let auth = OAuth::client_credentials("svc").secret("s");
    let client = Client::new(guarded.url()).unwrap().auth(auth);
    let session = within(client.connect().into_future()).await.unwrap();
    within(session.close()).await.unwrap();
    let log = guarded.log();
    let body = &log.iter().rfind(|it| it.rpc() == "server/discover").unwrap().body;
    assert!(body.contains("io.modelcontextprotocol/oauth-client-credentials"), "{body}");
}

#[tokio::test]
async fn discovery_is_bounded_by_the_time_of_a_start() {
    for path in ["/.well-known/oauth-protected-resource/mcp", "/token"] {
        let guarded = Guarded::start().await;
        guarded.lock().delays.insert(path.to_owned(), Duration::from_secs(60));
        let (auth, _) = user(Duration::ZERO);
        // A client without a user: time spent in an interactive login does not count against the limit.
        let auth = match path {
            "/token" => OAuth::client_credentials("svc").secret("s"),
            _ => auth,
        };
        let client = Client::new(guarded.url()).unwrap().auth(auth);
        let client = client.start_timeout(Duration::from_millis(300));
        let error = within(client.connect().into_future()).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Timeout, "{path}: {error}");
    }
}
