use std::{
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::{Duration, Instant},
};

use futures_util::future::join_all;
use mcp_client::{
    Client, ErrorKind,
    ErrorKind::{Protocol, TooLarge},
    Stdio,
    transport::{Delivery, Limits, restart::Restart},
};
use mcp_testkit::hostile_peer_command;

use super::{
    End,
    End::{Answer, Fails},
    LONG, SHORT, all, ask, open, wrong,
};
use crate::support::{StdioPeer, bounded, within};

fn hostile(steps: &[&str]) -> StdioPeer {
    let mut limits = Limits::default();
    limits.message = 1 << 20;
    StdioPeer::new(Stdio::new(hostile_peer_command()).args(steps).limits(limits))
}

/// The outcomes of one request and of the next one.
async fn case(steps: &[&str], limit: Duration, first: End, next: End) -> (String, Vec<String>) {
    let peer = hostile(steps);
    let session = open(peer.client()).await.unwrap();
    let mut wrong = wrong(ask(&session, "test/ask", limit).await, "test/ask", first);
    let result = ask(&session, "test/next", LONG).await;
    if let (Err(error), Fails(ErrorKind::Closed, _)) = (&result, next) {
        assert_eq!(error.delivery(), Delivery::NotSent, "{error}");
    }
    wrong.extend(super::wrong(result, "test/next", next));
    let before = peer.tree.pids();
    // Some were killed, which is an error of the close.
    let _ = within(LONG, session.close()).await;
    peer.tree.gone(&before, Duration::ZERO).await;
    (steps.join(" "), wrong)
}

#[tokio::test]
async fn each_request_ends_and_the_next_one_works() {
    const TIMEOUT: End = Fails(ErrorKind::Timeout, &["no answer within 200ms"]);
    const OVERSIZE: End = Fails(TooLarge, &["1048576"]);
    const BROKEN: End = Fails(Protocol, &["both a result and an error"]);
    let cases: &[(&[&str], Duration, End)] = &[
        (&["banner", "read", "banner", "answer", "echo"], LONG, Answer),
        (&["not-utf8", "read", "not-utf8", "answer", "echo"], LONG, Answer),
        (&["write=\r\n\n\u{feff}\n{}\n[]\nnull\n", "echo"], LONG, Answer),
        (&["notifications=5000", "echo"], LONG, Answer),
        (&["read", "flood-stderr=4000000", "answer", "echo"], LONG, Answer),
        (&["read", "answer", "answer", "echo"], LONG, Answer),
        (&["read", "answer-id=\"no\"", "answer-id=777", "answer", "echo"], LONG, Answer),
        (&["read", "answer-id=777", "echo"], SHORT, TIMEOUT),
        (&["read", "echo"], SHORT, TIMEOUT),
        (&["read", "both-null", "echo"], LONG, Answer),
        (&["read", "both", "echo"], LONG, BROKEN),
        (&["read", "oversize-first=2000000", "echo"], LONG, OVERSIZE),
        (&["read", "oversize-last=2000000", "echo"], LONG, OVERSIZE),
        (&["read", "oversize-none=2000000", "echo"], LONG, OVERSIZE),
    ];
    all(cases.iter().map(|(steps, limit, first)| case(steps, *limit, *first, Answer))).await;
}

/// A typed result is scanned once, by its decoding; a raw one is validated by the pipe.
#[tokio::test]
async fn a_broken_result_is_the_same_error_however_it_is_read() {
    for broken in [r#"{"content":[],"n":01}"#, r#"{"content":[]},"result":{}"#, r#"{"content":}"#] {
        let step = format!("result={broken}");
        // A result of the modern era first, which confirms the era.
        let first = r#"result={"resultType":"complete"}"#;
        let peer = hostile(&["read", first, "read", &step, "read", &step, "echo"]);
        let session = open(peer.client()).await.unwrap();
        ask(&session, "test/ask", LONG).await.unwrap();
        let typed = within(LONG, session.call_tool("ask")).await.unwrap_err();
        let raw = within(LONG, session.request("tools/call", &())).await.unwrap_err();
        for error in [&typed, &raw] {
            assert_eq!((error.kind(), error.delivery()), (Protocol, Delivery::Answered), "{error}");
            assert!(error.to_string().contains("the response is not valid JSON-RPC"), "{error}");
            assert!(error.to_string().contains("\"content\":"), "{error}");
        }
        ask(&session, "test/next", LONG).await.unwrap();
        within(LONG, session.close()).await.unwrap();
    }
}

/// A reader that keeps up loses no result, however much progress precedes it.
#[tokio::test]
async fn a_flood_of_progress_loses_no_result() {
    let peer = hostile(&["read", "progress=200000", "answer", "echo"]);
    let session = open(peer.client()).await.unwrap();
    let reported = Arc::new(AtomicU32::new(0));
    let count = Arc::clone(&reported);
    let call = session.request("test/ask", &()).on_progress(move |_| {
        count.fetch_add(1, Ordering::Relaxed);
    });
    within(Duration::from_secs(120), call).await.unwrap();
    assert!(reported.load(Ordering::Relaxed) > 0);
    ask(&session, "test/next", LONG).await.unwrap();
    within(LONG, session.close()).await.unwrap();
}

