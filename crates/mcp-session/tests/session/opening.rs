//! Servers with an unusual start, which are reached nevertheless.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use mcp_core::{Era, ProtocolVersion};
use mcp_session::{EraPolicy, Error, ErrorKind, Session, SessionOptions, Verdict};
use mcp_transport::{Binding, ErrorKind as Kind};
use serde_json::{Value, json};
use tokio::time::Instant;

use crate::{
    faulty::{Fate, Fault, Faulty},
    peer::{Peer, Reply, discover, error, initialized, legacy, modern, peer, result},
};

const SECOND: Duration = Duration::from_secs(1);

async fn open(peer: &Peer) -> Result<Session, Error> {
    Session::open(peer.clone(), Some("shop"), SessionOptions::default()).await
}

async fn open_with(peer: &Peer, verdict: Verdict) -> Result<Session, Error> {
    let options = SessionOptions::default().with_prior_discover(verdict);
    Session::open(peer.clone(), Some("shop"), options).await
}

fn method(message: &Value) -> &str {
    message["method"].as_str().unwrap_or_default()
}

fn refusal(message: &Value, code: i64) -> Reply {
    error(message, json!({ "code": code, "message": "no" }))
}

/// A server on a pipe that starts to read after a delay; later connections are fast.
fn slow(seconds: u64, script: impl Fn(u32, &Value) -> Reply + Send + Sync + 'static) -> Peer {
    let has_begun = Mutex::new(false);
    peer(move |number, message| {
        let reply = script(number, message);
        let has_begun = std::mem::replace(&mut *has_begun.lock().unwrap(), true);
        match has_begun {
            true => reply,
            false => Reply::Later(Duration::from_secs(seconds), Box::new(reply)),
        }
    })
}

#[tokio::test(start_paused = true)]
async fn a_slow_modern_server_is_modern() {
    let peer = slow(30, |_, message| match method(message) {
        "server/discover" => discover(message, &["2026-07-28"]),
        _ => error(
            message,
            json!({ "code": -32022, "message": "no", "data": { "supported": ["2026-07-28"] } }),
        ),
    });
    let start = Instant::now();
    let session = open(&peer).await.unwrap();
    assert_eq!((session.era(), start.elapsed()), (Era::Modern, 30 * SECOND));
    assert_eq!(session.server_info().unwrap().name, "new");
    assert_eq!((peer.connections(), peer.methods().len()), (1, 2));
}

#[tokio::test(start_paused = true)]
async fn a_slow_server_of_both_eras_is_restarted_rather_than_used_as_legacy() {
    let peer = slow(20, |_, message| match method(message) {
        "server/discover" => discover(message, &["2026-07-28"]),
        _ => initialized(message, "2025-11-25"),
    });
    let session = open(&peer).await.unwrap();
    assert_eq!(session.era(), Era::Modern);
    assert_eq!(peer.methods(), ["server/discover", "initialize", "server/discover"]);
    // The next start uses the verdict.
    assert_eq!(open_with(&peer, session.verdict().clone()).await.unwrap().era(), Era::Modern);
    assert_eq!(peer.methods().len(), 4);
}

#[tokio::test(start_paused = true)]
async fn a_slow_legacy_server_that_answers_both_is_not_started_again() {
    let peer = slow(20, |_, message| match method(message) {
        "server/discover" => refusal(message, -32601),
        "initialize" => initialized(message, "2025-11-25"),
        _ => Reply::Nothing,
    });
    let start = Instant::now();
    let opening = peer.clone();
    let session = tokio::spawn(async move { open(&opening).await }).await.unwrap();
    assert_eq!(session.unwrap().era(), Era::Legacy);
    assert_eq!((peer.connections(), start.elapsed()), (1, 20 * SECOND));
}

#[tokio::test(start_paused = true)]
async fn a_slow_server_that_dies_of_the_late_probe_gets_initialize_first() {
    let peer = slow(20, |_, message| match method(message) {
        "server/discover" => Reply::Close,
        "initialize" => initialized(message, "2025-06-18"),
        _ => Reply::Nothing,
    });
    let session = open(&peer).await.unwrap();
    assert_eq!(session.protocol_version(), ProtocolVersion::V2025_06_18);
    assert_eq!(peer.asked("server/discover").len(), 1);
    assert_eq!(peer.connections(), 2);
}

