use std::{fmt::Write as _, time::Duration};

use futures_util::future::join_all;
use mcp_client::{
    Client, Error, ErrorKind,
    ErrorKind::{
        Connect, Interrupted, Protocol, Redirect, Rejected, TooLarge, Unauthorized, Unavailable,
    },
    Session, StreamableHttp,
    types::ProtocolVersion,
};
use mcp_testkit::hostile::{HttpServer, Script, refused};

use super::{
    End,
    End::{Answer, Fails},
    LONG, SHORT, all, ask, open, wrong,
};
use crate::support::bounded;

fn script() -> Script {
    Script::new().read_request()
}

/// Responds with events, and then closes the connection.
fn events(bytes: impl AsRef<[u8]>) -> Script {
    let head = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\n";
    script().write([head.as_bytes(), bytes.as_ref()].concat())
}

fn json(body: &str) -> Script {
    script().respond("200 OK", "application/json", body)
}

const ANSWER: &str = r#"{"jsonrpc":"2.0","id":$ID,"result":{"text":"schön"}}"#;

/// The outcome of one request; the next one works.
async fn case(
    name: &'static str,
    script: Script,
    limit: Duration,
    first: End,
) -> (String, Vec<String>) {
    let good = Script::new().read_request().answer().again();
    let server = HttpServer::start([script, good]).await;
    let http = StreamableHttp::new(server.url()).unwrap().message_limit(1 << 20);
    let session = open(Client::new(http).unwrap()).await.unwrap();
    let mut wrong = wrong(ask(&session, "test/ask", limit).await, "test/ask", first);
    wrong.extend(super::wrong(ask(&session, "test/next", LONG).await, "test/next", Answer));
    let sent = server.requests().iter().filter(|it| it.contains("test/ask")).count();
    if sent != 1 {
        wrong.push(format!("it was sent {sent} times"));
    }
    session.close().await.unwrap();
    (name.to_owned(), wrong)
}

