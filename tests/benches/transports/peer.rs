//! The benchmark server, in a separate process: it responds with prepared bytes, so that only the client is measured.

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::{TcpListener, TcpStream},
    process::{Child, Command, Stdio},
    sync::Arc,
};

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::{body::Incoming, service::service_fn};
use hyper_util::rt::{TokioExecutor, TokioIo};
use mcp_testkit::http2::Certificate;
use serde::Deserialize;
use serde_json::value::RawValue;
use tokio_rustls::TlsAcceptor;

use crate::measure::{Carrier, Load};

/// The header of every request to the server that requires a token.
pub(crate) const AUTHORIZATION: &str = "Bearer 2YotnFZFEjr1zCsicMWpAA.2YotnFZFEjr1zCsicMWpAA";

/// The response mode of an HTTP peer.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Json,
    /// As JSON, to requests with a token, which the peer also issues.
    Token,
    Sse,
}

/// The text of a tool's results.
pub(crate) fn text(load: Load) -> String {
    match load {
        Load::One | Load::Many => "The Left Hand of Darkness, The Dispossessed".to_owned(),
        Load::Mib1 => "x".repeat(1 << 20),
        Load::Mib10 => "x".repeat(10 << 20),
    }
}

pub(crate) fn run(carrier: &str) {
    let answers = Answers::new();
    match carrier {
        "stdio" => stdio(&answers),
        "http-json" => http(answers, Kind::Json),
        "http-token" => http(answers, Kind::Token),
        "https" => https(answers, "http/1.1"),
        "http2" => https(answers, "h2"),
        _ => http(answers, Kind::Sse),
    }
}