#[tokio::test(start_paused = true)]
async fn an_initialize_that_is_refused_after_a_probe_comes_first_in_a_new_process() {
    let once = |number: u32, message: &Value| match (number, method(message)) {
        (_, "server/discover") => refusal(message, -32601),
        // For example `duplicate "initialize"`, or a bridge to an initialized server.
        (0, "initialize") => refusal(message, -32600),
        (_, "initialize") => initialized(message, "2025-11-25"),
        _ => Reply::Nothing,
    };
    for peer in [peer(once), slow(20, once)] {
        let session = open(&peer).await.unwrap();
        assert_eq!(peer.connections(), 2);
        let verdict = session.verdict().clone();
        drop(session);
        // The next start needs no second attempt.
        open_with(&peer, verdict).await.unwrap();
        assert_eq!((peer.connections(), peer.asked("server/discover").len()), (3, 1));
    }
}

#[tokio::test(start_paused = true)]
async fn a_server_that_exits_after_the_probe_is_restarted_once() {
    let peer = peer(|number, message| match (number, method(message)) {
        (_, "server/discover") => refusal(message, -32602),
        (0, _) => Reply::Close,
        (_, "initialize") => initialized(message, "2025-11-25"),
        _ => Reply::Nothing,
    });
    assert_eq!(open(&peer).await.unwrap().era(), Era::Legacy);
    assert_eq!(peer.connections(), 2);
    assert_eq!(peer.methods()[..3], ["server/discover", "initialize", "initialize"]);
}

#[tokio::test(start_paused = true)]
async fn a_server_that_refuses_everything_is_reported_with_both_failures() {
    let peer = peer(|_, message| match method(message) {
        "server/discover" => error(message, json!({ "code": -32601, "message": "what?" })),
        _ => error(message, json!({ "code": -32000, "message": "API_KEY is missing" })),
    });
    let failure = open(&peer).await.unwrap_err();
    assert_eq!((failure.kind(), failure.method()), (ErrorKind::Answer, Some("initialize")));
    assert_eq!(failure.answer().unwrap().code, -32000);
    assert_eq!(failure.other_failure().unwrap().answer().unwrap().code, -32601);
    let text = failure.to_string();
    assert!(
        text.starts_with("shop: initialize: the server answered: API_KEY is missing"),
        "{text}"
    );
    assert!(text.contains("; before that, server/discover: the server answered: what?"), "{text}");
    assert_eq!(peer.connections(), 2);
}

#[tokio::test(start_paused = true)]
async fn an_invalid_discover_result_is_reported_with_the_refused_initialize() {
    let peer = peer(|_, message| match method(message) {
        "server/discover" => result(message, json!({ "supportedVersions": 7 })),
        _ => refusal(message, -32601),
    });
    let failure = open(&peer).await.unwrap_err();
    assert_eq!((failure.kind(), failure.method()), (ErrorKind::Decode, Some("server/discover")));
    let text = failure.to_string();
    assert!(text.contains("supportedVersions") || text.contains("integer `7`"), "{text}");
    assert!(text.contains("; after that, initialize: the server answered: no (-32601)"), "{text}");
}

#[tokio::test(start_paused = true)]
async fn an_unusual_refusal_over_http_is_not_final() {
    const KINDS: [(Kind, Fate); 5] = [
        (Kind::Unavailable, |it| of_discover(it, Fault::Fails(Kind::Unavailable))),
        (Kind::Interrupted, |it| of_discover(it, Fault::Fails(Kind::Interrupted))),
        (Kind::Unauthorized, |it| of_discover(it, Fault::Fails(Kind::Unauthorized))),
        (Kind::Closed, |it| of_discover(it, Fault::Fails(Kind::Closed))),
        (Kind::Timeout, |it| of_discover(it, Fault::Hangs)),
    ];
    fn of_discover(method: &str, fault: Fault) -> Option<Fault> {
        (method == "server/discover").then_some(fault)
    }
    for (kind, fate) in KINDS {
        let peer = legacy(|_| Reply::Nothing).bound(Binding::StreamableHttp);
        let start = Instant::now();
        let session =
            Session::open(Faulty(peer.clone(), fate), None, SessionOptions::default()).await;
        let session = session.unwrap_or_else(|error| panic!("{kind:?}: {error}"));
        assert_eq!((session.era(), peer.connections()), (Era::Legacy, 1), "{kind:?}");
        assert!(start.elapsed() < 2 * SECOND);
        // An outage says nothing about the era: a recovered server is probed again.
        let verdict = session.verdict().clone();
        assert!(verdict.assumed, "{kind:?}");
        let recovered = modern(|_| Reply::Nothing).bound(Binding::StreamableHttp);
        assert_eq!(open_with(&recovered, verdict.clone()).await.unwrap().era(), Era::Modern);
        // A server that stays silent costs almost no time.
        let start = Instant::now();
        let options = SessionOptions::default().with_prior_discover(verdict);
        Session::open(Faulty(peer, fate), None, options).await.unwrap();
        assert!(start.elapsed() < SECOND, "{kind:?} {:?}", start.elapsed());
    }
}

