//! Timeouts of calls, and the time they include.

use std::{
    future::IntoFuture,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use mcp_core::{Message, Notification, Request, SubscriptionFilter};
use mcp_session::{ErrorKind, Session, SessionOptions, Timeout};
use mcp_transport::{
    Connect, Connection, Delivery, Envelope, Error, Exchange, Hold, IdleLimit, Inbound, Serve,
    SharedConnect, SharedTransport,
};
use mcp_transport_memory::Memory;
use serde_json::{Value, json};
use tokio::time::{Instant, sleep, timeout};

use crate::{
    local::{Local, answered, endless, silent},
    peer::{Peer, Reply, discover, modern, peer, result},
};

const SECOND: Duration = Duration::from_secs(1);

#[tokio::test(start_paused = true)]
async fn explicit_idle_timeouts_are_passed_to_an_enforcing_transport() {
    let local = Local::new(silent).enforcing();
    let session = local.open().await;
    let of_handle = session.clone().with_timeout(Timeout::idle(7 * SECOND));
    let both = Timeout::idle(5 * SECOND).with_total(400 * SECOND);
    for (session, of_call, idle_limit, ends_after) in [
        (&session, None, IdleLimit::Transport, None),
        (&session, Some(both), IdleLimit::After(5 * SECOND), Some(400)),
        (&session, Some(Timeout::total(SECOND)), IdleLimit::Caller, Some(1)),
        (&of_handle, None, IdleLimit::After(7 * SECOND), None),
        (&of_handle, Some(Timeout::NONE), IdleLimit::Caller, None),
    ] {
        let start = Instant::now();
        let call = session.request("x/y", &());
        let call = of_call.into_iter().fold(call, |call, limit| call.timeout(limit));
        let ended = timeout(1000 * SECOND, call.into_future()).await;
        assert_eq!(local.limits.lock().unwrap().pop(), Some(idle_limit));
        match (ended, ends_after) {
            (Err(_), None) => {}
            (Ok(Err(error)), Some(seconds)) => {
                assert_eq!(error.kind(), ErrorKind::Timeout, "{error}");
                assert_eq!(start.elapsed().as_secs(), seconds);
            }
            (ended, _) => panic!("{of_call:?}: {ended:?}"),
        }
    }
}

#[tokio::test(start_paused = true)]
async fn other_transports_leave_idle_timeouts_to_the_session() {
    let local = Local::new(silent);
    let session = local.open().await;
    for (call, seconds) in [
        (session.request("x/y", &()), 300),
        (session.request("x/y", &()).timeout(Timeout::idle(5 * SECOND)), 5),
    ] {
        let start = Instant::now();
        assert_eq!(call.await.unwrap_err().kind(), ErrorKind::Timeout);
        assert_eq!(start.elapsed().as_secs(), seconds);
        assert_eq!(local.limits.lock().unwrap().pop(), Some(IdleLimit::Caller));
    }
}

/// A peer whose connection requires a login.
#[derive(Clone)]
struct Login {
    peer: Peer,
    hold: Hold,
    /// The duration of the login before the connection exists.
    before: Duration,
}

impl Connect for Login {
    type Transport = SharedTransport;

    async fn connect(&self) -> Result<Connection<SharedTransport>, Error> {
        let person = self.hold.begin();
        sleep(self.before).await;
        drop(person);
        SharedConnect::new(self.peer.clone()).connect().await
    }

    fn describe(&self) -> String {
        self.peer.describe()
    }

    fn hold(&self) -> Option<Hold> {
        Some(self.hold.clone())
    }
}

#[tokio::test(start_paused = true)]
async fn a_login_does_not_count_for_the_start_timeout() {
    let slow = |seconds| {
        peer(move |_, message| match message["method"].as_str() {
            Some("server/discover") => {
                Reply::Later(seconds * SECOND, Box::new(discover(message, &["2026-07-28"])))
            }
            _ => Reply::Nothing,
        })
    };
    let login = |peer| Login { peer, hold: Hold::new(), before: 1000 * SECOND };
    let options = SessionOptions::default().with_probe_timeout(500 * SECOND);
    let session = Session::open(login(slow(59)), None, options.clone()).await;
    assert!(session.is_ok(), "the server itself took 59 s");
    let start = Instant::now();
    let error = Session::open(login(slow(61)), None, options).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Timeout, "{error}");
    assert_eq!(start.elapsed(), 1060 * SECOND);
}