/// The prepared results.
struct Answers([(&'static str, String); 4]);

impl Answers {
    fn new() -> Self {
        let tool = |load: Load| {
            let text = text(load);
            let result = format!(
                r#"{{"resultType":"complete","content":[{{"type":"text","text":"{text}"}}],"isError":false}}"#
            );
            (load.tool(), result)
        };
        let discover = r#"{"resultType":"complete","supportedVersions":["2026-07-28"],"capabilities":{"tools":{}},"ttlMs":0,"cacheScope":"private"}"#;
        Self([tool(Load::One), tool(Load::Mib1), tool(Load::Mib10), ("", discover.to_owned())])
    }

    /// The complete response to a request.
    fn answer(&self, request: &[u8], out: &mut Vec<u8>) {
        #[derive(Deserialize)]
        struct Request<'a> {
            #[serde(borrow)]
            id: Option<&'a RawValue>,
            #[serde(borrow, default)]
            params: Option<Params<'a>>,
        }
        #[derive(Deserialize)]
        struct Params<'a> {
            #[serde(default)]
            name: &'a str,
        }
        let request: Request<'_> = serde_json::from_slice(request).unwrap();
        let Some(id) = request.id else { return };
        let name = request.params.map_or("", |params| params.name);
        let (_, result) = self.0.iter().find(|(tool, _)| *tool == name).unwrap();
        out.extend_from_slice(br#"{"jsonrpc":"2.0","id":"#);
        out.extend_from_slice(id.get().as_bytes());
        out.extend_from_slice(br#","result":"#);
        out.extend_from_slice(result.as_bytes());
        out.push(b'}');
    }
}

fn stdio(answers: &Answers) {
    let mut input = BufReader::with_capacity(1 << 16, std::io::stdin().lock());
    let mut output = std::io::stdout().lock();
    let (mut line, mut out) = (Vec::new(), Vec::new());
    while input.read_until(b'\n', &mut line).unwrap() > 0 {
        answers.answer(&line, &mut out);
        out.push(b'\n');
        line.clear();
        // Requests that arrived together are answered together.
        if memchr::memchr(b'\n', input.buffer()).is_none() {
            output.write_all(&out).unwrap();
            out.clear();
        }
    }
}

/// A small HTTP/1.1 server with a thread for each connection and keep-alive.
fn http(answers: Answers, kind: Kind) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    println!("{}", listener.local_addr().unwrap().port());
    std::io::stdout().flush().unwrap();
    let answers = Arc::new(answers);
    for stream in listener.incoming() {
        let (stream, answers) = (stream.unwrap(), Arc::clone(&answers));
        std::thread::spawn(move || connection(&stream, &answers, kind));
    }
}

fn connection(stream: &TcpStream, answers: &Answers, kind: Kind) -> Option<()> {
    let sse = kind == Kind::Sse;
    stream.set_nodelay(true).ok()?;
    let mut input = BufReader::with_capacity(1 << 16, stream);
    let mut output = stream;
    let (mut line, mut body, mut answer) = (String::new(), Vec::new(), Vec::new());
    loop {
        let (mut length, mut target, mut has_token) = (0, String::new(), false);
        loop {
            line.clear();
            if input.read_line(&mut line).ok()? == 0 {
                return None;
            }
            let header = line.trim_end();
            if header.is_empty() {
                break;
            }
            if target.is_empty() {
                header.split(' ').nth(1)?.clone_into(&mut target);
            } else if let Some((name, value)) = header.split_once(':') {
                if name.eq_ignore_ascii_case("content-length") {
                    length = value.trim().parse().ok()?;
                }
                has_token |=
                    name.eq_ignore_ascii_case("authorization") && value.trim() == AUTHORIZATION;
            }
        }
        body.resize(length, 0);
        input.read_exact(&mut body).ok()?;
        if kind == Kind::Token && !has_token {
            output.write_all(refusal(&target).as_bytes()).ok()?;
            continue;
        }
        answer.clear();
        if sse {
            answer.extend_from_slice(b"event: message\ndata: ");
        }
        answers.answer(&body, &mut answer);
        if sse {
            answer.extend_from_slice(b"\n\n");
        }
        let kind = if sse { "text/event-stream" } else { "application/json" };
        let mut head = format!("HTTP/1.1 200 OK\r\ncontent-type: {kind}\r\n");
        if sse {
            head.push_str(&format!("transfer-encoding: chunked\r\n\r\n{:x}\r\n", answer.len()));
            answer.extend_from_slice(b"\r\n0\r\n\r\n");
        } else {
            head.push_str(&format!("content-length: {}\r\n\r\n", answer.len()));
        }
        let mut whole = head.into_bytes();
        whole.extend_from_slice(&answer);
        output.write_all(&whole).ok()?;
    }
}

/// The response to a request without the token; at the token endpoint, the token.
fn refusal(target: &str) -> String {
    let (head, body) = match target {
        "/token" => {
            let token = AUTHORIZATION.trim_start_matches("Bearer ");
            let body =
                format!(r#"{{"access_token":"{token}","token_type":"Bearer","expires_in":36000}}"#);
            ("200 OK\r\ncontent-type: application/json", body)
        }
        "/mcp" => ("401 Unauthorized\r\nwww-authenticate: Bearer", String::new()),
        _ => ("404 Not Found", String::new()),
    };
    format!("HTTP/1.1 {head}\r\ncontent-length: {}\r\n\r\n{body}", body.len())
}

/// A TLS server, which prints its port and certificate.
fn https(answers: Answers, protocol: &'static str) {
    let certificate = Certificate::new();
    let acceptor = TlsAcceptor::from(Arc::new(certificate.server_config(&[protocol])));
    let answers = Arc::new(answers);
    crate::measure::runtime().block_on(async {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        println!("{}", listener.local_addr().unwrap().port());
        println!("{}", serde_json::to_string(&certificate.pem).unwrap());
        std::io::stdout().flush().unwrap();
        while let Ok((stream, _)) = listener.accept().await {
            let _ = stream.set_nodelay(true);
            let (acceptor, answers) = (acceptor.clone(), Arc::clone(&answers));
            tokio::spawn(async move {
                let Ok(stream) = acceptor.accept(stream).await else { return };
                let service = service_fn(move |request: http::Request<Incoming>| {
                    let answers = Arc::clone(&answers);
                    async move {
                        let body = request.into_body().collect().await?.to_bytes();
                        let mut answer = Vec::new();
                        answers.answer(&body, &mut answer);
                        let response = http::Response::builder()
                            .header("content-type", "application/json")
                            .body(Full::<Bytes>::new(answer.into()))
                            .unwrap();
                        Ok::<_, hyper::Error>(response)
                    }
                });
                let io = TokioIo::new(stream);
                if protocol == "h2" {
                    let builder = hyper::server::conn::http2::Builder::new(TokioExecutor::new());
                    let _ = builder.serve_connection(io, service).await;
                } else {
                    let builder = hyper::server::conn::http1::Builder::new();
                    let _ = builder.serve_connection(io, service).await;
                }
            });
        }
    });
}

/// An HTTPS peer, stopped on drop.
pub(crate) struct Https {
    peer: Http,
    pub(crate) pem: String,
}

impl Https {
    pub(crate) fn start(carrier: Carrier) -> Self {
        let mut peer = Http::spawn(carrier);
        let mut lines = BufReader::new(peer.child.stdout.take().unwrap()).lines();
        peer.port = lines.next().unwrap().unwrap().trim().parse().unwrap();
        let pem = serde_json::from_str(&lines.next().unwrap().unwrap()).unwrap();
        Self { peer, pem }
    }

    pub(crate) fn url(&self) -> String {
        format!("https://127.0.0.1:{}/mcp", self.port())
    }

    pub(crate) fn port(&self) -> u16 {
        self.peer.port
    }
}

/// An HTTP peer, stopped on drop.
pub(crate) struct Http {
    child: Child,
    port: u16,
}

impl Http {
    pub(crate) fn start(carrier: Carrier) -> Self {
        let mut peer = Self::spawn(carrier);
        let mut line = String::new();
        BufReader::new(peer.child.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
        peer.port = line.trim().parse().unwrap();
        peer
    }

    fn spawn(carrier: Carrier) -> Self {
        let child = Command::new(std::env::current_exe().unwrap())
            .args(["--peer", carrier.name()])
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        Self { child, port: 0 }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://127.0.0.1:{}/mcp", self.port)
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }
}

impl Drop for Http {
    fn drop(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}