#[tokio::test(start_paused = true)]
async fn an_outage_is_reported_with_its_first_failure() {
    let fate: Fate = |method| match method {
        "server/discover" => Some(Fault::Fails(Kind::Unavailable)),
        _ => Some(Fault::Fails(Kind::Interrupted)),
    };
    let peer = legacy(|_| Reply::Nothing).bound(Binding::StreamableHttp);
    let failed = Session::open(Faulty(peer, fate), None, SessionOptions::default()).await;
    let failure = failed.unwrap_err();
    assert_eq!(failure.kind(), ErrorKind::Unavailable);
    assert_eq!(failure.other_failure().unwrap().kind(), ErrorKind::Interrupted);
    assert!(failure.to_string().contains("EraPolicy::Legacy"), "{failure}");

    let fate: Fate = |_| Some(Fault::Fails(Kind::Unauthorized));
    let peer = legacy(|_| Reply::Nothing).bound(Binding::StreamableHttp);
    let failed = Session::open(Faulty(peer, fate), None, SessionOptions::default()).await;
    let text = failed.unwrap_err().to_string();
    assert_eq!(text.matches("not today").count(), 1, "the failure is reported once: {text}");
}

#[tokio::test(start_paused = true)]
async fn a_version_offered_by_an_error_is_used() {
    for (code, key) in [(-32602, "supported"), (-32022, "supported"), (-32000, "supportedVersions")]
    {
        let peer = peer(move |_, message| {
            let asked = &message["params"]["protocolVersion"];
            match method(message) {
                "initialize" if asked == "2025-06-18" => initialized(message, "2025-06-18"),
                "initialize" => {
                    let data = json!({ key: ["2024-11-05", "2025-06-18"], "requested": asked });
                    error(message, json!({ "code": code, "message": "Unsupported", "data": data }))
                }
                "server/discover" => refusal(message, -32601),
                _ => Reply::Nothing,
            }
        });
        let session = open(&peer).await.unwrap();
        assert_eq!(session.protocol_version(), ProtocolVersion::V2025_06_18, "{code}");
        assert_eq!((peer.connections(), peer.asked("initialize").len()), (1, 2));
    }
}

#[tokio::test(start_paused = true)]
async fn unsupported_versions_are_reported() {
    let peer = peer(|_, message| {
        let data = json!({ "supported": ["1999-01-01", "2099-01-01"] });
        error(message, json!({ "code": -32602, "message": "Unsupported", "data": data }))
    });
    for policy in [EraPolicy::Auto, EraPolicy::Legacy] {
        let options = SessionOptions::default().with_era(policy);
        let failure = Session::open(peer.clone(), Some("shop"), options).await.unwrap_err();
        assert_eq!(failure.kind(), ErrorKind::Version);
        assert!(failure.to_string().contains("the server 1999-01-01, 2099-01-01"), "{failure}");
    }
}

#[tokio::test(start_paused = true)]
async fn silently_refused_revisions_are_retried_with_older_ones() {
    let peer = peer(|_, message| match method(message) {
        "initialize" if message["params"]["protocolVersion"] == "2025-03-26" => {
            initialized(message, "2025-03-26")
        }
        "notifications/initialized" => Reply::Nothing,
        _ => refusal(message, -32602),
    });
    let session = open(&peer).await.unwrap();
    assert_eq!(session.protocol_version(), ProtocolVersion::V2025_03_26);
}

#[tokio::test(start_paused = true)]
async fn a_server_of_a_draft_is_treated_as_the_first_revision() {
    let peer = peer(|_, message| match method(message) {
        "initialize" => initialized(message, "2024-10-07"),
        "server/discover" => refusal(message, -32601),
        _ => Reply::Nothing,
    });
    let version = open(&peer).await.unwrap().protocol_version();
    assert_eq!(version, ProtocolVersion::V2024_11_05);
}

#[tokio::test(start_paused = true)]
async fn a_modern_revision_in_an_initialize_result_is_reported() {
    let peer = peer(|_, message| match method(message) {
        "initialize" => initialized(message, "2026-07-28"),
        _ => refusal(message, -32601),
    });
    let failure = open(&peer).await.unwrap_err();
    assert_eq!(failure.kind(), ErrorKind::Version);
    assert!(
        failure.to_string().contains("2026-07-28, a revision that has no initialize"),
        "{failure}"
    );
    assert!(!failure.to_string().contains("does not"), "{failure}");
}

