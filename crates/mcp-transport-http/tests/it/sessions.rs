//! Sessions lost by the server.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use mcp_http::StatusError;
use mcp_testkit::{
    http::{Received, Reply, Server},
    until, within,
};
use mcp_transport::{Connection, Delivery, Envelope, ErrorKind, Gap, OneWay, Transport};

use crate::{
    LEGACY, ask, handshake, method_of, next_gap, next_message, notification, open, request, text,
};

/// A server that loses sessions.
#[derive(Clone)]
struct Forgetful {
    /// The number of sessions; only the newest can be valid.
    begun: Arc<AtomicUsize>,
    /// Whether the newest is valid.
    known: Arc<AtomicUsize>,
    /// The status for an invalid session.
    status: u16,
    body: &'static str,
    /// The number of `initialize` requests that succeed.
    willing: usize,
}

impl Forgetful {
    fn new(status: u16, body: &'static str) -> Self {
        let (begun, known) = Default::default();
        Self { begun, known, status, body, willing: usize::MAX }
    }

    fn forget(&self) {
        self.known.store(0, Ordering::SeqCst);
    }

    async fn answer(self, request: Received, reply: Reply) -> Reply {
        let rpc = request.rpc();
        if rpc == "initialize" {
            let number = self.begun.fetch_add(1, Ordering::SeqCst) + 1;
            if number > self.willing {
                return reply.empty(503).await;
            }
            self.known.store(number, Ordering::SeqCst);
            let id = format!("s-{number}");
            let head = [("content-type", "application/json"), ("mcp-session-id", id.as_str())];
            return reply
                .full(200, &head, request.result(r#"{"protocolVersion":"2025-11-25"}"#))
                .await;
        }
        let known = format!("s-{}", self.known.load(Ordering::SeqCst));
        if request.header("mcp-session-id") != Some(&known) {
            let kind = if self.body.starts_with('{') { "application/json" } else { "text/plain" };
            let body = self.body.replace("OWN", &request.id().to_string());
            return reply.full(self.status, &[("content-type", kind)], body).await;
        }
        match rpc.as_str() {
            "GET" => {
                let mut reply = reply.sse().await;
                reply.event(r#"{"jsonrpc":"2.0","method":"hello"}"#).await;
                reply.until_closed().await
            }
            "bad request" => {
                let body = r#"{"jsonrpc":"2.0","error":{"code":-32000,"message":"no"},"id":null}"#;
                reply.json(400, body).await
            }
            method if method.starts_with("notifications/") => reply.empty(202).await,
            "response" => reply.empty(202).await,
            _ => reply.json(200, request.result(&format!("\"{known}\""))).await,
        }
    }
}

const NULL_ID: &str =
    r#"{"jsonrpc":"2.0","error":{"code":-32001,"message":"Session not found"},"id":null}"#;
const NO_ID: &str = r#"{"jsonrpc":"2.0","error":{"code":-32000,"message":"Bad Request"}}"#;

const OWN_ID: &str =
    r#"{"jsonrpc":"2.0","error":{"code":-32005,"message":"the session has expired"},"id":OWN}"#;
const NOT_INITIALIZED: &str =
    r#"{"jsonrpc":"2.0","error":{"code":-32002,"message":"Server not initialized"},"id":OWN}"#;
const UNKNOWN_METHOD: &str =
    r#"{"jsonrpc":"2.0","error":{"code":-32601,"message":"no such method"},"id":OWN}"#;

async fn start(forgetful: &Forgetful) -> Server {
    let forgetful = forgetful.clone();
    Server::start(move |request, reply| forgetful.clone().answer(request, reply)).await
}

#[tokio::test]
async fn a_lost_session_is_reinitialized_once_for_all_callers() {
    for (status, body) in [
        (404, NULL_ID),
        (404, "gone"),
        (404, ""),
        (404, UNKNOWN_METHOD),
        (400, NULL_ID),
        (400, NO_ID),
        (400, OWN_ID),
        (400, "gone"),
        (401, "Session not found"),
        (401, ""),
        (403, "no such session"),
        (403, ""),
        (410, ""),
        (500, "unknown session"),
        (200, OWN_ID),
        (200, NOT_INITIALIZED),
    ] {
        let forgetful = Forgetful::new(status, body);
        let server = start(&forgetful).await;
        let connection = open(&server.url).await;
        let (transport, mut inbound) = (Arc::new(connection.transport), connection.inbound);
        handshake(&*transport).await.unwrap();
        assert_eq!(method_of(&next_message(&mut inbound).await), "hello");
        forgetful.forget();
        let mut calls = tokio::task::JoinSet::new();
        for id in 1..=8 {
            let transport = transport.clone();
            calls.spawn(async move { ask(&*transport, request(id, "m", ""), LEGACY).await });
        }
        while let Some(answer) = calls.join_next().await {
            assert_eq!(text(&answer.unwrap().unwrap()), "\"s-2\"", "{status} {body}");
        }
        let begun = server.logged("initialize");
        assert_eq!(begun.len(), 2, "{status} {body}");
        assert_eq!(begun[1].body, begun[0].body);
        assert_eq!(begun[1].header("mcp-session-id"), None);
        let initialized = server.logged("notifications/initialized");
        assert_eq!(initialized.len(), 2);
        assert_eq!(initialized[1].header("mcp-session-id"), Some("s-2"));
        assert_eq!(transport.reinitializations(), 1);
        // The server stream is open again, after a gap for the lost session.
        let gap = next_gap(&mut inbound).await;
        assert!(matches!(gap, Gap::NewSession(_)), "{gap:?}");
        assert_eq!(method_of(&next_message(&mut inbound).await), "hello");
        assert_eq!(server.logged("GET").last().unwrap().header("mcp-session-id"), Some("s-2"));
        assert!(
            server.logged("m").iter().filter(|m| m.header("mcp-session-id") == Some("s-2")).count()
                == 8
        );
    }
}

#[tokio::test]
async fn a_bad_request_in_a_live_session_is_an_ordinary_error() {
    let server = start(&Forgetful::new(404, "")).await;
    let transport = open(&server.url).await.transport;
    handshake(&transport).await.unwrap();
    let response = ask(&transport, request(1, "bad request", ""), LEGACY).await.unwrap();
    assert_eq!(response.outcome.unwrap_err().code, -32000);
    assert_eq!(server.logged("initialize").len(), 1);
    assert_eq!(server.logged("ping").len(), 1);
    assert_eq!(transport.reinitializations(), 0);
}

#[tokio::test]
async fn an_unknown_method_with_404_is_a_response() {
    let server = Server::start(|request, reply| async move {
        let id = request.id();
        match request.rpc().as_str() {
            "initialize" => {
                let head = [("content-type", "application/json"), ("mcp-session-id", "s")];
                reply.full(200, &head, request.result("{}")).await
            }
            "m" => {
                let error = r#""error":{"code":-32601,"message":"no such method"}"#;
                reply.json(404, format!(r#"{{"jsonrpc":"2.0","id":{id},{error}}}"#)).await
            }
            _ => reply.empty(405).await,
        }
    })
    .await;
    let transport = open(&server.url).await.transport;
    ask(&transport, request(0, "initialize", ""), None).await.unwrap();
    let response = ask(&transport, request(1, "m", ""), LEGACY).await.unwrap();
    assert_eq!(response.outcome.unwrap_err().code, -32601);
    assert_eq!(server.logged("initialize").len(), 1);
}

#[tokio::test]
async fn a_404_without_a_session_is_an_ordinary_error() {
    let server = Server::start(|request, reply| async move {
        match request.rpc().as_str() {
            "initialize" => reply.json(200, request.result("{}")).await,
            _ => reply.empty(404).await,
        }
    })
    .await;
    let transport = open(&server.url).await.transport;
    ask(&transport, request(0, "initialize", ""), None).await.unwrap();
    let error = ask(&transport, request(1, "m", ""), LEGACY).await.unwrap_err();
    assert_eq!((error.kind(), error.delivery()), (ErrorKind::Rejected, Delivery::Answered));
    assert_eq!(server.logged("initialize").len(), 1);
}

#[tokio::test]
async fn a_session_that_cannot_be_reinitialized_has_expired_for_all_callers() {
    let mut forgetful = Forgetful::new(404, NULL_ID);
    forgetful.willing = 1;
    let server = start(&forgetful).await;
    let transport = Arc::new(open(&server.url).await.transport);
    handshake(&*transport).await.unwrap();
    forgetful.forget();
    let mut calls = tokio::task::JoinSet::new();
    for id in 1..=8 {
        let transport = transport.clone();
        calls.spawn(async move { ask(&*transport, request(id, "m", ""), LEGACY).await });
    }
    while let Some(answer) = calls.join_next().await {
        let error = answer.unwrap().unwrap_err();
        assert_eq!(
            (error.kind(), error.delivery()),
            (ErrorKind::SessionExpired, Delivery::Answered)
        );
        assert_eq!(error.find::<StatusError>().unwrap().status(), 503);
    }
    let tries = server.logged("initialize").len();
    assert!((2..=9).contains(&tries));
    // Once the server accepts it, a later request succeeds.
    forgetful.begun.store(0, Ordering::SeqCst);
    let answer = ask(&*transport, request(9, "m", ""), LEGACY).await.unwrap();
    assert_eq!(text(&answer), "\"s-1\"");
}

#[tokio::test]
async fn a_session_that_is_lost_again_at_once_has_expired() {
    let server = Server::start(|request, reply| async move {
        match request.rpc().as_str() {
            "initialize" => {
                let head = [("content-type", "application/json"), ("mcp-session-id", "s")];
                let result = request.result(r#"{"protocolVersion":"2025-11-25"}"#);
                reply.full(200, &head, result).await
            }
            "notifications/initialized" => reply.empty(202).await,
            _ => reply.full(404, &[("content-type", "text/plain")], "Session not found").await,
        }
    })
    .await;
    let transport = open(&server.url).await.transport;
    handshake(&transport).await.unwrap();
    let error = ask(&transport, request(1, "m", ""), LEGACY).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::SessionExpired);
    assert_eq!(error.find::<StatusError>().unwrap().body(), "Session not found");
    assert_eq!(server.logged("m").len(), 2);
    // Once for the server stream, and once for the request.
    assert_eq!(server.logged("initialize").len(), 3);
    assert_eq!(server.logged("GET").len(), 3);
}

#[tokio::test]
async fn a_server_that_changes_the_version_has_no_session_left() {
    let begun = Arc::new(AtomicUsize::new(0));
    let server = Server::start(move |request, reply| {
        let begun = Arc::clone(&begun);
        async move {
            match request.rpc().as_str() {
                "initialize" => {
                    let id = format!("s-{}", begun.fetch_add(1, Ordering::SeqCst));
                    let head =
                        [("content-type", "application/json"), ("mcp-session-id", id.as_str())];
                    let result = request.result(r#"{"protocolVersion":"2025-03-26"}"#);
                    reply.full(200, &head, result).await
                }
                "notifications/initialized" | "DELETE" => reply.empty(202).await,
                _ => reply.empty(404).await,
            }
        }
    })
    .await;
    let transport = open(&server.url).await.transport;
    handshake(&transport).await.unwrap();
    let error = ask(&transport, request(1, "m", ""), LEGACY).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::SessionExpired);
    assert_eq!(server.logged("m").len(), 1);
    let deleted = server.wait_for("DELETE", 1).await;
    assert_eq!(deleted[0].header("mcp-session-id"), Some("s-1"));
}

#[tokio::test]
async fn notifications_use_the_new_session_and_responses_are_lost() {
    let forgetful = Forgetful::new(404, "");
    let server = start(&forgetful).await;
    let transport = open(&server.url).await.transport;
    handshake(&transport).await.unwrap();
    forgetful.forget();
    let response = mcp_core::Response::result(1.into(), mcp_core::RawJson::trusted("{}"));
    let response: Envelope<OneWay> = Envelope::new(response.into()).with_version(LEGACY);
    let error = within(transport.send(response)).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::SessionExpired);
    // The response is lost with its session, which is replaced.
    assert_eq!(server.logged("initialize").len(), 2);
    assert_eq!(server.logged("response").len(), 1);
    forgetful.forget();
    within(transport.send(notification("notifications/x").with_version(LEGACY))).await.unwrap();
    assert_eq!(server.logged("initialize").len(), 3);
    let sent = server.logged("notifications/x");
    assert_eq!(sent.last().unwrap().header("mcp-session-id"), Some("s-3"));
}

#[tokio::test]
async fn a_message_that_may_have_been_executed_is_not_sent_in_the_new_session() {
    let forgetful = Forgetful::new(500, "");
    let server = start(&forgetful).await;
    let transport = open(&server.url).await.transport;
    handshake(&transport).await.unwrap();
    forgetful.forget();
    let error = ask(&transport, request(1, "m", ""), LEGACY).await.unwrap_err();
    assert_eq!((error.kind(), error.delivery()), (ErrorKind::Unavailable, Delivery::Answered));
    assert_eq!(error.find::<StatusError>().unwrap().status(), 500);
    assert_eq!(server.logged("m").len(), 1);
    let answer = ask(&transport, request(2, "m", ""), LEGACY).await.unwrap();
    assert_eq!(text(&answer), "\"s-2\"");
}

#[tokio::test]
async fn a_refusal_with_another_cause_is_unchanged() {
    for (status, kind) in [(401, ErrorKind::Unauthorized), (403, ErrorKind::Unauthorized)] {
        let forgetful = Forgetful { willing: 1, ..Forgetful::new(status, "Session not found") };
        let server = start(&forgetful).await;
        let transport = open(&server.url).await.transport;
        handshake(&transport).await.unwrap();
        forgetful.forget();
        let error = ask(&transport, request(1, "m", ""), LEGACY).await.unwrap_err();
        assert_eq!((error.kind(), error.delivery()), (kind, Delivery::Answered));
        assert_eq!(error.find::<StatusError>().unwrap().status(), status);
    }
}

#[tokio::test]
async fn a_challenge_requires_credentials_and_not_a_session() {
    let server = Server::start(|request, reply| async move {
        match request.rpc().as_str() {
            "initialize" => {
                let head = [("content-type", "application/json"), ("mcp-session-id", "s")];
                reply.full(200, &head, request.result("{}")).await
            }
            "m" => reply.full(401, &[("www-authenticate", "Bearer")], "no").await,
            _ => reply.empty(405).await,
        }
    })
    .await;
    let transport = open(&server.url).await.transport;
    ask(&transport, request(0, "initialize", ""), None).await.unwrap();
    let error = ask(&transport, request(1, "m", ""), LEGACY).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unauthorized);
    let methods: Vec<_> = server.log().iter().map(Received::rpc).collect();
    assert_eq!(methods, ["initialize", "m"]);
}

#[tokio::test]
async fn a_stream_of_a_lost_session_ends_when_another_takes_its_place() {
    let forgetful = Forgetful::new(404, "");
    let answers = forgetful.clone();
    let server = Server::start(move |request, reply| {
        let answers = answers.clone();
        async move {
            if request.rpc() == "slow" {
                let mut reply = reply.sse().await;
                reply.event(r#"{"jsonrpc":"2.0","method":"notifications/progress"}"#).await;
                return reply.until_closed().await;
            }
            answers.answer(request, reply).await
        }
    })
    .await;
    let transport = open(&server.url).await.transport;
    handshake(&transport).await.unwrap();
    let slow = Envelope::new(request(1, "slow", "")).with_version(LEGACY);
    let mut slow = within(transport.request(slow)).await.unwrap();
    assert_eq!(method_of(&within(slow.next()).await.unwrap().unwrap()), "notifications/progress");
    forgetful.forget();
    let (ended, answer) =
        tokio::join!(within(slow.response()), ask(&transport, request(2, "m", ""), LEGACY),);
    assert_eq!(text(&answer.unwrap()), "\"s-2\"");
    let error = ended.unwrap_err();
    assert_eq!((error.kind(), error.delivery()), (ErrorKind::SessionExpired, Delivery::Unknown));
    assert!(server.logged("notifications/cancelled").is_empty());
}

#[tokio::test]
async fn an_event_that_reports_the_loss_has_the_session_replaced() {
    let forgetful = Forgetful::new(404, "");
    let answers = forgetful.clone();
    let server = Server::start(move |request, reply| {
        let answers = answers.clone();
        async move {
            let is_lost = answers.known.load(Ordering::SeqCst) == 0;
            if request.rpc() == "m" && is_lost {
                let body = OWN_ID.replace("OWN", &request.id().to_string());
                let mut reply = reply.sse().await;
                reply.event(body).await;
                return reply.end().await;
            }
            answers.answer(request, reply).await
        }
    })
    .await;
    let transport = open(&server.url).await.transport;
    handshake(&transport).await.unwrap();
    forgetful.forget();
    let answer = ask(&transport, request(1, "m", ""), LEGACY).await.unwrap();
    assert_eq!(answer.outcome.unwrap_err().code, -32005);
    server.wait_for("initialize", 2).await;
    until("the new session", || transport.reinitializations() == 1).await;
    let answer = ask(&transport, request(2, "m", ""), LEGACY).await.unwrap();
    assert_eq!(text(&answer), "\"s-2\"");
}

#[tokio::test]
async fn a_session_that_is_lost_before_its_first_stream_is_replaced() {
    for pings in [true, false] {
        let count = Arc::new(AtomicUsize::new(0));
        let counter = count.clone();
        let server = Server::start(move |request, reply| {
            let counter = counter.clone();
            async move {
                match request.rpc().as_str() {
                    "initialize" => {
                        let id = format!("s-{}", counter.fetch_add(1, Ordering::SeqCst));
                        let head =
                            [("content-type", "application/json"), ("mcp-session-id", id.as_str())];
                        let result = request.result(r#"{"protocolVersion":"2025-11-25"}"#);
                        reply.full(200, &head, result).await
                    }
                    "GET" if request.header("mcp-session-id") == Some("s-1") => {
                        reply.sse().await.until_closed().await
                    }
                    "ping" if !pings => reply.empty(404).await,
                    "GET" => reply.empty(404).await,
                    _ => reply.json(200, request.result("1")).await,
                }
            }
        })
        .await;
        let transport = open(&server.url).await.transport;
        handshake(&transport).await.unwrap();
        // A server that answers the ping has no such stream, and the session is alive.
        let begun = if pings { 1 } else { 2 };
        until("the outcome", || server.logged("ping").len() == 1).await;
        server.wait_for("initialize", begun).await;
        until("the new session", || transport.reinitializations() == begun as u64 - 1).await;
        ask(&transport, request(1, "m", ""), LEGACY).await.unwrap();
        assert_eq!(server.logged("initialize").len(), begun);
    }
}

#[tokio::test]
async fn dropping_the_reinitializing_caller_passes_it_to_the_next() {
    let count = Arc::new(AtomicUsize::new(0));
    let counter = count.clone();
    let server = Server::start(move |request, reply| {
        let counter = counter.clone();
        async move {
            match request.rpc().as_str() {
                "initialize" => {
                    let number = counter.fetch_add(1, Ordering::SeqCst);
                    if number == 1 {
                        return reply.until_closed().await;
                    }
                    let id = format!("s-{number}");
                    let head =
                        [("content-type", "application/json"), ("mcp-session-id", id.as_str())];
                    let result = request.result(r#"{"protocolVersion":"2025-11-25"}"#);
                    reply.full(200, &head, result).await
                }
                "m" if request.header("mcp-session-id") == Some("s-0") => reply.empty(404).await,
                "m" => reply.json(200, request.result("1")).await,
                "GET" => reply.empty(405).await,
                _ => reply.empty(202).await,
            }
        }
    })
    .await;
    let transport = open(&server.url).await.transport;
    handshake(&transport).await.unwrap();
    let first = Envelope::new(request(1, "m", "")).with_version(LEGACY);
    let second = async {
        server.wait_for("initialize", 2).await;
        ask(&transport, request(2, "m", ""), LEGACY).await
    };
    let first = async {
        tokio::select! {
            _ = transport.request(first) => panic!("it answered"),
            _ = server.wait_for("m", 2) => {}
        }
    };
    let ((), answer) = within(async { tokio::join!(first, second) }).await;
    answer.unwrap();
    assert_eq!(server.logged("initialize").len(), 3);
}

#[tokio::test]
async fn the_stream_is_opened_without_a_response_to_initialized() {
    let forgetful = Forgetful::new(404, NULL_ID);
    let (served, initialized) = (forgetful.clone(), Arc::new(AtomicUsize::new(0)));
    let server = Server::start(move |request, reply| {
        let (forgetful, initialized) = (served.clone(), Arc::clone(&initialized));
        async move {
            let is_initialized = request.rpc() == "notifications/initialized";
            if is_initialized && initialized.fetch_add(1, Ordering::SeqCst) == 0 {
                return std::future::pending().await;
            }
            forgetful.answer(request, reply).await
        }
    })
    .await;
    let Connection { transport, mut inbound, .. } = open(&server.url).await;
    let transport = Arc::new(transport);
    let sender = Arc::clone(&transport);
    let opening = tokio::spawn(async move { handshake(&*sender).await });
    // Messages sent before the stream was open are missed.
    assert!(matches!(next_gap(&mut inbound).await, Gap::Interrupted(None)));
    assert_eq!(method_of(&next_message(&mut inbound).await), "hello");
    // A replacement session is opened with the whole handshake.
    forgetful.forget();
    let answer = ask(&*transport, request(1, "m", ""), LEGACY).await.unwrap();
    assert_eq!(text(&answer), "\"s-2\"");
    let sent = server.logged("notifications/initialized");
    assert_eq!(sent.last().unwrap().header("mcp-session-id"), Some("s-2"));
    assert_eq!(sent.last().unwrap().header("mcp-protocol-version"), Some(LEGACY.as_str()));
    opening.abort();
}