#[tokio::test]
async fn each_request_ends_and_the_next_one_works() {
    let html = |status: &str| script().respond(status, "text/html", "<h1>Paper jam</h1>");
    let moved = script().write(
        "HTTP/1.1 302 Found\r\nlocation: http://elsewhere.invalid/mcp\r\ncontent-length: 0\r\n\r\n",
    );
    let mut endless = String::from("HTTP/1.1 200 OK\r\n");
    for header in 0..2000 {
        let _ = write!(endless, "x-{header}: {}\r\n", "y".repeat(100));
    }
    let half = format!("data: {}", &ANSWER[..20]);
    let cases = [
        ("401", html("401 Unauthorized"), Fails(Unauthorized, &["401", "credentials"])),
        ("403", html("403 Forbidden"), Fails(Unauthorized, &["403"])),
        ("404", html("404 Not Found"), Fails(Rejected, &["404", "Paper jam"])),
        ("413", html("413 Payload Too Large"), Fails(Rejected, &["413"])),
        ("429", html("429 Too Many Requests"), Fails(Unavailable, &["429"])),
        ("500", html("500 Internal Server Error"), Fails(Unavailable, &["500", "Paper jam"])),
        ("503", html("503 Service Unavailable"), Fails(Unavailable, &["503"])),
        ("302", moved, Fails(Redirect, &["elsewhere.invalid"])),
        ("page", html("200 OK"), Fails(Protocol, &["neither JSON nor a stream of events", "Paper jam"])),
        ("accepted", script().respond("202 Accepted", "application/json", ""), Fails(Protocol, &["202"])),
        ("empty", json(""), Fails(Protocol, &["the body is empty"])),
        ("no json", json("{oops"), Fails(Protocol, &["not a JSON-RPC message", "{oops"])),
        ("no json-rpc", json(r#"{"ok":true}"#), Fails(Protocol, &["no \"jsonrpc\""])),
        ("wrong id", json(r#"{"jsonrpc":"2.0","id":777,"result":{}}"#), Fails(Protocol, &["777"])),
        ("no id", json(r#"{"jsonrpc":"2.0","result":{}}"#), Fails(Protocol, &["a result without an id"])),
        ("both null", json(r#"{"jsonrpc":"2.0","id":$ID,"result":null,"error":null}"#), Answer),
        ("no http", script().write("SSH-2.0-OpenSSH_9.2\r\n"), Fails(Protocol, &["not HTTP"])),
        ("endless head", script().write(&endless).flood("x-more: 1\r\n"), Fails(Protocol, &["head is too large"])),
        ("reset", script().reset(), Fails(Interrupted, &["reset"])),
        ("closed", script(), Fails(Interrupted, &["closed the connection"])),
        ("cut body", script().write("HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 99\r\n\r\n{"), Fails(Interrupted, &["in the middle of the response"])),
        ("cut events", events(&half), Fails(Interrupted, &["the stream ended before the response"])),
        ("reset events", events(&half).reset(), Fails(Interrupted, &["reset"])),
        ("no events", events(""), Fails(Interrupted, &["the stream ended before the response"])),
        ("wrong event", events("data: {oops\n\n"), Fails(Protocol, &["{oops"])),
        ("wrong id in events", events("data: {\"jsonrpc\":\"2.0\",\"id\":777,\"result\":{}}\n\n"), Fails(Protocol, &["777"])),
        ("huge event", events("data: \"").flood("x".repeat(65536)), Fails(TooLarge, &["1048576"])),
        ("huge body", script().write("HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n").flood(format!("10000\r\n{}\r\n", "x".repeat(65536))), Fails(TooLarge, &["1048576"])),
    ];
    all(cases.into_iter().map(|(name, script, end)| case(name, script, LONG, end))).await;
    let silent = Fails(ErrorKind::Timeout, &["no answer within 200ms"]);
    all([
        case("silence", script().hang(), SHORT, silent),
        case("silent events", events(": hello\n\n").hang(), SHORT, silent),
        case("pings for ever", events("").flood(": ping\n\n"), SHORT, silent),
    ])
    .await;
}

/// The server refuses during the upload and closes.
#[tokio::test]
async fn a_request_that_is_too_large_fails_alone() {
    let refusal =
        Script::new().read_bytes(100_000).respond("413 Payload Too Large", "text/html", "no");
    let good = script().answer().again();
    let server = HttpServer::start([refusal, good]).await;
    let session = open(Client::new(server.url()).unwrap()).await.unwrap();
    let params = std::collections::BTreeMap::from([("text", "x".repeat(8 << 20))]);
    let upload = session.request("test/ask", &params).timeout(LONG);
    let end = Fails(Rejected, &["413"]);
    assert_eq!(wrong(bounded(upload).await, "test/ask", end), [""; 0]);
    assert_eq!(wrong(ask(&session, "test/next", LONG).await, "test/next", Answer), [""; 0]);
}

#[tokio::test]
async fn event_streams_of_every_form_are_read() {
    let lf = format!("data: {ANSWER}\n\n");
    let two = format!("{lf}data: {}\n\n", ANSWER.replace("schön", "again"));
    let mut invalid = b": \xff\xfe\n\ndata: \xc3\x28\nevent: other\n\n".to_vec();
    invalid.extend_from_slice(lf.as_bytes());
    let bytewise = events("").bytewise(&lf);
    let cases = [
        ("lf", events(&lf)),
        ("left open", events(&lf).hang()),
        ("crlf", events(lf.replace('\n', "\r\n"))),
        ("cr", events(lf.replace('\n', "\r"))),
        ("bom", events(format!("\u{feff}{lf}"))),
        (
            "priming",
            events(format!(
                "id: 1\nretry: 5\ndata: \n\n: ping\n\nevent: endpoint\ndata: x\n\n{lf}"
            )),
        ),
        ("several lines", events(format!("data: {}\ndata:{}\n\n", &ANSWER[..16], &ANSWER[16..]))),
        ("two answers", events(&two)),
        ("a byte at a time", bytewise),
        ("not utf-8", events(&invalid)),
    ];
    all(cases.into_iter().map(|(name, script)| case(name, script, LONG, Answer))).await;
}

#[tokio::test]
async fn nobody_listens() {
    let url = format!("http://{}/mcp", refused().await);
    let session = open(Client::new(&url).unwrap()).await.unwrap();
    for method in ["test/ask", "test/next"] {
        let end = Fails(Connect, &["127.0.0.1", "refused"]);
        assert_eq!(wrong(ask(&session, method, LONG).await, method, end), [""; 0]);
    }
}

/// The outcome of connecting with this response to the probe; `initialize` succeeds.
async fn connecting(probe: Script) -> (Result<Session, Error>, HttpServer) {
    let result = r#"{"protocolVersion":"2025-11-25","capabilities":{},
        "serverInfo":{"name":"old","version":"1"}}"#;
    let answer = format!(r#"{{"jsonrpc":"2.0","id":$ID,"result":{result}}}"#);
    let legacy = script().respond("200 OK", "application/json", answer).again();
    let server = HttpServer::start([probe, legacy]).await;
    let client = Client::new(server.url()).unwrap().name("the shop").start_timeout(5 * SHORT);
    (bounded(client.connect()).await, server)
}

#[tokio::test]
async fn an_endpoint_that_refuses_the_probe_is_legacy() {
    let text = |status: &str| script().respond(status, "text/plain", "no");
    let code = |status: &str, code: i32| {
        let error = format!(r#"{{"code":{code},"message":"no"}}"#);
        let body = format!(r#"{{"jsonrpc":"2.0","id":null,"error":{error}}}"#);
        script().respond(status, "application/json", body)
    };
    let cases = [
        ("400", text("400 Bad Request")),
        ("404", text("404 Not Found")),
        ("405", text("405 Method Not Allowed")),
        ("406", text("406 Not Acceptable")),
        ("-32000", code("400 Bad Request", -32000)),
        ("-32601", code("404 Not Found", -32601)),
        ("-32602", code("200 OK", -32602)),
    ];
    let connected = cases.map(|(name, probe)| async move { (name, connecting(probe).await) });
    for (name, (session, _server)) in join_all(connected).await {
        let session = session.unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!(session.protocol_version(), ProtocolVersion::LATEST_LEGACY, "{name}");
        assert_eq!(session.server_info().unwrap().name, "old", "{name}");
    }
}

#[tokio::test]
async fn a_network_failure_does_not_end_the_start_and_decides_no_era() {
    let text = |status: &str| script().respond(status, "text/plain", "no");
    let head = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 99\r\n\r\n{";
    let cases = [
        ("reset", script().reset()),
        ("closed", script()),
        ("cut", script().write(head)),
        ("cut events", events("data: {")),
        ("silent", script().hang()),
        ("401", text("401 Unauthorized")),
        ("403", text("403 Forbidden")),
        ("429", text("429 Too Many Requests")),
        ("500", text("500 Internal Server Error")),
        ("503", text("503 Service Unavailable")),
    ];
    let connected = cases.map(|(name, probe)| async move { (name, connecting(probe).await) });
    for (name, (session, server)) in join_all(connected).await {
        let session = session.unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!(session.protocol_version(), ProtocolVersion::LATEST_LEGACY, "{name}");
        assert!(session.verdict().assumed, "{name}");
        let asked = server.requests().iter().any(|request| request.contains("\"initialize\""));
        assert!(asked, "{name}");
    }
}