#[tokio::test(start_paused = true)]
async fn an_unaccepted_notification_does_not_block_the_start() {
    let fate: Fate = |it| (it == "notifications/initialized").then_some(Fault::Hangs);
    let peer = legacy(|message| result(message, json!({})));
    let start = Instant::now();
    let options = SessionOptions::default();
    let session = Session::open(Faulty(peer.clone(), fate), None, options).await.unwrap();
    assert!(start.elapsed() < 2 * SECOND);
    session.ping().await.unwrap();

    let options = SessionOptions::default().with_start_timeout(SECOND / 2);
    let failed = Session::open(Faulty(peer, fate), None, options).await.unwrap_err();
    assert_eq!(failed.method(), Some("notifications/initialized"), "{failed}");
}

#[tokio::test(start_paused = true)]
async fn an_outdated_verdict_is_discarded() {
    let of_old = Verdict::new(ProtocolVersion::V2025_11_25);
    let upgraded = modern(|message| refusal(message, -32601));
    assert_eq!(open_with(&upgraded, of_old.clone()).await.unwrap().era(), Era::Modern);
    assert_eq!(upgraded.methods(), ["initialize", "server/discover"]);
    let dying = modern(|_| Reply::Close);
    assert_eq!(open_with(&dying, of_old).await.unwrap().era(), Era::Modern);
    assert_eq!(dying.connections(), 2);

    let mut of_new = Verdict::new(ProtocolVersion::V2026_07_28);
    of_new.binding = Some(Binding::Pipe);
    let downgraded = legacy(|_| Reply::Nothing);
    assert_eq!(open_with(&downgraded, of_new.clone()).await.unwrap().era(), Era::Legacy);
    // A server that ignores the probe takes longer, since it was modern before.
    let silent = peer(|_, message| match method(message) {
        "initialize" => initialized(message, "2025-11-25"),
        _ => Reply::Nothing,
    });
    assert_eq!(open_with(&silent, of_new).await.unwrap().era(), Era::Legacy);
}

#[tokio::test(start_paused = true)]
async fn a_saved_modern_verdict_is_checked_after_a_doubtful_response() {
    let of_new = || Verdict::new(ProtocolVersion::V2026_07_28);
    // A legacy server that refuses or even answers requests without a handshake: the call only takes longer.
    let handshake =
        ["server/discover", "server/discover", "initialize", "notifications/initialized"];
    for (code, calls) in [(Some(-32000), 2), (Some(-32602), 2), (None, 1)] {
        let is_open = Mutex::new(false);
        let old = peer(move |_, message| match method(message) {
            "server/discover" => refusal(message, -32601),
            "initialize" => {
                *is_open.lock().unwrap() = true;
                initialized(message, "2025-11-25")
            }
            "tools/list" => match code.filter(|_| !*is_open.lock().unwrap()) {
                Some(code) => refusal(message, code),
                None => result(message, json!({ "tools": [] })),
            },
            _ => Reply::Nothing,
        });
        let old = old.bound(Binding::StreamableHttp);
        let verdicts = Arc::new(Mutex::new(Vec::new()));
        let seen = Arc::clone(&verdicts);
        let options = SessionOptions::default().with_prior_discover(of_new());
        let options =
            options.with_on_verdict(move |it| seen.lock().unwrap().push(it.protocol_version));
        let session = Session::open(old.clone(), Some("shop"), options).await.unwrap();
        assert!(old.methods().is_empty());
        let (one, other) = tokio::join!(session.list_tools(), session.list_tools());
        assert!(one.unwrap().is_empty() && other.unwrap().is_empty());
        tokio::time::sleep(SECOND).await;
        let methods = old.methods();
        let others: Vec<_> =
            methods.iter().map(String::as_str).filter(|it| *it != "tools/list").collect();
        // Both calls may probe the server, and share the handshake.
        assert!(others.ends_with(&handshake), "{methods:?}");
        assert_eq!(others.iter().filter(|it| **it == "initialize").count(), 1, "{methods:?}");
        assert_eq!(methods.len() - others.len(), 2 * calls, "{methods:?}");
        assert_eq!((session.era(), session.is_closed()), (Era::Legacy, false));
        session.list_tools().await.unwrap();
        let found = [ProtocolVersion::V2026_07_28, ProtocolVersion::V2025_11_25];
        assert_eq!(*verdicts.lock().unwrap(), found);
        session.close().await.unwrap();
        assert_eq!(session.closed().await.to_string(), "shop: the session was closed");
    }
    // A request that may have been executed is not sent again.
    let old = legacy(|it| refusal(it, -32603)).bound(Binding::StreamableHttp);
    let session = open_with(&old, of_new()).await.unwrap();
    let failure = session.call_tool("x").await.unwrap_err();
    assert_eq!(failure.answer().unwrap().code, -32603);
    assert_eq!((old.asked("tools/call").len(), session.era()), (1, Era::Legacy));
    // A server that cannot be opened in any revision.
    let other = peer(|_, message| match method(message) {
        "tools/list" => refusal(message, -32000),
        _ => refusal(message, -32601),
    });
    let session = open_with(&other.bound(Binding::StreamableHttp), of_new()).await.unwrap();
    let failure = session.list_tools().await.unwrap_err();
    assert_eq!(failure.kind(), ErrorKind::Version);
    assert!(failure.to_string().contains("(open a session without"), "{failure}");
    assert_eq!(session.closed().await.kind(), ErrorKind::Version);
    // A modern server: the error is its own, and no probe is sent.
    let new = modern(|it| refusal(it, -32602)).bound(Binding::StreamableHttp);
    let session = open_with(&new, of_new()).await.unwrap();
    for _ in 0..2 {
        assert_eq!(session.list_tools().await.unwrap_err().kind(), ErrorKind::Answer);
    }
    assert_eq!(new.methods(), ["tools/list", "server/discover", "tools/list"]);
    // A response that fits the era needs no probe.
    let complete = |it: &Value| result(it, json!({ "resultType": "complete", "tools": [] }));
    let new = modern(complete).bound(Binding::StreamableHttp);
    let session = open_with(&new, of_new()).await.unwrap();
    session.list_tools().await.unwrap();
    assert_eq!(new.methods(), ["tools/list"]);
}

