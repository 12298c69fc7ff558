use futures_util::future::join_all;
use mcp_client::{
    Client, EraPolicy, Error, ErrorKind, Session, Verdict, http::HttpClient, transport::Binding,
    types::ProtocolVersion,
};
use mcp_testkit::hostile::{HttpServer, Script};

use super::SHORT;
use crate::support::{bounded, within};

const INITIALIZED: &str = r#"{"jsonrpc":"2.0","id":$ID,"result":{"protocolVersion":"2025-06-18",
    "capabilities":{},"serverInfo":{"name":"old","version":"1"}}}"#;
/// Must not appear in errors.
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

/// Connects to a server whose connections run these scripts.
async fn connect(
    scripts: impl IntoIterator<Item = Script>,
) -> (Client, HttpServer, Result<Session, Error>) {
    let server = HttpServer::start(scripts).await;
    let client = Client::new(server.url() + SECRETS).unwrap();
    let session = bounded(client.connect()).await;
    (client, server, session)
}

/// The methods of the requests; `server/discover` and `initialize` are POSTed.
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

#[tokio::test]
async fn if_neither_transport_works_the_refusal_of_the_first_is_the_kind() {
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

/// Statuses about the client or about an outage say nothing about the transport.
#[tokio::test]
async fn only_a_refusal_without_json_rpc_leads_to_another_transport() {
    let error = |code: i32| {
        let body =
            format!(r#"{{"jsonrpc":"2.0","id":$ID,"error":{{"code":{code},"message":"no"}}}}"#);
        script().respond("400 Bad Request", "application/json", body)
    };
    let post = &["initialize"][..];
    let both = &["initialize", "GET"][..];
    let cases = [
        ("-32000", error(-32000), ErrorKind::Answer, post),
        ("-32601", error(-32601), ErrorKind::Answer, post),
        ("page", refusal("200 OK"), ErrorKind::Protocol, post),
        ("401", refusal("401 Unauthorized"), ErrorKind::Unauthorized, post),
        ("403", refusal("403 Forbidden"), ErrorKind::Unauthorized, post),
        ("429", refusal("429 Too Many Requests"), ErrorKind::Unavailable, post),
        ("502", refusal("502 Bad Gateway"), ErrorKind::Unavailable, post),
        ("503", refusal("503 Service Unavailable"), ErrorKind::Unavailable, post),
        ("400", refusal("400 Bad Request"), ErrorKind::Rejected, both),
        ("404", refusal("404 Not Found"), ErrorKind::Rejected, both),
        ("405", refusal("405 Method Not Allowed"), ErrorKind::Rejected, both),
        ("406", refusal("406 Not Acceptable"), ErrorKind::Rejected, both),
        ("413", refusal("413 Payload Too Large"), ErrorKind::Rejected, both),
        ("415", refusal("415 Unsupported Media Type"), ErrorKind::Rejected, both),
        ("500", refusal("500 Internal Server Error"), ErrorKind::Unavailable, both),
        ("501", refusal("501 Not Implemented"), ErrorKind::Unavailable, both),
    ];
    let cases = cases.map(|(name, script, kind, expected)| async move {
        let server = HttpServer::start([script.again()]).await;
        let client = Client::new(server.url()).unwrap().era(EraPolicy::Legacy);
        let error = bounded(client.connect()).await.unwrap_err();
        assert_eq!(error.kind(), kind, "{name}: {error}");
        assert!(error.to_string().starts_with(&server.url()), "{name}: {error}");
        assert_eq!(asked(&server), expected, "{name}");
    });
    join_all(cases).await;
}

/// A path with `sse` is only a convention.
#[tokio::test]
async fn a_path_with_sse_may_be_streamable_http() {
    let gets = [
        ("404", refusal("404 Not Found")),
        ("405", refusal("405 Method Not Allowed")),
        ("400", refusal("400 Bad Request")),
        ("406", refusal("406 Not Acceptable")),
        ("501", refusal("501 Not Implemented")),
        ("page", refusal("200 OK")),
        ("ended", stream("data: {}\n\n")),
    ];
    let cases = gets.map(|(name, get)| async move {
        let legacy = script().respond("200 OK", "application/json", INITIALIZED).again();
        let server = HttpServer::start([get, legacy]).await;
        let client = Client::new(server.url() + "/sse").unwrap().era(EraPolicy::Legacy);
        let session = bounded(client.connect()).await;
        let session = session.unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!(session.verdict().binding, Some(Binding::StreamableHttp), "{name}");
        within(super::LONG, session.close()).await.unwrap();
    });
    join_all(cases).await;
}

#[tokio::test]
async fn if_neither_transport_works_the_error_has_both_failures() {
    let post = || script().respond("405 Method Not Allowed", "text/plain", "no paper").again();
    for (path, methods) in [("", ["initialize", "GET"]), ("/sse", ["GET", "initialize"])] {
        let get = || script().respond("404 Not Found", "text/plain", "no stream");
        let (first, second) = if path.is_empty() { (post(), get()) } else { (get(), post()) };
        let server = HttpServer::start([first, second]).await;
        let client = Client::new(server.url() + path).unwrap().era(EraPolicy::Legacy);
        let error = bounded(client.connect()).await.unwrap_err();
        assert_eq!(asked(&server), methods);
        let text = error.to_string();
        assert_eq!(error.kind(), ErrorKind::Rejected, "{text}");
        for part in ["405 Method Not Allowed", "no paper", "404 Not Found", "no stream"] {
            assert_eq!(text.matches(part).count(), 1, "{part}: {text}");
        }
    }
}

/// The probe, the POST and the GET are refused in the same way, which is reported once.
#[tokio::test]
async fn a_wrong_path_is_reported_once_with_one_suitable_hint() {
    for (path, hint) in [
        ("/api", "(is this the URL of an MCP endpoint? its path is often /mcp)"),
        ("/mcp", "(is this the URL of an MCP endpoint?)"),
        ("/sse", "(is this the URL of an MCP endpoint? its path is often /mcp)"),
    ] {
        let server = HttpServer::start([refusal("404 Not Found").again()]).await;
        let client = Client::new(server.url().replace("/mcp", path)).unwrap();
        let error = bounded(client.connect()).await.unwrap_err();
        let text = error.to_string();
        assert_eq!(error.kind(), ErrorKind::Rejected, "{text}");
        assert_eq!(text.matches("404 Not Found").count(), 1, "{text}");
        assert!(text.contains("HTTP+SSE and Streamable HTTP: ") && text.ends_with(hint), "{text}");
    }
    let refusal = script().respond("403 Forbidden", "text/plain", "Invalid Host header").again();
    let server = HttpServer::start([refusal]).await;
    let error = bounded(Client::new(server.url()).unwrap().connect()).await.unwrap_err();
    let text = error.to_string();
    assert_eq!(error.kind(), ErrorKind::Unauthorized, "{text}");
    assert!(
        text.ends_with("(reach the server by a host that it allows, or allow this one there)"),
        "{text}"
    );
}

/// Headers, a token and an HTTP client do not disable the detection of the transport.
#[tokio::test]
async fn the_transport_is_detected_with_headers_and_a_client_too() {
    let refused = refusal("405 Method Not Allowed");
    let no_endpoint = stream("data: {}\n\n");
    let server = HttpServer::start([refused, no_endpoint]).await;
    let http = HttpClient::builder().user_agent("shop/1").build().unwrap();
    let client = Client::new(server.url())
        .unwrap()
        .http_client(http)
        .header("x-tenant", "blue")
        .bearer_token("s3cret")
        .era(EraPolicy::Legacy);
    bounded(client.connect()).await.unwrap_err();
    assert_eq!(asked(&server), ["initialize", "GET"]);
    for request in server.requests() {
        let request = request.to_ascii_lowercase();
        for header in ["x-tenant: blue", "authorization: bearer s3cret", "user-agent: shop/1"] {
            assert!(request.contains(header), "{header}: {request}");
        }
    }
}

/// A silent stream delays the start up to its limit.
#[tokio::test]
async fn a_silent_stream_is_not_awaited_beyond_the_start_limit() {
    let no = refusal("404 Not Found");
    let server = HttpServer::start([no.clone(), no, stream(": hello\n\n").hang()]).await;
    let client = Client::new(server.url()).unwrap().start_timeout(5 * SHORT);
    let error = bounded(client.connect()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Timeout, "{error}");
    assert!(error.to_string().starts_with(&server.url()), "{error}");
}

/// It was HTTP+SSE before, and is Streamable HTTP now.
#[tokio::test]
async fn a_changed_transport_is_detected_again() {
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