#[tokio::test(start_paused = true)]
async fn a_login_during_a_probe_is_no_evidence_about_the_era() {
    let slow = peer(|_, message| match message["method"].as_str() {
        Some("server/discover") => {
            Reply::Later(100 * SECOND, Box::new(discover(message, &["2026-07-28"])))
        }
        _ => Reply::Nothing,
    });
    let login = Login { peer: slow, hold: Hold::new(), before: Duration::ZERO };
    let hold = login.hold.clone();
    let person = async {
        sleep(SECOND).await;
        let person = hold.begin();
        sleep(95 * SECOND).await;
        drop(person);
    };
    let opening = Session::open(login, None, SessionOptions::default());
    let (session, ()) = tokio::join!(opening, person);
    assert_eq!(session.unwrap().server_info().unwrap().name, "new");
}

#[tokio::test(start_paused = true)]
async fn a_login_during_a_call_does_not_count_as_idle_time() {
    let login =
        Login { peer: modern(|_| Reply::Nothing), hold: Hold::new(), before: Duration::ZERO };
    let hold = login.hold.clone();
    let session = Session::open(login, None, SessionOptions::default()).await.unwrap();
    let person = async {
        sleep(10 * SECOND).await;
        let person = hold.begin();
        sleep(1000 * SECOND).await;
        drop(person);
    };
    let start = Instant::now();
    let call = session.call_tool("x").timeout(Timeout::idle(30 * SECOND));
    let (error, ()) = tokio::join!(call.into_future(), person);
    assert_eq!(error.unwrap_err().kind(), ErrorKind::Timeout);
    assert_eq!(start.elapsed(), 1040 * SECOND);

    let person = hold.begin();
    let start = Instant::now();
    let error = session.call_tool("x").timeout(60 * SECOND).await.unwrap_err();
    assert_eq!((error.kind(), start.elapsed()), (ErrorKind::Timeout, 60 * SECOND));
    drop(person);
}

#[tokio::test]
async fn the_total_timeout_holds_while_messages_are_always_ready() {
    let session = Local::new(endless).open().await;
    let start = Instant::now();
    let limit = Duration::from_millis(50);
    let error = session.request("x/endless", &()).timeout(limit).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Timeout, "{error}");
    assert!(start.elapsed() < 5 * SECOND, "{:?}", start.elapsed());
}

#[tokio::test]
async fn the_start_timeout_holds_while_messages_are_always_ready() {
    struct Endless;

    impl Serve for Endless {
        fn open(&self) -> Inbound {
            Inbound::none()
        }

        async fn request(&self, request: Envelope<Request>) -> Exchange {
            endless(request.message)
        }

        fn name(&self) -> String {
            "endless".to_owned()
        }
    }

    let limit = Duration::from_millis(50);
    let options = SessionOptions::default().with_start_timeout(limit);
    let start = Instant::now();
    let error = Session::open(Memory::new(Endless), None, options).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Timeout, "{error}");
    assert!(start.elapsed() < 5 * SECOND, "{:?}", start.elapsed());
}

#[tokio::test]
async fn streams_that_are_always_ready_yield_to_other_tasks() {
    let notification = || Ok(Message::from(Notification::new("notifications/endless")).into());
    let inbound = Inbound::from_stream(futures_util::stream::repeat_with(notification));
    let local = Local::new(|request| match &*request.method {
        "subscriptions/listen" => endless(request),
        _ => answered(request.id, &json!({})),
    });
    let session = local.sending(inbound).open().await;
    let ticks = Arc::new(AtomicU32::new(0));
    let counting = tokio::spawn({
        let ticks = Arc::clone(&ticks);
        async move {
            loop {
                ticks.fetch_add(1, Ordering::SeqCst);
                tokio::task::yield_now().await;
            }
        }
    });
    session.request("x/quick", &()).await.unwrap();
    let limit = Duration::from_millis(50);
    let opening = session.subscribe(SubscriptionFilter::new()).timeout(limit);
    // It is never acknowledged.
    assert_eq!(opening.await.unwrap_err().kind(), ErrorKind::Timeout);
    assert!(ticks.load(Ordering::SeqCst) > 3, "other tasks had their turns");
    counting.abort();
}

