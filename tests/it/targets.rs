//! Targets of a client other than commands and URLs.

use futures_util::StreamExt;
use mcp_client::{
    Client, ErrorKind, Memory,
    transport::{
        Connect,
        duplex::{Duplex, DuplexItem},
    },
};
use mcp_integration::own_server;

use crate::support::{Expect, Log, bounded, exercise};

#[tokio::test]
async fn a_pair_of_byte_streams_is_one_session() {
    let log = Log::new();
    let lines = log.clone();
    let (ours, theirs) = tokio::io::duplex(4096);
    let server = own_server(move |line| lines.push(line));
    let serving = tokio::spawn(async move {
        let (reader, writer) = tokio::io::split(theirs);
        server.serve(reader, writer).await
    });
    let client = Client::new(tokio::io::split(ours)).unwrap();
    let session = bounded(client.connect()).await.unwrap();
    exercise(&session, &log, &Expect::modern("own")).await;
    drop(session);
    let session = bounded(client.connect()).await.unwrap();
    let echo = bounded(session.call_tool("echo").arg("text", "again")).await.unwrap();
    assert_eq!(echo.text(), "again");
    bounded(session.close()).await.unwrap();
    let error = bounded(client.connect()).await.unwrap_err();
    assert!(error.to_string().contains("once"), "{error}");
    bounded(serving).await.unwrap().unwrap();
}

/// A transport converted to a sink and a stream and back.
#[tokio::test]
async fn a_pair_of_message_streams() {
    let log = Log::new();
    let lines = log.clone();
    let server = own_server(move |line| lines.push(line));
    let connection = Memory::new(server).connect().await.unwrap();
    let (sink, items) = Duplex::new(connection).split();
    let messages = items.filter_map(|item| {
        std::future::ready(match item {
            Ok(DuplexItem::Message(message)) => Some(Ok(message)),
            Ok(_) => None,
            Err(error) => Some(Err(error)),
        })
    });
    let client = Client::new((sink, messages)).unwrap();
    let session = bounded(client.connect()).await.unwrap();
    exercise(&session, &log, &Expect::modern("own")).await;
    bounded(session.close()).await.unwrap();
}

#[test]
fn invalid_targets_name_the_remedy() {
    for (target, hint) in [
        ("npx -y server", "Stdio::command_line(\"npx -y server\")?"),
        ("missing.py", "no such file"),
        ("ws://localhost/mcp", "use http or https"),
    ] {
        let error = Client::new(target).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Target);
        assert!(error.to_string().contains(hint), "{error}");
    }
}
