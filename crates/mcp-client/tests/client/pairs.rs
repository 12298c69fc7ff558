//! Pairs of streams as targets.

use std::time::Duration;

use futures_util::StreamExt;
use mcp_client::{
    Client, ErrorKind, Memory,
    transport::{
        Connect,
        duplex::{Duplex, DuplexItem},
    },
};
use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader, DuplexStream},
    time::Instant,
};

use crate::bookshop::bookshop;

#[tokio::test]
async fn bytes_once() {
    let (ours, theirs) = tokio::io::duplex(64);
    let serving = tokio::spawn(async move {
        let (reader, writer) = tokio::io::split(theirs);
        bookshop().serve(reader, writer).await
    });
    let client = Client::new(tokio::io::split(ours)).unwrap();
    let session = client.connect().await.unwrap();
    assert_eq!(session.list_tools().await.unwrap().len(), 2);
    let again = client.connect().await.unwrap();
    assert_eq!(again.list_tools().await.unwrap().len(), 2, "it is kept open");
    session.close().await.unwrap();
    let twice = client.connect().await.unwrap_err();
    assert_eq!(twice.kind(), ErrorKind::Config);
    assert!(twice.to_string().contains("once"), "{twice}");
    serving.await.unwrap().unwrap();
}

#[tokio::test]
async fn bytes_end_with_the_last_handle() {
    let (ours, theirs) = tokio::io::duplex(64);
    let serving = tokio::spawn(async move {
        let (reader, writer) = tokio::io::split(theirs);
        bookshop().serve(reader, writer).await
    });
    let client = Client::new(tokio::io::split(ours)).unwrap();
    let session = client.connect().await.unwrap();
    drop(client);
    assert_eq!(session.list_tools().await.unwrap().len(), 2);
    drop(session);
    serving.await.unwrap().unwrap();
}

#[tokio::test]
async fn messages_once() {
    let connection = Memory::new(bookshop()).connect().await.unwrap();
    let (sink, items) = Duplex::new(connection).split();
    let messages = items.filter_map(|item| {
        std::future::ready(match item {
            Ok(DuplexItem::Message(message)) => Some(Ok(message)),
            Ok(_) => None,
            Err(error) => Some(Err(error)),
        })
    });
    let client = Client::new((sink, messages)).unwrap().keep_alive(false);
    let session = client.connect().await.unwrap();
    let found = session.call_tool("search").arg("query", "sand").await.unwrap();
    assert_eq!(found.text(), "nothing about sand");
    assert!(client.connect().await.unwrap_err().to_string().contains("once"));
    session.close().await.unwrap();
    assert_eq!(session.list_tools().await.unwrap_err().kind(), ErrorKind::Closed);
}

/// The pair cannot be connected again, but the error reports why the first session ended.
#[tokio::test]
async fn a_server_that_dies_on_the_first_request_is_reported() {
    let (ours, theirs) = tokio::io::duplex(4096);
    tokio::spawn(async move {
        let mut lines = BufReader::new(theirs).lines();
        lines.next_line().await.unwrap();
    });
    let client = Client::new(tokio::io::split(ours)).unwrap();
    let failure = client.connect().await.unwrap_err();
    assert_eq!((failure.kind(), failure.method()), (ErrorKind::Closed, Some("server/discover")));
    assert!(!failure.to_string().contains("once"), "{failure}");
}

/// Answers one request of the modern era and then reads nothing more.
async fn deaf(mut theirs: DuplexStream) -> DuplexStream {
    let mut line = String::new();
    BufReader::new(&mut theirs).read_line(&mut line).await.unwrap();
    let answer = r#"{"jsonrpc":"2.0","id":"discover-1","result":{"supportedVersions":["2026-07-28"],"capabilities":{}}}"#;
    theirs.write_all(format!("{answer}\n").as_bytes()).await.unwrap();
    theirs
}

#[tokio::test(start_paused = true)]
async fn a_server_that_reads_nothing_holds_up_neither_calls_nor_the_close() {
    let (ours, theirs) = tokio::io::duplex(1024);
    let served = tokio::spawn(deaf(theirs));
    let session = Client::new(tokio::io::split(ours)).unwrap().connect().await.unwrap();
    let _theirs = served.await.unwrap();
    let big = "x".repeat(64 << 20);
    let start = Instant::now();
    let call = session.call_tool("search").arg("query", big).timeout(Duration::from_secs(2));
    assert_eq!(call.await.unwrap_err().kind(), ErrorKind::Timeout);
    // The outgoing queue is full, since the server reads nothing.
    let failure = session.notify("x/late", &()).await.unwrap_err();
    assert_eq!(failure.kind(), ErrorKind::Timeout, "{failure}");
    assert_eq!(start.elapsed(), Duration::from_secs(302));
    let start = Instant::now();
    session.close().await.unwrap();
    assert!(start.elapsed() < Duration::from_secs(1), "{:?}", start.elapsed());
}