#[tokio::test]
async fn an_exited_server_is_reported_at_once_with_its_cause() {
    const ENDED: &str = "the server's process has ended";
    let cases: &[(&[&str], &[&str])] = &[
        (&["read", "stderr=out of paper", "exit=3"], &[ENDED, "status 3", "out of paper"]),
        (&["read", "half-line", "exit=0"], &[ENDED, "status 0", "nothing was written to stderr"]),
        (&["exit=0"], &[ENDED, "status 0"]),
    ];
    all(cases.iter().map(|(steps, says)| {
        let end = Fails(ErrorKind::Closed, says);
        case(steps, LONG, end, end)
    }))
    .await;
    let end = Fails(ErrorKind::Closed, &["closed its stdout or stdin but is still running"]);
    all([case(&["read", "close-stdout", "hang"], LONG, end, end)]).await;
}

/// A server may be replaced under its session, but not without limit.
#[tokio::test]
async fn a_server_that_keeps_exiting_is_not_restarted_for_ever() {
    let restarted = async |steps: &[&str]| {
        let peer = hostile(steps);
        let session = open(peer.client().restart(Restart::BACKOFF)).await.unwrap();
        (peer, session)
    };
    // Each process responds once.
    let (peer, session) = restarted(&["read", "answer", "exit=3"]).await;
    let mut answers = 0;
    for _ in 0..10 {
        match ask(&session, "test/ask", LONG).await {
            Ok(_) => answers += 1,
            // It was written before the exit was noticed.
            Err(error) => assert_eq!(error.kind(), ErrorKind::Interrupted, "{error}"),
        }
    }
    assert!(answers > 1 && !session.is_closed(), "{answers}");
    within(LONG, session.close()).await.unwrap();
    peer.tree.gone(&[], Duration::ZERO).await;

    let (peer, session) = restarted(&["stderr=out of paper", "exit=3"]).await;
    let error = loop {
        let error = ask(&session, "test/ask", LONG).await.unwrap_err();
        if error.kind() != ErrorKind::Interrupted {
            break error;
        }
    };
    let end = Fails(ErrorKind::Closed, &["reconnecting failed", "status 3", "out of paper"]);
    assert_eq!(wrong(Err(error), "test/ask", end), [""; 0]);
    within(LONG, session.closed()).await;
    assert_eq!(wrong(ask(&session, "test/next", LONG).await, "test/next", end), [""; 0]);
    let _ = within(LONG, session.close()).await;
    peer.tree.gone(&[], Duration::ZERO).await;
}

#[tokio::test]
async fn a_process_that_ignores_everything_is_killed_in_bounded_time() {
    let file = tempfile::NamedTempFile::new().unwrap();
    let grandchild = format!("grandchild={}", file.path().display());
    let stubborn = &["ignore-term", "hang-for-ever"][..];
    let parent = &[&*grandchild, "read", "answer", "hang"][..];
    let limit = Duration::from_secs(8);
    let end = async |steps, is_closed| {
        let peer = hostile(steps);
        let session = open(peer.client()).await.unwrap();
        let _ = ask(&session, "test/ask", SHORT).await;
        let before = peer.tree.running();
        if is_closed {
            let _ = within(limit, session.close()).await;
            peer.tree.gone(&before, Duration::ZERO).await;
        } else {
            drop(session);
            peer.tree.gone(&before, limit).await;
        }
    };
    join_all([end(stubborn, true), end(stubborn, false), end(parent, true), end(parent, false)])
        .await;
}

#[tokio::test]
async fn a_failed_start_is_reported_with_its_cause() {
    let connect = async |client: Client| {
        let begun = Instant::now();
        let error = bounded(client.name("the shop").connect()).await.unwrap_err();
        assert!(begun.elapsed() < LONG, "{error}");
        (error.kind(), error.to_string())
    };
    let (kind, text) = connect(Client::new(Stdio::new("no-such-command-here")).unwrap()).await;
    assert_eq!(kind, ErrorKind::Connect, "{text}");
    assert!(text.contains("cannot start no-such-command-here: it was not found on PATH"), "{text}");

    let missing = Stdio::new(hostile_peer_command()).cwd("no/such/folder");
    let (kind, text) = connect(Client::new(missing).unwrap()).await;
    assert_eq!(kind, ErrorKind::Connect, "{text}");
    assert!(text.contains("the working directory no/such/folder does not exist"), "{text}");

    let peer = hostile(&["stderr=No module named 'mcp'", "exit=1"]);
    let (kind, text) = connect(peer.client()).await;
    assert_eq!(kind, ErrorKind::Closed, "{text}");
    assert!(text.contains("exited with status 1"), "{text}");
    assert!(text.contains("No module named 'mcp'"), "{text}");

    let peer = hostile(&["hang"]);
    let client = peer.client().probe_timeout(SHORT).start_timeout(2 * SHORT);
    let (kind, text) = connect(client).await;
    assert_eq!(kind, ErrorKind::Timeout, "{text}");
    assert!(text.contains("did not start within 400ms"), "{text}");
    peer.tree.gone(&[], Duration::from_secs(5)).await;
}
