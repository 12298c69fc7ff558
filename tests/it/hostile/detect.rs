use futures_util::future::join_all;
use mcp_client::{
    Client, Error, ErrorKind, Session, Verdict, transport::Binding, types::ProtocolVersion,
};
use mcp_testkit::hostile::{HttpServer, Script};

use super::SHORT;
use crate::support::{bounded, within};

const INITIALIZED: &str = r#"{"jsonrpc":"2.0","id":$ID,"result":{"protocolVersion":"2025-06-18",
    "capabilities":{},"serverInfo":{"name":"old","version":"1"}}}"#;
/// Of no concern to whoever reads an error.
const SECRETS: &str = "?key=hidden";

fn script() -> Script {
    Script::new().read_request()
}

fn refusal(status: &str) -> Script {
    script().respond(status, "text/html", "<h1>Paper jam</h1>")
}

fn stream(events: &str) -> Script {
    script().write(format!("HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\n{events}"))
}

/// Connects to a server each of whose connections follows a script.
async fn connect(
    scripts: impl IntoIterator<Item = Script>,
) -> (Client, HttpServer, Result<Session, Error>) {
    let server = HttpServer::start(scripts).await;
    let client = Client::new(server.url() + SECRETS).unwrap();
    let session = bounded(client.connect()).await;
    (client, server, session)
}

/// The methods of the requests, `server/discover` and `initialize` being POSTed.
fn asked(server: &HttpServer) -> Vec<String> {
    let method = |request: &String| {
        let of_message = ["server/discover", "initialize"]
            .into_iter()
            .find(|name| request.contains(&format!("\"{name}\"")));
        let of_head = request.split(' ').next().unwrap_or_default();
        of_message.unwrap_or(of_head).to_owned()
    };
    server.requests().iter().map(method).collect()
}

/// Neither transport: the first refusal is the answer.
#[tokio::test]
async fn what_refuses_both_is_told_as_it_refused_the_first() {
    let nothing = [
        ("404", refusal("404 Not Found"), "404"),
        ("405", refusal("405 Method Not Allowed"), "405"),
        ("400", refusal("400 Bad Request"), "400"),
    ];
    let gets = [
        ("the same", None),
        ("500", Some(refusal("500 Internal Server Error"))),
        ("page", Some(refusal("200 OK"))),
        ("reset", Some(script().reset())),
        ("no endpoint", Some(stream("data: {}\n\n"))),
        ("endpoint elsewhere", Some(stream("event: endpoint\ndata: http://evil.invalid/\n\n"))),
    ];
    let cases = nothing.iter().flat_map(|(status, posts, says)| {
        gets.iter().map(move |(name, get)| async move {
            let get = get.as_ref().unwrap_or(posts).clone();
            let (client, server, session) = connect([posts.clone(), posts.clone(), get]).await;
            let error = session.unwrap_err();
            let text = error.to_string();
            assert_eq!(error.kind(), ErrorKind::Rejected, "{status}, {name}: {text}");
            assert!(text.starts_with(&server.url()), "{status}, {name}: {text}");
            assert!(text.contains(says) && text.contains("Paper jam"), "{status}, {name}: {text}");
            assert!(!text.contains("hidden"), "{text}");
            assert_eq!(
                asked(&server),
                ["server/discover", "initialize", "GET"],
                "{status}, {name}"
            );
            assert_eq!(client.verdict(), None);
        })
    });
    join_all(cases).await;
}

/// Only what a server of HTTP+SSE says to a POST is a reason to ask.
#[tokio::test]
async fn no_other_answer_is_a_reason_to_look_further() {
    let error = |code: i32| {
        let body =
            format!(r#"{{"jsonrpc":"2.0","id":$ID,"error":{{"code":{code},"message":"no"}}}}"#);
        script().respond("400 Bad Request", "application/json", body)
    };
    let both = &["server/discover", "initialize"][..];
    let cases = [
        ("-32000", error(-32000), ErrorKind::Answer, both),
        ("-32601", error(-32601), ErrorKind::Answer, both),
        ("401", refusal("401 Unauthorized"), ErrorKind::Unauthorized, both),
        ("403", refusal("403 Forbidden"), ErrorKind::Unauthorized, both),
        ("500", refusal("500 Internal Server Error"), ErrorKind::Unavailable, both),
        ("page", refusal("200 OK"), ErrorKind::Protocol, both),
        ("413", refusal("413 Payload Too Large"), ErrorKind::Rejected, both),
    ];
    let cases = cases.map(|(name, script, kind, expected)| async move {
        let (_, server, session) = connect([script]).await;
        let error = session.unwrap_err();
        assert_eq!(error.kind(), kind, "{name}: {error}");
        assert!(error.to_string().starts_with(&server.url()), "{name}: {error}");
        assert_eq!(asked(&server), expected, "{name}");
    });
    join_all(cases).await;
}

/// A stream that says nothing holds up the start for as long as that may take, and no longer.
#[tokio::test]
async fn a_stream_without_a_word_is_not_waited_for_beyond_the_start() {
    let no = refusal("404 Not Found");
    let server = HttpServer::start([no.clone(), no, stream(": hello\n\n").hang()]).await;
    let client = Client::new(server.url()).unwrap().start_timeout(5 * SHORT);
    let error = bounded(client.connect()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Timeout, "{error}");
    assert!(error.to_string().starts_with(&server.url()), "{error}");
}

/// It was HTTP+SSE another time, and now it is Streamable HTTP.
#[tokio::test]
async fn what_was_found_another_time_and_is_no_longer_so_is_found_out_anew() {
    let gets = [
        ("404", refusal("404 Not Found")),
        ("405", refusal("405 Method Not Allowed")),
        ("400", refusal("400 Bad Request")),
        ("page", refusal("200 OK")),
        ("ended", stream("data: {}\n\n")),
        ("reset", script().reset()),
        ("elsewhere", stream("event: endpoint\ndata: http://evil.invalid/\n\n").hang()),
    ];
    let mut found = Verdict::new(ProtocolVersion::V2024_11_05);
    found.binding = Some(Binding::HttpSse);
    let cases = gets.map(|(name, get)| {
        let found = found.clone();
        async move {
            let legacy = script().respond("200 OK", "application/json", INITIALIZED).again();
            let server = HttpServer::start([get, legacy]).await;
            let client = Client::new(server.url()).unwrap().prior_discover(found);
            let session = bounded(client.connect()).await;
            let session = session.unwrap_or_else(|error| panic!("{name}: {error}"));
            assert_eq!(session.verdict().binding, Some(Binding::StreamableHttp), "{name}");
            assert_eq!(session.protocol_version(), ProtocolVersion::V2025_06_18, "{name}");
            assert_eq!(client.verdict().as_ref(), Some(session.verdict()), "{name}");
            within(super::LONG, session.close()).await.unwrap();
        }
    });
    join_all(cases).await;
}
