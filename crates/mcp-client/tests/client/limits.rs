//! Time limits: of the client, of one connect, of one call.

use std::{
    future::IntoFuture,
    pin::pin,
    task::{Context, Poll, Waker},
    time::Duration,
};

use mcp_client::{Client, ErrorKind, Timeout};
use serde_json::json;
use tokio::time::Instant;

use crate::bookshop::bookshop;

const SECOND: Duration = Duration::from_secs(1);

#[tokio::test(start_paused = true)]
async fn the_nearest_limit_counts() {
    let client = Client::new(bookshop()).unwrap();
    let plain = client.connect().await.unwrap();
    let limited = client.clone().timeout(7 * SECOND);
    let of_client = limited.connect().await.unwrap();
    let of_connect = limited.connect().timeout(Timeout::idle(5 * SECOND)).await.unwrap();
    let again = limited.connect().await.unwrap();
    for (session, own, seconds) in [
        (&plain, None, 300),
        (&of_client, None, 7),
        (&of_connect, None, 5),
        (&of_connect, Some(Timeout::total(3 * SECOND)), 3),
        (&of_connect, Some(Timeout::idle(900 * SECOND)), 900),
        (&again, None, 7),
    ] {
        let start = Instant::now();
        let call = session.call_tool("never");
        let call = match own {
            Some(limit) => call.timeout(limit),
            None => call,
        };
        let failure = call.await.unwrap_err();
        assert_eq!((failure.kind(), start.elapsed()), (ErrorKind::Timeout, seconds * SECOND));
    }
    let never = tokio::time::timeout(9000 * SECOND, async {
        of_connect.call_tool("never").timeout(Timeout::NONE).await
    });
    assert!(never.await.is_err());
}

#[tokio::test]
async fn any_duration_is_a_limit_for_many_servers() {
    let missing = json!({ "command": "a-program-that-nobody-has" });
    let servers = json!({ "mcpServers": { "one": missing, "two": missing } });
    let client = Client::new(servers).unwrap().start_timeout(Duration::MAX).timeout(Duration::MAX);
    let error = client.connect().start_timeout(Duration::MAX).await.unwrap_err();
    assert!(error.to_string().contains("a-program-that-nobody-has"), "{error}");
}

#[tokio::test(start_paused = true)]
async fn a_start_has_a_limit_of_its_own() {
    let silent = || tokio::io::split(tokio::io::duplex(64).0);
    let (ours, _theirs) = tokio::io::duplex(1 << 16);
    let client = Client::new(tokio::io::split(ours)).unwrap();
    let start = Instant::now();
    let failure = client.connect().start_timeout(4 * SECOND).await.unwrap_err();
    assert_eq!((failure.kind(), start.elapsed()), (ErrorKind::Timeout, 4 * SECOND));

    let gone = Client::new(silent()).unwrap().connect().await.unwrap_err();
    assert_eq!(gone.kind(), ErrorKind::Closed);
}

#[test]
fn connecting_without_a_runtime_says_so() {
    for client in [Client::new(bookshop()), Client::new("http://localhost:1/mcp")] {
        let connecting = pin!(client.unwrap().connect().into_future());
        let outcome = connecting.poll(&mut Context::from_waker(Waker::noop()));
        let Poll::Ready(Err(failure)) = outcome else { panic!("it waits") };
        assert_eq!(failure.kind(), ErrorKind::Config);
        assert!(failure.to_string().contains("needs a tokio runtime"), "{failure}");
    }
}
