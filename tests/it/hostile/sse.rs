use mcp_client::{
    Client, Error, ErrorKind,
    ErrorKind::{Interrupted, Protocol, Rejected, Timeout, Unauthorized, Unavailable},
    Session, Sse,
};
use mcp_testkit::hostile::{HttpServer, Script, refused};

use super::{
    End::{Answer, Fails},
    LONG, SHORT, all, ask, wrong,
};
use crate::support::bounded;

const HEAD: &str = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\n";
const ENDPOINT: &str = "event: endpoint\ndata: /message\n\n";

fn script() -> Script {
    Script::new().read_request()
}

/// Plays `stream` to the GET, and `posts` to the later connections, in order.
async fn server(stream: Script, posts: impl IntoIterator<Item = Script>) -> HttpServer {
    HttpServer::start([stream].into_iter().chain(posts)).await
}

/// A session of the modern era, so that nothing is sent on open.
async fn open(server: &HttpServer) -> Result<Session, Error> {
    let sse = Sse::new(server.url()).unwrap().endpoint_timeout(SHORT).message_limit(1 << 20);
    super::open(Client::new(sse).unwrap()).await
}

fn status(status: &str) -> Script {
    script().respond(status, "text/html", "<h1>Paper jam</h1>")
}

#[tokio::test]
async fn a_stream_without_an_endpoint_fails_the_connect() {
    let stream = |text: &str| script().write(format!("{HEAD}{text}"));
    let cases = [
        ("401", status("401 Unauthorized"), Unauthorized, "401"),
        ("404", status("404 Not Found"), Rejected, "Paper jam"),
        ("500", status("500 Internal Server Error"), Unavailable, "500"),
        ("page", status("200 OK"), Protocol, "not a stream of events"),
        (
            "elsewhere",
            stream("event: endpoint\ndata: http://evil.invalid/\n\n").hang(),
            Protocol,
            "evil.invalid",
        ),
        ("nowhere", stream("event: endpoint\ndata:\n\n").hang(), Protocol, "not a URL"),
        ("silence", script().hang(), Timeout, "did not respond within 200ms"),
        ("no endpoint", stream(": hello\n\n").hang(), Timeout, "no endpoint event within 200ms"),
        (
            "pings for ever",
            stream("").flood(": ping\n\n"),
            Timeout,
            "no endpoint event within 200ms",
        ),
        ("ended", stream("data: {}\n\n"), Interrupted, "before its endpoint event"),
        ("cut", stream("event: endpoint\ndata: /mess"), Interrupted, "before its endpoint event"),
        ("reset", script().reset(), Interrupted, "reset"),
    ];
    let mut failed = Vec::new();
    for (name, stream, kind, says) in cases {
        let server = server(stream, [status("500 Late")]).await;
        let error = open(&server).await.unwrap_err();
        let text = error.to_string();
        let told = text.starts_with("the shop: ") && text.contains(says);
        if error.kind() != kind || !told {
            failed.push(format!("{name}: {:?}: {text}", error.kind()));
        }
    }
    assert_eq!(failed, [""; 0]);
    let nobody = Sse::new(format!("http://{}/sse", refused().await)).unwrap();
    let error = super::open(Client::new(nobody).unwrap()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Connect, "{error}");
}

#[tokio::test]
async fn a_failed_post_fails_only_its_request() {
    let cases = [
        ("404", status("404 Not Found"), Fails(Rejected, &["404", "Paper jam"])),
        ("413", status("413 Payload Too Large"), Fails(Rejected, &["413"])),
        ("500", status("500 Internal Server Error"), Fails(Unavailable, &["500", "Paper jam"])),
        ("401", status("401 Unauthorized"), Fails(Unauthorized, &["401"])),
        ("closed", script(), Fails(Interrupted, &["broke off"])),
        ("reset", script().reset(), Fails(Interrupted, &["broke off"])),
        ("no http", script().write("SSH-2.0\r\n"), Fails(Protocol, &["does not speak HTTP"])),
        ("silence", script().hang(), Fails(ErrorKind::Timeout, &["no answer within 200ms"])),
        (
            "accepted",
            status("202 Accepted").again(),
            Fails(ErrorKind::Timeout, &["no answer within 200ms"]),
        ),
    ];
    // By iterator, so that the futures are not moved as one array.
    let cases = cases.into_iter().map(|(name, post, end)| async move {
        let stream = script().write(format!("{HEAD}{ENDPOINT}")).hang();
        let server = server(stream, [post, status("404 Not Found").again()]).await;
        let session = open(&server).await.unwrap();
        let mut wrong = wrong(ask(&session, "test/ask", SHORT).await, "test/ask", end);
        if name != "accepted" {
            let next = ask(&session, "test/next", LONG).await;
            wrong.extend(super::wrong(next, "test/next", Fails(Rejected, &["404"])));
        }
        bounded(session.close()).await.unwrap();
        let gets = server.requests().iter().filter(|it| it.starts_with("GET")).count();
        if gets != 1 {
            wrong.push(format!("the stream was opened {gets} times"));
        }
        (name.to_owned(), wrong)
    });
    all(cases).await;
}

#[tokio::test]
async fn unexpected_events_are_ignored() {
    // Responds to any id of the first request.
    let answers: String = (0..5)
        .map(|id| format!("data: {{\"jsonrpc\":\"2.0\",\"id\":{id},\"result\":{{}}}}\n\n"))
        .collect();
    let forms = [
        ("lf", answers.clone()),
        ("crlf", answers.replace('\n', "\r\n")),
        ("junk before", format!("data: {{oops\n\nevent: other\ndata: 7\n\n: ping\n\n{answers}")),
        ("second endpoint", format!("event: endpoint\ndata: http://evil.invalid/\n\n{answers}")),
        ("twice", format!("{answers}{answers}")),
    ];
    let cases = forms.map(|(name, events)| async move {
        let stream = script().write(format!("{HEAD}{ENDPOINT}")).sleep(SHORT).write(events).hang();
        let server = server(stream, [status("202 Accepted").again()]).await;
        let session = open(&server).await.unwrap();
        let wrong = wrong(ask(&session, "test/ask", LONG).await, "test/ask", Answer);
        (name.to_owned(), wrong)
    });
    all(cases).await;
}

#[tokio::test]
async fn the_end_of_the_stream_fails_pending_requests() {
    let ends = [
        ("ended", script().write(format!("{HEAD}{ENDPOINT}")).sleep(SHORT)),
        ("cut", script().write(format!("{HEAD}{ENDPOINT}")).sleep(SHORT).write("data: {")),
        ("reset", script().write(format!("{HEAD}{ENDPOINT}")).sleep(SHORT).reset()),
    ];
    let cases = ends.map(|(name, stream)| async move {
        let server = server(stream, [status("202 Accepted").again()]).await;
        let session = open(&server).await.unwrap();
        let end = Fails(Interrupted, &["ended its stream of events"]);
        let wrong = wrong(ask(&session, "test/ask", LONG).await, "test/ask", end);
        (name.to_owned(), wrong)
    });
    all(cases).await;
}