#[tokio::test(start_paused = true)]
async fn the_error_names_the_full_timeout_in_any_round() {
    let first = AtomicU32::new(0);
    let peer = modern(move |message| match message["method"].as_str() {
        Some("tools/call") if first.fetch_add(1, Ordering::SeqCst) == 0 => {
            let more = json!({ "resultType": "input_required", "requestState": "s" });
            Reply::Later(3 * SECOND, Box::new(result(message, more)))
        }
        _ => Reply::Nothing,
    });
    let session = Session::open(peer, Some("shop"), SessionOptions::default()).await.unwrap();
    let start = Instant::now();
    let error = session.call_tool("x").timeout(5 * SECOND).await.unwrap_err();
    assert_eq!(start.elapsed(), 5 * SECOND);
    assert!(error.to_string().contains("no answer within 5s"), "{error}");
}

#[cfg(feature = "validation")]
#[tokio::test(start_paused = true)]
async fn the_timeout_includes_validation_and_its_list() {
    let peer = modern(|message: &Value| match message["method"].as_str() {
        Some("tools/call") => {
            let done = json!({ "resultType": "complete", "content": [], "structuredContent": {} });
            result(message, done)
        }
        _ => Reply::Nothing,
    });
    let checks = mcp_session::OutputChecks::default().look_up(true);
    let options = SessionOptions::default().with_output_checks(checks);
    let session = Session::open(peer, Some("shop"), options).await.unwrap();
    let start = Instant::now();
    let error = session.call_tool("x").timeout(5 * SECOND).await.unwrap_err();
    assert_eq!((error.kind(), error.delivery()), (ErrorKind::Timeout, Delivery::Answered));
    assert_eq!((error.method(), start.elapsed()), (Some("tools/call"), 5 * SECOND));
}

#[tokio::test(start_paused = true)]
async fn any_duration_is_safe() {
    let peer = modern(|message| result(message, json!({ "resultType": "complete" })));
    let options = SessionOptions::default()
        .with_probe_timeout(Duration::MAX)
        .with_start_timeout(Duration::MAX)
        .with_timeout(Timeout::idle(Duration::MAX).with_total(Duration::MAX));
    let session = Session::open(peer, None, options).await.unwrap();
    session.request("x/y", &()).await.unwrap();
    session.request("x/y", &()).timeout(Duration::MAX).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_timeout_quotes_skipped_output() {
    let chatty = |message: &Value| match message["method"].as_str() {
        Some("tools/call") => Reply::Raw("Traceback: no such book\n".to_owned()),
        _ => Reply::Nothing,
    };
    let session =
        Session::open(modern(chatty), Some("shop"), SessionOptions::default()).await.unwrap();
    let error = session.call_tool("x").timeout(SECOND).await.unwrap_err();
    assert!(error.to_string().contains("Traceback: no such book"), "{error}");
    assert!(error.find::<mcp_transport::Diagnostics>().is_some());

    let chatty = peer(|_, _| Reply::Raw("Traceback: no such shop\n".to_owned()));
    let error = Session::open(chatty, Some("shop"), SessionOptions::default()).await.unwrap_err();
    assert!(error.to_string().contains("did not start within 60s: "), "{error}");
    assert!(error.to_string().contains("Traceback: no such shop"), "{error}");
}

#[tokio::test(start_paused = true)]
async fn private_entries_are_not_used_after_a_login() {
    for (scope, requests_after) in [("private", 2), ("public", 1)] {
        let requests = Arc::new(AtomicU32::new(0));
        let counter = Arc::clone(&requests);
        let server = modern(move |message| match message["method"].as_str() {
            Some("tools/list") => {
                counter.fetch_add(1, Ordering::SeqCst);
                let list = json!({
                    "resultType": "complete", "tools": [], "ttlMs": 600_000, "cacheScope": scope,
                });
                result(message, list)
            }
            _ => Reply::Nothing,
        });
        let login = Login { peer: server, hold: Hold::new(), before: SECOND };
        let hold = login.hold.clone();
        let options = SessionOptions::default().with_cache(mcp_session::Cache::new());
        let session = Session::open(login, None, options).await.unwrap();
        for _ in 0..2 {
            sleep(SECOND).await;
            session.list_tools().await.unwrap();
        }
        assert_eq!(requests.load(Ordering::SeqCst), 1, "{scope}");
        let person = hold.begin();
        sleep(SECOND).await;
        drop(person);
        for _ in 0..2 {
            sleep(SECOND).await;
            session.list_tools().await.unwrap();
        }
        assert_eq!(requests.load(Ordering::SeqCst), requests_after, "{scope}");
    }
}
