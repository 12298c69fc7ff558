//! Every grant in both eras and over HTTP+SSE, and groups whose servers log in separately.

use std::future::IntoFuture as _;
use std::sync::{
    Arc, Mutex,
    atomic::{AtomicUsize, Ordering},
};
use std::time::Duration;

use mcp_client::{
    Client, EraPolicy, McpConfig, OAuth, Session,
    oauth::{Error, Grant, GrantRequest, MemoryStore, Secret, follow},
};
use mcp_testkit::{http::log_in, oauth::Guarded, within};
use serde_json::json;

/// A grant implemented by the application.
struct Ticket;

impl Grant for Ticket {
    async fn parameters(&self, _: GrantRequest) -> Result<Vec<(String, Secret)>, Error> {
        Ok(vec![("grant_type".into(), "client_credentials".into()), ("ticket".into(), "t".into())])
    }
}

fn agreeing() -> OAuth {
    OAuth::new().user_agent(follow(|page| async move { log_in(&page, &[]).await }))
}

/// All grants, by the `grant_type` of their token request. In `enterprise`, the identity provider is the same server.
fn grants(guarded: &Guarded) -> Vec<(&'static str, OAuth)> {
    vec![
        ("code", agreeing()),
        ("client_credentials", OAuth::client_credentials("svc").secret("s")),
        ("jwt_bearer", OAuth::jwt_bearer("svc", |_| async { "jwt" })),
        (
            "token_exchange",
            OAuth::enterprise("app")
                .secret("s")
                .idp(guarded.origin())
                .idp_client("idp-app")
                .id_token(|| async { "id-token" }),
        ),
        ("device_token", OAuth::device_code("tv").on_code(|_| {})),
        ("client_credentials", OAuth::grant("svc", Ticket)),
    ]
}

async fn echo(session: &Session, text: &str) {
    let result = within(session.call_tool("echo").arg("text", text).into_future()).await;
    assert_eq!(result.unwrap().text(), text);
}

#[tokio::test]
async fn each_grant_works_in_both_eras_and_over_http_sse() {
    for n in 0..6 {
        for (era, is_sse) in
            [(EraPolicy::Auto, false), (EraPolicy::Legacy, false), (EraPolicy::Auto, true)]
        {
            let guarded = Guarded::start().await;
            let (kind, auth) = grants(&guarded).swap_remove(n);
            let url = if is_sse { guarded.sse_url() } else { guarded.url() };
            let client = Client::new(&url).unwrap().era(era).auth(&auth);
            let session = within(client.connect().into_future()).await.unwrap();
            echo(&session, "hello").await;
            assert_eq!(guarded.seen(kind).len(), 1, "{kind} {url}");
            // A token that expires while the session is open is replaced.
            guarded.expire();
            echo(&session, "again").await;
            let tokens = guarded.seen(kind).len() + guarded.seen("refresh").len();
            assert_eq!(tokens, 2, "{kind} {url}");
            within(session.close()).await.unwrap();
            let resources: Vec<_> = guarded.seen(kind);
            assert!(resources.iter().all(|it| it["resource"] == url), "{resources:?}");
        }
    }
}

#[tokio::test]
async fn a_group_does_not_wait_for_a_pending_login() {
    let (stored, silent, service) =
        (Guarded::start().await, Guarded::start().await, Guarded::start().await);
    let store = MemoryStore::new();
    within(agreeing().store(store.clone()).login(stored.url())).await.unwrap();
    let pages = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&pages);
    let asked = Arc::new(Mutex::new(Vec::new()));
    let log = Arc::clone(&asked);
    let agent = follow(move |page| {
        counter.fetch_add(1, Ordering::SeqCst);
        log.lock().unwrap().push(page);
        std::future::pending::<Result<String, String>>()
    });
    service.lock().access.insert("known".into(), String::new());
    let config = McpConfig::from_value(&json!({ "mcpServers": {
        "stored": { "url": stored.url() },
        "silent": { "url": silent.url() },
        "service": { "url": service.url(), "headers": { "Authorization": "Bearer known" } },
    }}))
    .unwrap();
    let auth = OAuth::new().user_agent(agent).store(store);
    let client = Client::new(config).unwrap().auth(&auth);
    let session = within(client.connect().into_future()).await.unwrap();
    let names = async || {
        let tools = within(session.list_tools().into_future()).await.unwrap();
        tools.iter().map(|tool| tool.name.clone()).collect::<Vec<_>>()
    };
    within(async {
        while names().await != ["stored_echo", "service_echo"] {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    })
    .await;
    for tool in ["stored_echo", "service_echo"] {
        let call = session.call_tool(tool).arg("text", "hello");
        assert_eq!(within(call.into_future()).await.unwrap().text(), "hello");
    }
    // The user is asked once, and the tools of the other servers stay available.
    mcp_testkit::until("the page", || pages.load(Ordering::SeqCst) == 1).await;
    assert!(asked.lock().unwrap()[0].starts_with(&silent.origin()));
    assert_eq!(names().await.len(), 2);
    assert_eq!(pages.load(Ordering::SeqCst), 1);
    assert!(auth.status(silent.url()).await.unwrap().is_waiting);
    within(session.close()).await.unwrap();
    within(client.close()).await.unwrap();
}
