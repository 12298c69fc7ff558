//! Logins through the client: URLs, configurations, and what OAuth does not apply to.

use std::sync::{
    Arc, Mutex,
    atomic::{AtomicUsize, Ordering},
};
use std::time::Duration;

use mcp_client::{Client, EraPolicy, ErrorKind, McpConfig, OAuth, StreamableHttp, oauth::follow};
use mcp_testkit::{
    http::{Received, Reply, Server},
    within,
};
use serde_json::{Value, json};

/// An MCP server and its authorization server, for a user whose login takes `delay`.
struct Guarded {
    server: Server,
    logins: Arc<AtomicUsize>,
    tokens: Arc<Mutex<Vec<Option<String>>>>,
}

impl Guarded {
    async fn start() -> Self {
        let tokens = Arc::new(Mutex::new(Vec::new()));
        let seen = Arc::clone(&tokens);
        let server = Server::start(move |request: Received, reply: Reply| {
            let seen = Arc::clone(&seen);
            async move {
                let origin = format!("http://{}", request.header("host").unwrap());
                let path = request.path.split('?').next().unwrap().to_owned();
                let at = |path: &str| format!("{origin}{path}");
                match path.as_str() {
                    "/mcp" => {
                        let token = request.header("authorization").map(str::to_owned);
                        seen.lock().unwrap().push(token.clone());
                        if token.as_deref() != Some("Bearer good") {
                            return reply.full(401, &[("www-authenticate", "Bearer")], "").await;
                        }
                        answer(&request, reply).await
                    }
                    "/.well-known/oauth-authorization-server" => {
                        let metadata = json!({
                            "issuer": origin,
                            "authorization_endpoint": at("/authorize"),
                            "token_endpoint": at("/token"),
                            "code_challenge_methods_supported": ["S256"],
                        });
                        reply.json(200, metadata.to_string()).await
                    }
                    "/token" => {
                        reply.json(200, r#"{"access_token":"good","token_type":"Bearer"}"#).await
                    }
                    _ => reply.empty(404).await,
                }
            }
        })
        .await;
        Self { server, logins: Arc::default(), tokens }
    }

    /// A user who takes a while.
    fn oauth(&self, delay: Duration) -> OAuth {
        let logins = Arc::clone(&self.logins);
        let agent = follow(move |page| {
            logins.fetch_add(1, Ordering::SeqCst);
            async move {
                tokio::time::sleep(delay).await;
                let state = page.split("state=").nth(1).and_then(|it| it.split('&').next());
                let state = state.ok_or("no state")?;
                Ok::<_, &str>(format!("http://127.0.0.1/callback?code=c&state={state}"))
            }
        });
        OAuth::new().user_agent(agent).client("desktop")
    }
}

async fn answer(request: &Received, reply: Reply) -> Reply {
    let result = match request.rpc().as_str() {
        "server/discover" => json!({
            "resultType": "complete",
            "supportedVersions": ["2026-07-28", "2025-11-25"],
            "capabilities": { "tools": {} },
        }),
        "initialize" => json!({
            "protocolVersion": "2025-11-25",
            "capabilities": { "tools": {} },
            "serverInfo": { "name": "guarded", "version": "1" },
        }),
        "tools/list" => json!({ "resultType": "complete", "tools": [tool("echo")] }),
        method if method.starts_with("notifications/") => return reply.empty(202).await,
        "GET" => return reply.empty(405).await,
        _ => json!({ "resultType": "complete" }),
    };
    reply.json(200, request.result(&result.to_string())).await
}

fn tool(name: &str) -> Value {
    json!({ "name": name, "inputSchema": { "type": "object" } })
}

#[tokio::test]
async fn a_login_takes_longer_than_the_start_may_in_each_era() {
    for era in [EraPolicy::Auto, EraPolicy::Legacy] {
        let guarded = Guarded::start().await;
        let auth = guarded.oauth(Duration::from_millis(900));
        let client = Client::new(&guarded.server.url).unwrap().era(era).auth(&auth);
        let client = client.start_timeout(Duration::from_millis(400));
        let session = within(client.connect().into_future()).await.unwrap();
        assert_eq!(within(session.list_tools().into_future()).await.unwrap()[0].name, "echo");
        within(session.close()).await.unwrap();
        // The next session has the token from the beginning.
        let before = guarded.tokens.lock().unwrap().len();
        let session = within(client.connect().into_future()).await.unwrap();
        assert!(guarded.tokens.lock().unwrap()[before..].iter().all(Option::is_some));
        within(session.close()).await.unwrap();
        assert_eq!(guarded.logins.load(Ordering::SeqCst), 1);
    }
}

#[tokio::test]
async fn servers_of_a_configuration_without_a_token_share_one_oauth() {
    let (one, other, own) =
        (Guarded::start().await, Guarded::start().await, Guarded::start().await);
    let config = McpConfig::from_value(&json!({ "mcpServers": {
        "one": { "url": one.server.url },
        "other": { "url": other.server.url, "auth": "oauth" },
        "own": { "url": own.server.url, "headers": { "Authorization": "Bearer good" } },
    }}))
    .unwrap();
    let auth = one.oauth(Duration::ZERO);
    let client = Client::new(config).unwrap().auth(&auth);
    let session = within(client.connect().into_future()).await.unwrap();
    let names = async || {
        let tools = within(session.list_tools().into_future()).await.unwrap();
        tools.iter().map(|tool| tool.name.clone()).collect::<Vec<_>>()
    };
    // A server joins when its user is there.
    let expected = ["one_echo", "other_echo", "own_echo"];
    within(async {
        while names().await != expected {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    })
    .await;
    assert_eq!(one.logins.load(Ordering::SeqCst), 2, "one for each server");
    assert!(own.tokens.lock().unwrap().iter().all(|it| it.as_deref() == Some("Bearer good")));
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
    let client = Client::new(&guarded.server.url).unwrap();
    let error = within(client.connect().into_future()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unauthorized);
    let text = error.to_string();
    assert!(text.contains("OAuth::new()") && text.contains("\"auth\": \"oauth\""), "{text}");
}

#[tokio::test]
async fn grants_of_extensions_are_declared() {
    let guarded = Guarded::start().await;
    let auth = OAuth::client_credentials("svc").secret("s");
    let client = Client::new(&guarded.server.url).unwrap().auth(auth);
    let session = within(client.connect().into_future()).await.unwrap();
    within(session.close()).await.unwrap();
    let log = guarded.server.logged("server/discover");
    let body = &log.last().unwrap().body;
    assert!(body.contains("io.modelcontextprotocol/oauth-client-credentials"), "{body}");
}