#[tokio::test(start_paused = true)]
async fn requests_of_the_server_before_the_session_is_open_are_answered() {
    let ping = json!({ "jsonrpc": "2.0", "id": "early", "method": "ping" });
    let roots = json!({ "jsonrpc": "2.0", "id": 7, "method": "roots/list" });
    let pending = Mutex::new(Value::Null);
    // It responds to `initialize` once its own requests were answered.
    let peer = peer(move |_, message| match method(message) {
        "server/discover" => refusal(message, -32601),
        "initialize" => {
            *pending.lock().unwrap() = message.clone();
            Reply::Lines(vec![ping.clone(), roots.clone()])
        }
        "" if message["id"] == 7 => initialized(&pending.lock().unwrap(), "2025-11-25"),
        _ => Reply::Nothing,
    });
    open(&peer).await.unwrap();
    let responses: Vec<Value> =
        peer.received().into_iter().filter(|it| method(it).is_empty()).collect();
    assert!(responses.contains(&json!({ "jsonrpc": "2.0", "id": "early", "result": {} })));
    assert!(responses.iter().any(|it| it["id"] == 7 && it["error"]["code"] == -32601));

    // Over HTTP, the requests arrive in the exchange of `initialize`.
    let peer = legacy(|_| Reply::Nothing);
    let fate: Fate = |method| (method == "initialize").then_some(Fault::Pings);
    let session = Session::open(Faulty(peer.clone(), fate), None, SessionOptions::default()).await;
    let _session = session.unwrap();
    tokio::time::sleep(SECOND).await;
    assert!(peer.received().contains(&json!({ "jsonrpc": "2.0", "id": "theirs", "result": {} })));
}

#[tokio::test(start_paused = true)]
async fn notifications_before_the_session_is_open_are_not_lost() {
    let changed = json!({ "jsonrpc": "2.0", "method": "notifications/tools/list_changed" });
    let peer = peer(move |_, message| match method(message) {
        "server/discover" => refusal(message, -32601),
        "initialize" => {
            let Reply::Lines(answer) = initialized(message, "2025-11-25") else { unreachable!() };
            Reply::Lines(std::iter::repeat_n(changed.clone(), 300).chain(answer).collect())
        }
        _ => Reply::Nothing,
    });
    let seen = Arc::new(Mutex::new(0));
    let count = Arc::clone(&seen);
    let options =
        SessionOptions::default().with_on_notification(move |_| *count.lock().unwrap() += 1);
    let _session = Session::open(peer, None, options).await.unwrap();
    tokio::time::sleep(SECOND).await;
    // As many as the queues hold: the pipe merges equal notifications.
    assert!(*seen.lock().unwrap() >= 1);
}
