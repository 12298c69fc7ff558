//! Authorized requests.

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use http::{HeaderValue, Uri};
use mcp_http::{
    Authorize, Credentials, Error as HttpError, IntoAuthorize, NextStep, Refusal, RequestHead,
    SharedAuthorize,
};
use mcp_testkit::{
    http::{Received, Reply, Server},
    within,
};
use mcp_transport::{Connect, Delivery, ErrorKind, Hold};
use mcp_transport_http::StreamableHttp;
use tokio::sync::watch;

use crate::{MODERN, ask, at, handshake, method_of, next_message, request};

/// Has the token after a challenge in the foreground, or when set.
#[derive(Clone)]
struct Login(Arc<LoginState>);

struct LoginState {
    token: watch::Sender<Option<&'static str>>,
    heads: Mutex<Vec<RequestHead>>,
    challenges: AtomicUsize,
    hold: Hold,
}

impl Login {
    fn new() -> Self {
        let (token, _) = watch::channel(None);
        let (heads, challenges) = (Mutex::default(), AtomicUsize::new(0));
        Self(Arc::new(LoginState { token, heads, challenges, hold: Hold::new() }))
    }

    fn set(&self, token: &'static str) {
        self.0.token.send_replace(Some(token));
    }

    fn credentials(&self) -> Credentials {
        match *self.0.token.borrow() {
            Some(token) => Credentials::new(HeaderValue::from_static(token)),
            None => Credentials::none(),
        }
    }
}

impl Authorize for Login {
    fn ready(&self, _: &RequestHead) -> Option<Credentials> {
        self.0.token.borrow().is_some().then(|| self.credentials())
    }

    async fn authorize(&self, _: &RequestHead) -> Result<Credentials, HttpError> {
        Ok(self.credentials())
    }

    async fn challenged(
        &self,
        head: &RequestHead,
        refusal: Refusal<'_>,
    ) -> Result<NextStep, HttpError> {
        self.0.challenges.fetch_add(1, Ordering::SeqCst);
        self.0.heads.lock().unwrap().push(head.clone());
        if head.is_background || refusal.sent.stage > 0 {
            return Ok(NextStep::GiveUp);
        }
        tokio::task::yield_now().await;
        self.set("Bearer good");
        Ok(NextStep::Again(self.credentials().with_stage(1)))
    }

    fn changed(&self) -> impl Future<Output = ()> + Send + 'static {
        let mut token = self.0.token.subscribe();
        async move {
            let _ = token.changed().await;
        }
    }

    fn hold(&self) -> Option<Hold> {
        Some(self.0.hold.clone())
    }
}

/// Requires `Bearer good`.
async fn guarded(request: Received, reply: Reply) -> Reply {
    match request.header("authorization") {
        Some("Bearer good") => reply.json(200, request.result("1")).await,
        _ => reply.full(401, &[("www-authenticate", "Bearer")], "log in").await,
    }
}

