//! Sessions of the modern era survive a reconnect with `Restart`.

use std::time::Duration;

use mcp_session::{ErrorKind, Session, SessionOptions};
use mcp_transport::{Connect, Connection, Delivery, restart::Restart};
use serde_json::{Value, json};
use tokio::time::Instant;

use crate::peer::{Peer, Reply, discover, legacy, peer, result};

/// A modern server that exits at the call of `die`, and whose runs in `dead` exit at any call.
fn mortal(dead: std::ops::Range<u32>) -> Peer {
    peer(move |number, message| match message["method"].as_str() {
        Some("server/discover") => discover(message, &["2026-07-28"]),
        _ if dead.contains(&number) || message["params"]["name"] == "die" => Reply::Close,
        Some("tools/call") if message["params"]["name"] == "wait" => Reply::Nothing,
        _ => result(message, json!({ "content": [], "resultType": "complete", "run": number })),
    })
}

async fn open(peer: &Peer) -> Session {
    let restart = Restart::new(peer.clone(), Restart::BACKOFF);
    Session::open(restart, Some("bookshop"), SessionOptions::default()).await.unwrap()
}

async fn run(session: &Session) -> Result<Value, mcp_session::Error> {
    let result = session.request("tools/call", &json!({ "name": "x" })).await?;
    Ok(result.decode::<Value>().unwrap()["run"].clone())
}

#[tokio::test(start_paused = true)]
async fn only_what_was_in_flight_is_lost() {
    let peer = mortal(0..0);
    let session = open(&peer).await;
    assert_eq!(run(&session).await.unwrap(), 0);
    let (waiting, dying) = tokio::join!(async { session.call_tool("wait").await }, async {
        tokio::time::sleep(Duration::from_secs(1)).await;
        session.call_tool("die").await
    });
    for failure in [waiting.unwrap_err(), dying.unwrap_err()] {
        let seen = (failure.kind(), failure.delivery());
        assert_eq!(seen, (ErrorKind::Interrupted, Delivery::Unknown), "{failure}");
    }
    assert!(!session.is_closed());
    let start = Instant::now();
    assert_eq!(run(&session).await.unwrap(), 1, "on a new connection, without a handshake");
    assert_eq!(start.elapsed(), Duration::ZERO);
    assert_eq!(peer.connections(), 2);
    assert_eq!(peer.methods().iter().filter(|method| *method == "server/discover").count(), 1);
}

#[tokio::test(start_paused = true)]
async fn concurrent_calls_share_a_new_connection() {
    let peer = mortal(0..0);
    let session = open(&peer).await;
    session.call_tool("die").await.unwrap_err();
    let runs = tokio::join!(run(&session), run(&session), run(&session));
    assert_eq!([runs.0, runs.1, runs.2].map(Result::unwrap), [1, 1, 1]);
    assert_eq!(peer.connections(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_server_that_keeps_dying_ends_the_session() {
    let peer = mortal(0..u32::MAX);
    let session = open(&peer).await;
    let mut failures = Vec::new();
    while !session.is_closed() && failures.len() < 20 {
        failures.push(run(&session).await.unwrap_err());
        tokio::task::yield_now().await;
    }
    let last = failures.last().unwrap();
    assert_eq!((last.kind(), last.delivery()), (ErrorKind::Closed, Delivery::NotSent), "{last}");
    assert_eq!(peer.connections(), 1 + Restart::BACKOFF.attempts.unwrap());
    assert_eq!(run(&session).await.unwrap_err().kind(), ErrorKind::Closed);
    session.closed().await;
}

#[tokio::test(start_paused = true)]
async fn a_response_resets_the_failures() {
    let peer = mortal(1..4);
    let session = open(&peer).await;
    session.call_tool("die").await.unwrap_err();
    for round in 0..3 {
        assert!(run(&session).await.is_err(), "{round}");
    }
    assert_eq!(run(&session).await.unwrap(), 4);
    session.call_tool("die").await.unwrap_err();
    let start = Instant::now();
    assert_eq!(run(&session).await.unwrap(), 5);
    assert_eq!(start.elapsed(), Duration::ZERO, "the first attempt does not wait");
}

#[tokio::test(start_paused = true)]
async fn closing_ends_it_and_the_legacy_era_is_not_restarted() {
    let peer = mortal(0..0);
    let session = open(&peer).await;
    session.close().await.unwrap();
    let failure = run(&session).await.unwrap_err();
    assert_eq!((failure.kind(), failure.delivery()), (ErrorKind::Closed, Delivery::NotSent));
    assert_eq!(peer.connections(), 1);

    let old = legacy(|_| Reply::Close);
    let session = open(&old).await;
    for _ in 0..2 {
        let failure = session.list_tools().await.unwrap_err();
        assert_eq!(failure.kind(), ErrorKind::Closed, "{failure}");
    }
    tokio::time::timeout(Duration::from_secs(60), session.closed()).await.unwrap();
    assert!(session.is_closed(), "so that its owner opens another one");
    assert_eq!(old.connections(), 1);
}

/// The second connect is slow.
#[derive(Clone)]
struct Slow(Peer, Duration);

impl Connect for Slow {
    type Transport = <Peer as Connect>::Transport;

    async fn connect(&self) -> Result<Connection<Self::Transport>, mcp_transport::Error> {
        if self.0.connections() > 0 {
            tokio::time::sleep(self.1).await;
        }
        self.0.connect().await
    }

    fn describe(&self) -> String {
        self.0.describe()
    }
}

async fn open_slow(peer: &Peer) -> Session {
    let restart = Restart::new(Slow(peer.clone(), Duration::from_secs(2)), Restart::BACKOFF);
    Session::open(restart, Some("bookshop"), SessionOptions::default()).await.unwrap()
}

#[tokio::test(start_paused = true)]
async fn a_restart_overtaken_by_close_leaves_nothing() {
    let peer = mortal(0..0);
    let session = open_slow(&peer).await;
    session.call_tool("die").await.unwrap_err();
    let (failure, ()) = tokio::join!(async { run(&session).await.unwrap_err() }, async {
        tokio::time::sleep(Duration::from_secs(1)).await;
        session.close().await.unwrap();
    });
    assert_eq!(failure.kind(), ErrorKind::Closed, "{failure}");
    tokio::time::sleep(Duration::from_secs(10)).await;
    assert_eq!(peer.connections(), 2, "it was on its way");
    assert_eq!(peer.open_connections(), 0, "and has ended");
}

#[tokio::test(start_paused = true)]
async fn calls_that_time_out_do_not_use_up_the_attempts() {
    let peer = mortal(0..0);
    let session = open_slow(&peer).await;
    session.call_tool("die").await.unwrap_err();
    for _ in 0..10 {
        let hasty = session.call_tool("x").timeout(Duration::from_secs(1)).await.unwrap_err();
        assert_eq!(hasty.kind(), ErrorKind::Timeout, "{hasty}");
    }
    assert_eq!(run(&session).await.unwrap(), 1);
}