#[tokio::test]
async fn a_refused_request_is_sent_again_on_its_connection() {
    let server = Server::start(guarded).await;
    let login = Login::new();
    let connection = at(&server.url).auth(login.clone()).connect().await.unwrap();
    for id in 1..4 {
        let call = request(id, "tools/call", r#"{"name":"add"}"#);
        ask(&connection.transport, call, MODERN).await.unwrap();
    }
    let log = server.log();
    assert_eq!(log.len(), 4, "the first one twice");
    assert_eq!(log[0].body, log[1].body);
    assert_eq!(log[0].header("authorization"), None);
    assert_eq!(log[1].header("mcp-name"), Some("add"));
    assert_eq!(log[1].header("authorization"), Some("Bearer good"));
    assert_eq!(server.connections(), 1, "the body of the refusal was read");
    assert_eq!(login.0.challenges.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn a_final_refusal_is_the_response() {
    let server = Server::start(async |_, reply: Reply| {
        reply.full(401, &[("www-authenticate", "Bearer")], "no").await
    })
    .await;
    let connection = at(&server.url).auth(Login::new()).connect().await.unwrap();
    let error = ask(&connection.transport, request(1, "ping", ""), MODERN).await.unwrap_err();
    assert_eq!((error.kind(), error.delivery()), (ErrorKind::Unauthorized, Delivery::Answered));
    let refused = error.find::<mcp_http::StatusError>().unwrap();
    assert_eq!((refused.status().as_u16(), refused.body()), (401, "no"));
    assert_eq!(server.log().len(), 2);
}

/// Always reports that the authorization server does not respond.
struct Broken(fn() -> HttpError);

impl Authorize for Broken {
    fn ready(&self, _: &RequestHead) -> Option<Credentials> {
        None
    }

    async fn authorize(&self, _: &RequestHead) -> Result<Credentials, HttpError> {
        Err(self.0())
    }

    async fn challenged(&self, _: &RequestHead, _: Refusal<'_>) -> Result<NextStep, HttpError> {
        Ok(NextStep::GiveUp)
    }
}

#[tokio::test]
async fn a_failure_to_authorize_sends_nothing_and_keeps_its_kind() {
    let server = Server::start(guarded).await;
    let lasting: fn() -> HttpError = || HttpError::unauthorized("login needed", "why");
    let passing: fn() -> HttpError = || HttpError::unavailable("status 503", "why");
    for (error, kind) in [(lasting, ErrorKind::Unauthorized), (passing, ErrorKind::Unavailable)] {
        let connection = at(&server.url).auth(Broken(error)).connect().await.unwrap();
        let error = ask(&connection.transport, request(1, "ping", ""), MODERN).await.unwrap_err();
        assert_eq!(error.kind(), kind);
        assert_eq!(error.find::<HttpError>().unwrap().to_string(), error_text(kind));
    }
    assert!(server.log().is_empty());
}

fn error_text(kind: ErrorKind) -> &'static str {
    match kind {
        ErrorKind::Unauthorized => "login needed",
        _ => "status 503",
    }
}

#[tokio::test]
async fn two_ways_to_authorize_are_refused() {
    for server in [
        at("http://h/mcp").bearer_token("secret"),
        at("http://h/mcp").header("authorization", "Basic x"),
        at("http://user:secret@h/mcp"),
    ] {
        let error = server.auth(Login::new()).connect().await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Config);
        assert!(error.to_string().contains("auth"), "{error}");
        assert!(!format!("{error:?}").contains("secret"));
    }
    struct Misfit;
    impl IntoAuthorize for Misfit {
        fn into_authorize(
            self,
            _: &Uri,
            _: Option<&mcp_http::HttpClient>,
        ) -> Result<SharedAuthorize, HttpError> {
            Err(HttpError::unauthorized("not for this server", "why"))
        }
    }
    let error = at("http://h/mcp").auth(Misfit).connect().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Config);
}

#[tokio::test]
async fn the_hold_is_from_the_authorizer() {
    let login = Login::new();
    let server: StreamableHttp<_> = at("http://h/mcp").auth(login.clone());
    let _form = login.0.hold.begin();
    assert!(server.hold().unwrap().is_held());
    assert!(at("http://h/mcp").hold().is_none());
}

#[tokio::test]
async fn a_refused_stream_waits_for_a_login_and_never_causes_one() {
    let server = Server::start(async |request: Received, mut reply: Reply| {
        let has_token = request.header("authorization") == Some("Bearer good");
        match request.rpc().as_str() {
            "GET" if !has_token => {
                reply.full(401, &[("www-authenticate", "Bearer")], "log in").await
            }
            "GET" => {
                reply = reply.sse().await;
                reply.event(r#"{"jsonrpc":"2.0","method":"first"}"#).await;
                reply.until_closed().await
            }
            method if method.starts_with("notifications/") => reply.empty(202).await,
            _ => {
                let id = [("content-type", "application/json"), ("mcp-session-id", "s")];
                reply.full(200, &id, request.result("{}")).await
            }
        }
    })
    .await;
    let login = Login::new();
    let mut connection = at(&server.url).auth(login.clone()).connect().await.unwrap();
    handshake(&connection.transport).await.unwrap();
    server.wait_for("GET", 1).await;
    assert_eq!(login.0.challenges.load(Ordering::SeqCst), 1);
    assert!(login.0.heads.lock().unwrap()[0].is_background);
    // Nothing is retried until the credentials change.
    assert!(
        tokio::time::timeout(Duration::from_millis(300), connection.inbound.next()).await.is_err()
    );
    assert_eq!(server.logged("GET").len(), 1);
    login.set("Bearer good");
    assert_eq!(method_of(&within(next_message(&mut connection.inbound)).await), "first");
    assert_eq!(server.logged("GET").len(), 2);
}
